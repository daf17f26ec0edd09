// What the cases of instrumented programs share. Each case has the shape that its name says: `clean` ones are correct
// by the rules of C++ and must be silent, `race` ones are one step away.
#pragma once

#include <cstdint>
#include <span>
#include <thread>

#include "test/interpose/threads/cases.hpp"

extern "C" void __tsan_testonly_barrier_init(std::uint64_t* barrier, unsigned party);
extern "C" void __tsan_testonly_barrier_wait(std::uint64_t* barrier);

namespace vigil::test {

std::span<const Case> sequence_cases();   // release sequences of atomics
std::span<const Case> library_cases();    // what the standard library builds on atomics
std::span<const Case> memory_cases();     // C11 threads, memory used again, copies
std::span<const Case> container_cases();  // what libstdc++ does to a container's nodes
std::span<const Case> object_cases();     // tables of virtual functions
std::span<const Case> kernel_cases();     // what the kernel hands from one thread to another
std::span<const Case> signal_cases();     // what signals order
std::span<const Case> handover_cases();   // files, other processes, the loader, a cancellation, the allocator
std::span<const Case> standard_cases();   // what is seldom used of the standard library
std::span<const Case> text_cases();       // text and values that libc puts into memory
std::span<const Case> openmp_cases();     // of g++'s; none where another compiler is at work

// Two threads meet here, and nothing is ordered by it.
class Meeting {
 public:
  Meeting() { __tsan_testonly_barrier_init(&barrier_, 2); }
  void wait() { __tsan_testonly_barrier_wait(&barrier_); }

 private:
  std::uint64_t barrier_ = 0;
};

// first() has ended when second() begins, and nothing says so.
template <class First, class Second>
void one_after_the_other(First&& first, Second&& second) {
  Meeting between;
  std::thread other([&] {
    first();
    between.wait();
  });
  between.wait();
  second();
  other.join();
}

}  // namespace vigil::test
