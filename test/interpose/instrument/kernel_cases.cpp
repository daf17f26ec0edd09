// What orders two threads by way of the kernel: descriptors and their copies, epoll, timers, queues, locks of files and
// streams.
#include "test/interpose/instrument/kernel_cases.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <cwchar>
#include <string>
#include <thread>
#include <utility>

#include "test/interpose/instrument/order_cases.hpp"

namespace {

using vigil::test::Case;
using vigil::test::demand;
using vigil::test::hand_over;
using vigil::test::value;

struct Pipe {
  std::array<int, 2> ends{};
  Pipe() { demand(pipe(ends.data()) == 0); }
  void put() const { demand(write(ends[1], "x", 1) == 1); }
  void get() const {
    char c = 0;
    demand(read(ends[0], &c, 1) == 1);
  }
};

// ---- descriptors ---------------------------------------------------------------------------------------------------

void clean_dprintf_into_a_pipe() {
  const Pipe pipe;
  hand_over([&] { demand(dprintf(pipe.ends[1], "%d", 1) == 1); }, [&] { pipe.get(); });
}
void clean_splice_into_a_pipe() {
  const Pipe from;
  const Pipe to;
  from.put();
  hand_over([&] { demand(splice(from.ends[0], nullptr, to.ends[1], nullptr, 1, 0) == 1); }, [&] { to.get(); });
}
void clean_splice_out_of_a_pipe() {
  const Pipe from;
  const Pipe to;
  hand_over([&] { from.put(); }, [&] { demand(splice(from.ends[0], nullptr, to.ends[1], nullptr, 1, 0) == 1); });
}
void clean_tee_out_of_a_pipe() {
  const Pipe from;
  const Pipe to;
  hand_over([&] { from.put(); }, [&] { demand(tee(from.ends[0], to.ends[1], 1, 0) == 1); });
}
void clean_vmsplice_into_a_pipe() {
  const Pipe pipe;
  char c = 'x';
  const iovec part{&c, 1};
  hand_over([&] { demand(vmsplice(pipe.ends[1], &part, 1, 0) == 1); }, [&] { pipe.get(); });
}
void clean_sendfile_into_a_socket() {
  std::array<int, 2> ends{};
  demand(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
  const int file = memfd_create("one byte", 0);
  demand(write(file, "x", 1) == 1);
  off_t at = 0;
  char c = 0;
  hand_over([&] { demand(sendfile(ends[0], file, &at, 1) == 1); }, [&] { demand(recv(ends[1], &c, 1, 0) == 1); });
}
void clean_preadv2_of_a_socket() {
  std::array<int, 2> ends{};
  demand(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
  char out = 'x';
  char in = 0;
  const iovec from{&out, 1};
  const iovec to{&in, 1};
  hand_over([&] { demand(pwritev2(ends[0], &from, 1, -1, 0) == 1); },
            [&] { demand(preadv2(ends[1], &to, 1, -1, 0) == 1); });
}
void clean_connect_after_listen() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const int length = std::snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "vigil-case-%d", getpid());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + static_cast<std::size_t>(length));
  const auto* const named = reinterpret_cast<const sockaddr*>(&address);
  const int listening = socket(AF_UNIX, SOCK_STREAM, 0);
  demand(bind(listening, named, size) == 0);
  hand_over([&] { demand(listen(listening, 1) == 0); },
            [&] {
              const int other = socket(AF_UNIX, SOCK_STREAM, 0);
              while (connect(other, named, size) != 0) sched_yield();
            });
}

// What was written is the reader's from then on.
void clean_buffer_given_to_its_reader() {
  const Pipe pipe;
  auto* const buffer = new char[8]();
  std::thread other([&] { demand(write(pipe.ends[1], buffer, 8) == 8); });
  std::array<char, 8> got{};
  demand(read(pipe.ends[0], got.data(), got.size()) == 8);
  buffer[0] = 1;
  delete[] buffer;
  other.join();
}
void race_buffer_changed_while_it_is_written() {
  const Pipe pipe;
  std::array<char, 8> buffer{};
  std::thread other([&] { demand(write(pipe.ends[1], buffer.data(), 8) == 8); });
  buffer[0] = 1;
  other.join();
}

