#include "interpose/group_use.hpp"

#include <algorithm>

#include "interpose/code/unseen_order.hpp"
#include "interpose/finding_writer.hpp"
#include "interpose/objects.hpp"
#include "interpose/words.hpp"

namespace vigil::shim::group_use {
namespace {

bool order_is_kept() noexcept { return (order::needs() & order::kWhole) != 0; }

race::Epoch moment_of(Actor& actor) noexcept {
  return order_is_kept() ? race::now(order::whole(actor.clocks)) : race::Epoch{};
}

// Whether the actor knows of it. An actor knows what it did itself, and what was done before the order was kept.
bool knows(Actor& actor, const GroupMark& mark) noexcept {
  return mark.actor == key_of(actor) || mark.at == race::Epoch{} || !order_is_kept() ||
         race::happened_before(mark.at, order::whole(actor.clocks));
}

// The youngest round of which the actor knows somebody to have waited for it.
std::uint32_t last_waited_for(Actor& actor, const GroupRounds& rounds) noexcept {
  std::uint32_t last = 0;
  rounds.waits.each([&](const GroupMark& wait) {
    if (knows(actor, wait)) last = std::max(last, wait.round);
    return true;
  });
  return last;
}

// The round that the actor waits for: the youngest that it knows was opened, if nobody it knows of has waited for that.
std::uint32_t round_waited_for(Actor& actor, const GroupRounds& rounds) noexcept {
  std::uint32_t round = 0;
  rounds.adds.each([&](const GroupMark& add) {
    if (!knows(actor, add)) return true;
    round = add.round;
    return false;
  });
  return round > last_waited_for(actor, rounds) ? round : 0;
}

void tell(const GroupObject& group, const GroupMark& add, const GroupMark& wait) noexcept {
  if (unseen_order::possible(add.stack, wait.stack)) return;
  const bool reused = wait.round != 0;
  const ActorInfo adder = info_of(add.actor, "");
  const ActorInfo waiter = info_of(wait.actor, "");
  const ObjectInfo object = info_of(group);
  Line message;
  if (reused) {
    message << words_for(adder).view() << " began a new round of wait group w" << group.id
            << ", and nothing orders that after the return of the wait in " << words_for(waiter).view()
            << " for an earlier round: that wait may return late, or not before the new round is over";
  } else {
    message << words_for(adder).view() << " added to wait group w" << group.id << " from zero, and "
            << words_for(waiter).view() << " waited for it, and nothing orders the two: when the wait comes first it "
            << "returns at once, and what was added is not waited for";
  }
  const Participant participants[] = {{.role = "adder",
                                       .actor = adder,
                                       .operation = "add",
                                       .object = 0,
                                       .held = {},
                                       .stack = add.stack,
                                       .note = reused ? "the add that began the new round" : "the add from zero"},
                                      {.role = "waiter",
                                       .actor = waiter,
                                       .operation = "wait",
                                       .object = 0,
                                       .held = {},
                                       .stack = wait.stack,
                                       .note = reused ? "the wait for the round before" : "the wait"}};
  report({.kind = reused ? Kind::WaitGroupReuse : Kind::WaitGroupRace,
          .predicted = false,
          .message = message.view(),
          .hint = {},
          .participants = participants,
          .objects = {&object, 1}});
}

}  // namespace

void opened(Actor& actor, GroupObject& group) noexcept {
  GroupRounds& rounds = group.rounds;
  const StackId stack = capture_stack();
  if (!order_is_kept() && tasks_were_started() && !unseen_order::possible(stack)) order::want(order::kWhole);
  const GroupMark add{.actor = key_of(actor), .at = moment_of(actor), .stack = stack, .round = ++rounds.last};
  rounds.waits.each([&](const GroupMark& wait) {
    if (knows(actor, wait)) return true;
    tell(group, add, wait);
    return false;
  });
  rounds.adds.add(add);
}

void waited(Actor& actor, GroupObject& group) noexcept {
  GroupRounds& rounds = group.rounds;
  const ActorKey key = key_of(actor);
  const bool others_add = rounds.adds.empty() || rounds.adds.youngest().actor != key;
  const StackId stack = &current_actor() == &actor ? capture_stack() : actor.parked_at;
  if (!order_is_kept() && others_add && !unseen_order::possible(stack)) order::want(order::kWhole);
  const GroupMark wait{.actor = key, .at = moment_of(actor), .stack = stack, .round = round_waited_for(actor, rounds)};
  const std::uint32_t past = last_waited_for(actor, rounds);
  rounds.adds.each([&](const GroupMark& add) {
    if (add.round <= past || knows(actor, add)) return true;
    tell(group, add, wait);
    return false;
  });
  rounds.waits.add(wait);
}

}  // namespace vigil::shim::group_use
