// What programs do that are ended by a signal while tasks wait.
#pragma once

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

#include <vigil/vigil.hpp>

#include "test/interpose/threads/cases.hpp"

namespace vigil::test {

// Cases in which only the kernel knows an address.
std::span<const Case> kernel_proof_cases();

// Until every other thread sleeps: whatever was started has come to its wait.
inline void wait_for_the_others() {
  const auto all_sleep = [] {
    DIR* const folder = opendir("/proc/self/task");
    bool all = true;
    while (const dirent* const entry = readdir(folder)) {
      if (entry->d_name[0] == '.' || std::atoi(entry->d_name) == getpid()) continue;
      FILE* const file = std::fopen(("/proc/self/task/" + std::string(entry->d_name) + "/stat").c_str(), "r");
      char state = 'X';
      if (file != nullptr) {
        static_cast<void>(std::fscanf(file, "%*d %*[^)]) %c", &state));
        std::fclose(file);
      }
      all = all && state == 'S';
    }
    closedir(folder);
    return all;
  };
  while (!all_sleep()) usleep(1000);  // between two looks
}

// Overwrites what functions that have returned left on the stack.
[[gnu::noinline]] inline void wipe_stack() {
  volatile char below[32 << 10];
  for (volatile char& byte : below) byte = 0;
}

// A task that waits to receive from it, and has begun to.
[[gnu::noinline]] inline void start_receiver(const Channel<int>& from) {
  const Channel<int> begun(0);
  vigil::go([=] {
    begun.send(1);
    (void)from.receive();
  });
  (void)begun.receive();
}

[[noreturn]] inline void end_by_signal() {
  wait_for_the_others();
  wipe_stack();
  raise(SIGTERM);
  std::abort();
}

}  // namespace vigil::test
