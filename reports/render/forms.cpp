#include "reports/render/forms.hpp"

#include <algorithm>
#include <array>

#include "reports/model/utf8.hpp"
#include "reports/render/html/page.hpp"
#include "reports/render/json.hpp"
#include "reports/render/text.hpp"

namespace vigil::reports {
namespace {

template <std::string (*kRender)(const Report&)>
std::string without_sources(const Report& report, const Sources& /*none*/) {
  return kRender(report);
}

constexpr std::array<Form, 10> kForms{{
    {"json", ".json", without_sources<render_json>, false, write_json},
    {"html", ".html", render_html, true},
    {"text", ".txt", render_text, true},
    {"sarif", ".sarif", without_sources<render_sarif>, false},
    {"junit", ".junit.xml", without_sources<render_junit>, false},
    {"gitlab", ".gitlab", without_sources<render_gitlab>, false},
    {"dot", ".dot", without_sources<render_dot>, false},
    {"tsan", ".tsan", without_sources<render_tsan>, false},
    {"pprof", ".pb.gz", without_sources<render_pprof>, false},
    {"perfetto", ".perfetto", without_sources<render_perfetto>, false},
}};

}  // namespace

std::span<const Form> all_forms() noexcept { return kForms; }

const Form* find_form(std::string_view name) noexcept {
  const auto* const at =
      std::find_if(kForms.begin(), kForms.end(), [&](const Form& form) { return form.name == name; });
  return at == kForms.end() ? nullptr : at;
}

std::string plain_words(std::string_view prose) {
  std::string text = show_deceptive(prose);
  std::erase(text, '`');
  return text;
}

}  // namespace vigil::reports
