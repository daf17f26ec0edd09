// Many runs: vigil merge, diff, baselines and suppressions, as processes.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>

#include "test/reports/record_text.hpp"
#include "test/reports/shell.hpp"

namespace vigil::reports {
namespace {

using namespace test;

// A record with a leak at each of these offsets into the program: other offsets, other findings.
std::string record_of(const std::vector<int>& offsets, const std::string& options = "") {
  std::string text = header_line(options) + module_line(1, "/opt/shop/prog");
  int id = 0;
  for (const int offset : offsets) text += leak_line(++id, fmt::format(R"([1,"0x{:x}"])", offset));
  return text + end_line();
}

nlohmann::json json_at(const std::string& path) { return nlohmann::json::parse(read_file(path)); }

TEST(Merge, JoinsRunsByFingerprintAndListsThem) {
  const TempFolder folder;
  std::filesystem::create_directories(folder.path("one"));
  std::filesystem::create_directories(folder.path("two"));
  const std::string leaking = header_line() + module_line(1, "/opt/shop/prog") + leak_line(1) + end_line();
  folder.write("one/prog.1.jsonl", leaking);
  folder.write("two/prog.2.jsonl", leaking);
  folder.write("two/torn.3.jsonl", "rubbish");
  shell(fmt::format("exec {} report {}", VIGIL_COMMAND, folder.path("one/prog.1.jsonl")));
  const Outcome json =
      shell(fmt::format("exec {} merge -o {} {}", VIGIL_COMMAND, folder.path("all.json"), folder.path("")));
  EXPECT_EQ(json.status, 0) << json.output;
  const auto report = nlohmann::json::parse(read_file(folder.path("all.json")));
  ASSERT_EQ(report["findings"].size(), 1U);
  EXPECT_EQ(report["findings"][0]["count"], 2);
  EXPECT_EQ(report["notes"].size(), 1U) << "the torn one is told";
  const Outcome html = shell(fmt::format("exec {} merge -o {} {} {}", VIGIL_COMMAND, folder.path("index.html"),
                                         folder.path("one"), folder.path("two")));
  EXPECT_EQ(html.status, 0) << html.output;
  const std::string page = read_file(folder.path("index.html"));
  EXPECT_NE(page.find("href=\"./one/prog.1.html\""), std::string::npos);
  EXPECT_NE(page.find("2 of 2"), std::string::npos);
  EXPECT_NE(page.find("\"runs\":[0,1]"), std::string::npos) << "the finding knows its runs";
}

TEST(Merge, NothingToMergeIsAnEmptyIndex) {
  const TempFolder folder;
  const Outcome outcome =
      shell(fmt::format("exec {} merge -o {} {}", VIGIL_COMMAND, folder.path("index.html"), folder.path("")));
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_NE(read_file(folder.path("index.html")).find("0 runs"), std::string::npos);
}

TEST(Merge, ADamagedReportCountsNotAtAll) {
  const TempFolder folder;
  vigil("report --formats=json " + folder.write("a.1.jsonl", record_of({16, 32})));
  std::string text = read_file(folder.path("a.1.json"));
  folder.write("b.2.json", text.substr(0, text.size() - 40));
  const Outcome outcome = vigil(fmt::format("merge -o {0}/all.json {0}/a.1.json {0}/b.2.json", folder.path("")));
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  const auto merged = json_at(folder.path("all.json"));
  EXPECT_EQ(merged["findings"].size(), 2U);
  EXPECT_EQ(merged["findings"][0]["count"], 1);
  EXPECT_NE(merged["notes"].dump().find("b.2.json is no report"), std::string::npos) << merged["notes"];
}

TEST(Merge, TheOrderOfMembersDoesNotMatter) {
  const TempFolder folder;
  vigil("report --formats=json " + folder.write("a.1.jsonl", record_of({16})));
  folder.write("sorted.json", json_at(folder.path("a.1.json")).dump());  // by name: findings stand before the schema
  const Outcome outcome = vigil(fmt::format("merge -o {0}/all.json {0}/sorted.json", folder.path("")));
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_EQ(json_at(folder.path("all.json"))["findings"].size(), 1U);
}

// Resident kilobytes of the command at most.
long kilobytes_of(const std::string& arguments) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/bin/sh", "sh", "-c", fmt::format("exec {} {} >/dev/null", VIGIL_COMMAND, arguments).c_str(), nullptr);
    ::_exit(99);
  }
  int status = 0;
  rusage usage{};
  ::wait4(child, &status, 0, &usage);
  EXPECT_EQ(status, 0) << arguments;
  return usage.ru_maxrss;
}

// The address sanitizer keeps what was freed, so that peaks say nothing: there the same is done with little, to be
// checked.
#ifdef VIGIL_ADDRESS_SANITIZER
constexpr bool kPeaksTell = false;
#else
constexpr bool kPeaksTell = true;
#endif