void copied_event(int (*copy)(int)) {
  const int event = eventfd(0, 0);
  const int other = copy(event);
  demand(other >= 0);
  eventfd_t count = 1;
  hand_over([&] { demand(write(other, &count, sizeof(count)) == sizeof(count)); },
            [&] {
              eventfd_t got = 0;
              demand(read(event, &got, sizeof(got)) == sizeof(got));
            });
}
void clean_event_copied_by_dup() {
  copied_event([](int file) { return dup(file); });
}
void clean_event_copied_by_fcntl() {
  copied_event([](int file) { return fcntl(file, F_DUPFD_CLOEXEC, 100); });
}

// Told by an epoll that something is there, and content with that.
void told_by_epoll(int watched, int written) {
  const int epoll = epoll_create1(0);
  epoll_event event{.events = EPOLLIN, .data = {}};
  demand(epoll_ctl(epoll, EPOLL_CTL_ADD, watched, &event) == 0);
  const eventfd_t count = 1;
  const vigil::test::Whistle written_now;
  hand_over(
      [&] {
        demand(write(written, &count, sizeof(count)) == sizeof(count));
        written_now.blow();
      },
      [&] {
        written_now.hear();  // which orders nothing, but for those who are told of another
        demand(epoll_wait(epoll, &event, 1, -1) == 1);
      });
}
void clean_epoll_tells_of_a_pipe() {
  const Pipe pipe;
  told_by_epoll(pipe.ends[0], pipe.ends[1]);
}
void clean_epoll_tells_of_an_event() {
  const int event = eventfd(0, 0);
  told_by_epoll(event, event);
}
void race_epoll_tells_of_another_event() {
  const int other = eventfd(0, 0);
  told_by_epoll(eventfd(1, 0), other);
}

void clean_timer_descriptor() {
  const int timer = timerfd_create(CLOCK_MONOTONIC, 0);
  const itimerspec soon{{0, 0}, {0, 1}};
  hand_over([&] { demand(timerfd_settime(timer, 0, &soon, nullptr) == 0); },
            [&] {
              std::uint64_t times = 0;
              demand(read(timer, &times, sizeof(times)) == sizeof(times));
            });
}

// ---- queues, and locks of files and streams -------------------------------------------------------------------------

void clean_message_queue() {
  std::array<char, 64> name{};
  std::snprintf(name.data(), name.size(), "/vigil-case-%d", getpid());
  mq_attr attributes{};
  attributes.mq_maxmsg = 1;
  attributes.mq_msgsize = 8;
  const mqd_t queue = mq_open(name.data(), O_CREAT | O_RDWR, 0600, &attributes);
  if (queue < 0) return;  // a system without
  mq_unlink(name.data());
  std::array<char, 8> text{};
  hand_over([&] { demand(mq_send(queue, "x", 1, 0) == 0); },
            [&] { demand(mq_receive(queue, text.data(), text.size(), nullptr) == 1); });
}
void clean_message_queue_of_system_v() {
  const int queue = msgget(IPC_PRIVATE, 0600);
  if (queue < 0) return;
  struct Message {
    long type = 1;
    char text = 'x';
  };
  const Message sent;
  Message got;
  hand_over([&] { demand(msgsnd(queue, &sent, 1, 0) == 0); }, [&] { demand(msgrcv(queue, &got, 1, 0, 0) == 1); });
  msgctl(queue, IPC_RMID, nullptr);
}
void clean_semaphore_of_system_v() {
  const int semaphore = semget(IPC_PRIVATE, 1, 0600);
  if (semaphore < 0) return;
  sembuf up{0, 1, 0};
  sembuf down{0, -1, 0};
  hand_over([&] { demand(semop(semaphore, &up, 1) == 0); }, [&] { demand(semop(semaphore, &down, 1) == 0); });
  semctl(semaphore, 0, IPC_RMID);
}
void clean_semaphore_that_is_set() {
  const int semaphore = semget(IPC_PRIVATE, 1, 0600);
  if (semaphore < 0) return;
  const auto wait = [&] {
    while (semctl(semaphore, 0, GETVAL) == 0) sched_yield();
  };
  hand_over([&] { demand(semctl(semaphore, 0, SETVAL, 1) == 0); }, wait);
  semctl(semaphore, 0, IPC_RMID);
}

