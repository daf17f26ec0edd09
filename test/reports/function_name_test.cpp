#include "reports/model/function_name.hpp"

#include <gtest/gtest.h>

namespace vigil::reports {
namespace {

TEST(FunctionName, DropsParametersTemplatesAndReturnTypes) {
  EXPECT_EQ(qualified_name("consume(vigil::Channel<int>)"), "consume");
  EXPECT_EQ(qualified_name("std::optional<int> vigil::Channel<int>::receive() const"), "vigil::Channel::receive");
  EXPECT_EQ(qualified_name("void gateway::Pool<std::pair<int, A<B>>>::put<int>(int&&)"), "gateway::Pool::put");
  EXPECT_EQ(qualified_name("decltype (f(x)) call<int>(int)"), "call");
  EXPECT_EQ(qualified_name("name[abi:cxx11](int)"), "name");
  EXPECT_EQ(qualified_name("work(int) [clone .cold]"), "work");
}

TEST(FunctionName, KnowsOperators) {
  EXPECT_EQ(qualified_name("Cache::operator()(int) const"), "Cache::operator()");
  EXPECT_EQ(qualified_name("Cache::operator[](unsigned long)"), "Cache::operator[]");
  EXPECT_EQ(qualified_name("operator<<(std::ostream&, X const&)"), "operator<<");
  EXPECT_EQ(qualified_name("bool operator< <int>(A<int> const&)"), "operator<");
  EXPECT_EQ(qualified_name("A::operator->() const"), "A::operator->");
  EXPECT_EQ(qualified_name("A::operator bool() const"), "A::operator bool");
  EXPECT_EQ(qualified_name("A::operators(int)"), "A::operators");
}

TEST(FunctionName, KeepsClosuresInsideTheirFunction) {
  EXPECT_EQ(qualified_name("main::{lambda(int)#1}::operator()(int) const"), "main::{lambda(int)#1}::operator()");
  EXPECT_EQ(qualified_name("A::run(int) const::{lambda()#2}::operator()() const"), "A::run::{lambda()#2}::operator()");
}

TEST(FunctionName, StableNameIsTheSameFromCompilerToCompiler) {
  const auto stable = stable_name("main::{lambda(int)#1}::operator()(int) const");
  EXPECT_EQ(stable, "main::{lambda}::operator()");
  EXPECT_EQ(stable_name("main::$_0::operator()(int) const"), stable);
  EXPECT_EQ(stable_name("main::{unnamed}::operator()"), stable);
  EXPECT_EQ(stable_name("work.constprop.0"), "work");
}

TEST(FunctionName, SpokenNameIsShortAndPlain) {
  EXPECT_EQ(spoken_name("(anonymous namespace)::transfer(Account&)"), "`transfer`");
  EXPECT_EQ(spoken_name("main::{lambda()#1}::operator()() const"), "a lambda in `main`");
  EXPECT_EQ(spoken_name("f()::{lambda()#1}::operator()() const::{lambda()#1}::operator()() const"), "a lambda in `f`");
  EXPECT_EQ(spoken_name(""), "");
  const std::string lengthy = "one_long_namespace::another_long_namespace::a_third_namespace::Class::method()";
  EXPECT_EQ(spoken_name(lengthy), "`Class::method`");
}

TEST(FunctionName, AnythingIsReadWithoutHarm) {
  for (const char* odd : {"", "(", ")", "<<<<", "a::", "::a", "operator", "operator(", "{lambda", "a(b", "> >", "~",
                          " ", "::", "(anonymous namespace)"}) {
    EXPECT_NO_THROW(spoken_name(odd)) << odd;
    EXPECT_NO_THROW(stable_name(odd)) << odd;
  }
}

}  // namespace
}  // namespace vigil::reports
