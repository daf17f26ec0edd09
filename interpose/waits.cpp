#include "interpose/waits.hpp"

#include <algorithm>

#include "interpose/kernel_threads.hpp"
#include "interpose/objects.hpp"
#include "interpose/stack_capture.hpp"

namespace vigil::shim {
namespace {

ObjectInfo plain_object(ObjectType type, const void* address) noexcept {
  ObjectInfo info{.type = type, .address = reinterpret_cast<std::uintptr_t>(address)};
  if (const SyncObject* const known = sync_objects().find(address)) {
    info.id = known->id;
    info.created_at = known->created_at;
  }
  return info;
}

// The channel's object, and its words.
void add_channel(WaitTarget& target, const void* address) noexcept {
  if (const ChannelObject* const known = channels().find(address)) {
    target.words << words_for(*known).view();
    target.objects.push_back(info_of(*known));
    constexpr std::size_t kMostHistories = 4;
    if (target.history.size() == kMostHistories) return;
    target.history.push_back({.channel = info_of(*known),
                              .sender = known->last_send.actor(),
                              .sent_at = known->last_send.stack(),
                              .receiver = known->last_receive.actor(),
                              .received_at = known->last_receive.stack(),
                              .closer = known->closer,
                              .closed_at = known->closed ? known->closed_at : kNoStack});
  } else {
    target.words << "a channel";
  }
}

WaitTarget on_channel(std::string_view operation, std::string_view edge, std::string_view words,
                      const void* address) noexcept {
  WaitTarget target{.operation = operation, .edge = edge, .words = {}, .objects = {}};
  target.words << words;
  add_channel(target, address);
  return target;
}

WaitTarget for_ever(std::string_view operation, std::string_view words) noexcept {
  WaitTarget target{.operation = operation, .edge = "waits", .words = {}, .objects = {}};
  target.words << words;
  return target;
}

WaitTarget on_select(const vigil_probe_wait& wait) noexcept {
  constexpr std::uint32_t kMostNamed = 4;
  WaitTarget target{.operation = "select", .edge = "selects on", .words = {}, .objects = {}};
  target.words << "in a select over ";
  const auto live = static_cast<std::uint32_t>(std::count_if(
      wait.cases, wait.cases + wait.case_count, [](const vigil_probe_case& one) { return one.channel != nullptr; }));
  std::uint32_t named = 0;
  for (std::uint32_t i = 0; i < wait.case_count && named < kMostNamed; ++i) {
    const vigil_probe_case& one = wait.cases[i];
    if (one.channel == nullptr) continue;
    ++named;
    target.words << (named == 1      ? ""
                     : named == live ? " and "
                                     : ", ")
                 << (one.is_send != 0 ? "a send to " : "a receive from ");
    add_channel(target, one.channel);
  }
  if (live > kMostNamed) target.words << " and " << live - kMostNamed << " more";
  return target;
}

WaitTarget on_object(std::string_view operation, std::string_view words, std::string_view letter,
                     const ObjectInfo& object) noexcept {
  WaitTarget target{.operation = operation, .edge = "waits for", .words = {}, .objects = {}};
  target.words << words;
  if (object.id != 0) target.words << " " << letter << object.id;
  if (object.address != 0) target.objects.push_back(object);
  return target;
}

WaitTarget on_lock(std::string_view words, const void* address) noexcept {
  const LockObject* const known = lock_objects().find(address);
  return on_object("lock", words, "m", known != nullptr ? info_of(*known) : plain_object(ObjectType::Mutex, address));
}

// known: words before the name of a lock that was seen taken; else all there is to say.
WaitTarget on_pthread_lock(std::string_view operation, std::string_view known, std::string_view unknown,
                           ObjectType type, const void* address) noexcept {
  const LockObject* const lock = lock_objects().find(address);
  if (lock == nullptr) return on_object(operation, unknown, "", plain_object(type, address));
  ObjectInfo object = info_of(*lock);
  object.type = type;
  return on_object(operation, known, "m", object);
}

WaitTarget on_group(const void* address) noexcept {
  const GroupObject* const known = wait_groups().find(address);
  return on_object("wait", "for wait group", "w",
                   known != nullptr ? info_of(*known) : plain_object(ObjectType::WaitGroup, address));
}

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) noexcept {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
  return hash ^ hash >> 32U;
}

// Where the object of that wait was created, as a number; cheap.
std::uint64_t place_of(const vigil_probe_wait& wait) noexcept {
  std::uint64_t place = wait.case_count;
  for (std::uint32_t i = 0; i < wait.case_count; ++i) {
    const ChannelObject* const known = channels().find(wait.cases[i].channel);
    place = mixed(place, known == nullptr ? 0 : static_cast<std::uint64_t>(known->created_at));
  }
  return place;
}

std::int64_t waited_since(std::uint32_t ms) noexcept {
  return ms == 0 ? -1 : static_cast<std::int64_t>(coarse_ms() - ms);
}

}  // namespace