// Two threads count under locks of their own making.
template <class Lock, class Unlock>
void count_under(Lock&& lock, Unlock&& unlock) {
  const auto count = [&](int self) {
    for (int i = 0; i < 20; ++i) {
      lock(self);
      ++value;
      unlock(self);
    }
  };
  std::thread other([&] { count(1); });
  count(0);
  other.join();
}
void under_streams(FILE* one, FILE* two) {
  const std::array<FILE*, 2> streams{one, two};
  count_under([&](int self) { flockfile(streams[static_cast<std::size_t>(self)]); },
              [&](int self) { funlockfile(streams[static_cast<std::size_t>(self)]); });
}
// A pipe's two ends as streams; what they are closed with is an edge, too.
struct PipeStreams {
  FILE* in = nullptr;
  FILE* out = nullptr;
  PipeStreams() {
    std::array<int, 2> ends{};
    demand(pipe(ends.data()) == 0);
    in = fdopen(ends[0], "r");
    out = fdopen(ends[1], "w");
    demand(in != nullptr && out != nullptr);
  }
  ~PipeStreams() {
    if (out != nullptr) std::fclose(out);
    std::fclose(in);
  }
  PipeStreams(const PipeStreams&) = delete;
  PipeStreams& operator=(const PipeStreams&) = delete;
};
void clean_lines_through_a_stream() {
  const PipeStreams streams;
  std::array<char, 16> line{};
  hand_over([&] { demand(std::fputs("a line\n", streams.out) >= 0 && std::fflush(streams.out) == 0); },
            [&] { demand(std::fgets(line.data(), line.size(), streams.in) != nullptr); });
}
void clean_numbers_through_a_stream() {
  const PipeStreams streams;
  int number = 0;
  hand_over([&] { demand(std::fprintf(streams.out, "%d\n", 7) == 2 && std::fflush(streams.out) == 0); },
            [&] { demand(std::fscanf(streams.in, "%d", &number) == 1); });
}
// The name that headers give std::fscanf for C23, from glibc 2.38 on (newer_libc.cpp has it where libc has not).
extern "C" int newest_fscanf(std::FILE* stream, const char* format, ...) __asm__("__isoc23_fscanf");
extern "C" int newest_fwscanf(std::FILE* stream, const wchar_t* format, ...) __asm__("__isoc23_fwscanf");
void clean_numbers_by_the_newest_names() {
  const PipeStreams streams;
  int number = 0;
  hand_over([&] { demand(std::fprintf(streams.out, "%d\n", 7) == 2 && std::fflush(streams.out) == 0); },
            [&] { demand(newest_fscanf(streams.in, "%d", &number) == 1); });
  const PipeStreams wide;
  hand_over([&] { demand(std::fwprintf(wide.out, L"%d ", 8) == 2 && std::fflush(wide.out) == 0); },
            [&] { demand(newest_fwscanf(wide.in, L"%d", &number) == 1 && number == 8); });
}
void clean_bytes_through_a_stream() {
  const PipeStreams streams;
  setvbuf(streams.out, nullptr, _IONBF, 0);
  char byte = 0;
  hand_over([&] { demand(std::fwrite("x", 1, 1, streams.out) == 1); },
            [&] { demand(std::fread(&byte, 1, 1, streams.in) == 1); });
  hand_over([&] { demand(std::fputc('y', streams.out) == 'y'); }, [&] { demand(std::getc(streams.in) == 'y'); });
}
void clean_wide_characters_through_a_stream() {
  const PipeStreams streams;
  setvbuf(streams.out, nullptr, _IONBF, 0);
  hand_over([&] { demand(std::fputwc(L'x', streams.out) == L'x'); }, [&] { demand(std::getwc(streams.in) == L'x'); });
  int number = 0;
  hand_over([&] { demand(std::fwprintf(streams.out, L"%d ", 7) == 2); },
            [&] { demand(std::fwscanf(streams.in, L"%d", &number) == 1); });
}
// Their names say which stream.
void clean_words_through_standard_streams() {
  std::array<int, 2> ends{};
  const int said = dup(STDERR_FILENO);
  demand(pipe(ends.data()) == 0 && dup2(ends[0], STDIN_FILENO) == 0 && dup2(ends[1], STDERR_FILENO) == 2);
  std::array<char, 64> word{};
  hand_over([] { std::perror("word"); }, [&] { demand(std::scanf("%63s", word.data()) == 1); });
  dup2(said, STDERR_FILENO);
}
// The descriptor's number was that of a file, on which a stream had been.
void clean_stream_that_leads_to_a_pipe_now() {
  std::array<int, 2> ends{};
  demand(pipe(ends.data()) == 0);
  const std::string name = "/dev/fd/" + std::to_string(ends[1]);
  FILE* const stream = std::fopen("/dev/null", "w");
  std::thread([&] { std::fputs("nothing", stream); }).join();
  demand(freopen64(name.c_str(), "w", stream) != nullptr);
  setvbuf(stream, nullptr, _IONBF, 0);
  char byte = 0;
  hand_over([&] { demand(std::fputs("x", stream) >= 0); }, [&] { demand(read(ends[0], &byte, 1) == 1); });
  std::fclose(stream);
}
// One of memory has no descriptor, and where its number would be there is what lay there before.
void clean_end_of_a_stream_of_memory() {
  const int event = eventfd(0, 0);
  const int copy = dup(event);
  char* text = nullptr;
  std::size_t size = 0;
  FILE* const stream = open_memstream(&text, &size);
  stream->_fileno = copy;
  std::fputs("x", stream);
  std::fclose(stream);
  std::free(text);
  std::uint64_t one = 1;
  hand_over([&] { demand(write(copy, &one, sizeof one) == sizeof one); },
            [&] { demand(read(event, &one, sizeof one) == sizeof one); });
}
void clean_end_of_a_stream() {
  PipeStreams streams;
  hand_over([&] { demand(std::fclose(std::exchange(streams.out, nullptr)) == 0); },
            [&] { demand(std::fgetc(streams.in) == EOF); });
}
// Each for itself: what a file's stream takes out was put in by nobody who is known.
void race_beside_a_streams_file() {
  FILE* const file = std::tmpfile();
  demand(file != nullptr && std::fputs("x", file) >= 0 && std::fflush(file) == 0);
  vigil::test::one_after_the_other(
      [&] {
        value = 1;
        std::fputs("y", file);
        std::fflush(file);
      },
      [&] {
        std::rewind(file);
        demand(std::fgetc(file) == 'x');
        value = 2;
      });
  std::fclose(file);
}

