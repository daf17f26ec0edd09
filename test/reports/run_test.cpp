// vigil run, as a process, with a stand-in for the shim.
#include <gtest/gtest.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include "reports/cli/child.hpp"
#include "reports/cli/program_facts.hpp"
#include "test/reports/record_text.hpp"
#include "test/reports/shell.hpp"

namespace vigil::reports {
namespace {

using namespace test;

class Run : public testing::Test {
 protected:
  [[nodiscard]] std::string command(const std::string& arguments, const std::string& record,
                                    const std::string& environment = "") const {
    return fmt::format("{} FAKE_FOLDER={} FAKE_RECORD={} exec {} run --shim={} --report_dir={} {}", environment,
                       folder_.path(""), record, VIGIL_COMMAND, VIGIL_FAKE_SHIM, folder_.path(""), arguments);
  }
  [[nodiscard]] Outcome run(const std::string& arguments, const std::string& environment = "") const {
    return shell(command(arguments, clean_, environment));
  }
  [[nodiscard]] std::size_t count(std::string_view extension) const {
    std::size_t found = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path("")))
      found += entry.path().extension() == extension ? 1U : 0U;
    return found;
  }

  TempFolder folder_;  // before the records, which are written into it
  std::string clean_ = folder_.write("clean", header_line() + end_line());
  std::string leaking_ =
      folder_.write("leaking", header_line() + module_line(1, "/opt/shop/prog") + leak_line(1) + end_line());
  std::string killed_ = folder_.write(
      "killed", header_line() + module_line(1, "/opt/shop/prog") + leak_line(1) + std::string(4096, '\0'));
};

TEST_F(Run, KeepsTheProgramsExitStatus) {
  EXPECT_EQ(run("-- sh -c 'exit 7'").status, 7);
  EXPECT_EQ(run("-- true").status, 0);
}

TEST_F(Run, DiesOfTheSignalThatEndedTheProgram) { EXPECT_EQ(run("-- sh -c 'kill -SEGV $$'").status, 1000 + SIGSEGV); }

TEST_F(Run, AChildGetsAddressesThatStayWhenItIsToldSo) {
  if (shell("exec setarch -R true").status != 0) GTEST_SKIP() << "this system does not let a program choose";
  const bool are_ours_fixed = (static_cast<unsigned>(::personality(0xffffffff)) & ADDR_NO_RANDOMIZE) != 0;
  for (const bool fixed : {are_ours_fixed, true}) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe(ends), 0);
    ChildPlan plan;
    plan.path = "/bin/cat";
    plan.arguments = {"cat", "/proc/self/personality"};
    plan.environment = {{"LD_PRELOAD", VIGIL_FAKE_SHIM}};
    plan.has_fixed_addresses = fixed;
    plan.output = ends[1];
    EXPECT_EQ(run_child(plan).wait_status, 0);
    ::close(ends[1]);
    char told[32] = {};
    ASSERT_GT(::read(ends[0], told, sizeof told - 1), 0);
    ::close(ends[0]);
    EXPECT_EQ((std::strtoul(told, nullptr, 16) & ADDR_NO_RANDOMIZE) != 0, fixed) << told;
  }
}

TEST_F(Run, OnlyThreadSanitizersRuntimeNeedsAddressesThatStay) {
  ProgramFacts facts;
  EXPECT_FALSE(facts.needs_fixed_addresses(32));
  facts.instrumented = true;
  EXPECT_FALSE(facts.needs_fixed_addresses(32));
  facts.has_sanitizer = true;
  EXPECT_TRUE(facts.needs_fixed_addresses(32));
  EXPECT_FALSE(facts.needs_fixed_addresses(28));
  EXPECT_GT(randomised_address_bits(), 0);
}

TEST_F(Run, SaysVerdictReportAndWhatToDoNext) {
  const Outcome outcome = run("-- echo hello");
  EXPECT_EQ(outcome.output.find("hello\nvigil: Nothing found - report: "), 0U) << outcome.output;
  EXPECT_TRUE(
      outcome.output.ends_with("\nvigil: next: another order of events may show more: vigil explore -- echo hello\n"))
      << outcome.output;
  EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 3);
}

TEST_F(Run, WhatFollowsTheProgramIsTheProgramsOwn) {
  EXPECT_EQ(run("-- echo --help -x").output.find("--help -x\n"), 0U);
  EXPECT_EQ(run("echo --strict").output.find("--strict\n"), 0U);
}