void add_history(const BlockedGroup& group, ObjectList& objects, OwnVector<Participant>& participants,
                 OwnDeque<Phrase>& notes) noexcept {
  const std::string_view which = channel_touch::are_exact() ? "the last " : "one of the last ";
  for (const ChannelHistory& one : group.target.history) {
    const std::int32_t object = objects.index_of(one.channel);
    const bool is_told = std::any_of(participants.begin(), participants.end(), [&](const Participant& other) {
      return other.object == object && other.role.starts_with("earlier ");
    });
    if (is_told) continue;
    const auto add = [&](std::string_view role, std::string_view what, ActorKey actor, StackId stack,
                         std::string_view operation) {
      if (stack == kNoStack) return;
      Phrase& note = notes.emplace_back();
      note << what << operation << " on c" << one.channel.id;
      participants.push_back({.role = role,
                              .actor = info_of(actor, ""),
                              .operation = operation,
                              .object = object,
                              .held = {},
                              .stack = stack,
                              .note = note.view()});
    };
    add("earlier send", which, one.sender, one.sent_at, "send");
    add("earlier receive", which, one.receiver, one.received_at, "receive");
    add("earlier close", "the ", one.closer, one.closed_at, "close");
  }
}

bool needs_nobody(std::uint32_t kind) noexcept {
  return kind == VIGIL_WAIT_NIL_SEND || kind == VIGIL_WAIT_NIL_RECEIVE || kind == VIGIL_WAIT_EMPTY_SELECT;
}
bool waits_for_lock(std::uint32_t kind) noexcept {
  return kind == VIGIL_WAIT_MUTEX || kind == VIGIL_WAIT_RW_READ || kind == VIGIL_WAIT_RW_WRITE;
}

bool needs_others(const vigil_probe_wait& wait) noexcept {
  return wait.deadline_ns == 0 && wait.kind != VIGIL_WAIT_NONE && wait.kind != VIGIL_WAIT_SLEEP &&
         wait.kind != VIGIL_WAIT_BLOCKING;
}

namespace {

// What Go says of such waits in its dumps. It has no word for locks of threads: those are semaphores to it.
std::string_view go_state_of(std::uint32_t kind) noexcept {
  switch (kind) {
    case VIGIL_WAIT_SEND:
      return "chan send";
    case VIGIL_WAIT_RECEIVE:
      return "chan receive";
    case VIGIL_WAIT_SELECT:
      return "select";
    case VIGIL_WAIT_NIL_SEND:
      return "chan send (nil chan)";
    case VIGIL_WAIT_NIL_RECEIVE:
      return "chan receive (nil chan)";
    case VIGIL_WAIT_EMPTY_SELECT:
      return "select (no cases)";
    case VIGIL_WAIT_MUTEX:
      return "sync.Mutex.Lock";
    case VIGIL_WAIT_RW_READ:
      return "sync.RWMutex.RLock";
    case VIGIL_WAIT_RW_WRITE:
      return "sync.RWMutex.Lock";
    case VIGIL_WAIT_WAIT_GROUP:
      return "sync.WaitGroup.Wait";
    case VIGIL_WAIT_COND:
      return "sync.Cond.Wait";
    case VIGIL_WAIT_SLEEP:
      return "sleep";
    case VIGIL_WAIT_BLOCKING:
      return "syscall";
    default:
      return "semacquire";
  }
}

WaitTarget told_target_of(const vigil_probe_wait& wait) noexcept {
  switch (wait.kind) {
    case VIGIL_WAIT_SEND:
      return on_channel("send", "sends to", "to send to ", wait.cases[0].channel);
    case VIGIL_WAIT_RECEIVE:
      return on_channel("receive", "receives from", "to receive from ", wait.cases[0].channel);
    case VIGIL_WAIT_SELECT:
      return on_select(wait);
    case VIGIL_WAIT_NIL_SEND:
      return for_ever("send", "to send to a nil channel, which is never ready");
    case VIGIL_WAIT_NIL_RECEIVE:
      return for_ever("receive", "to receive from a nil channel, which is never ready");
    case VIGIL_WAIT_EMPTY_SELECT:
      return for_ever("select", "in a select none of whose cases can ever be ready");
    case VIGIL_WAIT_MUTEX:
      return on_lock("for mutex", wait.object);
    case VIGIL_WAIT_RW_READ:
      return on_lock("to read-lock rw-lock", wait.object);
    case VIGIL_WAIT_RW_WRITE:
      return on_lock("to write-lock rw-lock", wait.object);
    case VIGIL_WAIT_WAIT_GROUP:
      return on_group(wait.object);
    case VIGIL_WAIT_COND:
      return on_object("wait", "for condition variable", "k", plain_object(ObjectType::Cond, wait.object));
    case VIGIL_WAIT_SEMAPHORE:
      return on_object("acquire", "for semaphore", "s", plain_object(ObjectType::Semaphore, wait.object));
    case VIGIL_WAIT_ONCE:
      return on_object("call", "for the end of once", "o", plain_object(ObjectType::Other, wait.object));
    case VIGIL_WAIT_SLEEP:
      return for_ever("sleep", "in a sleep");
    default:
      return for_ever("wait", "for something");
  }
}

}  // namespace

