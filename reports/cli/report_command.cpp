// vigil report: renders records (and written reports again).
#include <fmt/core.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "reports/cli/command_line.hpp"
#include "reports/cli/commands.hpp"
#include "reports/cli/exit_codes.hpp"
#include "reports/cli/make_report.hpp"
#include "reports/cli/say.hpp"
#include "reports/cli/terminal.hpp"
#include "reports/model/finish.hpp"
#include "reports/model/kind.hpp"
#include "reports/model/utf8.hpp"
#include "reports/render/words.hpp"

namespace vigil::reports {
namespace {

struct ReportArguments {
  std::vector<std::string> files;
  std::string formats = "json,html";
  std::string out;
  std::string suppressions;
  std::string baseline;
  bool for_shim = false;
  bool strict = false;
};

// Returns the exit status for one file.
int report_one(const ReportArguments& arguments, const FormatList& list, const std::string& file, ModuleCache& cache) {
  std::string error;
  const auto loaded =
      load_report(file, {arguments.suppressions, arguments.baseline, !arguments.for_shim}, cache, error);
  if (!loaded) {
    say_error("{}", show_deceptive(error));
    return kFailed;
  }
  std::string written;
  for (const Form* form : list) {
    const auto fill = [&](const TextOut& out) { render(loaded->report, *form, out); };
    if (arguments.out == "-") {
      fill([](std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); });
      continue;
    }
    const std::string path = path_stem(file, arguments.out) + std::string(form->extension);
    if (path == file) continue;  // a written report is not written over
    if (!write_file(path, arguments.for_shim, error, fill)) {
      say_error("{}", show_deceptive(error));
      return kFailed;
    }
    written = path;
  }
  if (!arguments.for_shim && arguments.out != "-") {
    const bool is_page = written.ends_with(".html") && !loaded->report.findings.empty();
    tell_end(colour_of(loaded->report), verdict_of(loaded->report), written,
             is_page ? fmt::format("open {} in a browser", shell_word(written)) : std::string());
  }
  if (arguments.for_shim) fmt::print("{}\n", show_deceptive(counts_of(loaded->report)));
  return fails(loaded->report, loaded->strict || arguments.strict) ? kErrorsFound : kClean;
}

int run_report(const ReportArguments& arguments) {
  std::string error;
  const auto list = parse_formats(arguments.formats, error);
  if (!list) {
    say_error("{}", error);
    return kUsage;
  }
  if (arguments.for_shim) {
    // A program's end waits for this: no network.
    ::unsetenv("DEBUGINFOD_URLS");  // NOLINT(concurrency-mt-unsafe): no other thread yet
  }
  if (!arguments.out.empty() && arguments.out != "-") {
    std::error_code problem;
    std::filesystem::create_directories(arguments.out, problem);
    if (problem) {
      say_error("cannot make the folder {}: {}", arguments.out, problem.message());
      return kFailed;
    }
  }
  ModuleCache cache;
  int worst = kClean;
  for (const std::string& file : arguments.files) {
    const int status = report_one(arguments, *list, file, cache);
    if (status == kFailed || worst == kClean) worst = status;
  }
  return worst;
}

}  // namespace

Action add_report_command(CommandLine& line) {
  auto arguments = std::make_shared<ReportArguments>();
  line.add_verb("report", "Render the record of a run (FILE.jsonl), also of one that was killed")
      .takes("files", arguments->files, "FILE", "Records (.jsonl) or written reports (.json)", Need::Must)
      .takes("--formats", arguments->formats, "FORM,...",
             "What to make, comma-separated: json html text sarif junit gitlab dot tsan pprof perfetto")
      .takes("--out", arguments->out, "DIR", "Folder to write to, or - for standard output; default: beside each file")
      .takes("--suppressions", arguments->suppressions, "FILE", "File of findings to keep quiet, beside the run's own")
      .takes("--baseline", arguments->baseline, "FILE", "An older report: what it has does not count")
      .flag("--strict", arguments->strict, "Warnings count like errors")
      .hidden_flag("--for-shim", arguments->for_shim,
                   "Say only how much was found, to the shim, which says the rest itself")
      .footer(
          "Frames are named from the files the program was made of: render where it ran, before it is built anew.\n"
          "Exit status: 0 no error remains, 3 errors remain after suppressions and baseline, 1 a file cannot be "
          "read.\n\n"
          "Examples:\n"
          "  vigil report vigil-reports/test.42.jsonl                          after a SIGKILL: what was found until "
          "then\n"
          "  vigil report --formats=text --out=- vigil-reports/test.42.json    on the terminal\n"
          "  vigil report --formats=sarif,junit --out=ci vigil-reports/*.json  for a CI server\n");
  return [arguments] { return run_report(*arguments); };
}

}  // namespace vigil::reports
