#include "reports/model/title.hpp"

#include <gtest/gtest.h>

#include "reports/model/hint.hpp"
#include "reports/model/kind.hpp"
#include "reports/model/why.hpp"
#include "test/reports/fake_names.hpp"

namespace vigil::reports {
namespace {

Participant at(const std::string& function, std::string operation, std::int64_t object = -1,
               std::vector<std::size_t> held = {}) {
  Participant participant;
  participant.operation = std::move(operation);
  participant.object = object;
  participant.held = std::move(held);
  participant.actor.type = "task";
  participant.stack.push_back(share_frame(test::frame_at(function, "/src/a.cpp", 5)));
  return participant;
}

Object made_in(const std::string& type, const std::string& function, std::string name = "") {
  Object object;
  object.id = type.substr(0, 1) + "1";
  object.type = type;
  object.name = std::move(name);
  if (!function.empty()) object.created_at.push_back(share_frame(test::frame_at(function, "/src/a.cpp", 2)));
  return object;
}

Finding finding_of(std::string kind, std::vector<Participant> participants, std::vector<Object> objects = {}) {
  Finding finding;
  finding.kind = std::move(kind);
  finding.participants = std::move(participants);
  finding.objects = std::move(objects);
  return finding;
}

TEST(Title, SpeaksInTheProgramsOwnNames) {
  EXPECT_EQ(title_of(finding_of("task-leak", {at("consume(int)", "receive", 0)}, {made_in("channel", "main")})),
            "`consume` waits for ever to receive from a channel made in `main`");
  EXPECT_EQ(title_of(finding_of("task-leak", {at("poll()", "select")})), "`poll` waits for ever in a select");
  EXPECT_EQ(title_of(finding_of("task-leak", {at("poll()", "receive")})),
            "`poll` waits for ever to receive from a nil channel");
  EXPECT_EQ(title_of(finding_of("deadlock", {at("main", "wait", 0)}, {made_in("wait-group", "main")})),
            "`main` waits for ever for a wait group made in `main`");
  EXPECT_EQ(title_of(finding_of("send-on-closed", {at("worker()", "send", 0), at("main", "close", 0)},
                                {made_in("channel", "main")})),
            "`worker` sends on a channel that `main` closed");
  EXPECT_EQ(title_of(finding_of("data-race", {at("put()", "write", 0), at("get()", "read", 0)},
                                {made_in("variable", "", "hits")})),
            "`put` and `get` race on `hits`");
  EXPECT_EQ(title_of(finding_of("double-lock", {at("put()", "lock", 0)}, {made_in("mutex", "", "cache_lock")})),
            "`put` locks mutex `cache_lock` that it holds already");
}

TEST(Title, TellsOppositeOrdersFromRings) {
  const std::vector<Object> two{made_in("mutex", "main"), made_in("mutex", "main")};
  EXPECT_EQ(title_of(finding_of("lock-cycle", {at("transfer()", "lock", 1, {0}), at("refund()", "lock", 0, {1})}, two)),
            "`transfer` and `refund` take two mutexes in opposite order");
  EXPECT_EQ(
      title_of(finding_of("lock-cycle", {at("transfer()", "lock", 1, {0}), at("transfer()", "lock", 0, {1})}, two)),
      "`transfer` takes two mutexes in more than one order");
  EXPECT_EQ(title_of(finding_of("deadlock", {at("transfer()", "lock", 1, {0}), at("refund()", "lock", 0, {1})}, two)),
            "`transfer` and `refund` wait for each other");
}

TEST(Title, TwoLambdasOfOneFunctionAreTwo) {
  const std::vector<Object> hits{made_in("variable", "", "hits")};
  const auto race = [&](const std::string& newer, const std::string& older) {
    return title_of(finding_of("data-race", {at(newer, "write", 0), at(older, "read", 0)}, hits));
  };
  const std::string first = "main::{lambda()#1}::operator()() const";
  const std::string second = "main::{lambda()#2}::operator()() const";
  EXPECT_EQ(race(first, first), "a lambda in `main` races with itself on `hits`");
  EXPECT_EQ(race(first, second), "two lambdas in `main` race on `hits`");
  EXPECT_EQ(race("main::$_0::operator()() const", "main::$_1::operator()() const"),
            "two lambdas in `main` race on `hits`");
  EXPECT_EQ(race("auto main::{lambda(auto:1)#1}::operator()<int>(int) const",
                 "auto main::{lambda(auto:1)#1}::operator()<long>(long) const"),
            "a lambda in `main` races with itself on `hits`");
  EXPECT_EQ(race("main", second), "`main` and a lambda in `main` race on `hits`");
  EXPECT_EQ(race("put()", "put() [clone .constprop.0]"), "`put` races with itself on `hits`");

  const std::vector<Object> two{made_in("mutex", "main"), made_in("mutex", "main")};
  EXPECT_EQ(title_of(finding_of("lock-cycle", {at(first, "lock", 1, {0}), at(second, "lock", 0, {1})}, two)),
            "two lambdas in `main` take two mutexes in opposite order");
  EXPECT_EQ(title_of(finding_of("deadlock", {at(first, "lock", 1, {0}), at(second, "lock", 0, {1})}, two)),
            "two lambdas in `main` wait for each other");
  EXPECT_EQ(title_of(finding_of("deadlock", {at(first, "lock", 1, {0}), at(first, "lock", 0, {1})}, two)),
            "two tasks in a lambda in `main` wait for each other");
  EXPECT_EQ(title_of(finding_of("close-of-closed", {at(first, "close"), at(second, "close")})),
            "a lambda in `main` closes a channel that another lambda in `main` closed already");
  EXPECT_EQ(title_of(finding_of("close-of-closed", {at(first, "close"), at(first, "close")})),
            "a lambda in `main` closes the same channel twice");
  EXPECT_EQ(title_of(finding_of("send-on-closed", {at(first, "send"), at(second, "close")})),
            "a lambda in `main` sends on a channel that another lambda in `main` closed");
}

TEST(Title, WhoWaitsForWhatHeHoldsWaitsForItself) {
  const std::vector<Object> one{made_in("rw-mutex", "main")};
  Finding finding = finding_of("deadlock", {at("put()", "write-lock", 0, {0}), at("put()", "lock", 0)}, one);
  finding.participants[1].role = "holder";
  EXPECT_EQ(title_of(finding), "`put` waits for itself");
  finding.participants[1].actor.id = finding.participants[0].actor.id + 1;  // one that has ended with it
  EXPECT_EQ(title_of(finding), "`put` waits for ever to lock a read-write mutex first used in `main`");
}

TEST(Title, OnlyWhatIsCancelledWasCancelled) {
  Finding finding =
      finding_of("cancelled-but-alive", {at("dial()", "receive", 0), at("main", "make")}, {made_in("channel", "main")});
  finding.participants[1].role = "maker";
  EXPECT_EQ(title_of(finding),
            "`dial` lives on after the deadline of its context, waiting to receive from a channel "
            "made in `main`");
  finding.participants.push_back(at("main", "cancel"));
  finding.participants[2].role = "canceller";
  EXPECT_EQ(title_of(finding),
            "`dial` lives on after its context was cancelled, waiting to receive from a channel "
            "made in `main`");
}

TEST(Hint, WhoUsedTheChannelBeforeIsNotOneMoreWhoWaits) {
  const std::vector<Object> channel{made_in("channel", "main")};
  Finding finding = finding_of("deadlock", {at("take()", "receive", 0), at("put()", "send", 0)}, channel);
  finding.participants[1].role = "earlier send";
  EXPECT_EQ(hint_of(finding), hint_of(finding_of("deadlock", {at("take()", "receive", 0)}, channel)));
  finding.participants[1].role = "waiter";
  EXPECT_EQ(hint_of(finding), std::string(find_kind("deadlock")->hint));
}

TEST(Hint, WhoWaitsForHisOwnLockIsNotHelpedByAnOrder) {
  EXPECT_EQ(hint_of(finding_of("deadlock", {at("put()", "lock", 0, {0}), at("put()", "lock", 0)},
                               {made_in("mutex", "main")})),
            std::string(find_kind("double-lock")->hint));
  const std::string twice = hint_of(
      finding_of("deadlock", {at("read()", "lock", 0, {0}), at("write()", "lock", 0)}, {made_in("rw-mutex", "main")}));
  EXPECT_NE(twice.find("once"), std::string::npos);
}

TEST(Hint, WhoJoinsTheOneThatWaitsIsNotTheCause) {
  const std::string for_cond = hint_of(finding_of("deadlock", {at("take()", "wait", 0)}, {made_in("cond", "main")}));
  EXPECT_NE(for_cond.find("predicate"), std::string::npos);
  EXPECT_EQ(hint_of(finding_of("deadlock", {at("main", "join"), at("take()", "wait", 0)}, {made_in("cond", "main")})),
            for_cond);
  EXPECT_NE(hint_of(finding_of("deadlock", {at("main", "join"), at("take()", "wait")})).find("future"),
            std::string::npos);
}

TEST(Title, EveryKindHasOneAndAHint) {
  for (const Kind& kind : all_kinds()) {
    for (const std::size_t participants : {0U, 1U, 2U, 5U}) {
      Finding finding = finding_of(std::string(kind.name), {}, {made_in("channel", "main")});
      for (std::size_t i = 0; i < participants; ++i)
        finding.participants.push_back(at("f" + std::to_string(i) + "()", "receive", 0));
      EXPECT_GE(title_of(finding).size(), 10U) << kind.name;
      EXPECT_FALSE(hint_of(finding).empty()) << kind.name;
    }
  }
}

TEST(Title, AnActorInLibraryCodeIsNamedByItsCreator) {
  Participant idle = at("vigil::detail::park()", "receive");
  idle.stack[0] = share_frame(test::frame_at("vigil::detail::park()", "/usr/include/vigil/park.hpp", 3));
  idle.actor.created_at.push_back(share_frame(test::frame_at("start_workers()", "/src/a.cpp", 3)));
  EXPECT_EQ(title_of(finding_of("task-exception", {idle})), "an exception leaves a task started in `start_workers`");
}

TEST(Hint, TheShimsOwnComesFirst) {
  Finding finding = finding_of("task-leak", {at("f()", "send", 0)}, {made_in("channel", "main")});
  EXPECT_NE(hint_of(finding).find("capacity 1"), std::string::npos);
  finding.hint = "Do this.";
  EXPECT_EQ(hint_of(finding), "Do this.");
}

TEST(Hint, AllWhoWaitForANilChannelAreToldToMakeIt) {
  const Finding two = finding_of("deadlock", {at("f()", "receive"), at("g()", "send")});
  EXPECT_NE(hint_of(two).find("nil channel"), std::string::npos);
  const Finding mixed = finding_of("deadlock", {at("f()", "receive"), at("g()", "send", 0)}, {made_in("channel", "")});
  EXPECT_EQ(hint_of(mixed), std::string(find_kind("deadlock")->hint));
}

TEST(Hint, FollowsTheShapeOfTheWait) {
  EXPECT_NE(hint_of(finding_of("task-leak", {at("f()", "receive")})).find("nil channel"), std::string::npos);
  EXPECT_NE(hint_of(finding_of("task-leak", {at("f()", "wait", 0)}, {made_in("cond", "")})).find("predicate"),
            std::string::npos);
  EXPECT_NE(hint_of(finding_of("deadlock", {at("f()", "wait", 0)}, {made_in("wait-group", "")})).find("done()"),
            std::string::npos);
  EXPECT_NE(hint_of(finding_of("deadlock", {at("f()", "lock", 0), at("g()", "lock", 0)}, {made_in("mutex", "")}))
                .find("one order"),
            std::string::npos);
}

TEST(Hint, NamesTheLockThatWouldHaveOrderedARace) {
  const std::vector<Object> objects{made_in("variable", "", "hits"), made_in("mutex", "", "a"),
                                    made_in("mutex", "", "b"), made_in("rw-mutex", "", "rw")};
  const auto hint = [&](std::vector<std::size_t> newer, std::vector<std::size_t> older) {
    return hint_of(finding_of(
        "data-race",
        {at("get()", "read of 4 bytes", 0, std::move(newer)), at("put()", "write of 4 bytes", 0, std::move(older))},
        objects));
  };
  EXPECT_EQ(hint({}, {1}), "Hold mutex `a` where `get` reads it, too: the other side does.");
  EXPECT_EQ(hint({1, 2}, {}), "Hold mutex `a` or mutex `b` where `put` writes it, too: the other side does.");
  EXPECT_EQ(hint({1}, {2}),
            "The two hold different locks, mutex `a` here and mutex `b` there: hold the same one around both.");
  EXPECT_EQ(
      hint({3}, {3}),
      "Both hold read-write mutex `rw`, and at least one of them only for reading: take it for writing where it is "
      "written.");
  EXPECT_EQ(hint({}, {}), std::string(find_kind("data-race")->hint));
  EXPECT_EQ(hint({1}, {1}), std::string(find_kind("data-race")->hint));  // whatever that is, it is not plain
}

TEST(Why, EveryKindSaysWhyItIsReal) {
  for (const Kind& kind : all_kinds()) {
    Finding finding;
    finding.kind = kind.name;
    EXPECT_FALSE(why_of(finding).empty()) << kind.name;
  }
}

}  // namespace
}  // namespace vigil::reports
