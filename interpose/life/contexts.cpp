#include "interpose/life/contexts.hpp"

#include <utility>

#include "interpose/called_by_exit.hpp"
#include "interpose/finding_writer.hpp"
#include "interpose/futex_lock.hpp"
#include "interpose/objects.hpp"
#include "interpose/runtime_view.hpp"
#include "interpose/task_room.hpp"
#include "interpose/words.hpp"

namespace vigil::shim::contexts {
namespace {

constinit FutexLock table_lock;
constinit OwnMap<std::uintptr_t, ContextObject*>* table = nullptr;          // by address; guarded by table_lock
constinit OwnMap<std::uintptr_t, std::uintptr_t>* done_channels = nullptr;  // to their contexts; made with the table

class TableHold {
 public:
  TableHold() noexcept : held_(lock_within(table_lock)) {
    if (!held_ || table != nullptr) return;
    table = own_new<OwnMap<std::uintptr_t, ContextObject*>>();
    done_channels = own_new<OwnMap<std::uintptr_t, std::uintptr_t>>();
  }
  ~TableHold() {
    if (held_) table_lock.unlock();
  }
  TableHold(const TableHold&) = delete;
  TableHold& operator=(const TableHold&) = delete;
  [[nodiscard]] ContextObject* find(std::uintptr_t address) const noexcept {
    if (!held_) return nullptr;
    const auto at = table->find(address);
    return at == table->end() ? nullptr : at->second;
  }
  explicit operator bool() const noexcept { return held_; }

