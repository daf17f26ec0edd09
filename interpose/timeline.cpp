#include "interpose/timeline.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>

#include "interpose/current.hpp"
#include "interpose/finding_json.hpp"
#include "interpose/finding_writer.hpp"
#include "interpose/fixed_text.hpp"
#include "interpose/json_text.hpp"
#include "interpose/objects.hpp"
#include "interpose/options.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/process_info.hpp"

namespace vigil::shim::timeline {

constinit bool is_on = false;

namespace {

constexpr std::size_t kEvents = std::size_t{1} << 16U;  // 2 MiB
constexpr std::int64_t kWindowNs = 500'000'000;         // before the last event
constexpr std::size_t kMostLanes = 12;
constexpr std::size_t kMostSpans = 128;  // of one lane, the last ones
constexpr std::uint64_t kMostWritten = 64;

enum class State : std::uint8_t { Ready, Running, Left, Blocked, Ended, Hidden };

// A blocked one's operation, and the letter of its object in messages.
struct Waiting {
  std::string_view operation;
  char letter;
};
constexpr std::array<Waiting, 13> kWaitings{{{"wait", 0},
                                             {"send", 'c'},
                                             {"receive", 'c'},
                                             {"select", 'c'},
                                             {"lock", 'm'},
                                             {"wait", 'w'},
                                             {"wait", 'k'},
                                             {"acquire", 's'},
                                             {"call", 'o'},
                                             {"sleep", 0},
                                             {"join", 0},
                                             {"read-lock", 0},
                                             {"write-lock", 0}}};
enum : std::uint8_t {
  kWait,
  kSend,
  kReceive,
  kSelect,
  kLock,
  kGroup,
  kCond,
  kAcquire,
  kCall,
  kSleep,
  kJoin,
  kRead,
  kWrite
};

struct Event {
  std::int64_t at = 0;  // ns since the process started
  ActorKey actor{};
  std::uint32_t object = 0;  // its number; 0: none, or not known
  std::uint16_t thread = 0;  // on which it happened
  std::uint8_t waiting = kWait;
  State state{};
};

struct Slot {
  std::atomic<std::uint64_t> number{0};  // of the event, from 1; 0: being written
  std::atomic<std::int64_t> at{0};
  std::atomic<ActorKey> actor{};
  std::atomic<std::uint64_t> rest{0};
};
struct Ring {
  std::array<Slot, kEvents> slots{};
  std::atomic<std::uint64_t> next{1};
  std::atomic<std::uint64_t> written{0};  // timelines
};
constinit Ring* ring = nullptr;

std::uint64_t packed(const Event& event) noexcept {
  return std::uint64_t{event.object} << 32U | std::uint64_t{event.thread} << 16U | std::uint64_t{event.waiting} << 8U |
         static_cast<std::uint64_t>(event.state);
}

void add(const Actor& actor, State state, std::uint8_t waiting = kWait, std::uint64_t object = 0) noexcept {
  const Event event{.at = steady_now_ns() - process_info().started_steady_ns,
                    .actor = key_of(actor),
                    .object = static_cast<std::uint32_t>(object),
                    .thread = static_cast<std::uint16_t>(this_thread().id),
                    .waiting = waiting,
                    .state = state};
  // relaxed: only hands out numbers.
  const std::uint64_t number = ring->next.fetch_add(1, std::memory_order_relaxed);
  Slot& slot = ring->slots[number % kEvents];
  slot.number.store(0, std::memory_order_relaxed);
  // Pairs with the fence in read(): who sees a field of this event sees its slot without the old number.
  std::atomic_thread_fence(std::memory_order_release);
  slot.at.store(event.at, std::memory_order_relaxed);
  slot.actor.store(event.actor, std::memory_order_relaxed);
  slot.rest.store(packed(event), std::memory_order_relaxed);
  // release: pairs with the acquire in read(). Who sees the number sees the fields.
  slot.number.store(number, std::memory_order_release);
}

// The events still held, in the order of their times.
OwnVector<Event> read() noexcept {
  OwnVector<Event> events;
  const std::uint64_t end = ring->next.load(std::memory_order_relaxed);
  for (std::uint64_t number = end > kEvents ? end - kEvents : 1; number < end; ++number) {
    const Slot& slot = ring->slots[number % kEvents];
    if (slot.number.load(std::memory_order_acquire) != number) continue;
    const std::uint64_t rest = slot.rest.load(std::memory_order_relaxed);
    const Event event{.at = slot.at.load(std::memory_order_relaxed),
                      .actor = slot.actor.load(std::memory_order_relaxed),
                      .object = static_cast<std::uint32_t>(rest >> 32U),
                      .thread = static_cast<std::uint16_t>(rest >> 16U),
                      .waiting = static_cast<std::uint8_t>(rest >> 8U),
                      .state = static_cast<State>(rest & 0xFFU)};
    std::atomic_thread_fence(std::memory_order_acquire);
    if (slot.number.load(std::memory_order_relaxed) == number) events.push_back(event);
  }
  std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) { return a.at < b.at; });
  return events;
}

