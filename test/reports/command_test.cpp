// The command's face: verbs, help, completions, man pages, doctor, tasks.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>

#include "test/reports/record_text.hpp"
#include "test/reports/shell.hpp"

namespace vigil::reports {
namespace {

using namespace test;

TEST(Command, AWordThatIsNoVerbIsOneClearLine) {
  const Outcome outcome = vigil("merg -o x.html y");
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.output, "vigil: there is no verb 'merg'; did you mean 'merge'?\n");
}

TEST(Command, AWrongOptionIsOneClearLine) {
  const Outcome outcome = vigil("report --nonsense x.jsonl");
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 1) << outcome.output;
  EXPECT_NE(outcome.output.find("(vigil report --help)"), std::string::npos) << outcome.output;
  EXPECT_EQ(vigil("merge").status, 2);
  EXPECT_EQ(vigil("").status, 2);
}

TEST(Command, SaysWhatIsWrongBeforeWhatIsMissing) {
  EXPECT_EQ(vigil("report --strictt").output,
            "vigil: there is no option '--strictt'; did you mean '--strict'? (vigil report --help)\n");
  EXPECT_EQ(vigil("--nonsense").output, "vigil: there is no option '--nonsense' (vigil --help)\n");
  EXPECT_EQ(vigil("report --strict").output, "vigil: which FILE? (vigil report --help)\n");
  EXPECT_EQ(vigil("merge a").output, "vigil: --out=FILE is needed (vigil merge --help)\n");
}

// A misspelt folder that "has nothing" would make a build green.
TEST(Command, AnInputThatDoesNotExistFails) {
  const TempFolder folder;
  const Outcome merged = vigil(fmt::format("merge -o {0}/all.json {0}/nowhere", folder.path("")));
  EXPECT_EQ(merged.status, 1) << merged.output;
  EXPECT_NE(merged.output.find("there is no "), std::string::npos) << merged.output;
  EXPECT_EQ(vigil(fmt::format("diff {0}/nowhere {0}", folder.path(""))).status, 1);
}

TEST(Command, WhatCannotBeWrittenIsOneClearLine) {
  const TempFolder folder;
  const std::string record = folder.write("r.jsonl", header_line() + module_line(1, "/opt/shop/prog") + leak_line(1));
  const std::string report = fmt::format("report --formats=text --out=- {}", record);
  for (const std::string& arguments : {report + " >/dev/full", report + " >&-", std::string("help run >/dev/full"),
                                       fmt::format("suppress -o /dev/full {}", record)}) {
    const Outcome outcome = vigil(arguments);
    EXPECT_EQ(outcome.status, 1) << arguments;
    EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 1) << outcome.output;
  }
  const Outcome limited =
      shell(fmt::format("ulimit -f 0; exec {} report --out {} {}", VIGIL_COMMAND, folder.path(""), record));
  EXPECT_EQ(limited.status, 1) << limited.output;
  EXPECT_NE(limited.output.find("File too large"), std::string::npos) << limited.output;
}

TEST(Command, EveryVerbHasHelpWithExamples) {
  for (const char* verb : {"run", "explore", "report", "merge", "diff", "suppress", "tasks", "doctor", "completions"}) {
    const Outcome outcome = vigil(fmt::format("help {}", verb));
    EXPECT_EQ(outcome.status, 0) << verb;
    EXPECT_NE(outcome.output.find("Examples:"), std::string::npos) << verb << outcome.output;
    EXPECT_EQ(outcome.output, vigil(fmt::format("{} --help", verb)).output);
  }
}

TEST(Command, ColoursNeedATerminalAndNoNoColor) {
  const TempFolder folder;
  const std::string record = folder.write("a.1.jsonl", header_line() + end_line());
  const auto on_terminal = [&](const std::string& environment) {
    return shell(fmt::format("exec script -qec '{} {} report --formats=json {}' /dev/null </dev/null", environment,
                             VIGIL_COMMAND, record))
        .output;
  };
  EXPECT_NE(on_terminal("env -u NO_COLOR TERM=xterm").find("\x1b[32mNothing found"), std::string::npos);
  EXPECT_EQ(on_terminal("env NO_COLOR=1 TERM=xterm").find('\x1b'), std::string::npos);
  EXPECT_EQ(on_terminal("env -u NO_COLOR TERM=dumb").find('\x1b'), std::string::npos);
  EXPECT_EQ(vigil("report --formats=json " + record).output.find('\x1b'), std::string::npos);
}

// What a person sees of it on a terminal, standard error included.
std::string seen_on_terminal(const std::string& arguments) {
  return shell(fmt::format("exec script -qec 'TERM=xterm {} {}' /dev/null </dev/null", VIGIL_COMMAND, arguments))
      .output;
}

