// libc's functions that put text and values into the program's memory: each is a write of what it put there, and of
// nothing behind it.
#include <array>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

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

constexpr Case kCases[] = {
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