struct Span {
  std::int64_t from, to;
  Event event;
};
struct Lane {
  ActorInfo actor;
  OwnVector<Span> spans;
};

std::string_view name_of(State state) noexcept {
  return state == State::Running ? "running" : state == State::Ready ? "ready" : "blocked";
}

void close_span(OwnVector<Span>& spans, const Event& event, std::int64_t from, std::int64_t to) noexcept {
  if (to <= from || event.state == State::Ended) return;
  spans.push_back({from, to, event});
}

// One actor's events as spans inside [from, to].
Lane lane_of(const OwnVector<Event>& events, ActorKey key, std::int64_t from, std::int64_t to) noexcept {
  Lane lane{info_of(key, "running"), {}};
  std::optional<Event> current;
  for (Event event : events) {
    if (event.actor != key) continue;
    const bool runs = current && current->state == State::Running;
    if (event.state == State::Left) {
      // It gave its thread away without waiting; a word that comes after it runs elsewhere again says nothing.
      if (!runs || current->thread != event.thread) continue;
      event.state = State::Ready;
    } else if (event.state == State::Ready && runs) {
      continue;  // who woke it told so when it ran already
    }
    if (current) close_span(lane.spans, *current, std::max(current->at, from), event.at);
    current = event;
  }
  if (!current) return lane;
  close_span(lane.spans, *current, std::max(current->at, from), to);
  lane.actor.state = current->state == State::Ended ? "finished" : name_of(current->state);
  if (lane.spans.size() > kMostSpans) lane.spans.erase(lane.spans.begin(), lane.spans.end() - kMostSpans);
  return lane;
}

// Whose lanes are shown: the participants, then whoever acted last.
OwnVector<ActorKey> chosen(const Finding& finding, const OwnVector<Event>& events) noexcept {
  OwnVector<ActorKey> hidden;
  for (const Event& event : events) {
    if (event.state == State::Hidden) hidden.push_back(event.actor);
  }
  OwnVector<ActorKey> keys;
  const auto take = [&](ActorKey key) {
    if (std::find(hidden.begin(), hidden.end(), key) != hidden.end()) return;
    if (keys.size() < kMostLanes && std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  };
  for (const Participant& one : finding.participants) {
    for (auto event = events.rbegin(); event != events.rend(); ++event) {
      const ActorInfo actor = info_of(event->actor, {});
      if (actor.type != one.actor.type || actor.id != one.actor.id) continue;
      take(event->actor);
      break;
    }
  }
  for (auto event = events.rbegin(); event != events.rend() && keys.size() < kMostLanes; ++event) take(event->actor);
  return keys;
}

Event wait_event(const vigil_probe_wait& wait) noexcept {
  const auto event = [](std::uint8_t waiting, std::uint64_t object) {
    return Event{.object = static_cast<std::uint32_t>(object), .waiting = waiting};
  };
  const auto number = [](const auto* known) { return known == nullptr ? 0 : known->id; };
  const void* const channel = wait.case_count == 0 ? nullptr : wait.cases[0].channel;
  switch (wait.kind) {
    case VIGIL_WAIT_SEND:
      return event(kSend, number(channels().find(channel)));
    case VIGIL_WAIT_RECEIVE:
      return event(kReceive, number(channels().find(channel)));
    case VIGIL_WAIT_SELECT:
      return event(kSelect, wait.case_count == 1 ? number(channels().find(channel)) : 0);
    case VIGIL_WAIT_NIL_SEND:
      return event(kSend, 0);
    case VIGIL_WAIT_NIL_RECEIVE:
      return event(kReceive, 0);
    case VIGIL_WAIT_EMPTY_SELECT:
      return event(kSelect, 0);
    case VIGIL_WAIT_MUTEX:
    case VIGIL_WAIT_RW_READ:
    case VIGIL_WAIT_RW_WRITE:
      return event(kLock, number(lock_objects().find(wait.object)));
    case VIGIL_WAIT_WAIT_GROUP:
      return event(kGroup, number(wait_groups().find(wait.object)));
    case VIGIL_WAIT_COND:
      return event(kCond, number(sync_objects().find(wait.object)));
    case VIGIL_WAIT_SEMAPHORE:
      return event(kAcquire, number(sync_objects().find(wait.object)));
    case VIGIL_WAIT_ONCE:
      return event(kCall, number(sync_objects().find(wait.object)));
    case VIGIL_WAIT_SLEEP:
      return event(kSleep, 0);
    default:
      return event(kWait, 0);
  }
}

std::uint8_t waiting_in(CallKind kind) noexcept {
  switch (kind) {
    case CallKind::Join:
      return kJoin;
    case CallKind::Mutex:
      return kLock;
    case CallKind::ReadLock:
      return kRead;
    case CallKind::WriteLock:
      return kWrite;
    default:
      return kWait;
  }
}

}  // namespace