TEST(Command, SaysOnATerminalWhoseDebugInformationItReads) {
  const TempFolder folder;
  const std::string library = std::string(VIGIL_FIXTURES) + "/libfixture_dwarf5.so";
  const std::string record =
      folder.write("a.1.jsonl", header_line() + module_line(1, library) + leak_line(1) + end_line());
  EXPECT_NE(seen_on_terminal("report --formats=json " + record).find("\r\x1b[Kreading libfixture_dwarf5.so\r\x1b[K"),
            std::string::npos)
      << "said, and taken back";
  const Outcome piped = vigil("report --formats=json " + record);
  EXPECT_EQ(piped.output.find("reading"), std::string::npos) << piped.output;
}

TEST(Command, SaysOnATerminalHowFarALongMergeIs) {
  const TempFolder folder;
  const std::string first = folder.write("a.1.jsonl", header_line() + end_line());
  for (int i = 2; i <= 120; ++i) std::filesystem::create_hard_link(first, folder.path(fmt::format("a.{}.jsonl", i)));
  const std::string merge = fmt::format("merge -o {0}/all.json {0}", folder.path(""));
  EXPECT_NE(seen_on_terminal(merge).find("\r\x1b[Kmerging 1 of 120\r\x1b[K"), std::string::npos);
  EXPECT_EQ(vigil(merge).output.find("merging"), std::string::npos);
}

// What bash offers for a command line whose last word is being typed. As bash does, words are taken apart at '='.
std::string completed(const std::string& words) {
  return shell(fmt::format("exec bash -c 'source <({} completions bash); COMP_WORDS=({}); "
                           "COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _vigil 2>/dev/null; echo \"${{COMPREPLY[*]}}\"'",
                           VIGIL_COMMAND, words))
      .output;
}

TEST(Completions, BashOffersVerbsOptionsAndValues) {
  EXPECT_EQ(completed("vigil me"), "merge\n");
  EXPECT_EQ(completed("vigil report --str"), "--strict\n");
  EXPECT_EQ(completed("vigil run --sched"), "--schedule=\n");
  EXPECT_EQ(completed("vigil run --schedule = ra"), "random\n");
  EXPECT_EQ(completed("vigil run --schedule = ''"), "normal random\n");
  EXPECT_EQ(completed("vigil run --detect = lock-c"), "lock-cycle\n");
  EXPECT_EQ(completed("vigil run --formats = json,sar"), "json,sarif\n");
  EXPECT_EQ(completed("vigil help mer"), "merge\n");
  EXPECT_NE(completed("vigil run -- tru").find("true"), std::string::npos) << "programs";
  EXPECT_EQ(vigil("completions csh").status, 2);
}

TEST(Completions, TheOtherShellsAcceptTheirs) {
  for (const char* name : {"zsh", "fish"}) {
    const Outcome outcome =
        shell(fmt::format("if command -v {0} >/dev/null; then {1} completions {0} | {0} -n; fi", name, VIGIL_COMMAND));
    EXPECT_EQ(outcome.status, 0) << outcome.output;
    EXPECT_EQ(outcome.output, "") << name;
    EXPECT_NE(vigil(fmt::format("completions {}", name)).output.find("lock-cycle"), std::string::npos);
  }
}

TEST(Manual, EveryVerbHasAPageThatGroffTakesWithoutAWarning) {
  const TempFolder folder;
  ASSERT_EQ(vigil("manual " + folder.path("share")).status, 0);
  for (const char* page : {"vigil", "vigil-run", "vigil-explore", "vigil-report", "vigil-merge", "vigil-diff",
                           "vigil-suppress", "vigil-tasks", "vigil-doctor"}) {
    const std::string path = folder.path(fmt::format("share/man/man1/{}.1", page));
    const std::string roff = read_file(path);
    EXPECT_EQ(roff.find(".TH VIGIL"), 0U) << page;
    EXPECT_NE(roff.find(".SH \"EXAMPLES\""), std::string::npos) << page;
    const Outcome outcome =
        shell(fmt::format("if command -v groff >/dev/null; then groff -man -Tascii -ww -z {}; fi", path));
    EXPECT_EQ(outcome.output, "") << page;
  }
  EXPECT_NE(read_file(folder.path("share/man/man1/vigil-run.1")).find("\\-\\-deadline"), std::string::npos);
}

