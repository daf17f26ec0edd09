// What a stack costs, by depth: our walk and its parts, a frame-pointer walk over the same frames, and libgcc's
// unwinder.
#include <benchmark/benchmark.h>
#include <unwind.h>

#include <array>
#include <cstdint>

#include "interpose/stack_capture.hpp"
#include "interpose/stacks/unwind.hpp"
#include "interpose/stacks/unwind_rule.hpp"

namespace vigil::shim {
namespace {

struct List {
  std::array<std::uintptr_t, kMaxFrames> frames;
  std::size_t count = 0;
  bool visit(std::uintptr_t pc) noexcept {
    frames[count++] = pc;
    return count < frames.size();
  }
  void restarted() noexcept { count = 0; }
};

// Runs body under `depth` frames more.
template <class Body>
[[gnu::noinline]] void at_depth(std::int64_t depth, const Body& body) {
  if (depth > 0) {
    at_depth(depth - 1, body);
  } else {
    body();
  }
  asm volatile("" ::: "memory");
}

// So that a stack has the frames asked for and not the benchmark library's as well: they are few, and part of the
// count.
void set_frames(benchmark::State& state) {
  state.counters["frames"] = static_cast<double>(frames_of(capture_stack()).size());
}

void capture(benchmark::State& state) {
  at_depth(state.range(0), [&] {
    for (auto _ : state) benchmark::DoNotOptimize(capture_stack());
    set_frames(state);
  });
}

[[gnu::noinline]] std::size_t walk_only() {
  const unwind::Registers here = unwind::current_registers();
  unwind::StackWindow stack(here.get(unwind::Reg::Rsp));
  List list;
  unwind::walk(here, stack, list);
  return list.count;
}

void walk(benchmark::State& state) {
  at_depth(state.range(0), [&] {
    for (auto _ : state) benchmark::DoNotOptimize(walk_only());
    set_frames(state);
  });
}

void intern(benchmark::State& state) {
  at_depth(state.range(0), [&] {
    const auto frames = frames_of(capture_stack());
    for (auto _ : state) benchmark::DoNotOptimize(intern_stack(frames));
    set_frames(state);
  });
}

// The same frames by rbp alone. Right only where all code keeps a frame pointer, which no walk can know.
[[gnu::noinline]] std::size_t walk_frame_pointers(std::size_t most) {
  List list;
  auto frame = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  unwind::StackWindow stack(frame);
  for (std::size_t i = 0; i < most; ++i) {
    std::uint64_t next = 0;
    std::uint64_t rip = 0;
    if (!stack.read(frame, next) || !stack.read(frame + 8, rip) || next <= frame) break;
    list.visit(rip - 1);
    frame = next;
  }
  return list.count;
}

void frame_pointers(benchmark::State& state) {
  at_depth(state.range(0), [&] {
    // Only the frames of this file: libc and the benchmark library keep no frame pointer.
    const auto frames = static_cast<std::size_t>(state.range(0)) + 2;
    for (auto _ : state) benchmark::DoNotOptimize(walk_frame_pointers(frames));
    state.counters["frames"] = static_cast<double>(walk_frame_pointers(frames));
  });
}

void libgcc(benchmark::State& state) {
  at_depth(state.range(0), [&] {
    for (auto _ : state) {
      List list;
      _Unwind_Backtrace(
          [](_Unwind_Context* context, void* out) {
            static_cast<List*>(out)->visit(_Unwind_GetIP(context));
            return _URC_NO_REASON;
          },
          &list);
      benchmark::DoNotOptimize(list.count);
    }
    set_frames(state);
  });
}

void cold_rule(benchmark::State& state) {
  const auto pc = reinterpret_cast<std::uintptr_t>(&walk_only) + 20;
  for (auto _ : state) benchmark::DoNotOptimize(unwind::make_rule(pc));
}

BENCHMARK(capture)->Arg(0)->Arg(4)->Arg(14)->Arg(40);
BENCHMARK(walk)->Arg(0)->Arg(4)->Arg(14)->Arg(40);
BENCHMARK(intern)->Arg(0)->Arg(4)->Arg(14)->Arg(40);
BENCHMARK(frame_pointers)->Arg(4)->Arg(14)->Arg(40);
BENCHMARK(libgcc)->Arg(0)->Arg(4)->Arg(14)->Arg(40);
BENCHMARK(cold_rule);

}  // namespace
}  // namespace vigil::shim
