// Ends without a signal from outside, and surroundings that are unusual: no descriptors, no folder, no environment.
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "test/interpose/ends/way.hpp"

namespace vigil::test {
namespace {

int way_return() { return 0; }
int way_return_3() { return 3; }
int way_exit() { std::exit(0); }
int way_exit_in_atexit() {
  std::atexit([] {
    std::puts("atexit");
    std::exit(5);
  });
  return 0;
}
int way__exit() {
  std::fflush(nullptr);
  _exit(0);
}
int way__Exit() {
  std::fflush(nullptr);
  std::_Exit(4);
}
int way_quick_exit() {
  std::at_quick_exit([] { std::puts("at_quick_exit"), std::fflush(nullptr); });
  std::quick_exit(0);
}
int way_quick_exit_9() { std::quick_exit(9); }
int way_abort() { std::abort(); }
int way_abort_ignored() {
  signal(SIGABRT, SIG_IGN);
  std::abort();
}
int way_abort_handler_returns() {
  signal(SIGABRT, count_it);
  std::abort();
}
int way_throw() { throw std::runtime_error("nobody catches this"); }
int way_exit_from_thread() {
  std::thread([] { std::exit(0); }).detach();
  while (true) pause();
}
int way_main_thread_leaves() {
  std::thread([] { std::puts("last thread"); }).detach();
  pthread_exit(nullptr);
}
int way_unread_input() {
  char line[64];
  if (std::fgets(line, sizeof line, stdin) != nullptr) std::printf("read %s", line);
  return 0;  // exit gives the rest of a seekable input back
}
int way_unflushed() {
  std::printf("no newline at the end");
  return 0;
}

int way_closefrom() {
  close_range(3, ~0U, 0);
  return 0;
}
int way_closes_everything() {
  std::fflush(nullptr);
  close_range(0, ~0U, 0);
  return 0;
}
int way_data_file_as_stderr() {
  // A descriptor that the program closed is the program's: the file it opens there holds what the program writes.
  close(2);
  const int fd = open("data", O_RDWR | O_CREAT | O_TRUNC, 0600);
  std::printf("descriptor %d\n", fd);
  return 0;
}
int way_broken_pipe_as_stderr() {
  int ends[2];
  if (pipe(ends) != 0) return 1;
  dup2(ends[1], 2);
  close(ends[0]);
  close(ends[1]);
  return 0;
}
int way_chdir_gone() {
  if (mkdir("going", 0700) != 0 || chdir("going") != 0 || rmdir("../going") != 0) return 1;
  return 0;
}
int way_lowest_descriptors() {
  std::printf("%d\n", open("/dev/null", O_RDONLY));
  return 0;
}
int way_hang() {
  std::puts("hanging");
  while (true) pause();
}
int way_hang_after_telling() {
  std::puts("ready");
  std::fflush(nullptr);
  while (true) pause();
}
int way_clears_environment() {
  clearenv();
  return 0;
}

constexpr Way kWays[] = {
    WAY(return ),
    WAY(return_3),
    WAY(exit),
    WAY(exit_in_atexit),
    WAY(_exit),
    WAY(_Exit),
    WAY(quick_exit),
    WAY(quick_exit_9),
    WAY(abort),
    WAY(abort_ignored),
    WAY(abort_handler_returns),
    WAY(throw),
    WAY(exit_from_thread),
    WAY(main_thread_leaves),
    WAY(unread_input),
    WAY(unflushed),
    WAY(closefrom),
    WAY(closes_everything),
    WAY(data_file_as_stderr),
    WAY(broken_pipe_as_stderr),
    WAY(chdir_gone),
    WAY(lowest_descriptors),
    WAY(hang),
    WAY(hang_after_telling),
    WAY(clears_environment),
};

}  // namespace

std::span<const Way> plain_ways() { return kWays; }

}  // namespace vigil::test
