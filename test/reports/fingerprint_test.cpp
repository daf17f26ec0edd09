#include "reports/model/fingerprint.hpp"

#include <gtest/gtest.h>

#include <algorithm>

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

}  // namespace
}  // namespace vigil::reports
