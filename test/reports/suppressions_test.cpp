#include "reports/model/suppressions.hpp"

#include <gtest/gtest.h>

#include "test/reports/fake_names.hpp"

namespace vigil::reports {
namespace {

Finding leak_in(const std::string& function, const std::string& file = "/src/a.cpp",
                const std::string& module = "/opt/prog") {
  Frame frame = test::frame_at(function, file, 10);
  frame.module = module;
  Finding finding;
  finding.kind = "task-leak";
  finding.participants.emplace_back().stack.push_back(share_frame(frame));
  return finding;
}

bool silenced(std::string_view rules, const Finding& finding) {
  Suppressions suppressions;
  suppressions.add(rules, "rules");
  return suppressions.match(finding);
}

TEST(Pattern, MatchesAnywhereUnlessTied) {
  EXPECT_TRUE(matches_pattern("sum", "consume"));
  EXPECT_FALSE(matches_pattern("^sum", "consume"));
  EXPECT_TRUE(matches_pattern("^con", "consume"));
  EXPECT_TRUE(matches_pattern("sume$", "consume"));
  EXPECT_FALSE(matches_pattern("con$", "consume"));
  EXPECT_TRUE(matches_pattern("^consume$", "consume"));
}

TEST(Pattern, StarStandsForAnything) {
  EXPECT_TRUE(matches_pattern("^c*e$", "consume"));
  EXPECT_TRUE(matches_pattern("c*s*e", "consume"));
  EXPECT_TRUE(matches_pattern("a*b*c$", "abcabc"));
  EXPECT_FALSE(matches_pattern("^c*x", "consume"));
  EXPECT_TRUE(matches_pattern("*", "consume"));
}

TEST(Pattern, AnEmptyOneMatchesNothing) {
  EXPECT_FALSE(matches_pattern("", "consume"));
  EXPECT_FALSE(matches_pattern("^$", "consume"));
}

TEST(Pattern, ManyStarsTakeNoTime) {
  const std::string pattern = "a*a*a*a*a*a*a*a*a*a*a*a*a*a*b";
  EXPECT_FALSE(matches_pattern(pattern, std::string(5000, 'a')));
}

TEST(Suppressions, MatchFunctionFileAndModule) {
  const Finding finding = leak_in("shop::consume(int)", "/src/third_party/a.cpp", "/opt/libshop.so");
  EXPECT_TRUE(silenced("task-leak:shop::consume", finding));
  EXPECT_TRUE(silenced("task-leak:third_party", finding));
  EXPECT_TRUE(silenced("task-leak:libshop.so$", finding));
  EXPECT_FALSE(silenced("task-leak:refund", finding));
  EXPECT_FALSE(silenced("deadlock:shop::consume", finding));
}

TEST(Suppressions, CommentsAndBlankLinesSayNothing) {
  EXPECT_TRUE(silenced("# a comment\n\n   \n  task-leak:consume  \r\n", leak_in("consume()")));
  EXPECT_FALSE(silenced("#task-leak:consume\n", leak_in("consume()")));
}

TEST(Suppressions, ThreadSanitizersNamesWork) {
  Finding race = leak_in("f()");
  race.kind = "data-race";
  EXPECT_TRUE(silenced("race:^f", race));
  Finding cycle = leak_in("f()");
  cycle.kind = "lock-cycle";
  EXPECT_TRUE(silenced("deadlock:f", cycle));
  Finding twice = leak_in("f()");
  twice.kind = "double-lock";
  EXPECT_TRUE(silenced("mutex:f", twice));
  Suppressions suppressions;
  suppressions.add("signal:f\ncalled_from_lib:x\nthread:y\n", "s");
  EXPECT_TRUE(suppressions.problems().empty());
}

TEST(Suppressions, MatchWhatARaceIsAbout) {
  Finding race = leak_in("f()");
  race.kind = "data-race";
  race.participants[0].object = 0;
  race.objects.emplace_back().name = "shop::till+0x4";
  race.objects.emplace_back().name = "lock_of_till";
  race.participants[0].held = {1};
  EXPECT_TRUE(silenced("race:shop::till", race));
  EXPECT_TRUE(silenced("data-race:^shop::till", race));
  EXPECT_FALSE(silenced("race_top:shop::till", race));
  EXPECT_FALSE(silenced("race:lock_of_till", race));
  race.kind = "task-leak";
  EXPECT_FALSE(silenced("task-leak:shop::till", race));
}

TEST(Suppressions, WhatCannotBeReadIsTold) {
  Suppressions suppressions;
  suppressions.add("no colon\nwhatever:x\ntask-leak:ok\n", "file");
  ASSERT_EQ(suppressions.problems().size(), 2U);
  EXPECT_EQ(suppressions.problems()[0], "file:1: a suppression is kind:pattern");
  EXPECT_EQ(suppressions.problems()[1], "file:2: no kind of finding is called 'whatever'");
}

TEST(Suppressions, TheLineAFindingPrintsSilencesIt) {
  for (const char* function :
       {"consume(int)", "a::B<int>::c<T>(int) const", "main::{lambda(int)#3}::operator()(int) const",
        "(anonymous namespace)::transfer(A&)", "operator<<(X)", "main::{lambda}::operator()"}) {
    const Finding finding = leak_in(function);
    const std::string line = suppression_for(finding);
    EXPECT_TRUE(silenced(line, finding)) << line;
  }
  EXPECT_EQ(suppression_for(leak_in("consume(int)")), "task-leak:consume");
  const Finding nameless = leak_in("");
  EXPECT_EQ(suppression_for(nameless), "task-leak:prog");
  EXPECT_TRUE(silenced("task-leak:prog", nameless));
}

}  // namespace
}  // namespace vigil::reports
