#include "reports/cli/trial_run.hpp"

#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "reports/cli/captured_output.hpp"
#include "reports/cli/child.hpp"
#include "reports/cli/program_check.hpp"
#include "reports/cli/watched_run.hpp"
#include "reports/load/record_file.hpp"

namespace vigil::reports {
namespace {

namespace fs = std::filesystem;

// A folder of our own, gone with all it holds when this goes.
class Folder {
 public:
  Folder() {
    std::error_code problem;
    std::string name = (fs::temp_directory_path(problem) / "vigil-doctor-XXXXXX").string();
    if (!problem && ::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~Folder() {
    std::error_code unused;
    if (!path_.empty()) fs::remove_all(path_, unused);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

}  // namespace

TrialRun try_shim(const std::string& shim) {
  TrialRun result;
  const Folder folder;
  const CapturedOutput output;
  std::error_code problem;
  const std::string self = fs::read_symlink("/proc/self/exe", problem).string();
  const int out = output.fresh();
  if (folder.path().empty() || out < 0 || problem) {
    result.problem = "no temporary folder to try it in";
    return result;
  }
  WatchedProgram program;
  program.arguments.command = {self, "--version"};
  program.path = self;
  program.shim = shim;
  program.options = {{"report_dir", folder.path()}, {"formats", "json"}};
  const ChildEnd end = run_child(plan_of(program, out));
  if (end.exec_error != 0) {
    result.problem = std::strerror(end.exec_error);
    return result;
  }
  if (!end.shim_answered) {
    const std::string said = output.first_line();
    result.problem = fmt::format("the loader does not bring it in{}{}", said.empty() ? "" : ": ", said);
    return result;
  }
  for (const auto& entry : fs::directory_iterator(folder.path(), problem)) {
    if (entry.path().extension() == ".json") result.has_report = true;
    if (entry.path().extension() != ".jsonl") continue;
    std::string error;
    if (const auto record = read_record_file(entry.path().string(), error); record && record->ended)
      result.version = record->vigil_version;
  }
  if (result.version.empty()) result.problem = "a program ran under it and left no whole record";
  return result;
}

std::string first_line_of(const std::vector<std::string>& command) {
  const ProgramCheck found = check_program(command.front());
  if (found.status != 0) return {};
  const CapturedOutput output;
  const int out = output.fresh();
  const pid_t child = ::fork();
  if (child == 0) {
    std::vector<char*> words;
    std::vector<std::string> storage = command;
    words.reserve(storage.size() + 1);
    for (std::string& word : storage) words.push_back(word.data());
    words.push_back(nullptr);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::execv(found.path.c_str(), words.data());
    ::_exit(127);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return {};
  return output.first_line();
}

}  // namespace vigil::reports