TEST(Merge, MemoryGrowsNeitherWithTheFilesNorWithWhatIsEqualInThem) {
  constexpr int kFindings = kPeaksTell ? 2000 : 100;
  const TempFolder folder;
  vigil("report --formats=json " + folder.write("few.1.jsonl", record_of({16, 32})));
  vigil("report --formats=json " + folder.write("many.2.jsonl", record_of(std::vector<int>(kFindings, 16), "dedup=0")));
  std::string many;
  for (int i = 0; i < 6; ++i) {
    const std::string copy = folder.path(fmt::format("copy.{}.json", i));
    std::filesystem::create_hard_link(folder.path("many.2.json"), copy);
    many += copy + " ";
  }
  const std::string out = folder.path("all.json");
  const long less = kilobytes_of(fmt::format("merge -o {} {}", out, folder.path("few.1.json")));
  const long more = kilobytes_of(fmt::format("merge -o {} {}", out, many));
  const auto bytes = std::filesystem::file_size(folder.path("many.2.json"));
  EXPECT_EQ(json_at(out)["findings"][0]["count"], 6 * kFindings);
  if (kPeaksTell) {
    ASSERT_GT(bytes, 1500000U) << "as one tree that is ten times as much";
    EXPECT_LT(more, less + 6000);
  }
}

TEST(Merge, MemoryGrowsByALineForEachFile) {
  constexpr int kFiles = kPeaksTell ? 400 : 40;
  const TempFolder folder;
  vigil("report --formats=json " + folder.write("first.1.jsonl", record_of({16, 32, 48})));
  std::filesystem::create_directories(folder.path("many"));
  for (int i = 0; i < kFiles; ++i)
    std::filesystem::create_hard_link(folder.path("first.1.json"), folder.path(fmt::format("many/run.{}.json", i)));
  const std::string out = folder.path("all.json");
  const long less = kilobytes_of(fmt::format("merge -o {} {}", out, folder.path("first.1.json")));
  const long more = kilobytes_of(fmt::format("merge -o {} {}", out, folder.path("many")));
  EXPECT_EQ(json_at(out)["findings"][2]["count"], kFiles);
  if (kPeaksTell) {
    EXPECT_LT(more, less + 2000) << "a name, a verdict and a command of each run, and no finding twice";
  }
}

TEST(Merge, TheIndexNamesEachRunsFindings) {
  const TempFolder folder;
  std::filesystem::create_directories(folder.path("buys"));
  std::filesystem::create_directories(folder.path("sells"));
  folder.write("buys/prog.1.jsonl", record_of({16}));
  folder.write("sells/prog.2.jsonl", record_of({}));
  vigil(fmt::format("merge -o {0}/index.html {0}", folder.path("")));
  const std::string page = read_file(folder.path("index.html"));
  const std::size_t row = page.find("buys: prog");
  ASSERT_NE(row, std::string::npos);
  const std::size_t other = page.find("sells: prog", row);
  ASSERT_NE(other, std::string::npos) << "the worst comes first";
  EXPECT_LT(page.find("href=\"#f-", row), other) << "its finding, a link";
  EXPECT_GT(page.find("href=\"#f-", other), page.find("</table>", row)) << "the other has none";
}

TEST(Diff, SaysWhatIsNewFixedAndStillThere) {
  const TempFolder folder;
  const std::string old = folder.write("old.1.jsonl", record_of({16, 32}));
  const std::string now = folder.write("new.2.jsonl", record_of({32, 48, 64}));
  const Outcome worse = vigil(fmt::format("diff {} {}", old, now));
  EXPECT_EQ(worse.status, 3) << worse.output;
  EXPECT_EQ(worse.output.find("New (2)\n  error    task-leak: "), 0U) << worse.output;
  EXPECT_NE(worse.output.find("\nFixed (1)\n"), std::string::npos);
  EXPECT_NE(worse.output.find("\nStill there (1)\n"), std::string::npos);
  EXPECT_NE(worse.output.find("\n2 new, 1 fixed, 1 still there\nnext: "), std::string::npos);
  EXPECT_EQ(worse.output.find('\x1b'), std::string::npos) << "no terminal, no colours";
  EXPECT_EQ(vigil(fmt::format("diff {} {}", now, folder.write("less.3.jsonl", record_of({32})))).status, 0);
  const auto json = nlohmann::json::parse(vigil(fmt::format("diff --json {} {}", old, now)).output);
  EXPECT_EQ(json["schema"], "vigil-diff/1");
  EXPECT_EQ(json["new"].size(), 2U);
  EXPECT_EQ(json["fixed"].size(), 1U);
  EXPECT_EQ(json["still"][0]["kind"], "task-leak");
}

TEST(Diff, ANewWarningCountsOnlyWhenStrict) {
  const TempFolder folder;
  const std::string warning =
      line_of(R"({"type":"finding","id":1,"kind":"timer-leak","level":"warning","participants":[],"objects":[]})");
  const std::string old = folder.write("old.1.jsonl", header_line() + end_line());
  const std::string now = folder.write("new.2.jsonl", header_line() + warning + end_line());
  EXPECT_EQ(vigil(fmt::format("diff {} {}", old, now)).status, 0);
  EXPECT_EQ(vigil(fmt::format("diff --strict {} {}", old, now)).status, 3);
}

