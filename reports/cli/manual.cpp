#include "reports/cli/manual.hpp"

#include <CLI/CLI.hpp>

#include "reports/model/kind.hpp"
#include "reports/render/forms.hpp"

namespace vigil::reports {
namespace {

constexpr std::string_view kMore = ",...";

std::string_view element_of(std::string_view type) noexcept {
  if (is_list(type)) type.remove_suffix(kMore.size());
  return type;
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

Manual manual_of(const CLI::App& app) {
  Manual manual;
  manual.version = app.version();
  manual.command = verb_of(app);
  for (const CLI::App* verb : app.get_subcommands(std::function<bool(const CLI::App*)>())) {
    if (!verb->get_group().empty()) manual.verbs.push_back(verb_of(*verb));
  }
  return manual;
}

std::vector<std::string> choices_of(std::string_view type) {
  type = element_of(type);
  std::vector<std::string> choices;
  if (type.starts_with("KIND")) {
    for (const Kind& kind : all_kinds()) choices.emplace_back(kind.name);
  } else if (type == "FORM") {
    for (const Form& form : all_forms()) choices.emplace_back(form.name);
  } else if (type.find('|') != std::string_view::npos &&
             type.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string_view::npos) {
    while (!type.empty()) {
      const std::size_t end = type.find('|');
      choices.emplace_back(type.substr(0, end));
      type.remove_prefix(end == std::string_view::npos ? type.size() : end + 1);
    }
  }
  return choices;
}

bool is_list(std::string_view type) noexcept { return type.ends_with(kMore); }
bool is_folder(std::string_view type) noexcept { return element_of(type) == "DIR"; }
bool is_file(std::string_view type) noexcept {
  type = element_of(type);
  return type.starts_with("FILE") || type == "OLD" || type == "NEW";
}

}  // namespace vigil::reports
