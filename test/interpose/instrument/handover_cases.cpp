// What orders two threads by way of files, other processes, the loader, a cancellation, and what the allocator itself
// writes.
#include <dlfcn.h>
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "test/interpose/instrument/kernel_cases.hpp"
#include "test/interpose/instrument/order_cases.hpp"

namespace {

using vigil::test::Case;
using vigil::test::demand;
using vigil::test::hand_over;
using vigil::test::Meeting;
using vigil::test::one_after_the_other;
using vigil::test::value;

// ---- descriptors that go through a socket --------------------------------------------------------------------------

struct Parcel {
  char byte = 'x';
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
  msghdr message{nullptr, 0, &part, 1, room.data(), room.size(), 0};
};
void clean_event_passed_through_a_socket() {
  std::array<int, 2> sockets{};
  demand(socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets.data()) == 0);
  const int event = eventfd(0, 0);
  Parcel sent;
  cmsghdr* const head = CMSG_FIRSTHDR(&sent.message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(1U << 30U);  // longer than its room: the kernel says no, and so must nobody read it
  demand(sendmsg(sockets[0], &sent.message, 0) == -1);
  demand(sendmmsg(sockets[0], nullptr, 1, 0) == -1);
  head->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(head), &event, sizeof(event));
  demand(sendmsg(sockets[0], &sent.message, 0) == 1);
  Parcel got;
  demand(recvmsg(sockets[1], &got.message, 0) == 1);
  int copy = -1;
  std::memcpy(&copy, CMSG_DATA(CMSG_FIRSTHDR(&got.message)), sizeof(copy));
  eventfd_t count = 0;
  hand_over([&] { demand(eventfd_write(event, 1) == 0); }, [&] { demand(eventfd_read(copy, &count) == 0); });
}

// ---- files ---------------------------------------------------------------------------------------------------------

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vigil-case-XXXXXX").string();
    demand(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

template <class Change>
void told_of(unsigned events, Change&& change) {
  const Folder folder;
  const int file = inotify_init1(0);
  demand(inotify_add_watch(file, folder.file("").c_str(), events) >= 0);
  hand_over([&] { change(folder); },
            [&] {
              alignas(inotify_event) std::array<char, 4096> events_told{};
              demand(read(file, events_told.data(), events_told.size()) > 0);
            });
  close(file);
}
void clean_told_of_a_new_file() {
  told_of(IN_CREATE, [](const Folder& folder) { close(open(folder.file("new").c_str(), O_CREAT | O_WRONLY, 0600)); });
}
void clean_told_of_a_written_file() {
  told_of(IN_CLOSE_WRITE, [](const Folder& folder) { std::ofstream(folder.file("new")) << "text"; });
}
void clean_told_of_a_renamed_file() {
  told_of(IN_MOVED_TO, [](const Folder& folder) {
    std::ofstream(folder.file("new")) << "text";
    std::filesystem::rename(folder.file("new"), folder.file("newer"));
  });
}
void clean_told_of_a_flushed_stream() {
  told_of(IN_MODIFY, [](const Folder& folder) {
    std::FILE* const stream = std::fopen(folder.file("new").c_str(), "w");
    value = 1;
    std::fputs("text", stream);
    std::fflush(stream);
  });
}
void race_beside_what_an_inotify_tells() {
  const Folder folder;
  const int file = inotify_init1(0);
  demand(inotify_add_watch(file, folder.file("").c_str(), IN_CREATE) >= 0);
  std::thread other([&] {
    close(open(folder.file("new").c_str(), O_CREAT | O_WRONLY, 0600));
    value = 1;
  });
  alignas(inotify_event) std::array<char, 4096> events_told{};
  demand(read(file, events_told.data(), events_told.size()) > 0);
  value = 2;
  other.join();
}

// ---- streams -------------------------------------------------------------------------------------------------------

struct Pipe {
  std::array<int, 2> ends{};
  Pipe() { demand(pipe(ends.data()) == 0); }
};
void clean_words_through_a_stream() {
  const Pipe pipe;
  std::FILE* const in = fdopen(pipe.ends[0], "r");
  std::FILE* const out = fdopen(pipe.ends[1], "w");
  std::setbuf(out, nullptr);
  hand_over([&] { demand(putw(5, out) == 0); }, [&] { demand(getw(in) == 5); });
}
template <class Say>
void said_on_stderr(Say&& say) {
  const Pipe pipe;
  const int before = dup(2);
  demand(dup2(pipe.ends[1], 2) == 2);
  hand_over(say, [&] {
    char c = 0;
    demand(read(pipe.ends[0], &c, 1) == 1);
  });
  demand(dup2(before, 2) == 2);
}
void clean_warning_into_a_pipe() {
  said_on_stderr([] { warnx("number %d", 1); });
}
void clean_name_of_a_signal_into_a_pipe() {
  said_on_stderr([] { psignal(SIGINT, "told"); });
}

// ---- other processes -----------------------------------------------------------------------------------------------

// cat hands on what it was told.
struct Cat {
  Pipe to;
  Pipe from;
  pid_t process = 0;
  Cat() {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to.ends[0], 0);
    posix_spawn_file_actions_adddup2(&actions, from.ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, to.ends[1]);
    posix_spawn_file_actions_addclose(&actions, from.ends[0]);
    char name[] = "cat";
    std::array<char*, 2> arguments{name, nullptr};
    std::array<char*, 1> environment{nullptr};
    demand(posix_spawnp(&process, name, &actions, nullptr, arguments.data(), environment.data()) == 0);
    posix_spawn_file_actions_destroy(&actions);
    close(to.ends[0]);
    close(from.ends[1]);
  }
};
void clean_answer_of_another_process() {
  const Cat cat;
  hand_over([&] { demand(write(cat.to.ends[1], "x", 1) == 1); },
            [&] {
              char c = 0;
              demand(read(cat.from.ends[0], &c, 1) == 1);
            });
  close(cat.to.ends[1]);
  demand(waitpid(cat.process, nullptr, 0) == cat.process);
}
void clean_other_process_ends_with_its_input() {
  const Cat cat;
  hand_over([&] { close(cat.to.ends[1]); }, [&] { demand(waitpid(cat.process, nullptr, 0) == cat.process); });
}
void race_beside_another_process() {
  const Cat cat;
  std::thread other([&] {
    demand(write(cat.to.ends[1], "x", 1) == 1);
    value = 1;
  });
  char c = 0;
  demand(read(cat.from.ends[0], &c, 1) == 1);
  value = 2;
  other.join();
  close(cat.to.ends[1]);
  demand(waitpid(cat.process, nullptr, 0) == cat.process);
}

