#include "reports/cli/command_line.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>
#include <string_view>

#include "reports/cli/run_options.hpp"
#include "reports/model/utf8.hpp"

namespace vigil::reports {
namespace {

// The first word that looks like an option and is none, told; "" when there is none. CLI11 would rather speak of
// what is missing.
std::string unknown_option(const CLI::App& verb, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word == "--") break;
    if (!word.starts_with('-') || word == "-") continue;
    const std::string name = word.starts_with("--") ? word.substr(0, word.find('=')) : word.substr(0, 2);
    if (verb.get_option_no_throw(name) != nullptr) continue;
    std::vector<std::string> known;
    for (const CLI::Option* option : verb.get_options()) {
      if (option->get_group().empty()) continue;
      for (const std::string& one : option->get_lnames()) known.push_back("--" + one);
    }
    const std::vector<std::string_view> names(known.begin(), known.end());
    const std::string_view near = nearest(name, names);
    return fmt::format("there is no option '{}'{}", show_deceptive(name),
                       near.empty() ? std::string() : fmt::format("; did you mean '{}'?", near));
  }
  return {};
}

// What a command line lacks: "which FILE?".
std::string what_is_missing(const CLI::App& verb) {
  for (const CLI::Option* option : verb.get_options()) {
    if (!option->get_required() || option->count() != 0) continue;
    return option->get_positional() ? fmt::format("which {}?", option->get_type_name())
                                    : fmt::format("{}={} is needed", option->get_name(), option->get_type_name());
  }
  return {};
}

// CLI11's words as one line of ours.
std::string one_line(std::string_view words) {
  std::string line(words.substr(0, words.find('\n')));
  while (!line.empty() && (line.back() == '.' || line.back() == ' ')) line.pop_back();
  if (!line.empty() && line[0] >= 'A' && line[0] <= 'Z' && line.size() > 1 && line[1] >= 'a' && line[1] <= 'z')
    line[0] = static_cast<char>(line[0] - 'A' + 'a');
  return show_deceptive(line);
}

std::vector<const CLI::App*> verbs_of(const CLI::App& app) {
  return app.get_subcommands(std::function<bool(const CLI::App*)>());
}

ManualOption option_of(const CLI::Option& option) {
  ManualOption result;
  if (option.get_positional()) {
    result.names.push_back(option.get_single_name());
  } else {
    for (const std::string& name : option.get_snames()) result.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) result.names.push_back("--" + name);
  }
  if (option.get_type_size_max() != 0) result.type = option.get_type_name();
  result.otherwise = option.get_default_str();
  result.help = option.get_description();
  result.is_required = option.get_required();
  result.is_repeated = option.get_items_expected_max() > 1;
  return result;
}

ManualVerb verb_of(const CLI::App& app) {
  ManualVerb verb;
  verb.name = app.get_parent() == nullptr ? std::string() : app.get_name();
  verb.what = app.get_description();
  verb.footer = app.get_footer();
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;  // not for people
    (option->get_positional() ? verb.positionals : verb.options).push_back(option_of(*option));
  }
  return verb;
}

}  // namespace

Verb& Verb::takes(const char* names, std::string& value, const char* type, const char* help, Need need) {
  app_.add_option(names, value, help)->type_name(type)->required(need == Need::Must)->capture_default_str();
  return *this;
}

Verb& Verb::takes(const char* names, std::vector<std::string>& values, const char* type, const char* help, Need need) {
  CLI::Option* const option = app_.add_option(names, values, help);
  option->type_name(type)->required(need == Need::Must);
  if (!option->get_positional()) option->delimiter(',');
  return *this;
}

Verb& Verb::flag(const char* names, bool& value, const char* help) {
  app_.add_flag(names, value, help);
  return *this;
}

Verb& Verb::hidden_flag(const char* names, bool& value, const char* help) {
  app_.add_flag(names, value, help)->group("");
  return *this;
}

Verb& Verb::tells(const std::string& names, const std::string& type, const std::string& otherwise,
                  const std::string& help) {
  app_.add_option(
          names, [](const CLI::results_t& /*never parsed*/) { return true; }, help)
      ->type_name(type)
      ->default_str(otherwise);
  return *this;
}

Verb& Verb::tells_rest(const char* name, const char* type, const char* help) {
  const std::string described = help;  // const: else CLI11 takes it for the variable
  app_.add_option(name, described)->required()->expected(-1)->type_name(type);
  return *this;
}

Verb& Verb::footer(const char* text) {
  app_.footer(text);
  return *this;
}

Verb& Verb::hidden() {
  app_.group("");
  return *this;
}

CommandLine::CommandLine(const char* name, const char* what, const char* version, const char* footer)
    : name_(name), version_(version), app_(std::make_unique<CLI::App>(what, name)) {
  app_->footer(footer);
  app_->require_subcommand(1);
  app_->set_version_flag("--version", name_ + " " + version_);
}

CommandLine::~CommandLine() = default;

Verb CommandLine::add_verb(const char* name, const char* what) { return Verb(*app_->add_subcommand(name, what)); }

CommandLine::Parsed CommandLine::parse(int argc, const char* const* argv) {
  Parsed result;
  try {
    app_->parse(argc, argv);
    for (const CLI::App* verb : verbs_of(*app_)) {
      if (verb->parsed()) result.verb = verb->get_name();
    }
  } catch (const CLI::Success& success) {
    std::ostringstream out;
    app_->exit(success, out, out);
    result.text = out.str();
  } catch (const CLI::ParseError& error) {
    const std::vector<const CLI::App*> all = verbs_of(*app_);
    const auto named = std::find_if(all.begin(), all.end(),
                                    [&](const CLI::App* one) { return argc >= 2 && one->get_name() == argv[1]; });
    const CLI::App& verb = named == all.end() ? *app_ : **named;
    result.error = unknown_option(verb, {argv + 1, argv + argc});
    if (result.error.empty()) result.error = what_is_missing(verb);
    if (result.error.empty()) result.error = one_line(error.what());
  }
  return result;
}

std::vector<std::string> CommandLine::verbs() const {
  std::vector<std::string> names;
  for (const CLI::App* verb : verbs_of(*app_)) names.push_back(verb->get_name());
  return names;
}

std::string CommandLine::help() const { return app_->help(); }

std::string CommandLine::help_of(const std::string& verb) const { return app_->get_subcommand(verb)->help(name_); }

Manual CommandLine::manual() const {
  Manual manual;
  manual.version = name_ + " " + version_;
  manual.command = verb_of(*app_);
  for (const CLI::App* verb : verbs_of(*app_)) {
    if (!verb->get_group().empty()) manual.verbs.push_back(verb_of(*verb));
  }
  return manual;
}

}  // namespace vigil::reports
