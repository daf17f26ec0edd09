#include "interpose/confinement.hpp"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

namespace vigil::shim::confinement {
namespace {

constexpr sock_filter statement(unsigned code, std::uint32_t k) { return {static_cast<std::uint16_t>(code), 0, 0, k}; }
constexpr sock_filter jump(unsigned code, std::uint32_t k, std::uint8_t jt, std::uint8_t jf) {
  return {static_cast<std::uint16_t>(BPF_JMP | code | BPF_K), jt, jf, k};
}
constexpr unsigned kLoadConstant = BPF_IMM;  // BPF_LD is 0
constexpr sock_filter kNumber = statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
constexpr sock_filter kArgument = statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args));
constexpr sock_filter kAllow = statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
constexpr sock_filter kRefuse = statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1);
constexpr sock_filter kKill = statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);

TEST(Confinement, ACallThatIsAllowedOrRefusedPasses) {
  const std::array filter{kNumber, jump(BPF_JEQ, SYS_mmap, 1, 0), jump(BPF_JEQ, SYS_openat, 1, 2), kAllow, kRefuse,
                          kKill};
  EXPECT_TRUE(lets_pass(filter, SYS_mmap));
  EXPECT_TRUE(lets_pass(filter, SYS_openat));
  EXPECT_FALSE(lets_pass(filter, SYS_execve));
}

TEST(Confinement, ACallThatIsKilledForAnArgumentDoesNotPass) {
  const std::array filter{kNumber, jump(BPF_JEQ, SYS_mmap, 0, 2), kArgument, jump(BPF_JEQ, 7, 1, 0), kAllow, kKill};
  EXPECT_FALSE(lets_pass(filter, SYS_mmap));
  EXPECT_TRUE(lets_pass(filter, SYS_munmap));
}

TEST(Confinement, WhereTwoWaysMeetBothCount) {
  const std::array filter{kArgument,
                          jump(BPF_JEQ, 0, 0, 2),
                          statement(kLoadConstant, 2),
                          statement(BPF_JMP | BPF_JA, 1),
                          statement(kLoadConstant, 3),
                          jump(BPF_JEQ, 3, 0, 1),
                          kAllow,
                          kKill};
  EXPECT_FALSE(lets_pass(filter, SYS_mmap));
}

TEST(Confinement, NothingPassesAFilterThatLeadsNowhere) {
  EXPECT_FALSE(lets_pass({}, SYS_mmap));
  EXPECT_FALSE(lets_pass(std::array{kNumber}, SYS_mmap));
}

// ---- against a machine that runs one filter with one set of arguments ----

// The action for this call, or nothing when the filter runs off its end.
std::optional<std::uint32_t> run(std::span<const sock_filter> filter, const seccomp_data& call) {
  std::uint32_t a = 0;
  std::uint32_t x = 0;
  for (std::size_t at = 0; at < filter.size(); ++at) {
    const sock_filter& code = filter[at];
    const auto* const words = reinterpret_cast<const std::uint32_t*>(&call);
    switch (code.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        a = words[code.k / sizeof(std::uint32_t)];
        break;
      case kLoadConstant:
        a = code.k;
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        a &= code.k;
        break;
      case BPF_ALU | BPF_ADD:  // BPF_K is 0
        a += code.k;
        break;
      case BPF_MISC | BPF_TAX:
        x = a;
        break;
      case BPF_MISC | BPF_TXA:
        a = x;
        break;
      case BPF_JMP | BPF_JA:
        at += code.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += a == code.k ? code.jt : code.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += a >= code.k ? code.jt : code.jf;
        break;
      case BPF_JMP | BPF_JGT | BPF_X:
        at += a > x ? code.jt : code.jf;
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        at += (a & code.k) != 0 ? code.jt : code.jf;
        break;
      default:
        return code.k & SECCOMP_RET_ACTION_FULL;
    }
  }
  return std::nullopt;
}

class RandomFilter {
 public:
  explicit RandomFilter(unsigned seed) : random_(seed) {}
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }
  std::vector<sock_filter> make() {
    std::vector<sock_filter> filter{kNumber};
    const std::uint32_t length = 6 + below(10);
    while (filter.size() < length) filter.push_back(instruction(length - static_cast<std::uint32_t>(filter.size())));
    filter.push_back(below(4) == 0 ? kKill : kAllow);
    return filter;
  }

 private:
  // left: instructions behind this one.
  sock_filter instruction(std::uint32_t left) {
    const std::uint32_t value = below(4);
    const auto by = [&] { return static_cast<std::uint8_t>(below(left)); };
    switch (below(11)) {
      case 0:
        return kNumber;
      case 1:
        return statement(BPF_LD | BPF_W | BPF_ABS,
                         static_cast<std::uint32_t>(offsetof(seccomp_data, args)) + 4 * below(2));
      case 2:
        return statement(kLoadConstant, value);
      case 3:
        return statement(BPF_ALU | (below(2) == 0 ? BPF_AND : BPF_ADD) | BPF_K, value);
      case 4:
        return statement(BPF_MISC | (below(2) == 0 ? BPF_TAX : BPF_TXA), 0);
      case 5:
        return statement(BPF_JMP | BPF_JA, by());
      case 6:
        return jump(BPF_JEQ, value, by(), by());
      case 7:
        return jump(BPF_JGE, value, by(), by());
      case 8:
        return {BPF_JMP | BPF_JGT | BPF_X, by(), by(), 0};
      case 9:
        return jump(BPF_JSET, value, by(), by());
      default:
        return below(3) == 0 ? kKill : kRefuse;
    }
  }
  std::mt19937 random_;
};

TEST(Confinement, WhatPassesIsKilledForNoArgument) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  RandomFilter random(seed);
  int passed = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::vector<sock_filter> filter = random.make();
    for (std::uint32_t number = 0; number < 4; ++number) {
      if (!lets_pass(filter, number)) continue;
      ++passed;
      for (std::uint32_t argument = 0; argument < 16; ++argument) {
        seccomp_data call{};
        call.nr = static_cast<int>(number);
        call.arch = AUDIT_ARCH_X86_64;
        call.args[0] = (argument & 3U) | std::uint64_t{argument >> 2U} << 32U;
        const std::optional<std::uint32_t> action = run(filter, call);
        ASSERT_TRUE(action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_ERRNO) << "filter " << i;
      }
    }
  }
  EXPECT_GT(passed, 3000);  // of 12,000: the test says something
}

}  // namespace
}  // namespace vigil::shim::confinement