void clean_lock_of_a_stream() { under_streams(stderr, stderr); }
void race_locks_of_two_streams() { under_streams(stderr, stdout); }
void clean_lock_of_a_stream_tried() {
  count_under(
      [](int) {
        while (ftrylockfile(stderr) != 0) sched_yield();
      },
      [](int) { funlockfile(stderr); });
}

// The two open one file each for itself; of which file?
void under_open_files(int one, int two) {
  const std::array<int, 2> files{one, two};
  std::array<int, 2> opened{};
  for (std::size_t i = 0; i < 2; ++i) {
    std::array<char, 64> name{};
    std::snprintf(name.data(), name.size(), "/proc/self/fd/%d", files[i]);
    opened[i] = open(name.data(), O_RDWR);
    demand(opened[i] >= 0);
  }
  const auto change = [&](int self, short type) {
    struct flock wanted {};
    wanted.l_type = type;
    demand(fcntl(opened[static_cast<std::size_t>(self)], F_OFD_SETLKW, &wanted) == 0);
  };
  count_under([&](int self) { change(self, F_WRLCK); }, [&](int self) { change(self, F_UNLCK); });
}
void clean_lock_of_an_open_file() {
  const int file = memfd_create("locked", 0);
  under_open_files(file, file);
}
void race_locks_of_two_open_files() { under_open_files(memfd_create("one", 0), memfd_create("other", 0)); }