TEST_F(Run, MakesTheReportOfAProgramThatWasKilled) {
  const Outcome outcome = shell(command("-- sh -c 'kill -KILL $$'", killed_));
  EXPECT_EQ(outcome.status, 1000 + SIGKILL);
  EXPECT_NE(outcome.output.find("vigil: 1 error: a task is blocked for ever - report: "), std::string::npos)
      << outcome.output;
  EXPECT_EQ(count(".html"), 1U);
  EXPECT_EQ(count(".json"), 1U);
}

TEST_F(Run, SaysThatWhatItBecameLeftNoRecord) {
  const std::string became = folder_.write("became", header_line() + end_line("exec"));
  const Outcome outcome = shell(command("-- true", became));
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.output.find("became another program by exec, which left no record"), std::string::npos);
  EXPECT_EQ(run("-- true").output.find("by exec"), std::string::npos);
}

TEST_F(Run, AnUnknownOptionIsAnErrorWithASuggestion) {
  const Outcome outcome = run("--detct=all -- true");
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.output,
            "vigil: there is no option '--detct'; did you mean '--detect'? (vigil run --help lists them)\n");
}

TEST_F(Run, ABadValueIsAnError) {
  EXPECT_EQ(run("--deadline=soon -- true").status, 2);
  EXPECT_EQ(run("--exitcode=256 -- true").status, 2);
  EXPECT_EQ(run("--formats=doc -- true").status, 2);
  EXPECT_EQ(
      run("--expect=task-leek -- true").output,
      "vigil: no kind of finding is called 'task-leek'; did you mean 'task-leak'? (vigil run --help lists them)\n");
  EXPECT_EQ(run("--deadline").status, 2);
  EXPECT_EQ(run("--strict").status, 2) << "no program";
}

TEST_F(Run, OptionsReachTheShimOnTopOfTheEnvironments) {
  const Outcome outcome =
      run("--strict --seed 7 --log_path=a:b -- sh -c 'echo \"$VIGIL_OPTIONS\"'", "VIGIL_OPTIONS=seed=1:dedup=0");
  EXPECT_EQ(outcome.output.substr(0, outcome.output.find('\n')),
            fmt::format("dedup=0:log_path=\"a:b\":report_dir={}:seed=7:strict=1", folder_.path("")));
}

TEST_F(Run, APreloadOfTheUsersStaysBehindTheShim) {
  const Outcome outcome =
      run("-- sh -c 'echo \"$LD_PRELOAD\"'", "ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=libm.so.6");
  EXPECT_NE(outcome.output.find(std::string(VIGIL_FAKE_SHIM) + ":libm.so.6\n"), std::string::npos) << outcome.output;
}

TEST_F(Run, WhoeverListensTheStatusIsTheSame) {
  for (const char* const none : {"2>&-", "2>/dev/full", "<&- >&- 2>&-"}) {
    EXPECT_EQ(run(std::string("-- sh -c 'exit 7' ") + none).status, 7) << none;
    EXPECT_EQ(run(std::string("-- true ") + none).status, 0) << none;
    EXPECT_EQ(run(std::string("-- /no/such/program ") + none).status, 127) << none;
  }
  // What is closed is closed for the program, too.
  EXPECT_EQ(run("-- sh -c 'test ! -e /proc/$$/fd/0' <&-").status, 0);
}

TEST_F(Run, WhatIsStartedLetsTheShimIn) {
  const std::string show = "-- sh -c 'echo \"$ASAN_OPTIONS|$GLIBC_TUNABLES|\"'";
  EXPECT_NE(run(show, "ASAN_OPTIONS=").output.find("verify_asan_link_order=0||\n"), std::string::npos);
  const Outcome outcome = run(show, "ASAN_OPTIONS=a=1 LD_AUDIT=/no/such GLIBC_TUNABLES=glibc.malloc.check=0");
  EXPECT_NE(
      outcome.output.find("verify_asan_link_order=0:a=1|glibc.rtld.optional_static_tls=16384:glibc.malloc.check=0|\n"),
      std::string::npos)
      << outcome.output;
}

TEST_F(Run, AMissingProgramIs127AndOneThatCannotRunIs126) {
  EXPECT_EQ(run("-- no-such-program-here").status, 127);
  EXPECT_EQ(run("-- /no/such/program").status, 127);
  EXPECT_EQ(run("-- /").status, 126);
  EXPECT_EQ(run("-- " + folder_.write("plain", "text")).status, 126);
}

