#include "interpose/race/engine_thread.hpp"

#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "interpose/futex_lock.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/chain_compaction.hpp"
#include "interpose/race/collect.hpp"
#include "interpose/race/engine_mode.hpp"
#include "interpose/race/memory.hpp"
#include "interpose/race/shadow_map.hpp"
#include "interpose/stacks/safe_read.hpp"
#include "interpose/task_room.hpp"
#include "interpose/threads.hpp"

namespace vigil::shim::race {

thread_local constinit Hot hot __attribute__((tls_model("initial-exec")));

namespace {

// The thread has ended for us: what it still does in its last destructors is not watched.
thread_local constinit bool has_ended __attribute__((tls_model("initial-exec"))) = false;

constinit FutexLock registry_lock;
constinit EngineThread* registry = nullptr;  // guarded by registry_lock

constexpr std::uintptr_t kStackReach = 1U << 20U;  // bytes; see call_begins_slow()

std::uint32_t stack_word(std::uintptr_t stack_pointer) noexcept {
  return static_cast<std::uint32_t>(stack_pointer / sizeof(std::uintptr_t));
}

enum class For : std::uint8_t { InstrumentedCode, Variable };

bool is_on_for(For whom) noexcept {
  return whom == For::InstrumentedCode ? engine_is_native() : engine_watches_variables();
}

EngineThread* make_thread(For whom) noexcept {
  if (has_ended || stage() > Stage::Live || !ensure_live() || !is_on_for(whom)) return nullptr;
  auto* const thread = own_new<EngineThread>();
  thread->flushed = collector_round();
  registry_lock.lock();
  thread->next = registry;
  if (registry != nullptr) registry->previous = thread;
  registry = thread;
  registry_lock.unlock();
  hot.thread = thread;
  hot.covered = thread->covered.load(std::memory_order_relaxed);
  return thread;
}

void leave_registry(EngineThread& thread) noexcept {
  registry_lock.lock();
  if (thread.previous != nullptr) thread.previous->next = thread.next;
  if (thread.next != nullptr) thread.next->previous = thread.previous;
  if (registry == &thread) registry = thread.next;
  registry_lock.unlock();
}

ActorPart& part_of(Actor& actor) noexcept {
  if (actor.memory == nullptr) {
    // The actor is the first in its room.
    actor.memory = actor.has_room ? ::new (reinterpret_cast<TaskRoom*>(&actor)->part) ActorPart : own_new<ActorPart>();
  }
  return *actor.memory;
}

// Puts the words of `hot` that are the actor's into its part.
void put_away(EngineThread& thread) noexcept {
  if (thread.part != nullptr) {
    thread.part->top = hot.top;
    thread.part->limit = hot.limit;
    thread.part->lowest = hot.lowest;
  }
  thread.part = nullptr;
  thread.actor = nullptr;
  hot.epoch = nullptr;
  hot.top = nullptr;
  hot.limit = nullptr;
}

void show(EngineThread& thread, Actor& actor) noexcept {
  ActorPart& part = part_of(actor);
  thread.actor = &actor;
  thread.actor_key = key_of(actor);
  thread.part = &part;
  hot.top = part.top;
  hot.limit = part.limit;
  hot.lowest = part.lowest != 0 ? part.lowest : ~std::uintptr_t{0};
  hot.epoch = order::whole(actor.clocks).epoch_word();
}

void free_frames(ActorPart& part) noexcept {
  if (part.frames == nullptr || part.frames == part.few_frames) return;
  own_free(part.frames, static_cast<std::size_t>(part.limit - part.frames) * sizeof(CallFrame));
}

void free_part(const Actor& actor, ActorPart* part) noexcept {
  if (part == nullptr) return;
  free_frames(*part);
  if (!actor.has_room) own_delete(part);
}

// A stack is used anew: all that was touched of it is forgotten. from: hot.lowest at its end.
void forget_stack(std::uintptr_t from, std::uintptr_t end) noexcept {
  from = from / kGranuleBytes * kGranuleBytes;
  end = (end + kGranuleBytes - 1) / kGranuleBytes * kGranuleBytes;
  clear_shadow(from, end - from);
}

// What a thread has touched of its own stack, in which `inside` lies. lowest: of all its calls, of which those of a
// signal's handler, or of a fiber, may lie on another stack, anywhere below. Between the two lies the guard.
std::uintptr_t lowest_of_stack(std::uintptr_t inside, std::uintptr_t lowest) noexcept {
  constexpr std::uintptr_t kPage = 4096;
  std::uintptr_t low = inside / kPage * kPage;
  while (low > lowest && unwind::is_readable(low - kPage)) low -= kPage;
  return std::max(low, lowest);
}

// More room for calls. stack_pointer: of the call that needs it.
void grow_frames(EngineThread& thread, std::uintptr_t stack_pointer) noexcept {
  ActorPart& part = *thread.part;
  if (part.frames == nullptr) {
    // No call's stack pointer is above this one's.
    part.few_frames[0] = {0, stack_word(stack_pointer) + (1U << 30U), kRootContext};
    part.frames = part.few_frames;
    hot.top = part.frames + 1;
    hot.limit = part.frames + ActorPart::kFewFrames;
  } else {
    const std::size_t size = 2 * static_cast<std::size_t>(hot.limit - part.frames);
    auto* const frames = static_cast<CallFrame*>(own_allocate(size * sizeof(CallFrame)));
    hot.top = std::copy(part.frames, hot.top, frames);
    free_frames(part);
    part.frames = frames;
    hot.limit = frames + size;
  }
  part.limit = hot.limit;
}

}  // namespace

namespace {

constexpr std::size_t kLine = 64;  // of memory: two entries that lie side by side are in one

std::size_t bytes_of(const Memos::Sizes& sizes) noexcept {
  return sizes.moves * sizeof(Move) + sizes.places * sizeof(Memos::KnownPlace) +
         sizes.contexts * sizeof(Memos::KnownContext);
}

constexpr std::uint32_t kMostLarge = 256;  // threads with the largest tables: 68 MiB
constinit std::atomic<std::uint32_t> large{0};
constinit std::atomic<std::uint32_t> much_covered{0};  // threads with many covered entries: as many at most, 16 MiB

void cover_more(EngineThread& thread) noexcept {
  if (thread.covered_before.load(std::memory_order_relaxed) != nullptr) return;
  // relaxed: a number, no more.
  if (much_covered.fetch_add(1, std::memory_order_relaxed) >= kMostLarge) {
    much_covered.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  CoveredTable* const table = CoveredTable::make(CoveredTable::kMany);
  thread.covered_before.store(thread.covered.load(std::memory_order_relaxed), std::memory_order_release);
  thread.covered.store(table, std::memory_order_release);
  hot.covered = table;
}

}  // namespace

CoveredTable* CoveredTable::make(std::uint32_t entries) noexcept {
  auto* const table = ::new (own_allocate(bytes_of(entries), alignof(CoveredTable))) CoveredTable(entries);
  std::uninitialized_default_construct_n(table->entries_ + 1, entries - 1);
  return table;
}
void CoveredTable::unmake(CoveredTable* table) noexcept {
  if (table != nullptr) own_free(table, bytes_of(table->last_ + 1), alignof(CoveredTable));
}

EngineThread::~EngineThread() {
  // relaxed: a number, no more.
  CoveredTable* const before = covered_before.load(std::memory_order_relaxed);
  if (before != nullptr) much_covered.fetch_sub(1, std::memory_order_relaxed);
  CoveredTable::unmake(before);
  CoveredTable::unmake(covered.load(std::memory_order_relaxed));
}

void Memos::make(std::uint32_t level) noexcept {
  const Sizes& sizes = kSizes[level];
  moves_ = static_cast<Move*>(own_allocate(bytes_of(sizes), kLine));
  places_ = reinterpret_cast<KnownPlace*>(moves_ + sizes.moves);
  contexts_ = reinterpret_cast<KnownContext*>(places_ + sizes.places);
  std::uninitialized_value_construct_n(moves_, sizes.moves);
  std::uninitialized_value_construct_n(places_, sizes.places);
  std::uninitialized_value_construct_n(contexts_, sizes.contexts);
  move_mask_ = sizes.moves - 1;
  place_mask_ = sizes.places - 1;
  context_mask_ = sizes.contexts - 1;
  level_ = level;
  filled_ = 0;
  places_filled_ = 0;
}

void Memos::unmake() noexcept {
  own_free(moves_, bytes_of(kSizes[level_]), kLine);
  // relaxed: a number, no more.
  if (level_ + 1 == kSizes.size()) large.fetch_sub(1, std::memory_order_relaxed);
}

void Memos::grow() noexcept {
  const std::uint32_t level = level_ + 1;
  if (level + 1 == kSizes.size() && large.fetch_add(1, std::memory_order_relaxed) >= kMostLarge) {
    large.fetch_sub(1, std::memory_order_relaxed);
    places_filled_ = 0;
    return drop_moves();
  }
  unmake();
  make(level);
}

void drop_moves(EngineThread& thread) noexcept {
  thread.flushed = collector_round();
  thread.lone_renewals.fill({});
  if (thread.covered_missed >= EngineThread::kManyMissed) {
    cover_more(thread);
    thread.covered_missed = 0;
  }
  if (thread.memos.wants_more()) {
    thread.memos.grow();
  } else {
    thread.memos.drop_moves();
  }
}

namespace {

EngineThread* enter_for(For whom) noexcept {
  if (inside_shim) {
    if (hot.thread != nullptr) count_skipped();
    return nullptr;
  }
  EngineThread* thread = hot.thread;
  if (thread != nullptr && !is_on_for(whom)) return nullptr;
  inside_shim = true;
  if (thread == nullptr) [[unlikely]] {
    const int saved_errno = errno;
    thread = make_thread(whom);
    errno = saved_errno;
    if (thread == nullptr) {
      inside_shim = false;
      return nullptr;
    }
  }
  thread->begin_visit();
  if (thread->flushed != collector_round()) drop_moves(*thread);
  if (hot.epoch == nullptr) {
    const int saved_errno = errno;
    show(*thread, current_actor());
    errno = saved_errno;
  }
  return thread;
}

}  // namespace

EngineThread* enter_slow() noexcept { return enter_for(For::InstrumentedCode); }
EngineThread* enter_for_variable() noexcept { return enter_for(For::Variable); }
void leave_variable(EngineThread& thread) noexcept {
  if (!engine_is_native()) put_away(thread);
  leave(thread);
}

ContextId context_here_slow(EngineThread& thread) noexcept {
  CallFrame* known = hot.top - 1;
  while (known->context == kNoContext) --known;  // frames[0] is known
  for (; known != hot.top - 1; ++known) {
    CallFrame& call = known[1];
    Memos::KnownContext& seen = thread.memos.context_for(call.return_address, known->context);
    if (seen.return_address != call.return_address || seen.caller != known->context) {
      seen = {call.return_address, known->context, context_of(known->context, call.return_address)};
      thread.note_filled();
    }
    call.context = seen.context;
  }
  return known->context;
}

void actor_switched() noexcept {
  if (hot.thread == nullptr) return;
  put_away(*hot.thread);
  Actor& actor = current_actor();
  // Whoever has no part yet gets it when it needs it: a worker's own loop never does.
  if (actor.memory != nullptr && engine_is_native()) show(*hot.thread, actor);
}

namespace {

// Where the states of many stacks share pages (stack_places.hpp): the page in which those of the next group's closures
// lie becomes memory when a group's first task is made. A small task uses no other. It would be looked at before it is
// written: two faults, of which the second interrupts every other processor.
void touch_next_group(std::uintptr_t stack_end) noexcept {
  constexpr std::uintptr_t kGroupOfStacks = std::uintptr_t{stacks::kGroup} * stacks::kSlotPages * stacks::kPage;
  const std::uint32_t slot = stacks::page_of(stack_end) / stacks::kSlotPages;
  const std::uintptr_t next = stack_end + kGroupOfStacks - kGranuleBytes;
  if (slot % stacks::kGroup == 0 && is_in_stacks(next)) touch_shadow(next);
}

}  // namespace

// The runtime hands out fresh stacks one after the other, at equal distances, and writes into each before it says so.
// So the page of the next one's shadow becomes memory now: of ten thousand tasks alive each had two faults there. A
// wrong guess costs a page at most, mostly one that is there already.
void task_made(std::uintptr_t stack_end) noexcept {
  static constinit std::atomic<std::uintptr_t> last_page{0};  // relaxed: a hint
  constexpr std::uintptr_t kPage = 4096;                      // where in it a stack ends differs
  constexpr std::uintptr_t kNear = 256;                       // pages between two stacks
  if (!engine_is_native()) return;
  if (is_in_stacks(stack_end)) return touch_next_group(stack_end);
  const std::uintptr_t page = stack_end / kPage;
  const std::uintptr_t distance = page - last_page.load(std::memory_order_relaxed);
  if (distance == 0) return;
  last_page.store(page, std::memory_order_relaxed);
  const std::uintptr_t next = (page + distance) * kPage;
  if (distance <= kNear && next < kWatchedEnd) touch_shadow(next);
}

void actor_ended(Actor& actor, std::uintptr_t stack_end) noexcept {
  EngineThread* const thread = hot.thread;
  if (thread != nullptr && thread->actor == &actor) put_away(*thread);
  ActorPart* const part = std::exchange(actor.memory, nullptr);
  if (stack_end != 0 && engine_is_native()) {
    // The closure lies above every frame; without an instrumented call it is all there is.
    constexpr std::uintptr_t kLargestClosure = 16U << 10U;
    constexpr std::uintptr_t kLargestStack = 256U << 10U;
    const std::uintptr_t lowest = part != nullptr ? part->lowest : 0;
    const std::uintptr_t from =
        lowest == 0 || lowest >= stack_end ? stack_end - kLargestClosure : std::max(lowest, stack_end - kLargestStack);
    forget_stack(from, stack_end);
  }
  free_part(actor, part);
}

void thread_ended(Actor& actor) noexcept {
  EngineThread* const thread = hot.thread;
  has_ended = true;
  if (thread == nullptr) return;
  put_away(*thread);
  hot.thread = nullptr;
  hot.covered = nullptr;
  ActorPart* const part = std::exchange(actor.memory, nullptr);
  const std::uintptr_t lowest = part != nullptr && part->lowest != 0 ? part->lowest : ~std::uintptr_t{0};
  free_part(actor, part);
  // The thread's storage and its control block lie at the upper end of its stack, which the next thread gets.
  const auto control_block = static_cast<std::uintptr_t>(pthread_self());
  constexpr std::uintptr_t kControlBlock = 2304;  // at least what glibc's takes
  const bool is_main = actor.id == 1;  // its stack is nobody's after it, and its control block lies elsewhere
  if (!is_main && lowest < control_block) {
    forget_stack(lowest_of_stack(control_block, lowest), control_block + kControlBlock);
  }
  thread->states.empty();
  leave_registry(*thread);
  own_delete(thread);
}

void engine_absent() noexcept {
  has_ended = true;
  hot = Hot{};
}

void engine_forked() noexcept {
  registry_lock.reset_after_fork();
  registry = hot.thread;
  if (registry != nullptr) {
    registry->next = nullptr;
    registry->previous = nullptr;
  }
  collector_forked();
  compaction_forked();
}

void each_engine_thread(void (*visit)(EngineThread&, void*), void* context) noexcept {
  registry_lock.lock();
  for (EngineThread* thread = registry; thread != nullptr; thread = thread->next) visit(*thread, context);
  registry_lock.unlock();
}

void call_begins_slow(std::uintptr_t return_address, std::uintptr_t stack_pointer) noexcept {
  EngineThread* const thread = enter();
  if (thread == nullptr) return;
  if (hot.top != nullptr) {
    // Calls whose stack is above this one's end without having said so: a long jump went over them. A call on another
    // stack (of a signal handler) is far away, and says nothing about them.
    const std::uint32_t here = stack_word(stack_pointer);
    while (hot.top - 1 > thread->part->frames && here - hot.top[-1].stack_at < kStackReach / sizeof(std::uintptr_t)) {
      --hot.top;
    }
  }
  if (hot.top == hot.limit) grow_frames(*thread, stack_pointer);
  hot.lowest = std::min(hot.lowest, stack_pointer);
  *hot.top++ = {return_address, stack_word(stack_pointer), kNoContext};
  leave(*thread);
}

}  // namespace vigil::shim::race
