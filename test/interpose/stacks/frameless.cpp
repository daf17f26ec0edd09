#include "test/interpose/stacks/frameless.hpp"

#include <alloca.h>

#include <cstdlib>
#include <cstring>

namespace vigil::shim::stacks_test {
namespace {

// Keeps a call from becoming a tail call, and its caller from being merged with another.
void stay() { asm volatile("" ::: "memory"); }

Inside from_compare = nullptr;

int compare(const void* a, const void* b) {
  if (from_compare != nullptr) {
    const Inside inside = from_compare;
    from_compare = nullptr;
    inside();
  }
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}

[[gnu::noinline]] void tail(Inside inside) {
  inside();
  stay();
}

struct Cleanup {
  Inside inside;
  [[gnu::noinline]] ~Cleanup() {
    inside();
    stay();
  }
};

}  // namespace

[[gnu::noinline]] void plain(Inside inside) {
  inside();
  stay();
}

[[gnu::noinline]] void recurse(int depth, Inside inside) {
  if (depth == 0) {
    inside();
  } else {
    recurse(depth - 1, inside);
  }
  stay();
}

[[gnu::noinline]] void with_alloca(unsigned bytes, Inside inside) {
  auto* const block = static_cast<char*>(alloca(bytes));
  std::memset(block, 1, bytes);
  asm volatile("" ::"r"(block) : "memory");
  inside();
  asm volatile("" ::"r"(block) : "memory");
}

[[gnu::noinline]] void with_realigned_stack(Inside inside) {
  alignas(64) char block[192];
  std::memset(block, 1, sizeof(block));
  asm volatile("" ::"r"(block) : "memory");
  inside();
  asm volatile("" ::"r"(block) : "memory");
}

[[gnu::noinline]] void with_many_live_registers(Inside inside) {
  long a = 1;
  long b = 2;
  long c = 3;
  long d = 4;
  long e = 5;
  long f = 6;
  asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
  inside();
  asm volatile("" ::"r"(a), "r"(b), "r"(c), "r"(d), "r"(e), "r"(f));
}

[[gnu::noinline]] void through_tail_call(Inside inside) { tail(inside); }

[[gnu::noinline]] void through_qsort(Inside inside) {
  int numbers[] = {3, 1, 2};
  from_compare = inside;
  std::qsort(numbers, 3, sizeof(int), compare);
  stay();
}

[[gnu::noinline]] void through_exception_handler(Inside inside) {
  try {
    const Cleanup cleanup{inside};
    throw 1;
  } catch (int) {
    inside();
  }
  stay();
}

[[gnu::noinline]] int busy(int rounds) {
  int sum = 0;
  for (int i = 0; i < rounds; ++i) {
    char text[16];
    std::memset(text, 'a' + i, sizeof(text) - 1);
    text[15] = 0;
    sum += std::abs(-i) + static_cast<int>(std::strlen(text)) + std::atoi("17");
    int numbers[] = {3, 1, 2};
    std::qsort(numbers, 3, sizeof(int), compare);
    sum += numbers[0];
  }
  return sum;
}

asm(R"(
  .text
  .globl vigil_test_untabled_with_frame
  .type vigil_test_untabled_with_frame, @function
vigil_test_untabled_with_frame:
  push %rbp
  mov %rsp, %rbp
  sub $32, %rsp
  call *%rdi
  leave
  ret
  .size vigil_test_untabled_with_frame, . - vigil_test_untabled_with_frame

  .globl vigil_test_untabled_without_frame
  .type vigil_test_untabled_without_frame, @function
vigil_test_untabled_without_frame:
  push %rbp
  mov $0x123456789, %rbp
  sub $16, %rsp
  call *%rdi
  add $16, %rsp
  pop %rbp
  ret
  .size vigil_test_untabled_without_frame, . - vigil_test_untabled_without_frame
)");

}  // namespace vigil::shim::stacks_test
