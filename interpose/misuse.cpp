#include "interpose/misuse.hpp"

#include <algorithm>

#include "interpose/finding.hpp"
#include "interpose/finding_writer.hpp"
#include "interpose/throws.hpp"
#include "interpose/words.hpp"

namespace vigil::shim {
namespace {

void tell_close_of_nil(const Actor& actor) noexcept {
  const ActorInfo who = info_of(actor, "running");
  Line message;
  message << words_for(who).view() << " closed a nil channel: the handle was never given one";
  const Participant closer{
      .role = "closer", .actor = who, .operation = "close", .held = {}, .stack = capture_stack(), .note = "the close"};
  report(
      {.kind = Kind::CloseOfNil, .message = message.view(), .hint = {}, .participants = {&closer, 1}, .objects = {}});
}

}  // namespace

void tell_channel_misuse(const Actor& actor, const ChannelObject* channel, std::uint32_t misuse) noexcept {
  if (misuse == VIGIL_MISUSE_CLOSE_OF_NIL) return tell_close_of_nil(actor);
  const bool is_send = misuse == VIGIL_MISUSE_SEND_ON_CLOSED;
  const ActorInfo who = info_of(actor, "running");
  OwnVector<Participant> participants;
  participants.push_back({.role = is_send ? "sender" : "closer",
                          .actor = who,
                          .operation = is_send ? "send" : "close",
                          .object = channel == nullptr ? -1 : 0,
                          .held = {},
                          .stack = capture_stack(),
                          .note = is_send ? "the send on the closed channel" : "the second close"});
  Line message;
  message << words_for(who).view() << (is_send ? " sent on " : " closed ");
  OwnVector<ObjectInfo> objects;
  if (channel != nullptr) {
    objects.push_back(info_of(*channel));
    message << words_for(*channel).view();
  } else {
    message << "a channel";
  }
  if (channel != nullptr && channel->closed) {
    const ActorInfo closer = info_of(channel->closer, "");
    const bool same = closer.type == who.type && closer.id == who.id;
    message << " after " << (same ? Phrase() << "it" : words_for(closer)).view() << " had closed it"
            << (same ? " itself" : "");
    participants.push_back({.role = "first closer",
                            .actor = closer,
                            .operation = "close",
                            .object = 0,
                            .held = {},
                            .stack = channel->closed_at,
                            .note = "the channel was closed here"});
  } else {
    message << " that was closed";
  }
  report({.kind = is_send ? Kind::SendOnClosed : Kind::CloseOfClosed,
          .message = message.view(),
          .hint = {},
          .participants = participants,
          .objects = objects});
}

void tell_negative_group(const Actor& actor, const GroupObject& group, std::int64_t delta) noexcept {
  const ActorInfo who = info_of(actor, "running");
  const ObjectInfo object = info_of(group);
  const std::size_t kept = std::min<std::size_t>(group.events, GroupObject::kHistory);
  const std::int64_t before = kept == 0 ? 0 : group.history[(group.events - 1) % GroupObject::kHistory].counter;
  Line message;
  message << words_for(who).view() << " took wait group w" << group.id << " from " << before << " to " << before + delta
          << ": done more often than added";
  OwnVector<Participant> participants;
  participants.push_back({.role = "done",
                          .actor = who,
                          .operation = delta == -1 ? "done" : "add",
                          .object = 0,
                          .held = {},
                          .stack = capture_stack(),
                          .note = "one done too many"});
  OwnVector<Phrase> notes(kept);
  for (std::size_t back = 0; back < kept; ++back) {  // the youngest first
    const GroupEvent& event = group.history[(group.events - 1 - back) % GroupObject::kHistory];
    notes[back] << (event.delta < 0 ? "before that: " : "before that: +") << event.delta << ", leaving "
                << event.counter;
    participants.push_back({.role = event.delta < 0 ? "earlier done" : "earlier add",
                            .actor = info_of(event.actor, ""),
                            .operation = event.delta == -1 ? "done" : "add",
                            .object = 0,
                            .held = {},
                            .stack = event.stack,
                            .note = notes[back].view()});
  }
  report({.kind = Kind::WaitGroupNegative,
          .message = message.view(),
          .hint = {},
          .participants = participants,
          .objects = {&object, 1}});
}

void tell_task_exception(const Actor& actor, const char* what, const char* type) noexcept {
  const ActorInfo who = info_of(actor, "running");
  Line message;
  message << "an exception left " << words_for(who).view() << " and ends the program";
  if (what != nullptr && *what != '\0') message << ": " << std::string_view(what);
  const StackId thrown_at = last_throw(actor, type);
  // A throw we did not see (a program with its own C++ runtime inside): at least say whose end this is.
  const Participant thrower{.role = "thrower",
                            .actor = who,
                            .operation = "throw",
                            .held = {},
                            .stack = thrown_at != kNoStack ? thrown_at : capture_stack(),
                            .note = thrown_at != kNoStack ? "the exception was thrown here" : "the task it left"};
  report({.kind = Kind::TaskException,
          .message = message.view(),
          .hint = {},
          .participants = {&thrower, 1},
          .objects = {}});
}

}  // namespace vigil::shim
