// Functions of libc and of the kernel that put text and values into the program's memory, or take them from there: each
// is a write of what it put there, and of nothing behind it, or a read.
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <thread>

#include "test/interpose/instrument/order_cases.hpp"

extern "C" int __snprintf_chk(char* to, std::size_t most, int flag, std::size_t room, const char* format, ...);
extern "C" int __sprintf_chk(char* to, int flag, std::size_t room, const char* format, ...);

namespace {

using vigil::test::Case;
using vigil::test::one_after_the_other;

// Not known to the compiler, which would write short texts by itself.
std::atomic<int> number{12345};
using Text = std::array<char, 64>;

// The first thread puts something there, the second writes one letter of it, and nothing orders the two.
template <class Put>
void put_and_changed(std::size_t letter, Put&& put) {
  Text text{};
  one_after_the_other([&] { put(text.data()); }, [&] { static_cast<volatile char*>(text.data())[letter] = 'x'; });
}
int print_list(char* to, const char* format, ...) {
  va_list given;
  va_start(given, format);
  const int length = std::vsnprintf(to, sizeof(Text), format, given);
  va_end(given);
  return length;
}

void race_snprintf() {
  put_and_changed(2, [](char* to) { std::snprintf(to, sizeof(Text), "%d", number.load()); });
}
void race_for_the_last_letter_of_snprintf() {
  put_and_changed(5, [](char* to) { std::snprintf(to, sizeof(Text), "%d", number.load()); });
}
void clean_behind_what_snprintf_wrote() {
  put_and_changed(6, [](char* to) { std::snprintf(to, sizeof(Text), "%d", number.load()); });
}
void clean_behind_what_snprintf_may_write() {
  put_and_changed(3, [](char* to) {
    const std::size_t most = number.load() == 0 ? sizeof(Text) : 3;
    if (std::snprintf(to, most, "%d", number.load()) != 5 || std::strcmp(to, "12") != 0) std::abort();
  });
}
void clean_snprintf_that_only_counts() {
  put_and_changed(0, [](char* /*to*/) {
    if (std::snprintf(nullptr, 0, "%d %s", number.load(), "text") != 10) std::abort();
  });
}
void race_sprintf() {
  put_and_changed(2, [](char* to) { std::sprintf(to, "%d %5.2f %s", number.load(), 1.5, "text"); });
}
void race_vsnprintf() {
  put_and_changed(2, [](char* to) {
    if (print_list(to, "%s%d %f %ld", "n", number.load(), 0.5, 1L << 40U) != 29) std::abort();
  });
}
void race_checked_snprintf() {
  put_and_changed(2, [](char* to) { __snprintf_chk(to, sizeof(Text), 1, sizeof(Text), "%d", number.load()); });
}
void race_checked_sprintf() {
  put_and_changed(2, [](char* to) { __sprintf_chk(to, 1, sizeof(Text), "%d", number.load()); });
}
void race_strftime() {
  put_and_changed(2, [](char* to) {
    std::tm day{};
    day.tm_year = 100;
    if (std::strftime(to, sizeof(Text), "%Y-%m-%d", &day) == 0) std::abort();
  });
}
void race_localtime_r() {
  std::tm day{};
  one_after_the_other(
      [&] {
        const std::time_t now = number.load();
        if (localtime_r(&now, &day) == nullptr) std::abort();
      },
      [&] { day.tm_sec = 1; });
}
void race_qsort() {
  std::array<int, 8> numbers{5, 3, 8, 1};
  one_after_the_other(
      [&] {
        std::qsort(numbers.data(), numbers.size(), sizeof(int), [](const void* one, const void* other) {
          return *static_cast<const int*>(one) - *static_cast<const int*>(other);
        });
        if (numbers[7] != 8) std::abort();
      },
      [&] { numbers[6] = 2; });
}

std::FILE* file_of(const char* text) {
  std::FILE* const file = std::tmpfile();
  if (file == nullptr || std::fputs(text, file) < 0) std::abort();
  std::rewind(file);
  return file;
}
void race_fgets() {
  put_and_changed(2, [](char* to) {
    std::FILE* const file = file_of("line\nnext\n");
    if (std::fgets(to, sizeof(Text), file) == nullptr) std::abort();
    std::fclose(file);
  });
}
void clean_behind_what_fgets_got() {
  put_and_changed(6, [](char* to) {
    std::FILE* const file = file_of("line\nnext\n");
    if (std::fgets(to, sizeof(Text), file) == nullptr) std::abort();
    std::fclose(file);
  });
}
void race_fread() {
  put_and_changed(2, [](char* to) {
    std::FILE* const file = file_of("words");
    if (std::fread(to, 1, sizeof(Text), file) != 5) std::abort();
    std::fclose(file);
  });
}
void clean_behind_what_fread_got() {
  put_and_changed(5, [](char* to) {
    std::FILE* const file = file_of("words");
    if (std::fread(to, 1, sizeof(Text), file) != 5) std::abort();
    std::fclose(file);
  });
}
void race_fwrite_of_what_another_wrote() {
  Text text{};
  one_after_the_other([&] { static_cast<volatile char*>(text.data())[3] = 'x'; },
                      [&] {
                        std::FILE* const file = std::tmpfile();
                        if (file == nullptr || std::fwrite(text.data(), 1, text.size(), file) != text.size()) {
                          std::abort();
                        }
                        std::fclose(file);
                      });
}

// ---- what printf and its kin read
// --------------------------------------------------------------------------------------

// The first thread writes one letter of a text, the second prints the text.
template <class Print>
void changed_and_printed(std::size_t letter, Print&& print) {
  Text text{"some text"};
  one_after_the_other([&] { static_cast<volatile char*>(text.data())[letter] = 'x'; }, [&] { print(text.data()); });
}
constexpr std::size_t kLastLetter = 8;
std::FILE* nowhere() {
  static std::FILE* const file = std::fopen("/dev/null", "w");
  if (file == nullptr) std::abort();
  return file;
}
void race_snprintf_of_a_text() {
  changed_and_printed(kLastLetter, [](const char* text) {
    Text to{};
    const int length = std::snprintf(to.data(), to.size(), "%5d%% %-*.*f|%s", number.load(), 8, 2, 1.5, text);
    if (length != 25) std::abort();
  });
}
void race_fprintf_of_a_text() {
  changed_and_printed(0, [](const char* text) { std::fprintf(nowhere(), "%ld %Lf %c %s\n", 1L, 1.5L, 'c', text); });
}
void race_fprintf_of_a_part_of_a_text() {
  changed_and_printed(3, [](const char* text) { std::fprintf(nowhere(), "%.*s\n", 4, text); });
}
void clean_behind_what_fprintf_prints_of_a_text() {
  changed_and_printed(4, [](const char* text) { std::fprintf(nowhere(), "%.*s%.4s\n", 4, text, text); });
}
void clean_text_that_is_not_printed() {
  changed_and_printed(
      1, [](const char* text) { std::fprintf(nowhere(), "%p %%s %s\n", static_cast<const void*>(text), "other"); });
}

// ---- buffers of the kernel's ---------------------------------------------------------------------------------------

constexpr std::size_t kSent = 5;
// [0]: what is written to the other comes out of it.
using Ends = std::array<int, 2>;
Ends pair_of_sockets() {
  Ends ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) std::abort();
  return ends;
}
void close_both(const Ends& ends) {
  for (const int one : ends) close(one);
}
// The first thread gets five bytes into a text, the second writes one letter of it.
template <class Get>
void got_and_changed(std::size_t letter, Get&& get) {
  const Ends ends = pair_of_sockets();
  if (write(ends[1], "words", kSent) != static_cast<ssize_t>(kSent)) std::abort();
  put_and_changed(letter, [&](char* to) {
    if (get(ends[0], to) != static_cast<ssize_t>(kSent)) std::abort();
  });
  close_both(ends);
}
ssize_t get_in_pieces(int file, char* to) {
  const std::array<iovec, 3> pieces{iovec{to, 2}, iovec{to + 10, 2}, iovec{to + 20, 10}};
  return readv(file, pieces.data(), static_cast<int>(pieces.size()));
}
ssize_t get_message(int file, char* to) {
  std::array<iovec, 2> pieces{iovec{to, 2}, iovec{to + 10, sizeof(Text) - 10}};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  return recvmsg(file, &message, 0);
}
ssize_t get_by_read(int file, char* to) { return read(file, to, sizeof(Text)); }
ssize_t get_by_recv(int file, char* to) { return recv(file, to, sizeof(Text), 0); }
ssize_t get_by_recvfrom(int file, char* to) { return recvfrom(file, to, sizeof(Text), 0, nullptr, nullptr); }
void race_read() { got_and_changed(kSent - 1, get_by_read); }
void clean_behind_what_read_got() { got_and_changed(kSent, get_by_read); }
void race_recv() { got_and_changed(0, get_by_recv); }
void race_recvfrom() { got_and_changed(0, get_by_recvfrom); }
void race_readv() { got_and_changed(11, get_in_pieces); }
void race_for_the_last_byte_of_readv() { got_and_changed(20, get_in_pieces); }
void clean_behind_what_readv_got() { got_and_changed(21, get_in_pieces); }
void clean_between_the_pieces_of_readv() { got_and_changed(2, get_in_pieces); }
void race_recvmsg() { got_and_changed(12, get_message); }
void clean_behind_what_recvmsg_got() { got_and_changed(13, get_message); }
void race_pread() {
  put_and_changed(2, [](char* to) {
    std::FILE* const file = file_of("words");
    std::fflush(file);
    if (pread(fileno(file), to, sizeof(Text), 1) != static_cast<ssize_t>(kSent - 1)) std::abort();
    std::fclose(file);
  });
}

