// The forms for other tools: each is read back by something that knows the format: a JSON or XML reader, go's pprof,
// Graphviz, where this machine has them.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "reports/render/forms.hpp"
#include "test/reports/record_text.hpp"

namespace vigil::reports {
namespace {

using namespace test;
using Json = nlohmann::json;

Frame frame_of(std::string function, std::string file, std::uint32_t line) {
  Frame frame;
  frame.function = std::move(function);
  frame.file = std::move(file);
  frame.line = line;
  frame.module = "/opt/shop/prog";
  frame.offset = 0x1000 + line;
  return frame;
}

// A race with both sides, a leak that waits, a warning without a stack.
Report report_of(const std::string& name = "cart") {
  Report report;
  report.program.path = "/opt/shop/prog";
  report.program.args = {"prog", "-v"};
  report.program.cwd = "/home/me";
  report.program.pid = 42;
  report.program.end = "exit";
  report.vigil_version = "0.1.0";
  const Stack put{share_frame(frame_of(name + "::put(int)", "/home/me/a shop/" + name + ".cpp", 12)),
                  share_frame(frame_of("main", "/home/me/a shop/main.cpp", 30))};
  const Stack get{share_frame(frame_of(name + "::get()", "/home/me/a shop/" + name + ".cpp", 20)), put[1]};
  Finding race;
  race.kind = "data-race";
  race.title = "`" + name + "::put` and `" + name + "::get` race";
  race.message = "task 2 read what task 1 had written to " + name;
  race.fingerprint = "00000000000000aa";
  race.count = 3;
  for (std::uint64_t i = 1; i <= 2; ++i) {
    Participant participant;
    participant.role = i == 1 ? "older" : "newer";
    participant.actor.type = "task";
    participant.actor.id = i;
    participant.actor.name = name;
    participant.stack = i == 1 ? put : get;
    race.participants.push_back(participant);
  }
  Finding leak = race;
  leak.kind = "task-leak";
  leak.title = "`" + name + "` waits for ever";
  leak.fingerprint = "00000000000000bb";
  leak.participants.resize(1);
  leak.participants[0].waited_ms = 1500;
  leak.participants[0].operation = "receive";
  leak.timeline.at = 90'000;
  leak.timeline.lanes = {
      {leak.participants[0].actor, {{10'000, 20'000, "running", "", ""}, {20'000, 90'000, "blocked", name, "c3"}}}};
  Finding warning;
  warning.kind = "busy-select";
  warning.level = Level::Warning;
  warning.title = name;
  warning.fingerprint = "00000000000000cc";
  report.findings = {race, leak, warning};
  StateEntry alive;
  alive.actor.type = "thread";
  alive.actor.id = 1;
  alive.operation = "wait";
  alive.stack = get;
  alive.waited_ms = 700;
  alive.count = 4;
  report.state = {alive};
  report.wait_for.nodes = {{"task 1", name}, {"c3", ""}, {"main", "main"}};
  report.wait_for.edges = {{"task 1", "c3", "receives from"}, {"c3", "task 1", name}, {"main", "c3", "waits"}};
  return report;
}

// What a shell command prints, and its status.
std::pair<int, std::string> output_of(const std::string& command) {
  std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return {-1, ""};
  std::string text;
  char part[4096];
  for (std::size_t got = 0; (got = std::fread(part, 1, sizeof part, pipe)) != 0;) text.append(part, got);
  return {::pclose(pipe), text};
}

bool has(const char* tool) { return output_of(fmt::format("command -v {}", tool)).first == 0; }

const std::vector<std::string>& hostile_names() {
  static const std::vector<std::string> names{"</failure><x>",
                                              "\"; node [label=\"x",
                                              "a\nWARNING: ThreadSanitizer: none (pid=1)",
                                              "\x1b[31m\u202E",  // NOLINT(misc-misleading-bidirectional)
                                              "]]>&amp;",
                                              "\\\"\\N\\",
                                              "%00%0a",
                                              "\uFFFE\uFFFF",
                                              std::string(test::kHuge, 'n')};
  return names;
}

TEST(Forms, AreKnownByNameAndOnlyTheReportsOwnJsonEndsSo) {
  for (const Form& form : all_forms()) {
    EXPECT_EQ(find_form(form.name), &form);
    EXPECT_EQ(form.extension.ends_with(".json"), form.name == "json") << form.name;
  }
  EXPECT_EQ(find_form("pdf"), nullptr);
}

TEST(Sarif, HasAFlowForEachActorAndAStableFingerprint) {
  const Json sarif = Json::parse(render_sarif(report_of()));
  EXPECT_EQ(sarif["version"], "2.1.0");
  const Json& run = sarif["runs"][0];
  EXPECT_EQ(run["tool"]["driver"]["rules"].size(), 3U);
  const Json& race = run["results"][0];
  EXPECT_EQ(race["ruleId"], run["tool"]["driver"]["rules"][race["ruleIndex"].get<std::size_t>()]["id"]);
  EXPECT_EQ(race["level"], "error");
  EXPECT_EQ(race["occurrenceCount"], 3);
  EXPECT_EQ(race["message"]["text"].get<std::string>().substr(0, 30), "cart::put and cart::get race. ");
  EXPECT_EQ(race["partialFingerprints"]["vigil/v1"], "00000000000000aa");
  EXPECT_EQ(race["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "file:///home/me/a%20shop/cart.cpp");
  EXPECT_EQ(race["locations"][0]["physicalLocation"]["region"]["startLine"], 12);
  const Json& flows = race["codeFlows"][0]["threadFlows"];
  ASSERT_EQ(flows.size(), 2U);
  EXPECT_EQ(flows[1]["locations"].size(), 2U) << "outermost call first";
  EXPECT_EQ(flows[1]["locations"][1]["location"]["physicalLocation"]["region"]["startLine"], 20);
  EXPECT_FALSE(run["results"][2].contains("locations")) << "nothing is made up where no place is known";
}

TEST(Gitlab, GivesEachFindingAPathALineAndAFingerprint) {
  const Json list = Json::parse(render_gitlab(report_of()));
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0]["location"]["path"], "a shop/cart.cpp");
  EXPECT_EQ(list[0]["location"]["lines"]["begin"], 12);
  EXPECT_EQ(list[0]["severity"], "critical");
  EXPECT_EQ(list[2]["severity"], "minor");
  EXPECT_NE(list[0]["fingerprint"], list[1]["fingerprint"]);
}

// True when python's XML parser takes it; words are what it makes of the file.
std::string xml_words(const std::string& xml) {
  const TempFolder folder;
  const std::string path = folder.write("x.xml", xml);
  return output_of(
             fmt::format(
                 "python3 -c 'import sys, xml.etree.ElementTree as e; r = e.parse(\"{}\").getroot(); print(r.tag, "
                 "len(r.findall(\"*/testcase\")), len(r.findall(\"*/testcase/failure\")), r[0].get(\"failures\"))'",
                 path))
      .second;
}

TEST(Junit, HasAFailedCaseForEachError) { EXPECT_EQ(xml_words(render_junit(report_of())), "testsuites 2 2 2\n"); }

TEST(Junit, ACleanRunIsOnePassedCase) {
  Report clean = report_of();
  clean.findings.clear();
  EXPECT_EQ(xml_words(render_junit(clean)), "testsuites 1 0 0\n");
}

TEST(Dot, MarksWhatLiesOnACycle) {
  const std::string dot = render_dot(report_of());
  EXPECT_NE(dot.find("\"w task 1\" -> \"w c3\" [label=\"receives from\", color=red"), std::string::npos);
  EXPECT_NE(dot.find("\"w main\" -> \"w c3\" [label=\"waits\"];"), std::string::npos);
}

TEST(Tsan, SaysItsLinesAsCTestLooksForThem) {
  const std::string text = render_tsan(report_of());
  EXPECT_NE(text.find("WARNING: ThreadSanitizer: data race (pid=42)\n"), std::string::npos);
  EXPECT_NE(text.find("    #0 cart::put(int) /home/me/a shop/cart.cpp:12 (prog+0x100c)\n"), std::string::npos);
}

TEST(Perfetto, HasATrackForEachActorAndItsSpans) {
  const Json trace = Json::parse(render_perfetto(report_of()));
  std::size_t slices = 0;
  for (const Json& event : trace["traceEvents"]) {
    if (event["ph"] != "X") continue;
    ++slices;
    EXPECT_GE(event["dur"].get<double>(), 0);
  }
  EXPECT_EQ(slices, 3U) << "two spans of the timeline and the wait of the main thread";
}

TEST(Pprof, IsReadByGosOwnTool) {
  if (!has("go")) GTEST_SKIP() << "no go here";
  const TempFolder folder;
  const std::string path = folder.write("x.pb.gz", render_pprof(report_of()));
  const auto [status, top] = output_of(fmt::format("HOME={} go tool pprof -top {}", folder.path(""), path));
  EXPECT_EQ(status, 0) << top;
  EXPECT_NE(top.find("Type: tasks"), std::string::npos) << top;
  EXPECT_NE(top.find("57.14%"), std::string::npos) << top;  // 4 of 7 tasks wait in get()
  EXPECT_NE(top.find("cart::get"), std::string::npos) << top;
}

TEST(Pprof, IsAGzipFile) { EXPECT_EQ(render_pprof(report_of()).substr(0, 2), "\x1f\x8b"); }

TEST(Forms, HostileNamesLeaveEachFormWhatItIs) {
  const std::string plain_junit = xml_words(render_junit(report_of()));
  const auto lines_with = [](const std::string& text, std::string_view start) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(start, at)) != std::string::npos; ++at)
      count += at == 0 || text[at - 1] == '\n' ? 1U : 0U;
    return count;
  };
  for (const std::string& name : hostile_names()) {
    SCOPED_TRACE(name.substr(0, 40));
    const Report report = report_of(name);
    EXPECT_EQ(Json::parse(render_sarif(report))["runs"][0]["results"].size(), 3U);
    EXPECT_EQ(Json::parse(render_gitlab(report)).size(), 3U);
    EXPECT_EQ(Json::parse(render_perfetto(report))["traceEvents"].size(),
              Json::parse(render_perfetto(report_of()))["traceEvents"].size());
    EXPECT_EQ(xml_words(render_junit(report)), plain_junit);
    EXPECT_EQ(lines_with(render_tsan(report), "WARNING: "), 3U);
    const std::string dot = render_dot(report);
    EXPECT_EQ(std::count(dot.begin(), dot.end(), '\n'), 13);
    for (const std::string& text : {render_tsan(report), render_junit(report), dot}) {
      EXPECT_EQ(text.find('\x1b'), std::string::npos);
      EXPECT_EQ(text.find("\u202E"), std::string::npos);  // NOLINT(misc-misleading-bidirectional)
    }
    if (has("dot") && name.size() < 1000) {
      const TempFolder folder;
      EXPECT_EQ(output_of(fmt::format("dot -Tplain {}", folder.write("x.dot", dot))).first, 0);
    }
    if (has("go")) {
      const TempFolder folder;
      const std::string path = folder.write("x.pb.gz", render_pprof(report));
      EXPECT_EQ(output_of(fmt::format("HOME={} go tool pprof -raw {}", folder.path(""), path)).first, 0);
    }
  }
}

}  // namespace
}  // namespace vigil::reports
