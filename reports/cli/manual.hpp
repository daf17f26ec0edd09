// Manual: what is described to CommandLine, as values. Help, man pages and completions are all made of that one
// description, so they say the same.
//
// What a value may be stands in its type: FILE, DIR, FORM (of a report), KIND (of a finding), PROGRAM, choices such as
// `0|1`, or a word that only people read. A type that ends in ",..." is a list of such.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vigil::reports {

struct ManualOption {
  std::vector<std::string> names;  // "-o", "--out"; of a positional its one name
  std::string type;                // of its value; "" when it takes none
  std::string otherwise;           // the default; "" when there is none to tell
  std::string help;
  bool is_required = false;
  bool is_repeated = false;  // of a positional: more of them may follow
};

struct ManualVerb {
  std::string name;  // "run"; "" for the command itself
  std::string what;  // one line
  std::vector<ManualOption> options;
  std::vector<ManualOption> positionals;
  std::string footer;  // paragraphs; "Examples:" and "Exit status:" begin parts of their own
};

struct Manual {
  std::string version;
  ManualVerb command;
  std::vector<ManualVerb> verbs;  // those that people use
};

// The values that complete a type; empty when they are files, folders, programs or anyone's guess.
std::vector<std::string> choices_of(std::string_view type);
bool is_list(std::string_view type) noexcept;    // ",..." at its end
bool is_folder(std::string_view type) noexcept;  // folders only
bool is_file(std::string_view type) noexcept;    // files, perhaps folders as well

// A man page as roff: of the command itself when verb is "".
std::string man_page(const Manual& manual, const ManualVerb& verb);

std::string bash_completion(const Manual& manual);
std::string zsh_completion(const Manual& manual);
std::string fish_completion(const Manual& manual);

}  // namespace vigil::reports
