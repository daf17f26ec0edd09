#include "interpose/stack_capture.hpp"

#include <gnu/libc-version.h>
#include <sys/auxv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "interpose/current.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/real_pthread.hpp"
#include "interpose/stacks/modules.hpp"
#include "interpose/stacks/recent_stacks.hpp"
#include "interpose/stacks/unwind.hpp"

namespace vigil::shim {

namespace detail {
thread_local constinit std::uintptr_t task_stack_end __attribute__((tls_model("initial-exec"))) = 0;
}  // namespace detail

namespace {

constexpr std::size_t kInnermost = 96;
constexpr std::size_t kOutermost = kMaxFrames - kInnermost;

// What a walk visits, without the shim's own frames: the innermost 96, and of the rest the outermost 32. Of the
// runtime's frames at the inner end only the outermost is kept, the one that the program called: how the runtime got
// from there to the event differs from time to time, and one place in the program is to be one stack.
class Frames {
 public:
  // skip: this many visited frames do not count (the capturing function, where its code does not tell it as the
  // shim's).
  explicit Frames(std::size_t skip) noexcept : skip_(skip), skip_left_(skip) {}

  bool visit(std::uintptr_t pc) noexcept {
    if (skip_left_ != 0) {
      --skip_left_;
      return true;
    }
    if (shim_code.holds(pc)) return true;
    if (seen_ <= 1 && in_runtime_) {
      in_runtime_ = runtime_code.holds(pc);
      if (in_runtime_) seen_ = 0;
    }
    const std::size_t place = seen_ < kInnermost ? seen_ : kInnermost + (seen_ - kInnermost) % kOutermost;
    frames_[place] = pc;
    ++seen_;
    return true;
  }
  void remember_in(RecentStacks::Entry& entry, StackPlace place) noexcept {
    recent_ = &entry;
    place_ = place;
    entry.frames = 0;
    entry.forget();
  }
  void returns_by(std::uintptr_t place, std::uintptr_t address) noexcept {
    if (recent_ == nullptr) return;
    if (place < place_.stack_pointer) return;  // further in: how the shim came to ask
    const std::uintptr_t offset = place - place_.stack_pointer;
    if (recent_->frames == RecentStacks::kMostFrames || offset > UINT32_MAX || !place_.reaches(offset)) {
      return do_not_remember();
    }
    recent_->offsets[recent_->frames] = static_cast<std::uint32_t>(offset);
    recent_->returns[recent_->frames++] = address;
  }
  // Whether the entry holds all of them.
  [[nodiscard]] bool are_remembered() const noexcept {
    return recent_ != nullptr && recent_->frames != 0 && recent_->offsets[0] == 0;
  }
  void restarted() noexcept {
    do_not_remember();
    seen_ = 0;
    in_runtime_ = true;
    skip_left_ = skip_;
  }
  std::span<const std::uintptr_t> in_order() noexcept {
    if (seen_ > kMaxFrames) {
      const auto oldest = static_cast<std::ptrdiff_t>((seen_ - kInnermost) % kOutermost);
      const auto outer = frames_.begin() + static_cast<std::ptrdiff_t>(kInnermost);
      std::rotate(outer, outer + oldest, frames_.end());
    }
    return std::span(frames_).first(std::min(seen_, kMaxFrames));
  }

 private:
  void do_not_remember() noexcept { recent_ = nullptr; }

