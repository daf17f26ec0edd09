// vigil doctor: looks whether vigil can do its work here, one line for each thing that is looked at, with what to do
// about what is not well.
#include <fmt/core.h>
#include <gnu/libc-version.h>
#include <linux/membarrier.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "reports/cli/command_line.hpp"
#include "reports/cli/commands.hpp"
#include "reports/cli/exit_codes.hpp"
#include "reports/cli/make_report.hpp"
#include "reports/cli/program_check.hpp"
#include "reports/cli/program_facts.hpp"
#include "reports/cli/terminal.hpp"
#include "reports/cli/trial_run.hpp"
#include "reports/cli/watched_run.hpp"
#include "reports/model/utf8.hpp"
#include "reports/render/words.hpp"

namespace vigil::reports {
namespace {

namespace fs = std::filesystem;

struct DoctorArguments {
  std::vector<std::string> programs;
  std::string shim;
};

// Writes the lines and remembers the worst of them.
class Findings {
 public:
  void good(std::string_view what, std::string_view said) { line("ok", Colour::Good, what, said, ""); }
  // vigil works, and less well than it could.
  void warn(std::string_view what, std::string_view said, std::string_view remedy) {
    ++warnings_;
    line("warn", Colour::Warn, what, said, remedy);
  }
  void bad(std::string_view what, std::string_view said, std::string_view remedy) {
    ++failures_;
    line("FAIL", Colour::Bad, what, said, remedy);
  }
  // program: one to be watched next.
  [[nodiscard]] int conclude(const std::string& program) const {
    const auto count = [](std::size_t number, std::string_view word) {
      return fmt::format("{} {}{}", number, word, number == 1 ? "" : "s");
    };
    if (failures_ != 0) {
      tell_end(Colour::Bad,
               fmt::format("vigil cannot work here: {}, {}", count(failures_, "failure"), count(warnings_, "warning")),
               "", "mend the lines that say FAIL");
      return kFailed;
    }
    tell_end(warnings_ == 0 ? Colour::Good : Colour::Warn,
             warnings_ == 0 ? "All is well" : fmt::format("vigil works here, {}", count(warnings_, "warning")), "",
             "vigil run -- " + shell_word(program));
    return kClean;
  }

 private:
  static void line(std::string_view mark, Colour colour, std::string_view what, std::string_view said,
                   std::string_view remedy) {
    fmt::print("{}{:{}} {:<13} {}{}{}\n", painted(stdout, colour, mark), "", 5 - mark.size(), show_deceptive(what),
               show_deceptive(said), remedy.empty() ? "" : ": ", show_deceptive(remedy));
  }

