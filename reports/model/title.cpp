#include "reports/model/title.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "reports/model/function_name.hpp"
#include "reports/model/kind.hpp"
#include "reports/model/nesting.hpp"
#include "reports/model/phrases.hpp"
#include "reports/model/user_frames.hpp"

namespace vigil::reports {
namespace {

// The function the user would look for first; "" when the actor waits in library code alone.
std::string_view function_of(const Participant& participant) {
  const Frame* own = find_user_frame(participant.stack);
  return own == nullptr ? std::string_view() : std::string_view(own->function);
}

// Who: that function. An actor that waits in library code alone is named by its creator.
std::string who(const Participant& participant) {
  if (const std::string_view own = function_of(participant); !own.empty()) return spoken_name(own);
  const Frame* creator = find_user_frame(participant.actor.created_at);
  if (creator != nullptr && !creator->function.empty()) {
    return fmt::format("{} started in {}", with_article(participant.actor.type), spoken_name(creator->function));
  }
  if (!participant.actor.name.empty()) return fmt::format("{} `{}`", participant.actor.type, participant.actor.name);
  return fmt::format("{} {}", participant.actor.type, participant.actor.id);
}

// The object the finding is about: the first participant's, or the first listed.
std::string subject(const Finding& finding) {
  for (const Participant& participant : finding.participants) {
    if (const Object* object = object_of(finding, participant)) return object_phrase(*object);
  }
  return finding.objects.empty() ? std::string() : object_phrase(finding.objects.front());
}

std::string subject_or(const Finding& finding, std::string_view otherwise) {
  std::string text = subject(finding);
  return text.empty() ? std::string(otherwise) : text;
}

std::string number_word(std::size_t count) {
  constexpr std::array<std::string_view, 7> kWords{"no", "one", "two", "three", "four", "five", "six"};
  return count < kWords.size() ? std::string(kWords[count]) : std::to_string(count);
}

// "`a`", "`a` and `b`", "`a`, `b` and 3 others"; names that repeat are said once, and closures of one function
// together: "two lambdas in `a`".
class People {
 public:
  explicit People(const Finding& finding) {
    for (const Nesting& nesting : nestings_of(finding)) {
      ++total_;
      if (nesting.function != nullptr && !nesting.function->function.empty()) {
        add(nesting.function->function, spoken_name(nesting.function->function));
      } else {
        add(function_of(*nesting.wants), who(*nesting.wants));
      }
    }
    if (total_ != 0) return;
    for (const Participant& participant : finding.participants) {
      // Both show where an actor took the lock it had; it is counted for what it waits for.
      if (participant.role == "holds" || participant.role == "holder") continue;
      if (participant.role.starts_with("earlier ")) continue;  // what led up to it
      ++total_;
      add(function_of(participant), who(participant));
    }
  }
  [[nodiscard]] std::size_t total() const noexcept { return total_; }
  // Whether all of them are one function.
  [[nodiscard]] bool are_one() const noexcept { return names_.size() == 1 && names_[0].functions.size() == 1; }
  [[nodiscard]] std::string text() const {
    if (names_.empty()) return "a task";
    if (names_.size() == 1) return said(0);
    if (names_.size() == 2) return fmt::format("{} and {}", said(0), said(1));
    if (names_.size() == 3) return fmt::format("{}, {} and {}", said(0), said(1), said(2));
    return fmt::format("{}, {} and {} others", said(0), said(1), names_.size() - 2);
  }

 private:
  struct Name {
    std::string text;
    std::vector<std::string_view> functions;  // several: lambdas, all of that name
  };

  void add(std::string_view function, std::string text) {
    const auto same = [&](const Name& name) { return name.text == text; };
    const auto known = std::find_if(names_.begin(), names_.end(), same);
    if (known == names_.end()) {
      names_.push_back({std::move(text), {function}});
    } else if (std::all_of(known->functions.begin(), known->functions.end(),
                           [&](std::string_view one) { return are_two_lambdas(one, function); })) {
      known->functions.push_back(function);
    }
  }
  [[nodiscard]] std::string said(std::size_t i) const {
    const Name& name = names_[i];
    if (name.functions.size() == 1) return name.text;
    return spoken_lambdas(name.functions[0], number_word(name.functions.size()));
  }

