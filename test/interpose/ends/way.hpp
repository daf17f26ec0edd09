// The ways out of the program of ends_test.py, in tables by what they are about.
#pragma once

#include <csignal>
#include <span>
#include <string_view>

namespace vigil::test {

struct Way {
  std::string_view name;
  int (*go)();  // main returns what it returns, if it does
};
#define WAY(name) \
  vigil::test::Way { #name, way_##name }  // a table of functions by their own names

std::span<const Way> plain_ways();            // ends of every kind, descriptors, folders
std::span<const Way> ways_by_signal();        // signals, with and without handlers
std::span<const Way> ways_by_process();       // fork, exec, spawn
std::span<const Way> ways_in_surroundings();  // limits, sandboxes, small stacks, after main

inline char* self_path = nullptr;  // argv[0]

// Sends the program a signal and goes on when it is still alive.
int die_of(int signal_number);

// A handler that counts.
inline volatile std::sig_atomic_t handled = 0;
inline void count_it(int /*signal*/) { handled = handled + 1; }

// Prints what is set for a signal: "<what> <number>: ...".
void show(const char* what, int signal_number);

}  // namespace vigil::test
