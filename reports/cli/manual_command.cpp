// vigil completions SHELL, and `vigil manual FOLDER`, by which the build makes man pages and completions to install.
#include <fmt/core.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reports/cli/command_line.hpp"
#include "reports/cli/commands.hpp"
#include "reports/cli/exit_codes.hpp"
#include "reports/cli/make_report.hpp"
#include "reports/cli/manual.hpp"
#include "reports/cli/say.hpp"
#include "reports/model/utf8.hpp"

namespace vigil::reports {
namespace {

// The files of the manual, below an installation's share/.
int write_manual(const Manual& manual, const std::string& folder) {
  std::vector<std::pair<std::string, std::string>> files{
      {"man/man1/vigil.1", man_page(manual, manual.command)},
      {"bash-completion/completions/vigil", bash_completion(manual)},
      {"zsh/vendor-completions/_vigil", zsh_completion(manual)},
      {"fish/vendor_completions.d/vigil.fish", fish_completion(manual)}};
  for (const ManualVerb& verb : manual.verbs)
    files.emplace_back(fmt::format("man/man1/vigil-{}.1", verb.name), man_page(manual, verb));
  for (const auto& [name, text] : files) {
    const std::filesystem::path path = std::filesystem::path(folder) / name;
    std::error_code problem;
    std::filesystem::create_directories(path.parent_path(), problem);
    std::string error;
    if (!write_file(path.string(), text, false, error)) {
      say_error("{}", show_deceptive(error));
      return kFailed;
    }
  }
  return kClean;
}

}  // namespace

Action add_completions_command(CommandLine& line) {
  auto shell = std::make_shared<std::string>();
  line.add_verb("completions", "Print the completions of a shell")
      .takes("shell", *shell, "bash|zsh|fish", "Which shell's", Need::Must)
      .footer(
          "Installed packages bring them along. Without one:\n\n"
          "Examples:\n"
          "  source <(vigil completions bash)                                      in ~/.bashrc\n"
          "  source <(vigil completions zsh)                                       in ~/.zshrc, after compinit\n"
          "  vigil completions fish > ~/.config/fish/completions/vigil.fish        once\n");
  return [shell, &line] {
    const Manual manual = line.manual();
    if (*shell == "bash") {
      fmt::print("{}", bash_completion(manual));
    } else if (*shell == "zsh") {
      fmt::print("{}", zsh_completion(manual));
    } else if (*shell == "fish") {
      fmt::print("{}", fish_completion(manual));
    } else {
      say_error("there are completions of bash, zsh and fish, not of '{}'", show_deceptive(*shell));
      return kUsage;
    }
    return kClean;
  };
}

Action add_manual_command(CommandLine& line) {
  auto folder = std::make_shared<std::string>();
  line.add_verb("manual", "Write man pages and completions into a share/ folder")
      .takes("folder", *folder, "DIR", "Where to", Need::Must)
      .hidden();  // for the build
  return [folder, &line] { return write_manual(line.manual(), *folder); };
}

}  // namespace vigil::reports