  std::size_t warnings_ = 0;
  std::size_t failures_ = 0;
};

// A number the kernel keeps in a file; -1 when it does not.
long kernel_number(const char* path) {
  std::ifstream in(path);
  long value = -1;
  return in >> value ? value : -1;
}

void check_machine(Findings& told) {
  utsname name{};
  ::uname(&name);
  const std::string system = fmt::format("{} {}, {}, {} processors, C library {}", name.sysname, name.release,
                                         name.machine, std::thread::hardware_concurrency(), ::gnu_get_libc_version());
  if (std::string_view(name.machine) == "x86_64") {
    told.good("machine", system);
  } else {
    told.bad("machine", system, "vigil runs on x86_64");
  }
  const long barriers = ::syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
  if (barriers > 0 && (barriers & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0) {
    told.good("membarrier", "there");
  } else {
    told.warn("membarrier", "the kernel or a sandbox refuses it", "the race engine collects its memory less often");
  }
  rlimit space{};
  ::getrlimit(RLIMIT_AS, &space);
  if (space.rlim_cur == RLIM_INFINITY && kernel_number("/proc/sys/vm/overcommit_memory") != 2) {
    told.good("memory", "address space as much as is asked for");
  } else {
    told.warn("memory", "address space is limited",
              "stacks and shadow memory reserve more than they use; ulimit -v unlimited, vm.overcommit_memory=0");
  }
  // The range in which ThreadSanitizer's runtimes of today's compilers expect the program.
  constexpr long kMostBits = 28;
  const long bits = kernel_number("/proc/sys/vm/mmap_rnd_bits");
  if (bits <= kMostBits) {
    told.good("randomness", "of addresses is as ThreadSanitizer takes it");
  } else {
    told.warn("randomness", fmt::format("vm.mmap_rnd_bits is {}", bits),
              "programs built with -fsanitize=thread start under `vigil run`; alone they need setarch -R, or sysctl "
              "vm.mmap_rnd_bits=28");
  }
}

void check_environment(Findings& told) {
  const auto variable = [](const char* name) {
    const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): no other thread
    return value == nullptr ? std::string() : std::string(value);
  };
  const OptionMap options = parse_options(variable("VIGIL_OPTIONS"));
  std::string wrong;
  for (const auto& [name, value] : options) {
    const std::array<std::string, 1> words{fmt::format("--{}={}", name, value)};
    std::string error;
    if (!parse_run_arguments(words, error)) wrong += (wrong.empty() ? "" : "; ") + error;
  }
  if (wrong.empty()) {
    told.good("options",
              options.empty() ? "VIGIL_OPTIONS is not set" : fmt::format("VIGIL_OPTIONS={}", format_options(options)));
  } else {
    told.warn("options", wrong, "the shim takes the default");
  }
  if (const std::string preload = variable("LD_PRELOAD"); preload.empty()) {
    told.good("preloads", "none besides vigil's");
  } else {
    told.warn("preloads", fmt::format("LD_PRELOAD={}", preload),
              "it comes behind the shim; another one that wraps threads or memory may hide calls");
  }
  const fs::path folder = fs::absolute(option_text(options, "report_dir", "vigil-reports"));
  fs::path there = folder;
  while (!fs::exists(there) && there.has_relative_path()) there = there.parent_path();
  struct statvfs space {};
  constexpr std::uint64_t kEnough = std::uint64_t{64} << 20U;  // bytes; a record is preallocated
  if (::access(there.c_str(), W_OK | X_OK) != 0) {
    told.bad("reports", fmt::format("{} cannot be written", there.string()), "say another place with report_dir=");
  } else if (::statvfs(there.c_str(), &space) == 0 && std::uint64_t{space.f_bavail} * space.f_frsize < kEnough) {
    told.warn("reports", fmt::format("less than 64 MiB are free in {}", there.string()), "findings may not fit");
  } else {
    told.good("reports", fmt::format("can be written to {}", folder.string()));
  }
}

void check_build(Findings& told, const std::string& shim) {
  std::string compilers;
  for (const std::string_view compiler : {"g++", "clang++"}) {
    const std::string version = first_line_of({std::string(compiler), "-dumpversion"});
    if (!version.empty()) compilers += fmt::format("{}{} {}", compilers.empty() ? "" : ", ", compiler, version);
  }
  if (compilers.empty()) {
    told.warn("compilers", "neither g++ nor clang++ is in PATH", "needed only to build; g++ 12 or clang 14 and newer");
  } else {
    told.good("compilers", compilers);
  }
  for (const std::string_view library : {"libvigil.so", "libvigil_instrument.so"}) {
    const fs::path path = fs::path(shim).parent_path() / library;
    if (fs::exists(path)) {
      told.good("library", path.string());
    } else {
      told.warn("library", fmt::format("no {} beside the shim", library),
                library == "libvigil.so" ? "programs that use vigil's tasks bring their own"
                                         : "needed for vigil_instrument()");
    }
  }
}

// Runs this very command under the shim: whether the loader takes the shim, whether it answers and finds the way back.
void check_shim(Findings& told, const std::string& shim, const std::string& version) {
  if (shim.empty()) {
    told.bad("shim", "there is no libvigil_shim.so beside this command or in ../lib",
             "install it, or name it with --shim");
    return;
  }
  const TrialRun trial = try_shim(shim);
  if (!trial.problem.empty()) {
    told.bad("shim", shim, trial.problem);
  } else if (trial.version != version) {
    told.bad("shim", fmt::format("{} is of vigil {}, this command of {}", shim, trial.version, version),
             "install both from one build");
  } else {
    told.good("shim", fmt::format("{} loads and answers", shim));
  }
  if (!trial.problem.empty()) return;
  if (trial.has_report) {
    told.good("way back", "the shim finds this command and has a report made");
  } else {
    told.warn("way back", "the shim did not find the command vigil",
              "put it into PATH, or set VIGIL_COMMAND; else render records with vigil report");
  }
}

void check_program_here(Findings& told, const std::string& given) {
  const std::string what = fs::path(given).filename().string();
  const ProgramCheck check = check_program(given);
  if (check.status != 0) {
    told.bad(what, check.problem, "");
    return;
  }
  const auto facts = facts_of_program(check.path);
  if (!facts) {
    told.good(what, "a script: what it starts is watched, too");
    return;
  }
  if (facts->has_sanitizer) {
    told.good(what, "built with ThreadSanitizer: everything, races by its runtime");
  } else if (facts->instrumented || facts->needs("libvigil_instrument.so")) {
    told.good(what, "instrumented: everything, races by vigil's engine");
  } else {
    told.good(what, "plain: everything but races on variables that are not Traced; vigil_instrument() adds those");
  }
  if (facts->instrumented && facts->by_clang) {
    told.good(what,
              "by clang, which leaves accesses of 32 bytes and more (AVX) out: -mprefer-vector-width=128 avoids most, "
              "g++ checks them");
  }
  const std::string& id = facts->build_id;
  const fs::path separate =
      id.size() < 3 ? fs::path() : fs::path("/usr/lib/debug/.build-id") / id.substr(0, 2) / (id.substr(2) + ".debug");
  if (facts->has_lines || (!separate.empty() && fs::exists(separate))) {
    told.good(what, "has lines and inlined calls for stacks");
  } else {
    told.warn(what, facts->has_symbols ? "names functions and no lines" : "has no names for its functions",
              "build with -g, or install its separate debug information");
  }
  if (id.empty())
    told.warn(what, "has no build id",
              "a report made after it was rebuilt may name wrong places; link with -Wl,--build-id");
}

int run_doctor(const DoctorArguments& arguments, const std::string& version) {
  Findings told;
  check_machine(told);
  check_environment(told);
  const std::string shim = find_shim(arguments.shim);
  check_build(told, shim);
  check_shim(told, shim, version);
  for (const std::string& program : arguments.programs) check_program_here(told, program);
  return told.conclude(arguments.programs.empty() ? "./program" : arguments.programs.front());
}

}  // namespace

Action add_doctor_command(CommandLine& line) {
  auto arguments = std::make_shared<DoctorArguments>();
  line.add_verb("doctor", "Check the machine, the build and the shim, and programs to be watched")
      .takes("programs", arguments->programs, "PROGRAM",
             "Programs to look at: how they were built, what vigil can find in them")
      .takes("--shim", arguments->shim, "FILE", "Path of libvigil_shim.so, when it lies elsewhere")
      .footer(
          "Each line is one check: ok, warn (vigil works, and less well than it could) or FAIL.\n"
          "Exit status: 0 without a FAIL, else 1.\n\n"
          "Examples:\n"
          "  vigil doctor            can vigil work here?\n"
          "  vigil doctor ./test     and what will it find in this program?\n");
  return [arguments, &line] { return run_doctor(*arguments, line.version()); };
}

}  // namespace vigil::reports
