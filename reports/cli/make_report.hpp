// From a record or a written report to finished report files: what `vigil report`, `vigil run` and `vigil merge` share.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/model/report.hpp"

namespace vigil::reports {

enum class Format : std::uint8_t { Json, Html, Text };

// "json,html" as formats. Names the contract has but this version does not make are handed to later; others fail, and
// error says why.
struct FormatList {
  std::vector<Format> formats;
  std::vector<std::string> later;
};
std::optional<FormatList> parse_formats(std::string_view text, std::string& error);
std::string_view extension_of(Format format) noexcept;  // ".json"

struct LoadedReport {
  Report report;  // finished
  bool strict = false;
};
// Reads FILE.jsonl or FILE.json, names frames, applies the suppressions of the run's options and those in
// extra_suppressions (a path, or "").
std::optional<LoadedReport> load_report(const std::string& path, const std::string& extra_suppressions,
                                        std::string& error);

std::string render(const Report& report, Format format);

// Writes text to path, whole or not at all. Private files are for their owner only.
bool write_file(const std::string& path, std::string_view text, bool is_private, std::string& error);

// "vigil-reports/prog.42" for "vigil-reports/prog.42.jsonl"; in another folder when folder is not "".
std::string path_stem(const std::string& record, const std::string& folder);

}  // namespace vigil::reports
