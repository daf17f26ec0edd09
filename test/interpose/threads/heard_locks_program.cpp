// heard_locks_program, with the shim and heard_locks.cpp preloaded in that order: who stands between the shim and glibc
// hears of each lock of a program.
#include <dlfcn.h>

#include <cstdio>
#include <mutex>
#include <thread>

int main() {
  const auto heard_locks = reinterpret_cast<long (*)()>(dlsym(RTLD_DEFAULT, "heard_locks"));
  const auto heard_unlocks = reinterpret_cast<long (*)()>(dlsym(RTLD_DEFAULT, "heard_unlocks"));
  if (heard_locks == nullptr || heard_unlocks == nullptr) return 1;
  constexpr long kRounds = 1000;
  std::mutex mutex;
  long locks = 0;
  long unlocks = 0;
  std::thread([&] {
    locks = heard_locks();
    unlocks = heard_unlocks();
    for (long i = 0; i < kRounds; ++i) const std::lock_guard held(mutex);
    locks = heard_locks() - locks;
    unlocks = heard_unlocks() - unlocks;
  }).join();
  std::printf("%ld locks and %ld unlocks heard of %ld\n", locks, unlocks, kRounds);
  return locks >= kRounds && unlocks >= kRounds ? 0 : 1;
}