  RecentStacks::Entry* recent_ = nullptr;
  StackPlace place_{};  // of what recent_ is to remember
  const std::size_t skip_;
  std::size_t skip_left_;
  std::size_t seen_ = 0;
  bool in_runtime_ = true;                         // every frame so far was the runtime's
  std::array<std::uintptr_t, kMaxFrames> frames_;  // not cleared: a kilobyte, on the hot path
};

using detail::lane;
// Thousands of threads that are asked for their stack once or twice need no memory for it: 24 KiB each.
constexpr std::uint8_t kWalkedFirst = 4;
thread_local constinit std::uint8_t walked __attribute__((tls_model("initial-exec"))) = 0;
thread_local constinit bool thread_is_over __attribute__((tls_model("initial-exec"))) = false;

StackId walk_from(const unwind::Registers& here, Frames& frames) noexcept {
  unwind::StackWindow stack(here.get(unwind::Reg::Rsp));
  unwind::walk(here, stack, frames);
  return intern_stack(frames.in_order());
}

}  // namespace

namespace {

// Code that calls main, or what a thread was started with, and what calls that code.
bool starts_others(std::uintptr_t return_address) noexcept {
  constexpr std::uintptr_t kEntryBytes = 64;  // of _start
  if (return_address - getauxval(AT_ENTRY) < kEntryBytes || shim_code.holds(return_address)) return true;
  const std::uint32_t module = module_at(return_address);
  // glibc before 2.34 has a library of its own for threads.
  return module != 0 && (module == module_at(reinterpret_cast<std::uintptr_t>(&gnu_get_libc_version)) ||
                         module == module_at(reinterpret_cast<std::uintptr_t>(detail::real_pthread_table.mutex_lock)));
}

}  // namespace

RecentStacks::Base RecentStacks::base_of(const Entry& entry, StackPlace place) noexcept {
  Base base;
  // One is left to be looked at.
  while (base.frames < Base::kMost && base.frames + 1 < entry.frames) {
    const std::uint32_t frame = entry.frames - 1 - base.frames;
    if (!starts_others(entry.returns[frame])) break;
    base.places[base.frames] = place.stack_pointer + entry.offsets[frame];
    base.returns[base.frames++] = entry.returns[frame];
  }
  return base;
}

bool RecentStacks::ends_in(const Entry& entry, StackPlace place, const Base& base) noexcept {
  if (base.frames == 0 || base.frames >= entry.frames) return false;
  for (std::uint32_t i = 0; i < base.frames; ++i) {
    const std::uint32_t frame = entry.frames - 1 - i;
    if (base.places[i] != place.stack_pointer + entry.offsets[frame] || base.returns[i] != entry.returns[frame])
      return false;
  }
  return true;
}

void RecentStacks::complete(Entry& entry, StackPlace place) noexcept {
  if (place.number < StackPlace::kLargestStack) return;  // a task's
  if (!ends_in(entry, place, base_)) {
    if (bases_ == kMostBases) return;
    const Base base = base_of(entry, place);
    if (base.frames == 0) return;
    ++bases_;
    base_ = base;
    for (Entry& other : entries_) {
      if (&other != &entry) other.forget();
    }
  }
  entry.frames -= base_.frames;
}

RecentStacks* recent_stacks() noexcept {
  if (lane.recent == nullptr && !thread_is_over) {
    if (walked == kWalkedFirst) {
      lane.recent = own_new<RecentStacks>();
    } else {
      ++walked;
    }
  }
  return lane.recent;
}

void forget_recent_stacks() noexcept {
  thread_is_over = true;
  own_delete(std::exchange(lane.recent, nullptr));
}

namespace {

[[gnu::noinline]] StackId capture_anew(const unwind::Registers& here, RecentStacks::Entry* entry,
                                       StackPlace place) noexcept {
  Frames frames(1);
  if (entry == nullptr) return walk_from(here, frames);
  frames.remember_in(*entry, place);
  entry->stack = walk_from(here, frames);
  entry->generation = modules_generation();
  if (frames.are_remembered()) {
    entry->place = place.number;
    lane.recent->complete(*entry, place);
  }
  return entry->stack;
}

}  // namespace

[[gnu::noinline]] StackId capture_stack() noexcept {
  // The word below the caller's frame is the return address of this function.
  const auto stack_pointer = reinterpret_cast<std::uintptr_t>(__builtin_dwarf_cfa()) - sizeof(std::uintptr_t);
  const StackPlace place = StackPlace::in_task(stack_pointer, detail::task_stack_end);
  RecentStacks* const mine = recent_stacks();
  if (mine == nullptr) return capture_anew(unwind::current_registers(), nullptr, place);
  const auto first_return = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
  if (const RecentStacks::Entry* const entry = mine->find(place, first_return, modules_generation())) [[likely]]
    return entry->stack;
  return capture_anew(unwind::current_registers(), &mine->replace(place, first_return), place);
}

[[gnu::noinline]] StackId capture_stack_from(StackPlace place, std::uintptr_t first_return) noexcept {
  const int saved_errno = errno;
  RecentStacks* const mine = recent_stacks();
  const StackId stack =
      capture_anew(unwind::current_registers(), mine == nullptr ? nullptr : &mine->replace(place, first_return), place);
  errno = saved_errno;
  return stack;
}

StackId capture_parked(const vigil_probe_registers& saved, std::uintptr_t stack_low,
                       std::uintptr_t stack_high) noexcept {
  using unwind::Reg;
  unwind::Registers start;
  start.set(Reg::Rip, saved.rip);
  start.set(Reg::Rsp, saved.rsp);
  start.set(Reg::Rbp, saved.rbp);
  start.set(Reg::Rbx, saved.rbx);
  start.set(Reg::R12, saved.r12);
  start.set(Reg::R13, saved.r13);
  start.set(Reg::R14, saved.r14);
  start.set(Reg::R15, saved.r15);
  if (saved.rsp < stack_low || saved.rsp >= stack_high) return kNoStack;
  unwind::StackWindow stack(stack_low, stack_high);
  Frames frames(0);
  unwind::walk(start, stack, frames);
  return intern_stack(frames.in_order());
}

}  // namespace vigil::shim
