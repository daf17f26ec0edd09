// Names of functions, made from what the demangler gives.
//
//   demangled   std::optional<int> gateway::Pool<Conn>::acquire(int) const
//   qualified   gateway::Pool::acquire               no types: what suppressions match and fingerprints hash
//   spoken      `gateway::Pool::acquire`             what titles say; "a lambda in `main`" for
//   main::{lambda()#1}::operator()
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vigil::reports {

// The name's parts without template arguments, parameters and return type; the demangled name whole when it cannot be
// read.
std::vector<std::string> name_parts(std::string_view demangled);

std::string qualified_name(std::string_view demangled);

// As qualified_name, but the same from compiler to compiler: closures lose their numbers, clones their suffix.
std::string stable_name(std::string_view demangled);

// Without backticks and short enough for a line: "gateway::Pool::acquire", "lambda in main".
std::string short_name(std::string_view demangled);

// For a sentence: "`consume`", "a lambda in `main`". "" stays "".
std::string spoken_name(std::string_view demangled);

// Whether spoken_name() says the same of both though they are two closures of one function.
bool are_two_lambdas(std::string_view demangled, std::string_view other);

// Of several such: "two lambdas in `main`".
std::string spoken_lambdas(std::string_view demangled, std::string_view number);

}  // namespace vigil::reports