TEST(Diff, NothingToCompareWithIsAnErrorAndNotACleanResult) {
  const TempFolder folder;
  const std::string now = folder.write("new.2.jsonl", record_of({16}));
  std::filesystem::create_directories(folder.path("empty"));
  EXPECT_EQ(vigil(fmt::format("diff {} {}", folder.path("gone.json"), now)).status, 1);
  const Outcome outcome = vigil(fmt::format("diff {} {}", folder.path("empty"), now));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.output.find("there is no report in "), std::string::npos) << outcome.output;
}

TEST(Baseline, KnownFindingsAreShownAndDoNotCount) {
  const TempFolder folder;
  vigil("report --formats=json " + folder.write("old.1.jsonl", record_of({16, 32})));
  const std::string options = "baseline=" + folder.path("old.1.json");
  const std::string known = folder.write("known.2.jsonl", record_of({16}, options));
  const std::string worse = folder.write("worse.3.jsonl", record_of({16, 48}, options));
  EXPECT_EQ(vigil("report --formats=json,junit,text,html,sarif " + known).status, 0);
  EXPECT_EQ(vigil("report --formats=json " + worse).status, 3);
  const auto calm = json_at(folder.path("known.2.json"));
  EXPECT_EQ(calm["findings"][0]["known"], true);
  EXPECT_EQ(calm["summary"]["errors"], 1) << "it is there";
  EXPECT_EQ(calm["summary"]["known"], 1) << "and does not count";
  EXPECT_EQ(calm["summary"]["verdict"], "Nothing new; 1 finding of the baseline");
  EXPECT_NE(read_file(folder.path("known.2.junit.xml")).find("failures=\"0\""), std::string::npos);
  EXPECT_NE(read_file(folder.path("known.2.html")).find(">known</span>"), std::string::npos);
  EXPECT_NE(read_file(folder.path("known.2.sarif")).find("\"unchanged\""), std::string::npos);
  const auto bad = json_at(folder.path("worse.3.json"));
  EXPECT_EQ(bad["findings"][0].contains("known"), false) << "the new one stands first";
  EXPECT_EQ(bad["summary"]["verdict"], "1 new error: a task is blocked for ever; 1 finding of the baseline");
}

TEST(Baseline, OfAReportWrittenBefore) {
  const TempFolder folder;
  vigil("report --formats=json " + folder.write("old.1.jsonl", record_of({16})));
  vigil("report --formats=json " + folder.write("new.2.jsonl", record_of({16})));
  const std::string again = fmt::format("report --formats=text --out=- {}", folder.path("new.2.json"));
  EXPECT_EQ(vigil(again).status, 3);
  EXPECT_EQ(vigil(fmt::format("{} --baseline={}", again, folder.path("old.1.json"))).status, 0);
}

TEST(Baseline, OneThatCannotBeReadMakesNothingKnownAndIsTold) {
  const TempFolder folder;
  const std::string record = folder.write("a.1.jsonl", record_of({16}, "baseline=/no/such.json"));
  EXPECT_EQ(vigil("report --formats=json " + record).status, 3);
  EXPECT_NE(json_at(folder.path("a.1.json"))["notes"].dump().find("so everything counts as new"), std::string::npos);
}

TEST(Suppress, PrintsLinesThatSilenceWhatTheyWereMadeFor) {
  const TempFolder folder;
  const std::string record = folder.write("a.1.jsonl", record_of({16}));
  const Outcome printed = vigil("suppress " + record);
  EXPECT_EQ(printed.status, 0);
  EXPECT_NE(printed.output.find("\ntask-leak:prog\n"), std::string::npos) << printed.output;
  const std::string rules = folder.write("rules", printed.output);
  EXPECT_EQ(vigil(fmt::format("report --suppressions={} {}", rules, record)).status, 0);
}

TEST(Suppress, AddsOnlyWhatAFileDoesNotSilenceYet) {
  const TempFolder folder;
  const std::string record = folder.write("a.1.jsonl", record_of({16, 32}));
  const std::string rules = folder.write("rules", "# mine\nlong-block:*");  // and no line end
  const std::string command = fmt::format("suppress -o {} {}", rules, record);
  EXPECT_EQ(vigil(command).output.find("1 line added, 1 silenced already - "), 0U);
  const std::string after = read_file(rules);
  EXPECT_EQ(after.find("# mine\nlong-block:*\n# "), 0U) << after;
  EXPECT_EQ(vigil(command).output.find("0 lines added, 2 silenced already - "), 0U);
  EXPECT_EQ(read_file(rules), after);
}

TEST(Suppress, OnlyTakesKindsAndFingerprints) {
  const TempFolder folder;
  const std::string record = folder.write("a.1.jsonl", record_of({16}));
  EXPECT_EQ(vigil("suppress --only=deadlock " + record).output, "");
  const Outcome wrong = vigil("suppress --only=task-leek " + record);
  EXPECT_EQ(wrong.status, 2);
  EXPECT_NE(wrong.output.find("did you mean 'task-leak'?"), std::string::npos) << wrong.output;
}

}  // namespace
}  // namespace vigil::reports
