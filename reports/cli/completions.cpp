// Completions of bash, zsh and fish, made of the manual. What follows the program's name on `vigil run` is the
// program's own and completed as a command line of its own.
#include <fmt/core.h>

#include <string>
#include <string_view>

#include "reports/cli/manual.hpp"

namespace vigil::reports {
namespace {

bool runs_a_program(const ManualVerb& verb) noexcept { return verb.name == "run" || verb.name == "explore"; }

// Between single quotes.
std::string in_quotes(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

const std::string& long_name(const ManualOption& option) { return option.names.back(); }

}  // namespace

std::string bash_completion(const Manual& manual) {
  std::string verbs;
  std::string options;  // case arms: the options of a verb
  std::string values;   // case arms: the values of an option
  for (const ManualVerb& verb : manual.verbs) {
    verbs += fmt::format("{} ", verb.name);
    std::string names;
    for (const ManualOption& option : verb.options) {
      names += fmt::format("{}{} ", long_name(option), option.type.empty() ? "" : "=");
      std::string arm;
      for (const std::string& name : option.names)
        arm += fmt::format("{}'{} {}'", arm.empty() ? "" : "|", verb.name, name);
      if (const auto choices = choices_of(option.type); !choices.empty()) {
        values += fmt::format("    {}) words='{}'{} ;;\n", arm, joined(choices), is_list(option.type) ? " list=1" : "");
      } else if (is_folder(option.type)) {
        values += fmt::format("    {}) files=-d ;;\n", arm);
      } else if (is_file(option.type)) {
        values += fmt::format("    {}) files=-f ;;\n", arm);
      } else if (!option.type.empty()) {
        values += fmt::format("    {}) return ;;\n", arm);
      }
    }
    const bool takes_files = !verb.positionals.empty() && is_file(verb.positionals.front().type);
    const bool takes_programs = !verb.positionals.empty() && verb.positionals.front().type == "PROGRAM";
    const auto choices =
        verb.positionals.empty() ? std::vector<std::string>() : choices_of(verb.positionals.front().type);
    options += fmt::format("    {}) options='{}'{}{}{} ;;\n", verb.name, names, takes_files ? " files=-f" : "",
                           takes_programs ? " files=-c" : "",
                           choices.empty() ? std::string() : fmt::format(" words='{}'", joined(choices)));
  }
  return fmt::format(R"(# bash completion of vigil, made by `vigil completions bash`.
_vigil() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} last=${{COMP_WORDS[COMP_CWORD - 1]}} verb=${{COMP_WORDS[1]}}
  local option= options= words= files= list= i
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '{0}--help --version' -- "$cur"))
    return
  fi
  case $verb in run | explore)
    for ((i = 2; i < COMP_CWORD; i++)); do
      if [[ ${{COMP_WORDS[i]}} == -- ]]; then
        if ((i + 1 == COMP_CWORD)); then COMPREPLY=($(compgen -c -f -- "$cur")); fi
        compopt -o default -o filenames 2>/dev/null
        return
      fi
    done ;;
  esac
  # bash takes --name=value apart at the sign.
  if [[ $cur == = ]]; then
    option=$last cur=
  elif [[ $last == = ]]; then
    option=${{COMP_WORDS[COMP_CWORD - 2]}}
  elif [[ $cur != -* && $last == -* ]]; then
    option=$last
  fi
  case $verb in
{1}  esac
  case "$verb $option" in
{2}  esac
  if [[ -n $list && $cur == *,* ]]; then
    COMPREPLY=($(compgen -P "${{cur%,*}}," -W "$words" -- "${{cur##*,}}"))
  elif [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$options --help" -- "$cur"))
    if [[ ${{COMPREPLY[0]}} == *= ]]; then compopt -o nospace 2>/dev/null; fi
  elif [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  elif [[ -n $files ]]; then
    COMPREPLY=($(compgen $files -- "$cur"))
    compopt -o filenames 2>/dev/null
  fi
}}
complete -F _vigil vigil
)",
                     verbs, options, values);
}