std::uint32_t waits_since_ms(const Actor& actor) noexcept {
  return (actor.thread != nullptr ? actor.thread->call.since_ms : actor.left_at_ms).load(std::memory_order_relaxed);
}

WaitTarget target_of(const vigil_probe_wait& wait) noexcept {
  WaitTarget target = told_target_of(wait);
  target.go_state = go_state_of(wait.kind);
  return target;
}

WaitTarget target_of(CallKind kind, std::uintptr_t object) noexcept {
  const void* const address = reinterpret_cast<const void*>(object);
  switch (kind) {
    case CallKind::Join:
      return for_ever("join", "for a thread to end");  // see name_joined()
    case CallKind::Mutex:
      return on_pthread_lock("lock", "for mutex", "for a pthread mutex", ObjectType::Mutex, address);
    case CallKind::Cond:
      return on_object("wait", "for a condition variable", "", plain_object(ObjectType::Cond, address));
    case CallKind::ReadLock:
      return on_pthread_lock("read-lock", "to read-lock rw-lock", "to read-lock a pthread rwlock", ObjectType::RwMutex,
                             address);
    case CallKind::WriteLock:
      return on_pthread_lock("write-lock", "to write-lock rw-lock", "to write-lock a pthread rwlock",
                             ObjectType::RwMutex, address);
    case CallKind::Semaphore:
      return on_object("wait", "for a semaphore", "", plain_object(ObjectType::Semaphore, address));
    case CallKind::Barrier:
      return on_object("wait", "for others at a barrier", "", plain_object(ObjectType::Other, address));
    case CallKind::Once:
      return on_object("call", "for a pthread_once to be done", "", plain_object(ObjectType::Other, address));
    case CallKind::Word:
    case CallKind::OpenWord:
      // The word tells nobody anything: it may be one of libstdc++'s own, which all atomics share.
      return for_ever("wait", "for a value in memory to change (an atomic, latch, barrier, semaphore or future)");
    case CallKind::None:
    case CallKind::Primitive:
      break;
  }
  return for_ever("wait", "for something");
}

namespace {
void set_stack(BlockedGroup& group, const vigil_probe_actor_view& view) noexcept {
  const bool known = view.saved != nullptr && view.saved->rsp >= view.stack_low && view.saved->rsp <= view.stack_high;
  group.stack_low = known ? view.saved->rsp : 0;
  group.stack_high = known ? view.stack_high : 0;
}
}  // namespace

void BlockedActors::add_task(const vigil_probe_actor_view& view, bool proved) noexcept {
  if (view.actor->watch == nullptr) return;  // born before the shim looked
  const auto& actor = *static_cast<const Actor*>(view.actor->watch);
  const StackId stack = view.saved == nullptr ? kNoStack : capture_parked(*view.saved, view.stack_low, view.stack_high);
  ++total_;
  std::uint64_t key = mixed(view.wait->kind, static_cast<std::uint64_t>(stack));
  key = mixed(key, static_cast<std::uint64_t>(actor.created_at) * 2 + (actor.is_daemon ? 1 : 0));
  key = mixed(key, place_of(*view.wait));
  const std::int64_t waited = waited_since(actor.left_at_ms.load(std::memory_order_relaxed));
  if (const auto found = groups_.find(key); found != groups_.end()) {
    BlockedGroup& group = found.value();
    ++group.count;
    group.proved += proved ? 1 : 0;
    group.waited_ms = std::max(group.waited_ms, waited);
    if (group.actor.id <= actor.id) return;
    group.actor = info_of(actor, "blocked");
    group.held = &actor.held;
    group.target = target_of(*view.wait);
    set_stack(group, view);
    return;
  }
  BlockedGroup& group = groups_[key];
  group = BlockedGroup{.actor = info_of(actor, "blocked"),
                       .held = &actor.held,
                       .name = {},
                       .is_daemon = actor.is_daemon,
                       .target = target_of(*view.wait),
                       .stack = stack,
                       .waited_ms = waited,
                       .proved = proved ? std::uint64_t{1} : std::uint64_t{0}};
  set_stack(group, view);
}