// The first thread writes one letter of a text, the second gives all of it away.
template <class Give>
void changed_and_given(Give&& give) {
  const Ends ends = pair_of_sockets();
  Text text{};
  one_after_the_other([&] { static_cast<volatile char*>(text.data())[3] = 'x'; },
                      [&] {
                        if (give(ends[0], text) != static_cast<ssize_t>(text.size())) std::abort();
                      });
  close_both(ends);
}
void race_write() {
  changed_and_given([](int file, Text& text) { return write(file, text.data(), text.size()); });
}
void race_send() {
  changed_and_given([](int file, Text& text) { return send(file, text.data(), text.size(), 0); });
}
void race_writev() {
  changed_and_given([](int file, Text& text) {
    const iovec all{text.data(), text.size()};
    return writev(file, &all, 1);
  });
}
void race_sendmsg() {
  changed_and_given([](int file, Text& text) {
    iovec all{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &all;
    message.msg_iovlen = 1;
    return sendmsg(file, &message, 0);
  });
}
// What the kernel answers to nonsense the program gets to know.
void clean_calls_of_the_kernel_that_fail() {
  const Ends ends = pair_of_sockets();
  Text text{};
  const auto fails = [](ssize_t result, int why) {
    if (result != -1 || errno != why) std::abort();
  };
  void* volatile nothing = nullptr;
  volatile std::size_t huge = std::size_t{1} << 40U;
  iovec all{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &all;
  message.msg_iovlen = huge;
  std::thread([&] {
    fails(sendmsg(ends[0], static_cast<msghdr*>(nothing), 0), EFAULT);
    fails(recvmsg(ends[0], static_cast<msghdr*>(nothing), MSG_DONTWAIT), EFAULT);
    fails(sendmsg(ends[0], &message, 0), EMSGSIZE);
    fails(writev(ends[0], static_cast<iovec*>(nothing), 2), EFAULT);
    fails(write(-1, text.data(), huge), EBADF);
  }).join();
  close_both(ends);
}
// Each changes it when the other's answer is there.
void clean_buffer_sent_to_and_fro() {
  const Ends ends = pair_of_sockets();
  Text text{};
  const auto give = [&](int file) {
    ++text[0];
    if (write(file, text.data(), 1) != 1) std::abort();
  };
  const auto take = [&](int file) {
    if (read(file, text.data() + 1, 1) != 1) std::abort();
  };
  std::thread other([&] {
    take(ends[1]);
    give(ends[1]);
  });
  give(ends[0]);
  char answer = 0;
  if (read(ends[0], &answer, 1) != 1) std::abort();
  text[1] = answer;
  other.join();
  close_both(ends);
}

constexpr Case kCases[] = {
    VIGIL_CASE(race_snprintf_of_a_text),
    VIGIL_CASE(race_fprintf_of_a_text),
    VIGIL_CASE(race_fprintf_of_a_part_of_a_text),
    VIGIL_CASE(clean_behind_what_fprintf_prints_of_a_text),
    VIGIL_CASE(clean_text_that_is_not_printed),
    VIGIL_CASE(race_read),
    VIGIL_CASE(clean_behind_what_read_got),
    VIGIL_CASE(race_recv),
    VIGIL_CASE(race_recvfrom),
    VIGIL_CASE(race_readv),
    VIGIL_CASE(race_for_the_last_byte_of_readv),
    VIGIL_CASE(clean_behind_what_readv_got),
    VIGIL_CASE(clean_between_the_pieces_of_readv),
    VIGIL_CASE(race_recvmsg),
    VIGIL_CASE(clean_behind_what_recvmsg_got),
    VIGIL_CASE(race_pread),
    VIGIL_CASE(race_write),
    VIGIL_CASE(race_send),
    VIGIL_CASE(race_writev),
    VIGIL_CASE(race_sendmsg),
    VIGIL_CASE(clean_calls_of_the_kernel_that_fail),
    VIGIL_CASE(clean_buffer_sent_to_and_fro),
    VIGIL_CASE(race_snprintf),
    VIGIL_CASE(race_for_the_last_letter_of_snprintf),
    VIGIL_CASE(clean_behind_what_snprintf_wrote),
    VIGIL_CASE(clean_behind_what_snprintf_may_write),
    VIGIL_CASE(clean_snprintf_that_only_counts),
    VIGIL_CASE(race_sprintf),
    VIGIL_CASE(race_vsnprintf),
    VIGIL_CASE(race_checked_snprintf),
    VIGIL_CASE(race_checked_sprintf),
    VIGIL_CASE(race_strftime),
    VIGIL_CASE(race_localtime_r),
    VIGIL_CASE(race_qsort),
    VIGIL_CASE(race_fgets),
    VIGIL_CASE(clean_behind_what_fgets_got),
    VIGIL_CASE(race_fread),
    VIGIL_CASE(clean_behind_what_fread_got),
    VIGIL_CASE(race_fwrite_of_what_another_wrote),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::text_cases() { return kCases; }