TEST_F(Run, AStaticProgramIsRefused) {
  const Outcome outcome = run(std::string("-- ") + VIGIL_STATIC_PROGRAM);
  EXPECT_EQ(outcome.status, 70);
  EXPECT_NE(outcome.output.find("is statically linked"), std::string::npos) << outcome.output;
}

TEST_F(Run, AScriptOfAStaticInterpreterIsRefused) {
  const std::string script = folder_.write("script", fmt::format("#!{}\n", VIGIL_STATIC_PROGRAM));
  ::chmod(script.c_str(), 0755);
  const Outcome outcome = run("-- " + script);
  EXPECT_EQ(outcome.status, 70);
  EXPECT_NE(outcome.output.find("the interpreter of"), std::string::npos) << outcome.output;
}

TEST_F(Run, A32BitProgramIsRefused) {
  std::string bytes = read_file("/bin/true");
  bytes[4] = 1;  // ELFCLASS32
  const std::string program = folder_.write("old", bytes);
  ::chmod(program.c_str(), 0755);
  const Outcome outcome = run("-- " + program);
  EXPECT_EQ(outcome.status, 70);
  EXPECT_NE(outcome.output.find("32-bit"), std::string::npos) << outcome.output;
}

TEST_F(Run, AShimThatIsNotThereIsAnError) {
  const Outcome outcome = shell(fmt::format("exec {} run --shim=/no/libvigil_shim.so -- true", VIGIL_COMMAND));
  EXPECT_EQ(outcome.status, 70);
  EXPECT_NE(outcome.output.find("was not started"), std::string::npos) << outcome.output;
}

TEST_F(Run, ARunWithoutTheShimsAnswerIsAnError) {
  const Outcome outcome = run("-- sh -c 'echo working; exit 0'", "FAKE_SILENT=1");
  EXPECT_EQ(outcome.status, 70);
  EXPECT_NE(outcome.output.find("nothing was watched"), std::string::npos) << outcome.output;
}

TEST_F(Run, ExpectComparesKinds) {
  EXPECT_EQ(shell(command("--expect=task-leak -- sh -c 'exit 66'", leaking_)).status, 0);
  EXPECT_EQ(shell(command("--expect=task-leak -- sh -c 'kill -ABRT $$'", leaking_)).status, 0)
      << "the program's own status does not count";
  EXPECT_EQ(shell(command("--expect= -- true", clean_)).status, 0);
  EXPECT_EQ(shell(command("--expect=deadlock --may=task-leak,deadlock -- true", leaking_)).status, 4);
  EXPECT_EQ(shell(command("--expect= --may=task-leak -- true", leaking_)).status, 0);
  EXPECT_EQ(shell(command("--expect=task-leak -- sh -c 'kill -KILL $$'", killed_)).status, 0);
  const Outcome outcome = shell(command("--expect=deadlock -- true", leaking_));
  EXPECT_EQ(outcome.status, 4);
  EXPECT_NE(outcome.output.find("vigil: expected deadlock, found task-leak - report: "), std::string::npos)
      << outcome.output;
  EXPECT_NE(outcome.output.find("vigil: not found: deadlock\n"), std::string::npos);
  EXPECT_NE(outcome.output.find("vigil: not expected: task-leak: "), std::string::npos);
}

TEST_F(Run, ExpectNeedsARecord) {
  const Outcome outcome = shell(command("--expect= -- true", "/dev/null", "FAKE_FOLDER=/dev/null"));
  EXPECT_NE(outcome.status, 0) << outcome.output;
}

TEST_F(Run, AFileThatCannotBeReadIsToldBeforeTheProgramStarts) {
  const Outcome outcome = run("--baseline=/no/such.json -- echo hello");
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(
      outcome.output,
      "vigil: cannot read the file of option 'baseline': /no/such.json: No such file or directory; the program was "
      "not started\n");
}

