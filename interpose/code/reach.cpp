#include "interpose/code/reach.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <string_view>

#include "interpose/code/instruction.hpp"
#include "interpose/futex_lock.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/stacks/eh_frame.hpp"
#include "interpose/stacks/elf_image.hpp"
#include "interpose/stacks/modules.hpp"
#include "interpose/stacks/safe_read.hpp"

namespace vigil::shim::code {
namespace {

// More is not looked at: at some 300 MB/s that takes longer than a program may be kept waiting, and nothing of that
// size does without atomics.
constexpr std::size_t kMostOfModule = 32U << 20U;  // bytes
constexpr std::size_t kMostOfReach = 4U << 20U;    // bytes
constexpr std::size_t kLongestInstruction = 15;    // bytes

enum class Answer : std::uint8_t { Unknown, No, Yes };

// ---- a module's whole code ----------------------------------------------------------------------------------------

// relaxed: the answer is the same whoever finds it, and nothing else rides on it.
constinit std::array<std::atomic<Answer>, 4097> of_modules{};  // more than modules.cpp numbers are not asked for

bool has_ordering(std::span<const std::uint8_t> code) noexcept {
  while (!code.empty()) {
    const Instruction at = decode(code);
    if (at.orders) return true;
    code = code.subspan(std::max<std::size_t>(at.length, 1));
  }
  return false;
}

bool sweep(std::uint32_t module) noexcept {
  std::size_t left = kMostOfModule;
  bool orders = false;
  const bool known =
      each_code_segment(image_of(module), module_info(module).bias, [&](std::span<const std::uint8_t> code) {
        orders = code.size() > left || has_ordering(code);
        left -= orders ? 0 : code.size();
        return !orders;
      });
  return orders || !known;
}

bool module_has_ordering(std::uint32_t module) noexcept {
  if (module >= of_modules.size()) return true;
  Answer answer = of_modules[module].load(std::memory_order_relaxed);
  if (answer == Answer::Unknown) {
    answer = sweep(module) ? Answer::Yes : Answer::No;
    of_modules[module].store(answer, std::memory_order_relaxed);
  }
  return answer == Answer::Yes;
}

// What these order by, threads and locks, is seen at their functions.
bool is_system(const ModuleInfo& info) noexcept {
  if (info.is_vigil) return true;
  std::string_view name(info.path);
  name.remove_prefix(name.rfind('/') + 1);
  return std::ranges::any_of(std::array<std::string_view, 8>{"libc.so", "libstdc++.so", "libc++.so", "libpthread.so",
                                                             "libm.so", "libgcc_s.so", "ld-linux", "linux-vdso"},
                             [&](std::string_view system) { return name.starts_with(system); });
}

}  // namespace

bool is_of_the_system(std::uint32_t module) noexcept { return module != 0 && is_system(module_info(module)); }

namespace {

// ---- one stack's reach --------------------------------------------------------------------------------------------

std::span<const std::uint8_t> code_at(std::uintptr_t address, std::size_t bytes) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(address), bytes};
}

enum class Sought : std::uint8_t { Ordering, Loop };

class Search {
 public:
  explicit Search(Sought sought) noexcept : sought_(sought) {}
  // Whether it is found, or nobody knows.
  bool run(StackId stack) noexcept {
    const std::span<const std::uintptr_t> frames = frames_of(stack);
    if (frames.empty()) return true;
    calls_.assign(frames.begin(), frames.end());
    std::ranges::sort(calls_);
    for (std::size_t frame = 0; frame < frames.size(); ++frame) {
      const std::uint32_t module = locate(stack, frame).module;
      if (module == 0 || image_of(module) == 0) return true;
      if (!is_of_the_system(module)) to_visit_.push_back(frames[frame]);
    }
    while (!to_visit_.empty()) {
      const std::uintptr_t next = to_visit_.back();
      to_visit_.pop_back();
      if (!visit(next)) return true;
    }
    return false;
  }

 private:
  // False: what is sought is there, or nobody knows.
  bool visit(std::uintptr_t pc) noexcept {
    unwind::Entry function;
    if (!unwind::find_entry(pc, function) || function.end <= function.begin) return false;
    if (!seen_.insert(function.begin).second) return true;
    const std::size_t bytes = function.end - function.begin;
    if (bytes > left_) return false;
    left_ -= bytes;
    for (std::uintptr_t at = function.begin; at < function.end;) {
      const Instruction instruction = decode(code_at(at, function.end - at));
      const bool is_it = sought_ == Sought::Ordering ? instruction.orders : goes_back(instruction, at, function);
      if (is_it || !follow(instruction, at, function)) return false;
      at += std::max<std::size_t>(instruction.length, 1);
    }
    return true;
  }

