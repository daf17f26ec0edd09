// Rings of tasks that wait for each other for ever, and how a program that has one goes on until it is told.
#pragma once

#include <algorithm>
#include <chrono>
#include <span>
#include <thread>

#include <vigil/vigil.hpp>

#include "test/interpose/threads/cases.hpp"

namespace vigil::test {

// Cases in which others compute, or wait for bytes.
std::span<const Case> busy_ring_cases();
// Cases with structures in the heap.
std::span<const Case> shared_ring_cases();
// Cases of one that waits for itself.
std::span<const Case> own_lock_cases();

// Whether the shim has told a deadlock: reads the record that it writes meanwhile.
bool is_told();

// Overwrites what functions that have returned left on the stack. To be called where they were: what is called next
// finds nothing of theirs in its own frame.
[[gnu::noinline]] inline void wipe_stack() {
  volatile char below[32 << 10];
  for (volatile char& byte : below) byte = 0;
}

// The same for registers that no function preserves. What computes without them would keep it there.
[[gnu::noinline]] inline void wipe_registers() {
  asm volatile(
      "xor %%ecx, %%ecx\n\txor %%edx, %%edx\n\txor %%esi, %%esi\n\txor %%edi, %%edi\n\t"
      "xor %%r8, %%r8\n\txor %%r9, %%r9\n\txor %%r10, %%r10\n\txor %%r11, %%r11\n\t"
      "pxor %%xmm0, %%xmm0\n\tpxor %%xmm1, %%xmm1\n\tpxor %%xmm2, %%xmm2\n\tpxor %%xmm3, %%xmm3\n\t"
      "pxor %%xmm4, %%xmm4\n\tpxor %%xmm5, %%xmm5\n\tpxor %%xmm6, %%xmm6\n\tpxor %%xmm7, %%xmm7"
      :
      :
      : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
        "xmm6", "xmm7");
}

// Looks for it again and again, each time after twice the pause: the shim can prove it only while nobody moves, and on
// a loaded machine that takes longer.
template <class Sleep>
void look_until_told(Sleep sleep) {
  constexpr auto kMost = std::chrono::milliseconds(2000);
  for (auto pause = std::chrono::milliseconds(20); !is_told(); pause = std::min(2 * pause, kMost)) sleep(pause);
}
inline void sleep_in_the_system(std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }

// Two tasks that have each what the other waits for, and both wait. Before, keep is given the channel that frees both.
template <class Keep>
[[gnu::noinline]] void make_ring(Keep keep) {
  const Channel<int> begun(0);
  const Channel<int> a(0);
  const Channel<int> b(0);
  vigil::go([=] {
    begun.send(1);
    (void)a.receive();
    b.close();
  });
  vigil::go([=] {
    begun.send(1);
    (void)b.receive();
    (void)a.try_receive();
  });
  (void)begun.receive();
  (void)begun.receive();
  keep(a);
}
inline void make_dead_ring() {
  make_ring([](const Channel<int>&) {});
}

}  // namespace vigil::test
