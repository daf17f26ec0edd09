#include "reports/load/record_file.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <random>

#include "reports/load/crc32.hpp"
#include "reports/model/finish.hpp"
#include "reports/model/kind.hpp"
#include "reports/model/sources.hpp"
#include "reports/render/html/page.hpp"
#include "reports/render/json.hpp"
#include "reports/render/text.hpp"
#include "test/reports/fake_names.hpp"
#include "test/reports/record_text.hpp"

namespace vigil::reports {
namespace {

using namespace test;

std::string whole_record() {
  return header_line("strict=1") + module_line(1, "/opt/shop/prog") + module_line(2, "/usr/lib/libc.so.6", "library") +
         leak_line(1) + leak_line(2, R"([1,"0x20"],[2,"0x99"])") +
         line_of(R"({"type":"repeat","finding":2,"count":9})") + tasks_line() +
         line_of(
             R"({"type":"state","actors":[{"actor":{"type":"task","id":3,"name":"","state":"blocked","created_at":[]},"operation":"receive","object":{"type":"channel","id":1,"capacity":2,"address":"0x1010","created_at":[]},"stack":[[1,"0x20"]],"waited_ms":5,"count":4}]})") +
         line_of(
             R"({"type":"wait_for","nodes":[{"id":"task 7","label":"task 7"},{"id":"c3","label":"c3"}],"edges":[{"from":"task 7","to":"c3","label":"receives from"}]})") +
         end_line();
}

std::optional<RecordFile> read(const std::string& text, std::string& error) {
  // In memory: thousands of files on a disk take their time.
  const int fd = ::memfd_create("record", MFD_CLOEXEC);
  EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  auto record = read_record_file(fmt::format("/proc/self/fd/{}", fd), error);
  ::close(fd);
  return record;
}

// Reads text as far as it goes and renders all of it; whatever it holds, this returns.
std::optional<Report> survive(const std::string& text) {
  std::string error;
  const auto record = read(text, error);
  if (!record) {
    EXPECT_FALSE(error.empty());
    EXPECT_EQ(error.find('\n'), std::string::npos) << "one line";
    return std::nullopt;
  }
  FakeNames names;
  name_the_shop(names);
  Report report = to_report(*record, names);
  finish(report, {}, {});
  EXPECT_FALSE(nlohmann::json::parse(render_json(report), nullptr, false).is_discarded());
  EXPECT_FALSE(render_html(report, {}).empty());
  EXPECT_FALSE(render_text(report, {}).empty());
  return report;
}

TEST(Crc32, KnowsTheStandardsCheckValue) { EXPECT_EQ(crc32("123456789"), 0xCBF43926U); }

TEST(RecordFile, ReadsAWholeRecord) {
  const auto report = survive(whole_record());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->program.path, "/opt/shop/prog");
  EXPECT_EQ(report->program.args, (std::vector<std::string>{"prog", "-x", "two words"}));
  EXPECT_EQ(report->program.end, "exit");
  EXPECT_EQ(report->tasks.peak_alive, 3U);
  ASSERT_EQ(report->findings.size(), 1U) << "the two are equal but for a library frame";
  EXPECT_EQ(report->findings[0].count, 10U);
  EXPECT_EQ(report->findings[0].title, "`consume` waits for ever to receive from a channel made in `main`");
  ASSERT_EQ(report->state.size(), 1U);
  EXPECT_EQ(report->state[0].count, 4U);
  EXPECT_TRUE(report->notes.empty());
}

TEST(RecordFile, DedupOffKeepsEqualFindingsApart) {
  std::string error;
  const auto record = read(whole_record(), error);
  FakeNames names;
  name_the_shop(names);
  Report report = to_report(*record, names);
  finish(report, {}, {.join_equal = false, .baseline = {}});
  EXPECT_EQ(report.findings.size(), 2U);
}

TEST(RecordFile, SurvivesTruncationAtEveryByte) {
  const std::string text = whole_record();
  const std::size_t header_end = header_line("strict=1").size() - 1;
  std::size_t findings = 0;
  for (std::size_t length = 0; length <= text.size(); length += std::size_t{kStride}) {
    const auto report = survive(text.substr(0, length));
    ASSERT_EQ(report.has_value(), length >= header_end) << length;
    if (!report) continue;
    ASSERT_GE(report->findings.size(), findings) << "a longer file has no fewer findings, at " << length;
    findings = report->findings.size();
    const bool ended = length + 1 >= text.size();  // the last line end may be missing
    ASSERT_EQ(report->program.end, ended ? "exit" : "killed") << length;
  }
}

TEST(RecordFile, SurvivesFlippedBits) {
  const auto seed = static_cast<unsigned>(std::chrono::steady_clock::now().time_since_epoch().count());
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const std::string text = whole_record();
  for (int round = 0; round < 2000 / kStride; ++round) {
    std::string damaged = text;
    const int flips = 1 + static_cast<int>(random() % 8);
    for (int i = 0; i < flips; ++i) {
      char& c = damaged[random() % damaged.size()];
      c = static_cast<char>(static_cast<unsigned char>(c) ^ (1U << (random() % 8)));
    }
    survive(damaged);
    ASSERT_FALSE(HasFailure()) << "round " << round;
  }
}

TEST(RecordFile, SurvivesAFlippedBitWithItsChecksumMended) {
  const auto seed = static_cast<unsigned>(std::chrono::steady_clock::now().time_since_epoch().count());
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const std::string good = leak_line(1);
  const std::string object = good.substr(1, good.rfind(",\"crc\"") - 1) + "}";
  for (int round = 0; round < 3000 / kStride; ++round) {
    std::string damaged = object;
    for (int i = 0; i < 3; ++i) {
      char& c = damaged[random() % (damaged.size() - 1)];
      c = static_cast<char>(static_cast<unsigned char>(c) ^ (1U << (random() % 8)));
      if (c == '\n') c = ' ';
    }
    survive(header_line() + module_line(1, "/opt/shop/prog") + line_of(damaged));
    ASSERT_FALSE(HasFailure()) << "round " << round << ": " << damaged;
  }
}

TEST(RecordFile, OneDamagedLineCostsNoOther) {
  std::string text = header_line() + module_line(1, "/opt/shop/prog") + leak_line(1) + tasks_line() + end_line();
  text[text.find("task 7 waits")] = 'T';
  const auto report = survive(text);
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->findings.empty());
  EXPECT_EQ(report->program.end, "exit");
  EXPECT_EQ(report->notes, std::vector<std::string>{"1 line of the record was damaged and is missing here."});
}