TEST_F(Run, WhatTheBaselineHasDoesNotCount) {
  const std::string baseline =
      folder_.write("known.1.jsonl", header_line() + module_line(1, "/opt/shop/prog") + leak_line(1) + end_line());
  const std::string record = folder_.write(
      "known", header_line("baseline=" + baseline) + module_line(1, "/opt/shop/prog") + leak_line(1) + end_line());
  const Outcome outcome = shell(command("-- true", record));
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.output.find("vigil: next: "), 0U) << "the shim says the verdict" << outcome.output;
  EXPECT_EQ(shell(command("--expect= -- true", record)).status, 0) << "nothing is found that was not known";
  EXPECT_EQ(shell(command("--expect=task-leak -- true", record)).status, 0) << "and what was known is found";
}

TEST_F(Run, ASignalForVigilReachesTheProgram) {
  const std::string ready = folder_.path("ready");
  const std::string script = fmt::format("trap 'exit 9' TERM; touch {}; while :; do sleep 0.05; done", ready);
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/bin/sh", "sh", "-c", command(fmt::format("-- sh -c \"{}\"", script), clean_).c_str(), nullptr);
    ::_exit(99);
  }
  for (int i = 0; i < 1000 && !std::filesystem::exists(ready); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ::kill(child, SIGTERM);
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 9);
}

TEST(Report, ExitStatusSaysWhetherErrorsRemain) {
  const TempFolder folder;
  const std::string leaking =
      folder.write("a.1.jsonl", header_line() + module_line(1, "/opt/shop/prog") + leak_line(1) + end_line());
  const std::string clean = folder.write("b.2.jsonl", header_line() + end_line());
  const auto report = [&](const std::string& arguments) {
    return shell(fmt::format("exec {} report {}", VIGIL_COMMAND, arguments));
  };
  EXPECT_EQ(report(clean).status, 0);
  EXPECT_EQ(report(leaking).status, 3);
  EXPECT_EQ(report(clean + " " + leaking).status, 3);
  EXPECT_EQ(report("--for-shim --formats=json,html " + leaking).output, "1 error (task-leak)\n");
  EXPECT_EQ(report(folder.path("missing.jsonl")).status, 1);
  EXPECT_EQ(report("--nonsense " + clean).status, 2);
  EXPECT_EQ(report("--formats=doc " + clean).status, 2);
  EXPECT_TRUE(std::filesystem::exists(folder.path("a.1.json")));
  EXPECT_TRUE(std::filesystem::exists(folder.path("a.1.html")));
  const std::string rules = folder.write("rules", "task-leak:*\n");
  EXPECT_EQ(report("--suppressions=" + rules + " " + leaking).status, 0);
}

TEST(Report, TellsTheShimWhatIsLeftAfterSuppressionsAndJoining) {
  const TempFolder folder;
  const std::string warning =
      line_of(R"({"type":"finding","id":3,"kind":"timer-leak","level":"warning","participants":[],"objects":[]})");
  const std::string head = header_line() + module_line(1, "/opt/shop/prog");
  const auto told = [&](const std::string& text, const std::string& more) {
    const std::string record = folder.write("a.1.jsonl", text);
    return shell(fmt::format("exec {} report --for-shim --formats '' {} {}", VIGIL_COMMAND, more, record)).output;
  };
  const std::string rules = folder.write("rules", "task-leak:*\n");
  EXPECT_EQ(told(head + end_line(), ""), "\n");
  EXPECT_EQ(told(head + leak_line(1) + leak_line(2) + warning + end_line(), ""),
            "1 error (task-leak), 1 warning (timer-leak)\n")
      << "the second leak is the first one again";
  EXPECT_EQ(told(head + leak_line(1) + warning + end_line(), "--suppressions=" + rules), "1 warning (timer-leak)\n");
}

TEST(Report, StrictAndSuppressionsComeFromTheRunsOptions) {
  const TempFolder folder;
  const std::string warning =
      line_of(R"({"type":"finding","id":1,"kind":"timer-leak","level":"warning","participants":[],"objects":[]})");
  const auto status = [&](const std::string& text) {
    return shell(fmt::format("exec {} report {}", VIGIL_COMMAND, folder.write("a.1.jsonl", text))).status;
  };
  EXPECT_EQ(status(header_line() + warning + end_line()), 0);
  EXPECT_EQ(status(header_line("strict=1") + warning + end_line()), 3);
  const std::string rules = folder.write("rules", "task-leak:prog\n");
  EXPECT_EQ(status(header_line("suppressions=" + rules) + module_line(1, "/opt/shop/prog") + leak_line(1) + end_line()),
            0);
}

}  // namespace
}  // namespace vigil::reports