  std::vector<Name> names_;
  std::size_t total_ = 0;
};

// The participant that plays another part than the first: who closed, who freed, who holds.
const Participant* other(const Finding& finding) noexcept {
  return finding.participants.size() < 2 ? nullptr : &finding.participants[1];
}

// Who that is, in a sentence that named the first already.
std::string who_else(const Finding& finding, const Participant& participant) {
  const std::string name = who(participant);
  const bool is_another = are_two_lambdas(function_of(finding.participants[0]), function_of(participant));
  return is_another && name.starts_with("a ") ? "another " + name.substr(2) : name;
}

bool waits_for_a_held_lock(const Finding& finding) noexcept {
  for (const Participant& waiter : finding.participants) {
    for (const Participant& holder : finding.participants) {
      if (&waiter == &holder) continue;
      for (const std::size_t held : holder.held) {
        if (waiter.object >= 0 && static_cast<std::uint64_t>(waiter.object) == held) return true;
      }
    }
  }
  return false;
}

// One function for each kind. Each may count on at least one participant.
using MakeTitle = std::string (*)(const Finding&);

std::string waits_for_ever(const Finding& f) {
  const Participant& waiter = f.participants[0];
  if (waiter.operation == "select") return fmt::format("{} waits for ever in a select", who(waiter));
  const Object* object = object_of(f, waiter);
  if (waiter.operation == "wait" && object != nullptr)
    return fmt::format("{} waits for ever for {}", who(waiter), object_phrase(*object));
  return fmt::format("{} waits for ever to {}", who(waiter), operation_phrase(f, waiter));
}

std::string deadlock(const Finding& f) {
  const auto led_up = [](const Participant& one) { return one.role.starts_with("earlier "); };
  if (std::count_if(f.participants.begin(), f.participants.end(), led_up) + 1 == std::ssize(f.participants)) {
    return waits_for_ever(f);
  }
  const People people(f);
  if (people.total() == 1) {
    const Participant& waiter = f.participants[0];
    const bool holds_it = std::any_of(f.participants.begin() + 1, f.participants.end(), [&](const Participant& one) {
      return one.actor.type == waiter.actor.type && one.actor.id == waiter.actor.id;
    });
    return holds_it ? fmt::format("{} waits for itself", who(waiter)) : waits_for_ever(f);
  }
  if (people.are_one()) {
    return fmt::format("{} {} in {} wait {}", number_word(people.total()),
                       f.participants[0].actor.type == "task" ? "tasks" : "threads", people.text(),
                       waits_for_a_held_lock(f) ? "for each other" : "and nobody can wake them");
  }
  return fmt::format("{} wait {}", people.text(),
                     waits_for_a_held_lock(f) ? "for each other" : "and nobody can wake them");
}

std::string lock_cycle(const Finding& f) {
  const People people(f);
  if (f.participants.size() == 3) {  // one lock, read twice around a writer
    return fmt::format("{} read-locks twice what {} may write-lock in between", people.text(), who(f.participants[2]));
  }
  std::size_t locks = 0;
  for (const Object& object : f.objects) locks += object.type == "mutex" || object.type == "rw-mutex" ? 1U : 0U;
  const std::size_t count = locks == 0 ? people.total() : locks;
  if (people.are_one())
    return fmt::format("{} takes {} mutexes in more than one order", people.text(), number_word(count));
  if (count <= 2) return fmt::format("{} take two mutexes in opposite order", people.text());
  return fmt::format("{} take {} mutexes in a ring", people.text(), number_word(count));
}

std::string data_race(const Finding& f) {
  const People people(f);
  const std::string on = subject_or(f, "the same memory");
  if (people.are_one()) return fmt::format("{} races with itself on {}", people.text(), on);
  return fmt::format("{} race on {}", people.text(), on);
}

std::string use_after_free(const Finding& f) {
  const Participant* freed = other(f);
  const std::string user = who(f.participants[0]);
  return freed == nullptr ? fmt::format("{} uses freed memory", user)
                          : fmt::format("{} uses memory that {} freed", user, who_else(f, *freed));
}

std::string cancelled(const Finding& f) {
  // Nobody cancels a context whose deadline ends it.
  const bool by_deadline =
      f.participants.size() > 1 && std::none_of(f.participants.begin(), f.participants.end(),
                                                [](const Participant& one) { return one.role == "canceller"; });
  const std::string_view when = by_deadline ? "the deadline of its context" : "its context was cancelled";
  if (f.participants[0].operation == "run") return fmt::format("{} works on after {}", who(f.participants[0]), when);
  return fmt::format("{} lives on after {}, waiting to {}", who(f.participants[0]), when,
                     operation_phrase(f, f.participants[0]));
}

std::string running_at_exit(const Finding& f) {
  return fmt::format("{} was still at work when main returned", who(f.participants[0]));
}

std::string send_on_closed(const Finding& f) {
  const Participant* closer = other(f);
  const std::string sender = who(f.participants[0]);
  if (closer == nullptr) return fmt::format("{} sends on a closed channel", sender);
  const std::string by = who_else(f, *closer);
  return by == sender ? fmt::format("{} sends on a channel it has closed", sender)
                      : fmt::format("{} sends on a channel that {} closed", sender, by);
}

std::string close_of_closed(const Finding& f) {
  const Participant* first = other(f);
  const std::string closer = who(f.participants[0]);
  if (first == nullptr) return fmt::format("{} closes a closed channel", closer);
  const std::string by = who_else(f, *first);
  return by == closer ? fmt::format("{} closes the same channel twice", closer)
                      : fmt::format("{} closes a channel that {} closed already", closer, by);
}

std::string close_of_nil(const Finding& f) { return fmt::format("{} closes a nil channel", who(f.participants[0])); }

std::string close_send_race(const Finding& f) {
  const Participant* second = other(f);
  if (second == nullptr)
    return fmt::format("nothing orders the close in {} after the last send", who(f.participants[0]));
  const bool first_closes =
      f.participants[0].role.find("clos") != std::string::npos || f.participants[0].operation == "close";
  const Participant& closer = first_closes ? f.participants[0] : *second;
  const Participant& sender = first_closes ? *second : f.participants[0];
  return fmt::format("nothing orders the close in {} after the send in {}", who(closer), who(sender));
}

std::string group_negative(const Finding& f) {
  return fmt::format("{} calls done once too often on {}", who(f.participants[0]), subject_or(f, "a wait group"));
}

std::string group_race(const Finding& f) {
  const Participant* second = other(f);
  if (second == nullptr) return fmt::format("nothing orders the add in {} before the wait", who(f.participants[0]));
  const bool first_waits = f.participants[0].operation == "wait";
  return fmt::format("nothing orders the add in {} before the wait in {}",
                     who(first_waits ? *second : f.participants[0]), who(first_waits ? f.participants[0] : *second));
}

std::string group_reuse(const Finding& f) {
  return fmt::format("{} starts a new round on {} before its last wait returned", who(f.participants[0]),
                     subject_or(f, "a wait group"));
}

std::string double_lock(const Finding& f) {
  return fmt::format("{} locks {} that it holds already", who(f.participants[0]), subject_or(f, "a mutex"));
}

std::string not_held(const Finding& f) {
  return fmt::format("{} unlocks {} that nobody holds", who(f.participants[0]), subject_or(f, "a mutex"));
}

std::string destroy_locked(const Finding& f) {
  return fmt::format("{} destroys {} while it is held", who(f.participants[0]), subject_or(f, "a mutex"));
}

std::string by_other(const Finding& f) {
  const Participant* locker = other(f);
  const std::string what = subject_or(f, "a mutex");
  if (locker == nullptr) return fmt::format("{} unlocks {} that another thread locked", who(f.participants[0]), what);
  return fmt::format("{} unlocks {} that {} locked", who(f.participants[0]), what, who_else(f, *locker));
}

std::string exception(const Finding& f) { return fmt::format("an exception leaves {}", who(f.participants[0])); }

std::string closed_spin(const Finding& f) {
  return fmt::format("{} receives from a closed channel over and over", who(f.participants[0]));
}

std::string busy_select(const Finding& f) {
  return fmt::format("{} spins on the default of a select", who(f.participants[0]));
}

std::string held_while_blocked(const Finding& f) {
  const Participant& p = f.participants[0];
  const Object* lock = p.held.empty() || p.held[0] >= f.objects.size() ? nullptr : &f.objects[p.held[0]];
  const std::string what = lock == nullptr ? "a mutex" : object_phrase(*lock);
  const Object* object = object_of(f, p);
  if (p.operation == "wait" && object != nullptr)
    return fmt::format("{} holds {} while it waits for {}", who(p), what, object_phrase(*object));
  return fmt::format("{} holds {} while it waits to {}", who(p), what, operation_phrase(f, p));
}

std::string context_leak(const Finding& f) {
  return fmt::format("{} makes a context and nobody cancels it", who(f.participants[0]));
}

std::string timer_leak(const Finding& f) {
  if (f.participants[0].operation == "ticker")
    return fmt::format("a ticker made in {} is never stopped", who(f.participants[0]));
  return fmt::format("timers made in {} pile up", who(f.participants[0]));
}

std::string task_growth(const Finding& f) { return fmt::format("tasks started in {} pile up", who(f.participants[0])); }

std::string lost_items(const Finding& f) {
  return fmt::format("items in {} were never received", subject_or(f, "a channel"));
}

std::string long_block(const Finding& f) {
  return fmt::format("{} waits long to {}", who(f.participants[0]), operation_phrase(f, f.participants[0]));
}

struct TitleRow {
  std::string_view kind;
  MakeTitle make;
};
constexpr std::array<TitleRow, 27> kTitles{{{"data-race", data_race},
                                            {"use-after-free", use_after_free},
                                            {"lock-cycle", lock_cycle},
                                            {"deadlock", deadlock},
                                            {"task-leak", waits_for_ever},
                                            {"cancelled-but-alive", cancelled},
                                            {"task-running-at-exit", running_at_exit},
                                            {"send-on-closed", send_on_closed},
                                            {"close-of-closed", close_of_closed},
                                            {"close-of-nil", close_of_nil},
                                            {"close-send-race", close_send_race},
                                            {"wait-group-negative", group_negative},
                                            {"wait-group-race", group_race},
                                            {"wait-group-reuse", group_reuse},
                                            {"double-lock", double_lock},
                                            {"unlock-not-held", not_held},
                                            {"destroy-locked", destroy_locked},
                                            {"unlock-by-other", by_other},
                                            {"task-exception", exception},
                                            {"closed-channel-spin", closed_spin},
                                            {"busy-select", busy_select},
                                            {"lock-held-while-blocked", held_while_blocked},
                                            {"context-leak", context_leak},
                                            {"timer-leak", timer_leak},
                                            {"task-growth", task_growth},
                                            {"lost-items", lost_items},
                                            {"long-block", long_block}}};

}  // namespace

std::string title_of(const Finding& finding) {
  if (!finding.participants.empty()) {
    for (const TitleRow& row : kTitles) {
      if (row.kind == finding.kind) return row.make(finding);
    }
    return fmt::format("{} in {}", finding.kind, who(finding.participants[0]));
  }
  const Kind* kind = find_kind(finding.kind);
  return kind == nullptr ? finding.kind : std::string(kind->one);
}

}  // namespace vigil::reports
