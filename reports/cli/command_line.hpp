// CommandLine: the verbs of the command and what each takes. Parsing, help and the manual come of the same description.
//
// CLI11 does the work, and only command_line.cpp sees it: its header takes longer to compile than any verb.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "reports/cli/manual.hpp"

namespace CLI {
class App;
}

namespace vigil::reports {

enum class Need : bool { May, Must };

// One verb while it is described: a handle, good as long as its CommandLine. Values must live until the line is parsed.
class Verb {
 public:
  explicit Verb(CLI::App& app) noexcept : app_(app) {}

  // names: "-o,--out", or one without a dash for a positional. type: what a value may be, in the words of manual.hpp.
  // What value holds already is told as the default. Of an option that takes several values, commas part them.
  Verb& takes(const char* names, std::string& value, const char* type, const char* help, Need need = Need::May);
  Verb& takes(const char* names, std::vector<std::string>& values, const char* type, const char* help,
              Need need = Need::May);
  Verb& flag(const char* names, bool& value, const char* help);
  Verb& hidden_flag(const char* names, bool& value, const char* help);
  // Told in help and manual, and parsed by somebody else.
  Verb& tells(const std::string& names, const std::string& type, const std::string& otherwise, const std::string& help);
  Verb& tells_rest(const char* name, const char* type, const char* help);
  Verb& footer(const char* text);
  Verb& hidden();  // not for people

 private:
  CLI::App& app_;
};

class CommandLine {
 public:
  CommandLine(const char* name, const char* what, const char* version, const char* footer);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  Verb add_verb(const char* name, const char* what);

  struct Parsed {
    std::string verb;   // the one that was named
    std::string text;   // to be printed instead: help or version
    std::string error;  // one line; nothing else counts then
  };
  Parsed parse(int argc, const char* const* argv);

  [[nodiscard]] const std::string& version() const noexcept { return version_; }
  [[nodiscard]] std::vector<std::string> verbs() const;  // also those not for people
  [[nodiscard]] std::string help() const;
  [[nodiscard]] std::string help_of(const std::string& verb) const;
  [[nodiscard]] Manual manual() const;

 private:
  std::string name_;
  std::string version_;
  std::unique_ptr<CLI::App> app_;
};

}  // namespace vigil::reports