std::string zsh_completion(const Manual& manual) {
  // Inside a specification of _arguments: brackets and colons end parts of it.
  const auto part = [](std::string_view text) {
    std::string out;
    for (const char c : text) {
      if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
      out += c;
    }
    return in_quotes(out);
  };
  const auto value = [&](std::string_view type) {
    const auto choices = choices_of(type);
    std::string action = " ";
    if (!choices.empty()) {
      action =
          is_list(type) ? fmt::format("_values -s , value {}", joined(choices)) : fmt::format("({})", joined(choices));
    } else if (is_folder(type)) {
      action = "_files -/";
    } else if (is_file(type)) {
      action = "_files";
    } else if (type == "PROGRAM") {
      action = "_command_names -e";
    }
    return fmt::format(":{}:{}", part(type), in_quotes(action));
  };
  std::string names;
  std::string arms;
  for (const ManualVerb& verb : manual.verbs) {
    names += fmt::format("    '{}:{}'\n", verb.name, part(verb.what));
    arms += fmt::format("    {})\n      _arguments -S", verb.name);
    for (const ManualOption& option : verb.options) {
      for (const std::string& name : option.names) {
        const bool is_long = name.starts_with("--");
        arms += fmt::format(" \\\n        '{}{}[{}]{}'", name,
                            option.type.empty() ? ""
                            : is_long           ? "="
                                                : "+",
                            part(option.help), option.type.empty() ? std::string() : value(option.type));
      }
    }
    if (runs_a_program(verb)) {
      arms += " \\\n        '*::program: _normal'";
    } else if (!verb.positionals.empty()) {
      arms += fmt::format(" \\\n        '*{}'", value(verb.positionals.front().type));
    }
    arms += " ;;\n";
  }
  return fmt::format(R"(#compdef vigil
# zsh completion of vigil, made by `vigil completions zsh`.
_vigil() {{
  local -a verbs=(
{0}  )
  if ((CURRENT == 2)); then
    _describe 'command' verbs
    return
  fi
  local verb=$words[2]
  shift words
  ((CURRENT--))
  case $verb in
{1}  esac
}}
if [[ $funcstack[1] == _vigil ]]; then _vigil "$@"; else compdef _vigil vigil; fi
)",
                     names, arms);
}

std::string fish_completion(const Manual& manual) {
  std::string out = "# fish completion of vigil, made by `vigil completions fish`.\ncomplete -c vigil -f\n";
  for (const ManualVerb& verb : manual.verbs) {
    out += fmt::format("complete -c vigil -n __fish_use_subcommand -a {} -d '{}'\n", verb.name, in_quotes(verb.what));
  }
  const auto value = [](std::string_view type) -> std::string {
    if (type.empty()) return "";
    if (const auto choices = choices_of(type); !choices.empty()) return fmt::format(" -x -a '{}'", joined(choices));
    if (is_folder(type)) return " -x -a '(__fish_complete_directories)'";
    if (is_file(type)) return " -r -F";
    return " -x";
  };
  for (const ManualVerb& verb : manual.verbs) {
    const std::string here = fmt::format("complete -c vigil -n '__fish_seen_subcommand_from {}'", verb.name);
    for (const ManualOption& option : verb.options) {
      out += here;
      for (const std::string& name : option.names)
        out += name.starts_with("--") ? fmt::format(" -l {}", name.substr(2)) : fmt::format(" -s {}", name.substr(1));
      out += fmt::format("{} -d '{}'\n", value(option.type), in_quotes(option.help));
    }
    if (runs_a_program(verb)) {
      out += fmt::format("{} -x -a '(__fish_complete_subcommand --fcs-skip=2)'\n", here);
    } else if (!verb.positionals.empty()) {
      const ManualOption& positional = verb.positionals.front();
      if (is_file(positional.type)) out += here + " -F\n";
      if (positional.type == "PROGRAM") out += fmt::format("{} -a '(__fish_complete_command)'\n", here);
      if (const auto choices = choices_of(positional.type); !choices.empty())
        out += fmt::format("{} -a '{}'\n", here, joined(choices));
    }
  }
  return out;
}

}  // namespace vigil::reports
