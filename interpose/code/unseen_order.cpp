#include "interpose/code/unseen_order.hpp"

#include <sys/auxv.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string_view>
#include <utility>

#include "interpose/code/instruction.hpp"
#include "interpose/race/engine_mode.hpp"
#include "interpose/stacks/elf_image.hpp"
#include "interpose/stacks/modules.hpp"

namespace vigil::shim::unseen_order {
namespace {

enum class Answer : std::uint8_t { Unknown, No, Yes };

// relaxed: the answer is the same whoever finds it, and nothing else rides on it.
constinit std::array<std::atomic<Answer>, 4097>
    answers{};  // by module; more than modules.cpp numbers are not asked for

// Larger programs are not swept: that takes longer than a program may be kept waiting (some 300 MB/s), and none of that
// size does without atomics.
constexpr std::size_t kMostCode = 32U << 20U;  // bytes

bool has_ordering_code(std::span<const std::uint8_t> code) noexcept {
  while (!code.empty()) {
    const code::Instruction at = code::decode(code);
    if (at.orders) return true;
    code = code.subspan(std::max<std::size_t>(at.length, 1));
  }
  return false;
}

bool sweep(std::uint32_t module) noexcept {
  const ModuleInfo& info = module_info(module);
  std::size_t left = kMostCode;
  bool orders = false;
  const bool known = each_code_segment(image_of(module), info.bias, [&](std::span<const std::uint8_t> code) {
    orders = code.size() > left || has_ordering_code(code);
    left -= orders ? 0 : code.size();
    return !orders;
  });
  return orders || !known;
}

bool may_order(std::uint32_t module) noexcept {
  if (module == 0 || module >= answers.size()) return true;
  Answer answer = answers[module].load(std::memory_order_relaxed);
  if (answer == Answer::Unknown) {
    answer = sweep(module) ? Answer::Yes : Answer::No;
    answers[module].store(answer, std::memory_order_relaxed);
  }
  return answer == Answer::Yes;
}

// What these order by, threads and locks, is seen at their functions.
bool is_of_the_system(const ModuleInfo& info) noexcept {
  if (info.is_vigil) return true;
  std::string_view name(info.path);
  name.remove_prefix(name.rfind('/') + 1);
  return std::ranges::any_of(std::array<std::string_view, 8>{"libc.so", "libstdc++.so", "libc++.so", "libpthread.so",
                                                             "libm.so", "libgcc_s.so", "ld-linux", "linux-vdso"},
                             [&](std::string_view system) { return name.starts_with(system); });
}

bool leads_through_ordering_code(StackId stack) noexcept {
  std::uint32_t before = 0;
  for (std::size_t frame = 0; frame < frames_of(stack).size(); ++frame) {
    const std::uint32_t module = locate(stack, frame).module;
    if (module == std::exchange(before, module)) continue;
    if (module == 0 || (!is_of_the_system(module_info(module)) && may_order(module))) return true;
  }
  return false;
}

bool all_is_seen() noexcept { return race::engine_is_native(); }
// The sanitizer's runtime sees the program's atomics, and does not say.
bool nothing_is_known() noexcept { return race::engine_mode() == race::EngineMode::Tsan; }

}  // namespace

bool is_of_the_system(std::uint32_t module) noexcept { return module != 0 && is_of_the_system(module_info(module)); }

bool possible() noexcept {
  if (all_is_seen()) return false;
  return nothing_is_known() || may_order(module_at(getauxval(AT_ENTRY)));
}

bool possible(StackId one, StackId other) noexcept {
  if (all_is_seen()) return false;
  return possible() || leads_through_ordering_code(one) || leads_through_ordering_code(other);
}

}  // namespace vigil::shim::unseen_order
