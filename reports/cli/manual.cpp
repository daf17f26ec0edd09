#include "reports/cli/manual.hpp"

#include "reports/model/kind.hpp"
#include "reports/render/forms.hpp"

namespace vigil::reports {
namespace {

constexpr std::string_view kMore = ",...";

std::string_view element_of(std::string_view type) noexcept {
  if (is_list(type)) type.remove_suffix(kMore.size());
  return type;
}

}  // namespace

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