void start() noexcept {
  if (!options().timeline) return;
  ring = own_new<Ring>();
  is_on = true;
  detail::detours.fetch_or(detail::kTimeline, std::memory_order_relaxed);
}

void can_run(const Actor& actor) noexcept {
  if (&actor != &current_actor()) add(actor, State::Ready);
}

void switched(const Actor* before, const Actor* after) noexcept {
  if (before == after) return;
  if (before != nullptr) add(*before, State::Left);
  if (after != nullptr) add(*after, State::Running);
}

void waits(const Actor& actor, const vigil_probe_wait& wait) noexcept {
  const Event event = wait_event(wait);
  add(actor, State::Blocked, event.waiting, event.object);
}

void waits(const Actor& actor, CallKind kind) noexcept { add(actor, State::Blocked, waiting_in(kind)); }
void goes_on(const Actor& actor) noexcept { add(actor, State::Running); }
void ends(const Actor& actor) noexcept { add(actor, State::Ended); }
void hide(const Actor& thread) noexcept { add(thread, State::Hidden); }

void write(const Finding& finding, std::uint64_t id, std::int64_t at_ns) noexcept {
  if (ring->written.fetch_add(1, std::memory_order_relaxed) >= kMostWritten) return;  // relaxed: a count
  OwnVector<Event> events = read();
  std::erase_if(events, [&](const Event& event) { return event.at > at_ns; });
  if (events.empty()) return;
  const std::int64_t from = std::max<std::int64_t>(0, events.back().at - kWindowNs);
  JsonText json;
  json.object().key("type").text("timeline").key("finding").number(id).key("at").number(at_ns).key("lanes").array();
  bool any = false;
  for (const ActorKey key : chosen(finding, events)) {
    const Lane lane = lane_of(events, key, from, at_ns);
    if (lane.spans.empty()) continue;
    any = true;
    json.object().key("actor");
    json_actor(json, lane.actor);
    json.key("spans").array();
    for (const Span& span : lane.spans) {
      json.array().number(span.from).number(span.to).text(name_of(span.event.state));
      if (span.event.state == State::Blocked) {
        const Waiting& waiting = kWaitings[span.event.waiting];
        json.text(waiting.operation);
        FixedText<16> object;
        if (span.event.object != 0 && waiting.letter != 0)
          object << std::string_view(&waiting.letter, 1) << span.event.object;
        json.text(object.view());
      }
      json.end_array();
    }
    json.end_array().end_object();
  }
  json.end_array().end_object();
  if (any) write_record(json.view());
}

}  // namespace vigil::shim::timeline
