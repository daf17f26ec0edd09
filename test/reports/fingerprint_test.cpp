#include "reports/model/fingerprint.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "reports/model/suppressions.hpp"
#include "reports/model/title.hpp"
#include "test/reports/fake_names.hpp"

namespace vigil::reports {
namespace {

using test::frame_at;

Participant at(std::string role, std::vector<Frame> frames) {
  Participant participant;
  participant.role = std::move(role);
  for (Frame& frame : frames) participant.stack.push_back(share_frame(std::move(frame)));
  return participant;
}

Finding race() {
  Finding finding;
  finding.kind = "data-race";
  finding.participants.push_back(
      at("first", {frame_at("put(int)", "/src/cache.cpp", 20, 3), frame_at("main", "/src/main.cpp", 9, 2)}));
  finding.participants.push_back(at("second", {frame_at("get()", "/src/cache.cpp", 40, 5)}));
  return finding;
}

TEST(Fingerprint, DoesNotDependOnAddressesOrIds) {
  Finding other = race();
  for (Participant& participant : other.participants) {
    participant.actor.id = 99;
    for (FrameRef& ref : participant.stack) {
      Frame frame = *ref;
      frame.offset += 0x1000;
      frame.module = "/elsewhere/prog";
      ref = share_frame(frame);
    }
  }
  EXPECT_EQ(fingerprint_of(other), fingerprint_of(race()));
}

TEST(Fingerprint, DoesNotDependOnTheFoldersOfTheSources) {
  Finding other = race();
  other.participants[0].stack[0] = share_frame(frame_at("put(int)", "/home/ci/build/cache.cpp", 20, 3));
  EXPECT_EQ(fingerprint_of(other), fingerprint_of(race()));
}

TEST(Fingerprint, DoesNotDependOnLinesAboveTheFunction) {
  Finding other = race();
  other.participants[0].stack[0] = share_frame(frame_at("put(int)", "/src/cache.cpp", 120, 3));
  EXPECT_EQ(fingerprint_of(other), fingerprint_of(race()));
}

TEST(Fingerprint, DoesNotDependOnWhichAccessCameFirst) {
  Finding other = race();
  std::swap(other.participants[0].stack, other.participants[1].stack);
  EXPECT_EQ(fingerprint_of(other), fingerprint_of(race()));
}

TEST(Fingerprint, TellsRolesApartThatDiffer) {
  Finding one;
  one.kind = "send-on-closed";
  one.participants.push_back(at("sender", {frame_at("a()", "/src/x.cpp", 2)}));
  one.participants.push_back(at("closer", {frame_at("b()", "/src/x.cpp", 9)}));
  Finding other = one;
  std::swap(other.participants[0].stack, other.participants[1].stack);
  EXPECT_NE(fingerprint_of(other), fingerprint_of(one));
}

TEST(Fingerprint, DependsOnKindFunctionAndPlace) {
  Finding kind = race();
  kind.kind = "use-after-free";
  EXPECT_NE(fingerprint_of(kind), fingerprint_of(race()));
  Finding place = race();
  place.participants[0].stack[0] = share_frame(frame_at("put(int)", "/src/cache.cpp", 21, 4));
  EXPECT_NE(fingerprint_of(place), fingerprint_of(race()));
  Finding function = race();
  function.participants[1].stack[0] = share_frame(frame_at("erase()", "/src/cache.cpp", 40, 5));
  EXPECT_NE(fingerprint_of(function), fingerprint_of(race()));
}

TEST(Fingerprint, IgnoresLibraryFramesAndTheDepthOfRecursion) {
  Finding other = race();
  Stack& stack = other.participants[0].stack;
  stack.insert(stack.begin(), share_frame(frame_at("std::mutex::lock()", "/usr/include/c++/12/mutex", 100, 7)));
  stack.insert(stack.begin() + 1, stack[1]);
  EXPECT_EQ(fingerprint_of(other), fingerprint_of(race()));
}

// Where one actor took the lock it held and wanted the other, both through a function that locks, and who called it.
void add_edge(Finding& finding, std::uint64_t actor, const Frame& taken, const Frame& wanted, const Frame& caller) {
  const Frame possess = frame_at("possess", "/src/lock.cpp", 30, 1);
  finding.participants.push_back(at("holds", {possess, taken, caller}));
  finding.participants.push_back(at("wants", {possess, wanted, caller}));
  finding.participants[finding.participants.size() - 2].actor.id = finding.participants.back().actor.id = actor;
}

const Frame kTakeFirst = frame_at("take_space", "/src/pool.cpp", 61, 1);
const Frame kTakeSecond = frame_at("take_space", "/src/pool.cpp", 62, 2);
const Frame kDropFirst = frame_at("drop_space", "/src/pool.cpp", 71, 1);
const Frame kDropSecond = frame_at("drop_space", "/src/pool.cpp", 72, 2);

Finding inversion(const std::string& caller) {
  Finding finding;
  finding.kind = "lock-cycle";
  add_edge(finding, 1, kTakeFirst, kTakeSecond, frame_at("read_input", "/src/main.cpp", 9, 2));
  add_edge(finding, 2, kDropFirst, kDropSecond, frame_at(caller, "/src/main.cpp", 29, 3));
  return finding;
}

TEST(Fingerprint, OfALockCycleDoesNotDependOnTheCallersOfWhatNestsTheLocks) {
  EXPECT_EQ(fingerprint_of(inversion("compress")), fingerprint_of(inversion("write_output")));
  Finding other = inversion("compress");
  other.participants[3].stack[1] = share_frame(frame_at("drop_space", "/src/pool.cpp", 79, 9));
  EXPECT_NE(fingerprint_of(other), fingerprint_of(inversion("compress")));
}

TEST(Fingerprint, OfALockCycleDependsOnTheCallersOfTheOneFunctionThatNestsThem) {
  const auto transfers = [](const std::string& caller) {
    Finding finding;
    finding.kind = "lock-cycle";
    add_edge(finding, 1, kTakeFirst, kTakeSecond, frame_at("pay", "/src/main.cpp", 9, 2));
    add_edge(finding, 2, kTakeFirst, kTakeSecond, frame_at(caller, "/src/main.cpp", 29, 3));
    return finding;
  };
  EXPECT_NE(fingerprint_of(transfers("refund")), fingerprint_of(transfers("merge")));
}

TEST(Title, OfALockCycleNamesWhatNestsTheLocks) {
  EXPECT_EQ(title_of(inversion("compress")), "`take_space` and `drop_space` take two mutexes in opposite order");
  EXPECT_EQ(suppression_for(inversion("compress")), "lock-cycle:take_space");
}

}  // namespace
}  // namespace vigil::reports