TEST(RecordFile, NulBytesBetweenAndAfterRecordsMeanNothing) {
  const std::string gap(5000, '\0');
  const auto report = survive(header_line() + gap + leak_line(1) + gap + std::string(3 << 20, '\0'));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->findings.size(), 1U);
  EXPECT_EQ(report->program.end, "killed");
}

TEST(RecordFile, ALongEmptyTailIsSkipped) {
  const TempFolder folder;
  const std::string path = folder.write("prog.42.jsonl", header_line() + leak_line(1));
  std::filesystem::resize_file(path, std::uintmax_t{64} << 30U);  // a hole
  std::string error;
  const auto record = read_record_file(path, error);
  ASSERT_TRUE(record) << error;
  EXPECT_EQ(record->findings.size(), 1U);
  EXPECT_FALSE(record->too_big);
}

TEST(RecordFile, AnOverlongLineIsDroppedAndTheRestRead) {
  const auto report =
      survive(header_line() + "\n{\"type\":\"" + std::string(20U << 20U, 'x') + "\"}\n" + leak_line(1) + end_line());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->findings.size(), 1U);
  EXPECT_EQ(report->program.end, "exit");
}

TEST(RecordFile, ANewerFormatIsOneClearError) {
  std::string error;
  std::string text = header_line();
  text = line_of(R"({"type":"header","format":"vigil-record/2"})");
  EXPECT_FALSE(read(text, error));
  EXPECT_NE(error.find("is a record of format 'vigil-record/2'; this vigil reads 'vigil-record/1'"), std::string::npos)
      << error;
}

TEST(RecordFile, WhatIsNoRecordIsOneClearError) {
  const TempFolder folder;
  std::string error;
  EXPECT_FALSE(read_record_file(folder.path("missing"), error));
  EXPECT_NE(error.find("cannot open"), std::string::npos);
  EXPECT_FALSE(read_record_file(folder.path(""), error));
  EXPECT_NE(error.find("is not a regular file"), std::string::npos);
  EXPECT_FALSE(read_record_file(folder.write("empty", ""), error));
  EXPECT_NE(error.find("is empty"), std::string::npos);
  EXPECT_FALSE(read_record_file(folder.write("text", "hello\n"), error));
  EXPECT_NE(error.find("no readable header"), std::string::npos);
}