  static bool goes_back(const Instruction& instruction, std::uintptr_t at, const unwind::Entry& function) noexcept {
    const std::uintptr_t target = target_of(instruction, at);
    return instruction.flow == Flow::Direct && target > function.begin && target <= at;  // its begin: calls itself
  }

  bool follow(const Instruction& instruction, std::uintptr_t at, const unwind::Entry& function) noexcept {
    const std::uintptr_t target = target_of(instruction, at);
    switch (instruction.flow) {
      case Flow::None:
        return true;
      case Flow::Direct:
        return (target >= function.begin && target < function.end) || enter(target);
      case Flow::Slot:
        return enter_through(target);
      case Flow::Anywhere: {
        const auto call = std::ranges::lower_bound(calls_, at);
        return (call != calls_.end() && *call < at + instruction.length) || !module_has_ordering(module_at(at));
      }
    }
    return false;
  }

  bool enter_through(std::uintptr_t slot) noexcept {
    if (slot % sizeof(std::uintptr_t) != 0 || !unwind::is_readable(slot)) return false;
    const std::uintptr_t target = *reinterpret_cast<const std::uintptr_t*>(slot);
    return target == 0 || enter(target);
  }

  bool enter(std::uintptr_t target) noexcept {
    const std::uint32_t module = module_at(target);
    if (module == 0) return false;
    if (is_of_the_system(module)) return true;
    // The linker's own code has one table entry for all of it, so it is known by what it does: through a slot to the
    // function or, when that was never called, on to the loader.
    const std::uintptr_t start = target + landing_at(target);
    const Instruction first = instruction_at(start);
    if (first.flow == Flow::Slot) return enter_through(target_of(first, start));
    if (first.length == kPush && instruction_at(start + kPush).flow == Flow::Direct && byte_at(start) == kPushOpcode)
      return true;
    to_visit_.push_back(target);
    return true;
  }

  static constexpr std::size_t kPush = 5;  // bytes of a push with a number
  static constexpr std::uint8_t kPushOpcode = 0x68;

  static std::uint8_t byte_at(std::uintptr_t at) noexcept { return *reinterpret_cast<const std::uint8_t*>(at); }
  static Instruction instruction_at(std::uintptr_t at) noexcept { return decode(code_at(at, kLongestInstruction)); }
  static std::uintptr_t target_of(const Instruction& instruction, std::uintptr_t at) noexcept {
    return at + instruction.length + static_cast<std::uintptr_t>(std::intptr_t{instruction.displacement});
  }
  // How long the endbr64 is that code begins with, if it does.
  static std::size_t landing_at(std::uintptr_t at) noexcept {
    constexpr std::array<std::uint8_t, 4> kEndbr64{0xF3, 0x0F, 0x1E, 0xFA};
    return instruction_at(at).length == kEndbr64.size() && std::ranges::equal(code_at(at, kEndbr64.size()), kEndbr64)
               ? kEndbr64.size()
               : 0;
  }

  const Sought sought_;
  OwnVector<std::uintptr_t> calls_;  // by address: the calls on the stack
  OwnVector<std::uintptr_t> to_visit_;
  OwnSet<std::uintptr_t> seen_;  // functions, by where they begin
  std::size_t left_ = kMostOfReach;
};

// ---- answers kept -------------------------------------------------------------------------------------------------

struct Answers {
  OwnMap<std::uint32_t, bool> by_stack;
  std::uint32_t generation = 0;  // of the modules; after a dlclose an address may mean another function
};

// Only ever tried: whoever does not get it, as the child of a fork whose parent held it, finds the answer anew.
constinit FutexLock answers_lock;
constinit Answers* answers = nullptr;  // guarded by answers_lock

Answers& current_answers() noexcept {
  if (answers == nullptr) answers = own_new<Answers>();
  const std::uint32_t generation = modules_generation();
  if (answers->generation != generation) {
    answers->by_stack.clear();
    answers->generation = generation;
  }
  return *answers;
}

}  // namespace

bool reaches_ordering(StackId stack) noexcept {
  const auto key = static_cast<std::uint32_t>(stack);
  {
    const std::unique_lock lock(answers_lock, std::try_to_lock);
    if (lock.owns_lock()) {
      const Answers& known = current_answers();
      const auto found = known.by_stack.find(key);
      if (found != known.by_stack.end()) return found->second;
    }
  }
  const bool answer = Search(Sought::Ordering).run(stack);
  const std::unique_lock lock(answers_lock, std::try_to_lock);
  if (lock.owns_lock()) current_answers().by_stack[key] = answer;
  return answer;
}

bool reaches_loop(StackId stack) noexcept { return Search(Sought::Loop).run(stack); }

}  // namespace vigil::shim::code
