// Strings before C++20, of which libstdc++ has the code: vigil_instrument() sees to it that the program has it instead.
#include "test/interpose/instrument/string_cases.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <locale>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

static_assert(__cplusplus < 202002L, "or this shows nothing");

extern "C" void __tsan_testonly_barrier_init(std::uint64_t* barrier, unsigned party);
extern "C" void __tsan_testonly_barrier_wait(std::uint64_t* barrier);

namespace vigil::test {
namespace {

// first() has ended when second() begins, and nothing says so.
template <class First, class Second>
void one_after_the_other(First&& first, Second&& second) {
  std::uint64_t between = 0;
  __tsan_testonly_barrier_init(&between, 2);
  std::thread other([&] {
    first();
    __tsan_testonly_barrier_wait(&between);
  });
  __tsan_testonly_barrier_wait(&between);
  second();
  other.join();
}

template <class Work>
void by_four(Work&& work) {
  std::array<std::thread, 4> threads;
  for (std::thread& thread : threads) thread = std::thread(work);
  for (std::thread& thread : threads) thread.join();
}

void demand(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

// Small enough to lie in the string itself, with room for more: no allocation takes part. The string itself is on the
// heap: of one on the stack clang leaves reads out.
void race_string_appended_to() {
  const auto shared = std::make_unique<std::string>("a");
  one_after_the_other([&] { *shared += "b"; }, [&] { shared->append("c"); });
}
void race_string_assigned() {
  const auto shared = std::make_unique<std::string>("a");
  const std::string given = "b";
  one_after_the_other([&] { *shared = given; }, [&] { shared->assign("c"); });
}
void race_string_measured() {
  const auto shared = std::make_unique<std::string>("a");
  one_after_the_other([&] { shared->push_back('b'); }, [&] { demand(shared->size() == 2); });
}
void race_wide_string_erased() {
  const auto shared = std::make_unique<std::wstring>(L"abc");
  one_after_the_other([&] { shared->erase(0, 1); }, [&] { demand(shared->find(L'c') == 1); });
}

void clean_strings_under_a_lock() {
  std::mutex lock;
  std::string shared;
  std::wstring wide;
  by_four([&] {
    for (int i = 0; i < 50; ++i) {
      const std::lock_guard<std::mutex> held(lock);
      shared += std::to_string(i);
      if (shared.size() > 300) shared.erase(10);
      shared.insert(0, "more");
      wide.append(3, L'x').resize(5);
      std::string copy = shared;
      shared = std::move(copy);
    }
  });
}
void clean_string_read_by_all() {
  const std::string shared(1000, 'x');
  by_four([&] {
    for (int i = 0; i < 50; ++i) {
      std::string copy = shared;
      copy += 'z';
      demand(copy != shared && shared.find('y') == std::string::npos && shared.substr(10, 20).size() == 20);
      demand(std::hash<std::string>()(copy) != 0);
    }
  });
}
// The library has strings of its own, and orders by itself what its threads share of them.
void clean_strings_through_streams_and_exceptions() {
  const std::exception_ptr shared = std::make_exception_ptr(std::runtime_error(std::string(100, 'x')));
  by_four([&] {
    for (int i = 0; i < 20; ++i) {
      std::ostringstream out;
      out.imbue(std::locale());
      out << i << ' ' << 1.5 << ' ' << true << std::string(50, 'y') << std::locale().name();
      std::istringstream in(out.str());
      std::string word;
      while (in >> word) demand(!word.empty());
      demand(std::use_facet<std::numpunct<char>>(std::locale()).truename() == "true");
      try {
        std::rethrow_exception(shared);
      } catch (const std::runtime_error& error) {
        demand(std::string(error.what()).size() == 100);
      }
    }
  });
}

}  // namespace vigil::test