// Its holders change the word themselves while nobody waits; the kernel hands it over when somebody does.
void clean_lock_of_the_kernel() {
  static std::atomic<int> word;
  const auto futex = [](int operation) { return syscall(SYS_futex, &word, operation, 0, nullptr, nullptr, 0); };
  count_under(
      [&](int) {
        int nobody = 0;
        if (word.compare_exchange_strong(nobody, gettid(), std::memory_order_acquire)) return;
        demand(futex(FUTEX_LOCK_PI) == 0);
      },
      [&](int) {
        int mine = gettid();
        sched_yield();
        if (word.compare_exchange_strong(mine, 0, std::memory_order_release)) return;
        demand(futex(FUTEX_UNLOCK_PI) == 0);
      });
}

void clean_robust_mutex_of_one_who_is_gone() {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  static pthread_mutex_t mutex;
  pthread_mutex_init(&mutex, &attributes);
  std::atomic<bool> has_it{false};
  std::thread other([&] {
    pthread_mutex_lock(&mutex);
    has_it.store(true, std::memory_order_relaxed);
    value = 1;
  });
  while (!has_it.load(std::memory_order_relaxed)) sched_yield();
  demand(pthread_mutex_lock(&mutex) == EOWNERDEAD);
  demand(value == 1);
  value = 2;
  pthread_mutex_consistent(&mutex);
  pthread_mutex_unlock(&mutex);
  other.join();
}

constexpr Case kCases[] = {
    VIGIL_CASE(clean_dprintf_into_a_pipe),
    VIGIL_CASE(clean_splice_into_a_pipe),
    VIGIL_CASE(clean_splice_out_of_a_pipe),
    VIGIL_CASE(clean_tee_out_of_a_pipe),
    VIGIL_CASE(clean_vmsplice_into_a_pipe),
    VIGIL_CASE(clean_sendfile_into_a_socket),
    VIGIL_CASE(clean_preadv2_of_a_socket),
    VIGIL_CASE(clean_connect_after_listen),
    VIGIL_CASE(clean_buffer_given_to_its_reader),
    VIGIL_CASE(race_buffer_changed_while_it_is_written),
    VIGIL_CASE(clean_event_copied_by_dup),
    VIGIL_CASE(clean_event_copied_by_fcntl),
    VIGIL_CASE(clean_epoll_tells_of_a_pipe),
    VIGIL_CASE(clean_epoll_tells_of_an_event),
    VIGIL_CASE(race_epoll_tells_of_another_event),
    VIGIL_CASE(clean_timer_descriptor),
    VIGIL_CASE(clean_message_queue),
    VIGIL_CASE(clean_message_queue_of_system_v),
    VIGIL_CASE(clean_semaphore_of_system_v),
    VIGIL_CASE(clean_semaphore_that_is_set),
    VIGIL_CASE(clean_lines_through_a_stream),
    VIGIL_CASE(clean_numbers_through_a_stream),
    VIGIL_CASE(clean_numbers_by_the_newest_names),
    VIGIL_CASE(clean_bytes_through_a_stream),
    VIGIL_CASE(clean_wide_characters_through_a_stream),
    VIGIL_CASE(clean_words_through_standard_streams),
    VIGIL_CASE(clean_stream_that_leads_to_a_pipe_now),
    VIGIL_CASE(clean_end_of_a_stream_of_memory),
    VIGIL_CASE(clean_end_of_a_stream),
    VIGIL_CASE(race_beside_a_streams_file),
    VIGIL_CASE(clean_lock_of_a_stream),
    VIGIL_CASE(race_locks_of_two_streams),
    VIGIL_CASE(clean_lock_of_a_stream_tried),
    VIGIL_CASE(clean_lock_of_an_open_file),
    VIGIL_CASE(race_locks_of_two_open_files),
    VIGIL_CASE(clean_lock_of_the_kernel),
    VIGIL_CASE(clean_robust_mutex_of_one_who_is_gone),
};

}  // namespace

std::span<const Case> vigil::test::kernel_cases() { return kCases; }