// ---- a cancellation ------------------------------------------------------------------------------------------------

void handler(void*) { value += 1; }
struct AtTheEnd {
  ~AtTheEnd() { value += 1; }
};
template <class Wait>
void* wait_to_be_cancelled(Wait&& wait) {
  const AtTheEnd last;
  pthread_cleanup_push(handler, nullptr);
  for (;;) wait();
  pthread_cleanup_pop(0);
}
template <class Wait>
void cancelled_while(Wait wait) {
  value = 0;
  pthread_t thread{};
  const auto run = [](void* given) -> void* { return wait_to_be_cancelled(*static_cast<Wait*>(given)); };
  demand(pthread_create(&thread, nullptr, run, &wait) == 0);
  value = 1;
  demand(pthread_cancel(thread) == 0);
  void* result = nullptr;
  demand(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
  demand(value == 3);
}
void clean_cancelled_in_a_sleep() {
  cancelled_while([] { sleep(1); });
}
void clean_cancelled_at_a_test() {
  cancelled_while([] { pthread_testcancel(); });
}
void race_between_a_handler_and_who_goes_on() {
  Meeting both;
  pthread_t thread{};
  const auto run = [](void* given) -> void* {
    const AtTheEnd last;
    static_cast<Meeting*>(given)->wait();
    for (;;) sleep(1);
  };
  demand(pthread_create(&thread, nullptr, run, &both) == 0);
  both.wait();
  demand(pthread_cancel(thread) == 0);
  value = 1;
  demand(pthread_join(thread, nullptr) == 0);
}

// ---- the loader ----------------------------------------------------------------------------------------------------

std::string plugin() { return std::filesystem::read_symlink("/proc/self/exe").parent_path() / VIGIL_TEST_PLUGIN; }

long* what_the_plugin_made() {
  void* const loaded = dlopen(plugin().c_str(), RTLD_NOW);
  demand(loaded != nullptr);
  return reinterpret_cast<long* (*)()>(dlsym(loaded, "vigil_test_made_by_constructor"))();
}
void clean_plugin_that_another_thread_loaded() {
  one_after_the_other([] { what_the_plugin_made(); }, [] { *what_the_plugin_made() = 6; });
}
void race_beside_a_plugin() {
  one_after_the_other(
      [] {
        what_the_plugin_made();
        value = 1;
      },
      [] {
        what_the_plugin_made();
        value = 2;
      });
}
void race_for_what_a_plugin_made() {
  static std::atomic<long*> made{nullptr};
  one_after_the_other([] { made.store(what_the_plugin_made(), std::memory_order_relaxed); },
                      [] { *made.load(std::memory_order_relaxed) = 2; });
}

// ---- the allocator -------------------------------------------------------------------------------------------------

constexpr std::size_t kBytes = 64;
constexpr std::size_t kManyBytes = 1U << 20U;

// What the first thread makes, the second uses, and nothing orders the two.
template <class Make, class Use>
void made_and_used(Make&& make, Use&& use) {
  std::atomic<char*> made{nullptr};
  one_after_the_other([&] { made.store(make(), std::memory_order_relaxed); },
                      [&] { use(made.load(std::memory_order_relaxed)); });
  std::free(made.load(std::memory_order_relaxed));
}
void read_one(const volatile char* at) { demand(*at == 0 || *at == 'x'); }
char* filled_block() {
  auto* const block = static_cast<char*>(std::malloc(kBytes));
  std::memset(block, 'x', kBytes);
  return block;
}
void race_for_what_calloc_cleared() {
  made_and_used([] { return static_cast<char*>(std::calloc(1, kBytes)); }, read_one);
}
void race_for_what_realloc_copied() {
  char* const block = filled_block();
  made_and_used([&] { return static_cast<char*>(std::realloc(block, 4 * kBytes)); }, read_one);
}
void race_for_what_realloc_moved() {
  auto* const block = static_cast<char*>(std::calloc(1, kManyBytes));
  made_and_used([&] { return static_cast<char*>(std::realloc(block, 4 * kManyBytes)); }, read_one);
}
void race_for_what_reallocarray_copied() {
  char* const block = filled_block();
  made_and_used([&] { return static_cast<char*>(reallocarray(block, 4, kBytes)); }, read_one);
}
void race_for_what_strdup_copied() {
  made_and_used([] { return strdup("xyz"); }, read_one);
}
void clean_behind_what_realloc_copied() {
  char* const block = filled_block();
  made_and_used([&] { return static_cast<char*>(std::realloc(block, 4 * kBytes)); },
                [](char* at) { at[kBytes * 3] = 1; });
}
// The allocator gives more than was asked for, and moves all of it: the program knows nothing of that.
template <std::size_t Asked>
void written_behind_what_realloc_copied() {
  auto* const block = static_cast<char*>(std::malloc(Asked));
  std::memset(block, 'x', Asked);
  made_and_used([&] { return static_cast<char*>(std::realloc(block, 4 * Asked)); }, [](char* at) { at[Asked] = 1; });
}
void clean_behind_what_was_asked_for_and_copied() { written_behind_what_realloc_copied<kBytes + 1>(); }
void clean_behind_what_was_asked_for_and_moved() { written_behind_what_realloc_copied<kManyBytes + 1>(); }
void race_for_the_last_byte_that_realloc_copied() {
  char* const block = filled_block();
  made_and_used([&] { return static_cast<char*>(std::realloc(block, 4 * kBytes)); },
                [](char* at) { read_one(at + kBytes - 1); });
}
template <class Grow>
void written_while_it_grows(Grow&& grow) {
  char* const block = filled_block();
  char* grown = nullptr;
  one_after_the_other([&] { block[3] = 'y'; }, [&] { grown = grow(block); });
  std::free(grown);
}
void race_written_before_realloc() {
  written_while_it_grows([](char* block) { return static_cast<char*>(std::realloc(block, 4 * kBytes)); });
}
void race_written_before_reallocarray() {
  written_while_it_grows([](char* block) { return static_cast<char*>(reallocarray(block, 4, kBytes)); });
}
void clean_block_grown_by_turns() {
  std::atomic<char*> given{filled_block()};
  for (int i = 1; i < 8; ++i) {
    std::thread([&] {
      auto* const grown = static_cast<char*>(std::realloc(given.load(), kBytes << static_cast<unsigned>(2 * i)));
      demand(grown[kBytes - 1] == 'x');
      grown[(kBytes << static_cast<unsigned>(2 * i)) - 1] = 1;
      given.store(grown);
    }).join();
  }
  std::free(given.load());
}

// ---- one object at two addresses -----------------------------------------------------------------------------------

struct Shared {
  pthread_mutex_t mutex;
  pthread_rwlock_t lock;
  sem_t semaphore;
  pthread_cond_t condition;
};
// The same page twice.
struct Twice {
  Shared* one;
  Shared* other;
  Twice() {
    const int file = memfd_create("twice", 0);
    demand(file >= 0 && ftruncate(file, sizeof(Shared)) == 0);
    one = map(file);
    other = map(file);
    close(file);
    pthread_mutexattr_t of_mutex;
    pthread_mutexattr_init(&of_mutex);
    pthread_mutexattr_setpshared(&of_mutex, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&one->mutex, &of_mutex);
    pthread_rwlockattr_t of_lock;
    pthread_rwlockattr_init(&of_lock);
    pthread_rwlockattr_setpshared(&of_lock, PTHREAD_PROCESS_SHARED);
    pthread_rwlock_init(&one->lock, &of_lock);
    sem_init(&one->semaphore, 1, 0);
  }
  static Shared* map(int file) {
    return static_cast<Shared*>(mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
  }
};
void clean_mutex_at_two_addresses() {
  const Twice twice;
  value = 0;
  const auto add = [](pthread_mutex_t* mutex) {
    for (int i = 0; i < 20; ++i) {
      pthread_mutex_lock(mutex);
      ++value;
      pthread_mutex_unlock(mutex);
    }
  };
  std::thread other([&] { add(&twice.one->mutex); });
  add(&twice.other->mutex);
  other.join();
  demand(value == 40);
}
void clean_read_write_lock_at_two_addresses() {
  const Twice twice;
  value = 0;
  const auto add = [](pthread_rwlock_t* lock) {
    for (int i = 0; i < 20; ++i) {
      pthread_rwlock_rdlock(lock);
      demand(value <= 40);
      pthread_rwlock_unlock(lock);
      pthread_rwlock_wrlock(lock);
      ++value;
      pthread_rwlock_unlock(lock);
    }
  };
  std::thread other([&] { add(&twice.one->lock); });
  add(&twice.other->lock);
  other.join();
}
void clean_semaphore_at_two_addresses() {
  const Twice twice;
  hand_over([&] { sem_post(&twice.one->semaphore); }, [&] { sem_wait(&twice.other->semaphore); });
}
void race_two_mutexes_of_one_file() {
  const int file = memfd_create("two", 0);
  demand(file >= 0 && ftruncate(file, sizeof(Shared) * 2) == 0);
  auto* const both =
      static_cast<Shared*>(mmap(nullptr, sizeof(Shared) * 2, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
  auto* const again =
      static_cast<Shared*>(mmap(nullptr, sizeof(Shared) * 2, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
  const auto set = [](pthread_mutex_t* mutex) {
    pthread_mutexattr_t shared;
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(mutex, &shared);
    pthread_mutex_lock(mutex);
    ++value;
    pthread_mutex_unlock(mutex);
  };
  one_after_the_other([&] { set(&both[0].mutex); }, [&] { set(&again[1].mutex); });
}

constexpr Case kCases[] = {
    VIGIL_CASE(clean_event_passed_through_a_socket),
    VIGIL_CASE(clean_told_of_a_new_file),
    VIGIL_CASE(clean_told_of_a_written_file),
    VIGIL_CASE(clean_told_of_a_renamed_file),
    VIGIL_CASE(clean_told_of_a_flushed_stream),
    VIGIL_CASE(race_beside_what_an_inotify_tells),
    VIGIL_CASE(clean_words_through_a_stream),
    VIGIL_CASE(clean_warning_into_a_pipe),
    VIGIL_CASE(clean_name_of_a_signal_into_a_pipe),
    VIGIL_CASE(clean_answer_of_another_process),
    VIGIL_CASE(clean_other_process_ends_with_its_input),
    VIGIL_CASE(race_beside_another_process),
    VIGIL_CASE(clean_cancelled_in_a_sleep),
    VIGIL_CASE(clean_cancelled_at_a_test),
    VIGIL_CASE(race_between_a_handler_and_who_goes_on),
    VIGIL_CASE(clean_plugin_that_another_thread_loaded),
    VIGIL_CASE(race_beside_a_plugin),
    VIGIL_CASE(race_for_what_a_plugin_made),
    VIGIL_CASE(race_for_what_calloc_cleared),
    VIGIL_CASE(race_for_what_realloc_copied),
    VIGIL_CASE(race_for_what_realloc_moved),
    VIGIL_CASE(race_for_what_reallocarray_copied),
    VIGIL_CASE(race_for_what_strdup_copied),
    VIGIL_CASE(clean_behind_what_realloc_copied),
    VIGIL_CASE(clean_behind_what_was_asked_for_and_copied),
    VIGIL_CASE(clean_behind_what_was_asked_for_and_moved),
    VIGIL_CASE(race_for_the_last_byte_that_realloc_copied),
    VIGIL_CASE(race_written_before_realloc),
    VIGIL_CASE(race_written_before_reallocarray),
    VIGIL_CASE(clean_block_grown_by_turns),
    VIGIL_CASE(clean_mutex_at_two_addresses),
    VIGIL_CASE(clean_read_write_lock_at_two_addresses),
    VIGIL_CASE(clean_semaphore_at_two_addresses),
    VIGIL_CASE(race_two_mutexes_of_one_file),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::handover_cases() { return kCases; }