TEST(RecordFile, AnEndFollowedByMoreIsNotTheEnd) {
  const auto failed_exec = survive(header_line() + end_line("exec") + leak_line(1));
  ASSERT_TRUE(failed_exec);
  EXPECT_EQ(failed_exec->program.end, "killed");
  const auto exec = survive(header_line() + leak_line(1) + end_line("exec"));
  ASSERT_TRUE(exec);
  EXPECT_EQ(exec->program.end, "exit") << "the contract's list has no exec";
  EXPECT_EQ(exec->notes.size(), 1U);
}

TEST(RecordFile, IndicesBeyondTheirListAreLeftOut) {
  const auto report = survive(
      header_line() +
      line_of(
          R"({"type":"finding","id":1,"kind":"task-leak","participants":[{"role":"waiter","object":5,"held":[0,7,-1,"x"]}],"objects":[{"type":"mutex","id":1}]})"));
  ASSERT_TRUE(report);
  const Participant& participant = report->findings.at(0).participants.at(0);
  EXPECT_EQ(participant.object, -1);
  EXPECT_EQ(participant.held, std::vector<std::size_t>{0});
}

TEST(RecordFile, GraphsThatAreToldInPartsAreOne) {
  const auto report = survive(
      header_line() +
      line_of(
          R"({"type":"wait_for","nodes":[{"id":"task 1","label":"task 1"},{"id":"m1","label":"m1"}],"edges":[{"from":"task 1","to":"m1","label":"waits for"}]})") +
      line_of(
          R"({"type":"wait_for","nodes":[{"id":"m1","label":"m1"},{"id":"task 1","label":"task 1 and 2 like it"},{"id":"task 2","label":""}],"edges":[{"from":"task 1","to":"m1","label":"waits for"},{"from":"m1","to":"task 2","label":"held by"}]})"));
  ASSERT_TRUE(report);
  const Graph& graph = report->wait_for;
  ASSERT_EQ(graph.nodes.size(), 3U);
  EXPECT_EQ(graph.nodes[0].label, "task 1 and 2 like it");
  ASSERT_EQ(graph.edges.size(), 2U);
  EXPECT_EQ(graph.edges[1].to, "task 2");
}

TEST(RecordFile, GlobalsGiveObjectsTheirNames) {
  std::string error;
  const auto record = read(
      header_line() + module_line(1, "/opt/shop/prog") +
          line_of(
              R"({"type":"finding","id":1,"kind":"data-race","participants":[{"role":"first","object":0}],"objects":[{"type":"variable","id":1,"capacity":4,"address":"0x1040"}]})"),
      error);
  ASSERT_TRUE(record) << error;
  FakeNames names;
  names.name_data(0x40, "counter");
  Report report = to_report(*record, names);
  EXPECT_EQ(report.findings.at(0).objects.at(0).name, "counter");
}

TEST(RecordFile, ATimelineBelongsToItsFinding) {
  const auto report = survive(
      header_line() + leak_line(1) + leak_line(2, R"([1,"0x20"])") +
      line_of(
          R"({"type":"timeline","finding":2,"at":90,"lanes":[{"actor":{"type":"task","id":7},"spans":[[10,20,"running"],[20,80,"blocked","receive","c3"],[70,75,"ready"],[80,70,"ready"],[80,90,"asleep"],["x",1,"ready"],[80,90,"ready"]]}]})"));
  ASSERT_TRUE(report);
  ASSERT_EQ(report->findings.size(), 2U);
  const Finding& with = report->findings[report->findings[0].timeline.lanes.empty() ? 1 : 0];
  ASSERT_EQ(with.timeline.lanes.size(), 1U);
  EXPECT_EQ(with.timeline.at, 90);
  const auto& spans = with.timeline.lanes[0].spans;
  ASSERT_EQ(spans.size(), 3U) << "what overlaps, ends before it starts or is in no known state is left out";
  EXPECT_EQ(spans[1].operation + " " + spans[1].object, "receive c3");
  EXPECT_EQ(spans[2].state, "ready");
  const auto without = report->findings[0].timeline.lanes.size() + report->findings[1].timeline.lanes.size();
  EXPECT_EQ(without, 1U);
}

TEST(RecordFile, AFindingOfAnUnknownKindIsKept) {
  const auto report = survive(
      header_line() +
      line_of(
          R"({"type":"finding","id":1,"kind":"time-travel","level":"warning","message":"m","participants":[],"objects":[]})"));
  ASSERT_TRUE(report);
  ASSERT_EQ(report->findings.size(), 1U);
  EXPECT_EQ(verdict_of(*report), "No errors, 1 warning: 1 time-travel");
}

}  // namespace
}  // namespace vigil::reports