void BlockedActors::add_moving(const vigil_probe_actor_view& view) noexcept {
  const bool is_ready = view.state == VIGIL_TASK_RUNNABLE && view.actor->watch != nullptr;
  const bool is_daemon = (view.flags & VIGIL_ACTOR_IS_DAEMON) != 0;
  ActorInfo info{.type = ActorType::Task, .id = view.actor->id, .name = {}, .state = "running", .created_at = kNoStack};
  if (is_ready) info = info_of(*static_cast<const Actor*>(view.actor->watch), "runnable");
  ++total_;
  const std::uint64_t like = is_ready ? static_cast<std::uint64_t>(info.created_at) * 2 + (is_daemon ? 1 : 0) : info.id;
  auto [entry, is_new] = groups_.try_emplace(mixed(mixed(is_ready ? 101 : 102, 0), like));
  BlockedGroup& group = entry.value();
  if (!is_new) {
    ++group.count;
    if (group.actor.id > info.id) group.actor = info;
    return;
  }
  group.actor = info;
  group.is_daemon = is_daemon;
  group.waited_ms = -1;
}

void BlockedActors::add_moving(const Actor& thread) noexcept {
  ++total_;
  BlockedGroup& group = groups_[mixed(thread.id, ~std::uint64_t{0})];
  group.actor = info_of(thread, "running");
  if (thread.id != 1) group.name = thread_name(thread.thread->tid.load(std::memory_order_relaxed));
  group.waited_ms = -1;
}

void BlockedActors::add_thread(const Actor& thread, const vigil_probe_actor_view* view, bool proved) noexcept {
  const BlockedCall& call = thread.thread->call;
  const bool in_primitive = view != nullptr && view->wait != nullptr;
  const Actor* const task = call.task.load(std::memory_order_relaxed);
  ++total_;
  const std::uint64_t key = mixed(thread.id, ~std::uint64_t{0});
  if (call.kind.load(std::memory_order_acquire) == CallKind::Join) {
    joining_.push_back({key, static_cast<pthread_t>(call.object.load(std::memory_order_relaxed))});
  }
  groups_[key] = BlockedGroup{
      .actor = info_of(task != nullptr ? *task : thread, "blocked"),
      .held = task != nullptr ? &task->held : &thread.held,
      .name = thread.id == 1 || task != nullptr ? FixedText<16>()
                                                : thread_name(thread.thread->tid.load(std::memory_order_relaxed)),
      .is_daemon = false,
      .is_pthread = !in_primitive,
      .target = in_primitive
                    ? target_of(*view->wait)
                    : target_of(call.kind.load(std::memory_order_acquire), call.object.load(std::memory_order_relaxed)),
      .stack = call.stack.load(std::memory_order_relaxed),
      .waited_ms = waited_since(call.since_ms.load(std::memory_order_relaxed)),
      .proved = proved ? std::uint64_t{1} : std::uint64_t{0}};
}

// One that is over, and will be joined any moment, has no number.
void BlockedActors::name_joined() noexcept {
  for (const Joining& one : joining_) {
    const ActorKey joined = key_of_thread(one.joined);
    const auto group = groups_.find(one.group);
    if (joined == ActorKey{} || group == groups_.end()) continue;
    Phrase words;
    words << "for " << words_for(info_of(joined, "")).view() << " to end";
    group.value().target.words = words;
  }
  joining_.clear();
}

OwnVector<const BlockedGroup*> BlockedActors::groups() const noexcept {
  OwnVector<const BlockedGroup*> all;
  for (const auto& [key, group] : groups_) all.push_back(&group);
  std::sort(all.begin(), all.end(), [](const BlockedGroup* a, const BlockedGroup* b) {
    if (a->actor.type != b->actor.type) return a->actor.type == ActorType::Thread;
    return a->actor.id < b->actor.id;
  });
  return all;
}

}  // namespace vigil::shim
