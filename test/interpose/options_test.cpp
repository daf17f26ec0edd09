#include "interpose/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vigil::shim {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> complaints;

Options parse(std::string_view text) {
  complaints.clear();
  return parse_options(text, [](std::string_view line) { complaints.emplace_back(line); });
}

bool detects(const Options& options, Kind kind) { return options.detect[static_cast<std::size_t>(kind)]; }

TEST(Options, DefaultsAreThoseOfTheContract) {
  const Options options = parse("");
  EXPECT_THAT(complaints, IsEmpty());
  EXPECT_EQ(options.report_dir, "vigil-reports");
  EXPECT_EQ(options.formats.text, "json,html");
  EXPECT_EQ(options.exitcode.value, 66);
  EXPECT_TRUE(options.dedup);
  EXPECT_FALSE(options.strict);
  EXPECT_FALSE(options.halt_on_error);
  EXPECT_EQ(options.deadline.ns, 0);
  EXPECT_EQ(options.long_block.ns, 200'000'000);
  EXPECT_EQ(options.schedule, Schedule::Normal);
  EXPECT_EQ(options.log_level, LogLevel::Off);
}

TEST(Options, EveryDefaultInTheTableIsAGoodValue) {
  for (const OptionInfo& option : option_table()) {
    Options options;
    EXPECT_TRUE(option.set(options, option.default_text)) << option.name;
    EXPECT_FALSE(option.help.empty()) << option.name;
  }
}

TEST(Options, EveryOptionOfTheContractIsKnown) {
  for (const std::string_view name : {"report_dir", "formats", "exitcode", "strict", "halt_on_error", "suppressions",
                                      "log_level", "log_path", "deadline", "stall", "detect", "dedup", "long_block",
                                      "cancel_grace", "seed", "schedule", "timeline", "baseline", "help"}) {
    bool known = false;
    for (const OptionInfo& option : option_table()) known = known || option.name == name;
    EXPECT_TRUE(known) << name;
  }
}

TEST(Options, ValuesAreRead) {
  const Options options =
      parse("exitcode=7:report_dir=/tmp/x y:strict=1:deadline=1.5:long_block=20ms:seed=18446744073709551615");
  EXPECT_THAT(complaints, IsEmpty());
  EXPECT_EQ(options.exitcode.value, 7);
  EXPECT_EQ(options.report_dir, "/tmp/x y");
  EXPECT_TRUE(options.strict);
  EXPECT_EQ(options.deadline.ns, 1'500'000'000);
  EXPECT_EQ(options.long_block.ns, 20'000'000);
  EXPECT_EQ(options.seed, 18446744073709551615U);
}

TEST(Options, QuotedValuesMayHoldColons) {
  const Options options = parse("report_dir=\"/a:b\":exitcode=3");
  EXPECT_THAT(complaints, IsEmpty());
  EXPECT_EQ(options.report_dir, "/a:b");
  EXPECT_EQ(options.exitcode.value, 3);
}

TEST(Options, LaterValuesWin) { EXPECT_EQ(parse("exitcode=1:exitcode=2").exitcode.value, 2); }

TEST(Options, AnUnknownNameIsOneLineWithTheNearestName) {
  const Options options = parse("exit_code=7:strict=1");
  EXPECT_THAT(complaints, ElementsAre(AllOf(HasSubstr("'exit_code'"), HasSubstr("did you mean 'exitcode'?"))));
  EXPECT_EQ(options.exitcode.value, 66);
  EXPECT_TRUE(options.strict);
}

TEST(Options, ANameFarFromAllGetsNoGuess) {
  parse("zzzzzz=1");
  EXPECT_THAT(complaints, ElementsAre(Not(HasSubstr("did you mean"))));
}

TEST(Options, BadValuesKeepTheDefaultAndAreOneLineEach) {
  const std::string_view bad =
      "exitcode=256:exitcode=-1:exitcode=:exitcode:strict=maybe:deadline=5x:deadline=-1:deadline=:log_level=loud:"
      "formats=json,pdf:detect=task-leek:seed=1.5:schedule=wild";
  const Options options = parse(bad);
  EXPECT_EQ(complaints.size(), 13U);
  EXPECT_EQ(options.exitcode.value, 66);
  EXPECT_EQ(options.deadline.ns, 0);
  EXPECT_EQ(options.formats.text, "json,html");
  EXPECT_TRUE(detects(options, Kind::TaskLeak));
}

TEST(Options, HugeInputIsHarmless) {
  parse(std::string(100'000, ':'));
  EXPECT_THAT(complaints, IsEmpty());
  parse(std::string(100'000, 'a') + "=" + std::string(100'000, 'b'));
  EXPECT_EQ(complaints.size(), 1U);
}

TEST(Detect, TheDefaultLeavesOutWhatDependsOnTaste) {
  const Options options = parse("");
  EXPECT_TRUE(detects(options, Kind::DataRace));
  EXPECT_FALSE(detects(options, Kind::LongBlock));
}

TEST(Detect, SignsChangeTheDefault) {
  const Options options = parse("detect=+long-block,-task-leak");
  EXPECT_TRUE(detects(options, Kind::LongBlock));
  EXPECT_FALSE(detects(options, Kind::TaskLeak));
  EXPECT_TRUE(detects(options, Kind::DataRace));
}

TEST(Detect, BareNamesMeanOnlyThose) {
  const Options options = parse("detect=task-leak,deadlock");
  EXPECT_EQ(options.detect.count(), 2U);
  EXPECT_TRUE(detects(options, Kind::Deadlock));
}

TEST(Detect, AllAndNone) {
  EXPECT_TRUE(parse("detect=all").detect.all());
  EXPECT_TRUE(parse("detect=none").detect.none());
  EXPECT_EQ(parse("detect=none,+deadlock").detect.count(), 1U);
}

}  // namespace
}  // namespace vigil::shim
