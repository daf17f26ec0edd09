#include "reports/render/html/card.hpp"

#include <fmt/core.h>

#include <string_view>

#include "reports/model/function_name.hpp"
#include "reports/model/phrases.hpp"
#include "reports/model/user_frames.hpp"
#include "reports/model/why.hpp"
#include "reports/render/words.hpp"

namespace vigil::reports::html {
namespace {

// " in `main` at prog.cpp:12", for the line of a folded stack.
std::string where_words(const Context& context, const Stack& stack) {
  const Frame* frame = first_user_frame(stack);
  if (frame == nullptr) return {};
  const std::string place = place_words(*frame);
  const std::string name = spoken_name(frame->function);
  return name.empty() ? fmt::format(" at {}", context.paths.shown(place))
                      : fmt::format(" in {} at {}", name, context.paths.shown(place));
}

std::string held_words(const Finding& finding, const Participant& participant) {
  // Of a race the reader must know that a side holds none; elsewhere no lock is no news.
  if (participant.held.empty()) return finding.kind == "data-race" ? "Holds no lock" : "";
  std::string text = "Holds ";
  for (std::size_t i = 0; i < participant.held.size(); ++i) {
    const Object& object = finding.objects[participant.held[i]];
    if (i != 0) text += ", ";
    text += fmt::format("{} ({})", object.id, object_phrase(object));
  }
  return text;
}

// "waiter, blocked for 76 ms", beside the actor's name.
std::string side_words(const Participant& participant, bool one_stack) {
  std::string words = one_stack ? participant.role : std::string();
  if (participant.waited_ms >= 0 && !participant.note.empty()) {
    words += fmt::format("{}{} for {}", words.empty() ? "" : ", ", participant.actor.state,
                         duration_words(participant.waited_ms));
  }
  return words;
}

bool same_actor(const Participant& a, const Participant& b) {
  return a.actor.type == b.actor.type && a.actor.id == b.actor.id;
}

Card::Column column_of(const Context& context, const Finding& finding, std::size_t from, std::size_t to) {
  const Participant& first = finding.participants[from];
  Card::Column column;
  column.actor = capitalised(actor_words(first.actor));
  column.role = side_words(first, to - from == 1);
  for (std::size_t i = from; i < to; ++i) {
    const Participant& participant = finding.participants[i];
    column.steps.push_back(
        {i, capitalised(participant.note.empty() ? participant_words(finding, participant) : participant.note),
         held_words(finding, participant), &participant.stack});
  }
  if (!first.actor.created_at.empty()) {
    column.created_at = &first.actor.created_at;
    column.started =
        fmt::format("This {} was started{}", first.actor.type, where_words(context, first.actor.created_at));
  }
  return column;
}

Card::Thing thing_of(const Context& context, const Object& object) {
  Card::Thing thing{&object, capitalised(object_words(object)), {}};
  if (!object.created_at.empty()) {
    // A pthread lock has no constructor to be seen.
    const bool made = object.type != "mutex" && object.type != "rw-mutex" && object.type != "cond";
    thing.made = (made ? ", made" : ", first used") + where_words(context, object.created_at);
  }
  return thing;
}

}  // namespace

Card card_of(const Context& context, const Finding& finding) {
  Card card;
  card.title = capitalised(finding.title);
  card.message = capitalised(finding.message);
  if (!card.message.empty() && std::string_view(".!?:").find(card.message.back()) == std::string_view::npos)
    card.message += '.';
  card.why = why_of(finding);
  card.hint = capitalised(finding.hint);
  for (const Participant& participant : finding.participants) {
    const Frame* frame = first_user_frame(participant.stack);
    if (frame == nullptr) continue;
    card.place = context.paths.shown(place_words(*frame));
    card.module = frame->module.substr(frame->module.find_last_of('/') + 1);
    break;
  }
  for (std::size_t from = 0; from < finding.participants.size();) {
    std::size_t to = from + 1;
    while (to < finding.participants.size() && same_actor(finding.participants[from], finding.participants[to])) ++to;
    card.columns.push_back(column_of(context, finding, from, to));
    from = to;
  }
  for (const Object& object : finding.objects) card.things.push_back(thing_of(context, object));
  card.ring = ring_of(finding, context.report.wait_for);
  if (card.ring && (card.ring->nodes.size() < 2 || card.ring->nodes.size() > kBiggestRing)) card.ring.reset();
  return card;
}

StateCard state_card_of(const StateEntry& entry) {
  StateCard card{capitalised(actor_words(entry.actor)), entry.actor.state};
  if (entry.count > 1) card.actor += fmt::format(" and {} like it", entry.count - 1);
  if (entry.waited_ms >= 0) card.doing += fmt::format(" for {}", duration_words(entry.waited_ms));
  if (!entry.operation.empty()) {
    card.doing +=
        fmt::format(": {}", operation_phrase(entry.operation, entry.object.empty() ? nullptr : &entry.object.front()));
  }
  card.doing = capitalised(card.doing);
  return card;
}

}  // namespace vigil::reports::html