 private:
  const bool held_;
};

std::uint64_t tasks_started() noexcept {
  vigil_probe_counts counts{};
  if (runtime() != nullptr) runtime()->counts(&counts);
  return counts.started;
}

std::uintptr_t number(const void* address) noexcept { return reinterpret_cast<std::uintptr_t>(address); }

ContextObject* retain(ContextObject* context) noexcept {
  if (context != nullptr) context->references.fetch_add(1, std::memory_order_relaxed);  // the caller's keeps it alive
  return context;
}

// Link by link: a chain of contexts may be long.
void release(ContextObject* context) noexcept {
  // acq_rel: what every holder did happens before it goes.
  while (context != nullptr && context->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    ContextObject* const parent = context->parent;
    own_delete(context);
    context = parent;
  }
}

// The one whose end is this one's: itself when it can be done, else its nearest ancestor that can.
const ContextObject* source_of(const ContextObject* context) noexcept {
  for (; context != nullptr; context = context->parent) {
    if ((context->flags & VIGIL_CONTEXT_CANCELLABLE) != 0) return context;
    if ((context->flags & VIGIL_CONTEXT_DETACHED) != 0) return nullptr;
  }
  return nullptr;
}

bool ends_by_itself(const ContextObject* context) noexcept {
  for (; context != nullptr && (context->flags & VIGIL_CONTEXT_DETACHED) == 0; context = context->parent) {
    if ((context->flags & VIGIL_CONTEXT_DEADLINE) != 0) return true;
  }
  return false;
}

// Whether somebody can still call a cancel function, its own or an ancestor's, or time will end it, or it has ended.
bool can_end(const ContextObject* context) noexcept {
  for (; context != nullptr; context = context->parent) {
    const bool is_cancellable = (context->flags & VIGIL_CONTEXT_CANCELLABLE) != 0;
    if ((context->flags & VIGIL_CONTEXT_DEADLINE) != 0 || context->reason.load(std::memory_order_acquire) != 0 ||
        (is_cancellable && !context->is_abandoned)) {
      return true;
    }
    if ((context->flags & VIGIL_CONTEXT_DETACHED) != 0) return false;
  }
  return false;
}

// Null: the context is none of those, or it can end. Under the table's lock.
const ContextObject* if_abandoned(const ContextObject* context) noexcept {
  const ContextObject* const source = source_of(context);
  return source != nullptr && !can_end(source) ? source : nullptr;
}

const ContextObject* if_ended(const ContextObject* context) noexcept {
  const ContextObject* const source = source_of(context);
  // acquire: pairs with the release in done().
  return source != nullptr && source->reason.load(std::memory_order_acquire) != 0 ? source : nullptr;
}

void tell_leak(const ContextObject& context) noexcept {
  const ActorInfo maker = info_of(context.maker, "");
  Line message;
  message << words_for(maker).view()
          << " made a cancellable context whose last handle is gone, and nobody ever called its cancel function: "
             "whoever waits for it, and its place in its parent, stayed until now";
  const Participant participant{.role = "maker",
                                .actor = maker,
                                .operation = "with_cancel",
                                .held = {},
                                .stack = context.created_at,
                                .note = "the context was made here"};
  report({.kind = Kind::ContextLeak,
          .message = message.view(),
          .hint = {},
          .participants = {&participant, 1},
          .objects = {}});
}

// Of the contexts that the task was started with, older than itself, the first of which `choose` says another. The
// closure lies right below the task's control block, of which the actor is a part (runtime/src/task.hpp). Nothing
// breaks when that changes: then a task is told as a leak only.
template <class Choose>
const ContextObject* find_in_closure(const TableHold& hold, const vigil_probe_actor_view& task,
                                     Choose choose) noexcept {
  constexpr std::uintptr_t kLine = 64;
  constexpr std::size_t kMostWords = 32;
  const std::uintptr_t end = end_of_frames(task.actor) & ~(kLine - 1);
  if (end > task.stack_high || end < task.stack_low + kMostWords * sizeof(std::uintptr_t)) return nullptr;
  const auto* const words = reinterpret_cast<const std::uintptr_t*>(end) - kMostWords;
  for (std::size_t i = 0; i < kMostWords; ++i) {
    const ContextObject* const known = hold.find(words[i]);
    if (known == nullptr || known->tasks_before >= task.actor->id) continue;
    if (const ContextObject* const found = choose(known); found != nullptr) return found;
  }
  return nullptr;
}

}  // namespace

void made(const Actor& actor, const void* context, const void* parent, const void* done, std::uint32_t flags) noexcept {
  auto* const fresh = own_new<ContextObject>();
  fresh->address = number(context);
  fresh->flags = flags;
  if ((flags & VIGIL_CONTEXT_CANCELLABLE) != 0) fresh->done = number(done);
  fresh->maker = key_of(actor);
  fresh->tasks_before = tasks_started();
  fresh->created_at = capture_stack();
  fresh->references.store(1, std::memory_order_relaxed);
  ContextObject* old = nullptr;
  {
    const TableHold hold;
    if (!hold) return;
    fresh->parent = retain(hold.find(number(parent)));
    old = std::exchange((*table)[fresh->address], fresh);
    if (fresh->done != 0) (*done_channels)[fresh->done] = fresh->address;
  }
  release(old);  // its destruction was not heard
}

void done(const Actor& actor, const void* context, std::uint32_t reason) noexcept {
  const StackId here = capture_stack();
  const TableHold hold;
  ContextObject* const known = hold.find(number(context));
  if (known == nullptr || known->reason.load(std::memory_order_relaxed) != 0) return;
  known->ended_by = key_of(actor);
  known->ended_at = here;
  known->ended_at_ms = coarse_ms();
  known->reason.store(reason, std::memory_order_release);  // pairs with if_ended()
}

void abandoned(const void* context) noexcept {
  {
    // Nearly always it was called, and no stack is needed.
    const TableHold hold;
    const ContextObject* const known = hold.find(number(context));
    if (known == nullptr || known->reason.load(std::memory_order_relaxed) != 0) return;
  }
  const StackId here = capture_stack();
  if (called_by_exit(here)) return;
  const TableHold hold;
  ContextObject* const known = hold.find(number(context));
  if (known == nullptr) return;
  known->abandoned_by = key_of(current_actor());
  known->abandoned_at = here;
  known->is_abandoned = true;
}

void destroyed(const void* context) noexcept {
  ContextObject* gone = nullptr;
  {
    const TableHold hold;
    gone = hold.find(number(context));
    if (gone == nullptr) return;
    table->erase(gone->address);
    if (gone->done != 0) done_channels->erase(gone->done);
  }
  // A static context that goes because the program ends has kept nothing from going before.
  const bool needs_cancel = (gone->flags & VIGIL_CONTEXT_CANCELLABLE) != 0 && !ends_by_itself(gone);
  if (needs_cancel && gone->reason.load(std::memory_order_acquire) == 0 && !called_by_exit(capture_stack())) {
    tell_leak(*gone);
  }
  release(gone);
}

bool is_done_channel(const void* channel) noexcept {
  const TableHold hold;
  return hold && done_channels->find(number(channel)) != done_channels->end();
}

bool will_end(const vigil_probe_wait& wait) noexcept {
  const TableHold hold;
  if (!hold) return false;
  for (std::uint32_t i = 0; i < wait.case_count; ++i) {
    if (wait.cases[i].is_send != 0) continue;
    const auto channel = done_channels->find(number(wait.cases[i].channel));
    if (channel != done_channels->end() && ends_by_itself(hold.find(channel->second))) return true;
  }
  return false;
}

void adopt(Actor& task, const void* context) noexcept {
  ContextObject* known = nullptr;
  {
    const TableHold hold;
    known = retain(hold.find(number(context)));
  }
  release(std::exchange(task.context, known));
  task.has_own_context = true;
}

void inherit(Actor& task, const Actor& creator) noexcept { task.context = retain(creator.context); }

void leave(Actor& task) noexcept { release(std::exchange(task.context, nullptr)); }

const ContextObject* ended(const Actor& actor) noexcept { return if_ended(actor.context); }

const ContextObject* ended_in_closure(const vigil_probe_actor_view& task) noexcept {
  const TableHold hold;
  return find_in_closure(hold, task, if_ended);
}

const ContextObject* abandoned_under(const vigil_probe_actor_view& task) noexcept {
  const auto* const actor = static_cast<const Actor*>(task.actor->watch);
  const TableHold hold;
  if (!hold || actor == nullptr) return nullptr;
  if (actor->has_own_context) return if_abandoned(actor->context);
  if (const ContextObject* const found = find_in_closure(hold, task, if_abandoned); found != nullptr) return found;
  if (task.state != VIGIL_TASK_PARKED || task.wait == nullptr) return nullptr;
  for (std::uint32_t i = 0; i < task.wait->case_count; ++i) {
    const auto channel = done_channels->find(number(task.wait->cases[i].channel));
    if (channel == done_channels->end()) continue;
    if (const ContextObject* const found = if_abandoned(hold.find(channel->second)); found != nullptr) return found;
  }
  return nullptr;
}

}  // namespace vigil::shim::contexts
