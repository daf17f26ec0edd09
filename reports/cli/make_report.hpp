// From a record or a written report to finished report files: what `vigil report`, `vigil run` and `vigil merge` share.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/load/report_json.hpp"
#include "reports/model/finish.hpp"
#include "reports/model/report.hpp"
#include "reports/render/forms.hpp"
#include "reports/symbolize/module_cache.hpp"

namespace vigil::reports {

// "json,html" as forms; a name there is none for fails, and error says which there are.
using FormatList = std::vector<const Form*>;
std::optional<FormatList> parse_formats(std::string_view text, std::string& error);

struct LoadedReport {
  Report report;  // finished
  bool strict = false;
};
// Files beside those that the run's own options name; "" for none.
struct LoadExtras {
  std::string suppressions;
  std::string baseline;
  bool shows_progress = false;  // to whoever looks on while frames are named
};
// Reads FILE.jsonl or FILE.json, names frames, applies suppressions and baseline. A command that reads several files
// gives one cache for all: each module's debug information is read once.
std::optional<LoadedReport> load_report(const std::string& path, const LoadExtras& extras, ModuleCache& cache,
                                        std::string& error);
// The same, its findings handed over one by one: those of a .json are never in memory together.
std::optional<LoadedReport> load_findings(const std::string& path, const TakeFinding& take, ModuleCache& cache,
                                          std::string& error);

// What findings an older report (.json or .jsonl) has. On failure nothing is returned and error is one clear line.
std::optional<Identities> read_baseline(const std::string& path, ModuleCache& cache, std::string& error);

void render(const Report& report, const Form& form, const TextOut& out);

// Writes what fill gives, or text, to path: whole or not at all. Private files are for their owner only.
bool write_file(const std::string& path, bool is_private, std::string& error,
                const std::function<void(const TextOut& out)>& fill);
bool write_file(const std::string& path, std::string_view text, bool is_private, std::string& error);

// "vigil-reports/prog.42" for "vigil-reports/prog.42.jsonl"; in another folder when folder is not "".
std::string path_stem(const std::string& record, const std::string& folder);

}  // namespace vigil::reports