TEST(Doctor, AShimThatDoesNotLoadIsAFailure) {
  const TempFolder folder;
  const Outcome outcome = vigil("doctor --shim=" + folder.write("libvigil_shim.so", "no library"));
  EXPECT_EQ(outcome.status, 1) << outcome.output;
  EXPECT_NE(outcome.output.find("FAIL  shim "), std::string::npos) << outcome.output;
  EXPECT_NE(outcome.output.find("the loader does not bring it in"), std::string::npos) << outcome.output;
}

TEST(Doctor, SaysOfAProgramWhatCanBeFoundInIt) {
  const Outcome outcome = vigil(fmt::format("doctor {} {}", VIGIL_COMMAND, VIGIL_STATIC_PROGRAM));
  EXPECT_EQ(outcome.status, 1) << "one of the two cannot be watched";
  EXPECT_NE(outcome.output.find("is statically linked"), std::string::npos) << outcome.output;
#ifndef VIGIL_ADDRESS_SANITIZER
  EXPECT_NE(outcome.output.find("ok    vigil         plain: everything but races"), std::string::npos)
      << outcome.output;
#endif
}

#ifndef VIGIL_ADDRESS_SANITIZER
TEST(Doctor, SaysHowToRunTheProgramThatItWasAskedAbout) {
  const Outcome outcome = vigil(fmt::format("doctor {}", VIGIL_COMMAND));
  EXPECT_NE(outcome.output.find(fmt::format("vigil run -- {}", VIGIL_COMMAND)), std::string::npos) << outcome.output;
}
#endif

// Answers as the shim of this process would, as often as it is asked.
class FakeShim {
 public:
  explicit FakeShim(std::vector<std::string> answers) : answers_(std::move(answers)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = fmt::format("vigil-tasks-{}", ::getpid());
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address),
                     static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size())),
              0);
    EXPECT_EQ(::listen(socket_, 8), 0);
    thread_ = std::thread([this] {
      for (const std::string& answer : answers_) {
        const int peer = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
        EXPECT_EQ(::write(peer, answer.data(), answer.size()), static_cast<ssize_t>(answer.size()));
        ::close(peer);
      }
    });
  }
  ~FakeShim() {
    thread_.join();
    ::close(socket_);
  }
  FakeShim(const FakeShim&) = delete;
  FakeShim& operator=(const FakeShim&) = delete;

 private:
  std::vector<std::string> answers_;
  int socket_;
  std::thread thread_;
};

const char* const kState =
    R"({"type":"state","actors":[{"actor":{"type":"task","id":3,"name":"reader","state":"blocked","created_at":[]},"operation":"receive","object":{"type":"channel","id":1,"capacity":2,"address":"0x0","created_at":[]},"stack":[[1,"0x20"]],"waited_ms":5000,"count":4},{"actor":{"type":"task","id":9,"name":"","state":"running","created_at":[]},"operation":"","object":null,"stack":[],"waited_ms":-1,"count":1,"daemon":true}]})";

TEST(Tasks, ShowsWhatARunningProgramAnswers) {
  // The first time the program does not hold still.
  const std::string head = header_line() + module_line(1, "/opt/shop/prog") + tasks_line();
  const FakeShim shim({head, head + line_of(kState)});
  const Outcome outcome = vigil(fmt::format("tasks {}", ::getpid()));
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_EQ(outcome.output.find("vigil: 5 alive: 4 blocked, 1 running\n"), 0U) << outcome.output;
  EXPECT_EQ(outcome.output.find("at the end"), std::string::npos) << outcome.output;
  EXPECT_NE(outcome.output.find("task 3 (reader) and 3 like it, blocked for 5.0 s: receive from a channel"),
            std::string::npos)
      << outcome.output;
  EXPECT_NE(outcome.output.find("task 9, a daemon, running\n"), std::string::npos) << outcome.output;
  EXPECT_EQ(outcome.output.find("killed"), std::string::npos) << "it lives";
}

TEST(Tasks, WhoDoesNotAnswerIsToldInOneLine) {
  EXPECT_EQ(vigil("tasks 1x").status, 2);
  const Outcome gone = vigil("tasks 999999999");
  EXPECT_EQ(gone.status, 1);
  EXPECT_EQ(gone.output, "vigil: there is no process 999999999\n");
  const Outcome other = vigil(fmt::format("tasks {}", ::getpid()));
  EXPECT_EQ(other.status, 1);
  EXPECT_NE(other.output.find("does not run under vigil"), std::string::npos) << other.output;
}

TEST(Tasks, WhoHangsUpDoesNotWantToTellThisUser) {
  const FakeShim shim({""});
  const Outcome outcome = vigil(fmt::format("tasks {}", ::getpid()));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.output.find("only root and the user it runs as may ask"), std::string::npos) << outcome.output;
}

}  // namespace
}  // namespace vigil::reports
