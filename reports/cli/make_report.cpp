#include "reports/cli/make_report.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "reports/load/record_file.hpp"
#include "reports/load/report_json.hpp"
#include "reports/model/finish.hpp"
#include "reports/model/options.hpp"
#include "reports/model/sources.hpp"
#include "reports/model/suppressions.hpp"
#include "reports/model/utf8.hpp"
#include "reports/symbolize/symbolizer.hpp"

namespace vigil::reports {
namespace {

constexpr std::uintmax_t kBiggestSuppressions = std::uintmax_t{4} << 20U;  // bytes

void add_suppressions(Suppressions& suppressions, const std::string& path, const std::string& folder,
                      std::vector<std::string>& notes) {
  if (path.empty()) return;
  const std::filesystem::path full =
      path.front() == '/' ? std::filesystem::path(path) : std::filesystem::path(folder) / path;
  std::error_code problem;
  const bool usable = std::filesystem::is_regular_file(full, problem) &&
                      std::filesystem::file_size(full, problem) <= kBiggestSuppressions;
  std::ifstream in(full, std::ios::binary);
  if (!usable || problem || !in) {
    notes.push_back(
        fmt::format("The suppressions file {} cannot be read: nothing is suppressed by it.", full.string()));
    return;
  }
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const std::size_t before = suppressions.problems().size();
  suppressions.add(text, path);
  const auto& problems = suppressions.problems();
  notes.insert(notes.end(), problems.begin() + static_cast<std::ptrdiff_t>(before), problems.end());
}

std::optional<Report> load_raw(const std::string& path, std::string& error) {
  if (path.ends_with(".json")) return read_report_json(path, error);
  const auto record = read_record_file(path, error);
  if (!record) return std::nullopt;
  Symbolizer symbolizer(record->started_at);
  Report report = to_report(*record, symbolizer);
  report.notes.insert(report.notes.end(), symbolizer.notes().begin(), symbolizer.notes().end());
  return report;
}

}  // namespace

std::optional<FormatList> parse_formats(std::string_view text, std::string& error) {
  FormatList list;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view name = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    if (const Form* form = find_form(name)) {
      list.push_back(form);
    } else if (!name.empty()) {
      error = fmt::format("there is no format '{}'; there are", show_deceptive(name));
      for (const Form& known : all_forms()) error += fmt::format(" {}", known.name);
      return std::nullopt;
    }
  }
  return list;
}

std::optional<LoadedReport> load_report(const std::string& path, const std::string& extra_suppressions,
                                        std::string& error) {
  auto report = load_raw(path, error);
  if (!report) return std::nullopt;
  const OptionMap options = parse_options(report->options);
  Suppressions suppressions;
  add_suppressions(suppressions, option_text(options, "suppressions", ""), report->program.cwd, report->notes);
  add_suppressions(suppressions, extra_suppressions, std::filesystem::current_path().string(), report->notes);
  // A written report is finished already; new suppressions still count.
  const bool finished = path.ends_with(".json");
  if (!finished) {
    finish(*report, suppressions, {.join_equal = option_on(options, "dedup", true)});
  } else if (!suppressions.empty()) {
    report->suppressed +=
        std::erase_if(report->findings, [&](const Finding& finding) { return suppressions.match(finding); });
  }
  return LoadedReport{std::move(*report), option_on(options, "strict", false)};
}

std::string render(const Report& report, const Form& form) {
  return form.render(report, form.shows_sources ? Sources::load(report) : Sources());
}

bool write_file(const std::string& path, std::string_view text, bool is_private, std::string& error) {
  // A new file that takes the old one's place when it is whole: a reader never sees half, a link at path is never
  // followed.
  const std::string temporary = fmt::format("{}.{}.part", path, ::getpid());
  const int fd =
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, is_private ? 0600 : 0666);
  if (fd < 0) {
    error = fmt::format("cannot write {}: {}", path, std::strerror(errno));
    return false;
  }
  int problem = 0;
  while (!text.empty() && problem == 0) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (written < 0 && errno != EINTR) {
      problem = errno;
    }
  }
  if (::close(fd) != 0 && problem == 0) problem = errno;
  if (problem == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) problem = errno;
  if (problem == 0) return true;
  ::unlink(temporary.c_str());
  error = fmt::format("cannot write {}: {}", path, std::strerror(problem));
  return false;
}

std::string path_stem(const std::string& record, const std::string& folder) {
  std::string stem = record;
  for (const std::string_view extension : {".jsonl", ".json"}) {
    if (stem.ends_with(extension)) {
      stem.resize(stem.size() - extension.size());
      break;
    }
  }
  if (folder.empty()) return stem;
  return (std::filesystem::path(folder) / std::filesystem::path(stem).filename()).string();
}

}  // namespace vigil::reports
