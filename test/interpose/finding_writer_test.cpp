#include "interpose/finding_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "interpose/lifecycle.hpp"
#include "interpose/options.hpp"
#include "interpose/writer_state.hpp"
#include "record_lines.hpp"

namespace vigil::shim {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Each test's findings are made in a child process of its own, as the writer has one file a process.
class FindingWriterTest : public testing::Test {
 protected:
  FindingWriterTest() {
    std::string pattern = testing::TempDir() + "vigil-writer-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~FindingWriterTest() override { std::filesystem::remove_all(folder_); }

  // The records that `body` made, run in a process with these options.
  std::vector<std::string> records_of(const std::string& given, const std::function<void()>& body) {
    const pid_t child = fork();
    if (child == 0) {
      const std::string all = "report_dir=" + folder_ + ":" + given;
      setenv("VIGIL_OPTIONS", all.c_str(), 1);
      {
        const InsideGuard inside;
        if (!ensure_live()) _exit(1);
        body();
      }
      _exit(0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    std::vector<std::string> records;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      const RecordLines lines = read_record_lines(entry.path());
      EXPECT_TRUE(lines.bad.empty());
      for (const std::string& line : lines.good) records.push_back(line);
    }
    return records;
  }

  std::string folder_;
};

StackId stack_of(std::uintptr_t pc) {
  const std::array<std::uintptr_t, 2> frames{pc, pc + 16};
  return intern_stack(frames);
}

// A leak whose stack is where `pc` says; equal for equal pcs.
void leak(std::uintptr_t pc, std::uint64_t count = 1, Kind kind = Kind::TaskLeak) {
  Participant waiter;
  waiter.role = "waiter";
  waiter.actor.type = ActorType::Task;
  waiter.actor.id = pc;
  waiter.stack = stack_of(pc);
  Finding finding;
  finding.kind = kind;
  finding.message = "a task waits";
  finding.participants = {&waiter, 1};
  finding.count = count;
  report(finding);
}

std::uintptr_t here() { return reinterpret_cast<std::uintptr_t>(&leak); }

std::vector<std::string> of_type(const std::vector<std::string>& records, const std::string& type) {
  std::vector<std::string> found;
  for (const std::string& one : records) {
    if (one.starts_with("{\"type\":\"" + type + "\"")) found.push_back(one);
  }
  return found;
}

TEST_F(FindingWriterTest, TheHeaderIsFirstAndTheEndIsLast) {
  const auto records = records_of("", [] {
    leak(here());
    write_end(EndKind::Exit, 3, 0, 0);
  });
  ASSERT_GE(records.size(), 3U);
  EXPECT_THAT(records.front(), StartsWith(R"({"type":"header","format":"vigil-record/1")"));
  EXPECT_THAT(records.back(),
              StartsWith(R"({"type":"end","end":"exit","exit_code":3,"signal":0,"errors":1,"warnings":0)"));
}

TEST_F(FindingWriterTest, AModuleIsToldOnceAndBeforeTheFirstFrameInIt) {
  const auto records = records_of("", [] {
    leak(here());
    leak(here() + 1);
  });
  ASSERT_EQ(of_type(records, "module").size(), 1U);
  EXPECT_THAT(records[1], StartsWith(R"({"type":"module","id":)"));
  EXPECT_THAT(records[2], StartsWith(R"({"type":"finding","id":1,)"));
}

TEST_F(FindingWriterTest, EqualFindingsAreOneWithItsCountAtPowersOfTwo) {
  const auto records = records_of("", [] {
    for (int i = 0; i < 1000; ++i) leak(here());
    write_end(EndKind::Exit, 0, 0, 0);
  });
  EXPECT_EQ(of_type(records, "finding").size(), 1U);
  const auto repeats = of_type(records, "repeat");
  ASSERT_EQ(repeats.size(), 10U);  // 2, 4 .. 512, and the last word
  EXPECT_THAT(repeats[0], StartsWith(R"({"type":"repeat","finding":1,"count":2,)"));
  EXPECT_THAT(repeats.back(), StartsWith(R"({"type":"repeat","finding":1,"count":1000,)"));
}

TEST_F(FindingWriterTest, OtherStacksOrKindsAreOtherFindings) {
  const auto records = records_of("", [] {
    leak(here());
    leak(here() + 4);
    leak(here(), 1, Kind::Deadlock);
  });
  EXPECT_EQ(of_type(records, "finding").size(), 3U);
}

TEST_F(FindingWriterTest, AFindingMayStandForMany) {
  const auto records = records_of("", [] { leak(here(), 500); });
  ASSERT_EQ(of_type(records, "finding").size(), 1U);
  EXPECT_THAT(of_type(records, "finding")[0], HasSubstr(R"("count":500,)"));
}

TEST_F(FindingWriterTest, WithoutDedupEachIsKept) {
  const auto records = records_of("dedup=0", [] {
    for (int i = 0; i < 5; ++i) leak(here());
  });
  EXPECT_EQ(of_type(records, "finding").size(), 5U);
  EXPECT_TRUE(of_type(records, "repeat").empty());
}

TEST_F(FindingWriterTest, KindsThatAreOffLeaveNothing) {
  EXPECT_TRUE(records_of("detect=-task-leak", [] { leak(here()); }).empty());
}

TEST_F(FindingWriterTest, FindingsOfSeveralThreadsAreAllWhole) {
  const auto records = records_of("", [] {
    std::vector<std::thread> threads;
    for (std::uintptr_t i = 0; i < 4; ++i) {
      threads.emplace_back([i] {
        const InsideGuard inside;
        for (std::uintptr_t k = 0; k < 100; ++k) leak(here() + i * 1000 + k);
      });
    }
    for (std::thread& thread : threads) thread.join();
    write_end(EndKind::Exit, 0, 0, 0);
  });
  EXPECT_EQ(of_type(records, "finding").size(), 400U);
  EXPECT_THAT(records.back(), HasSubstr(R"("errors":400,)"));
}

TEST_F(FindingWriterTest, AChildOfARawForkWritesNothing) {
  const auto records = records_of("", [] {
    leak(here());
    const pid_t child = static_cast<pid_t>(syscall(57));  // fork, without libc's handlers
    if (child == 0) {
      leak(here() + 64);
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    write_end(EndKind::Exit, 0, 0, 0);
  });
  EXPECT_EQ(of_type(records, "finding").size(), 1U);
}

TEST_F(FindingWriterTest, TheStackHashIsTheSameInEveryProcess) {
  const auto hash_of = [](const std::vector<std::string>& records) {
    const std::string line = of_type(records, "finding").at(0);
    return line.substr(line.find("\"stack_hash\""), 34);
  };
  const auto first = hash_of(records_of("", [] { leak(here()); }));
  std::filesystem::remove_all(folder_);
  const auto second = hash_of(records_of("", [] { leak(here() + 4), leak(here()); }));
  EXPECT_NE(first, second) << "the second process's first finding is another one";
  std::filesystem::remove_all(folder_);
  EXPECT_EQ(first, hash_of(records_of("", [] { leak(here()); })));
}

}  // namespace
}  // namespace vigil::shim
