#include "reports/cli/make_report.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "reports/cli/terminal.hpp"
#include "reports/load/record_file.hpp"
#include "reports/model/options.hpp"
#include "reports/model/sources.hpp"
#include "reports/model/suppressions.hpp"
#include "reports/model/utf8.hpp"
#include "reports/symbolize/symbolizer.hpp"

namespace vigil::reports {
namespace {

constexpr std::uintmax_t kBiggestSuppressions = std::uintmax_t{4} << 20U;  // bytes

void add_note(std::vector<std::string>& notes, std::string note) {
  // A report that is rendered again has its notes already.
  if (std::find(notes.begin(), notes.end(), note) == notes.end()) notes.push_back(std::move(note));
}

// A path of the run's options, seen from the folder the program was started in.
std::filesystem::path seen_from(const std::string& folder, const std::string& path) {
  return path.front() == '/' ? std::filesystem::path(path) : std::filesystem::path(folder) / path;
}

void add_suppressions(Suppressions& suppressions, const std::string& path, const std::string& folder,
                      std::vector<std::string>& notes) {
  if (path.empty()) return;
  const std::filesystem::path full = seen_from(folder, path);
  std::error_code problem;
  const bool usable = std::filesystem::is_regular_file(full, problem) &&
                      std::filesystem::file_size(full, problem) <= kBiggestSuppressions;
  std::ifstream in(full, std::ios::binary);
  if (!usable || problem || !in) {
    add_note(notes,
             fmt::format("The suppressions file {} cannot be read: nothing is suppressed by it.", full.string()));
    return;
  }
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const std::size_t before = suppressions.problems().size();
  suppressions.add(text, path);
  const auto& problems = suppressions.problems();
  for (std::size_t i = before; i < problems.size(); ++i) add_note(notes, problems[i]);
}

void add_baseline(Identities& baseline, const std::string& path, const std::string& folder, ModuleCache& cache,
                  std::vector<std::string>& notes) {
  if (path.empty()) return;
  std::string error;
  if (auto read = read_baseline(seen_from(folder, path).string(), cache, error)) {
    baseline.merge(*read);
  } else {
    add_note(notes, fmt::format("The baseline cannot be used, so everything counts as new: {}", error));
  }
}

bool is_written(const std::string& path) { return path.ends_with(".json"); }

// Names frames; on a terminal it says whose debug information it reads, which may take seconds, and how far it is.
Report named(const RecordFile& record, ModuleCache& cache, bool shows_progress) {
  std::optional<Progress> progress;
  if (shows_progress) progress.emplace("naming finding", record.findings.size());
  const auto before_reading = [&](const std::string& path) {
    if (progress) progress->now(fmt::format("reading {}", path.substr(path.rfind('/') + 1)));
  };
  Symbolizer symbolizer(record.started_at, before_reading, &cache);
  Report report = to_report(record, symbolizer, [&] {
    if (progress) progress->step();
  });
  report.notes.insert(report.notes.end(), symbolizer.notes().begin(), symbolizer.notes().end());
  return report;
}

std::optional<Report> load_raw(const std::string& path, ModuleCache& cache, std::string& error, const TakeFinding& take,
                               bool shows_progress = false) {
  if (is_written(path)) return read_report_json(path, error, take);
  const auto record = read_record_file(path, error);
  if (!record) return std::nullopt;
  return named(*record, cache, shows_progress);
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

std::optional<Identities> read_baseline(const std::string& path, ModuleCache& cache, std::string& error) {
  Identities baseline;
  const TakeFinding keep = [&](const Finding& finding) { baseline.insert(identity_of(finding)); };
  auto report = load_raw(path, cache, error, keep);
  if (!report) return std::nullopt;
  finish(*report, {}, {});  // a record's findings have no fingerprints yet
  for (Finding& finding : report->findings) keep(std::move(finding));
  return baseline;
}

std::optional<LoadedReport> load_report(const std::string& path, const LoadExtras& extras, ModuleCache& cache,
                                        std::string& error) {
  auto report = load_raw(path, cache, error, {}, extras.shows_progress);
  if (!report) return std::nullopt;
  const OptionMap options = parse_options(report->options);
  const std::string here = std::filesystem::current_path().string();
  Suppressions suppressions;
  add_suppressions(suppressions, option_text(options, "suppressions", ""), report->program.cwd, report->notes);
  add_suppressions(suppressions, extras.suppressions, here, report->notes);
  FinishOptions finishing{.join_equal = option_on(options, "dedup", true), .baseline = {}};
  add_baseline(finishing.baseline, extras.baseline, here, cache, report->notes);
  if (!is_written(path)) {
    add_baseline(finishing.baseline, option_text(options, "baseline", ""), report->program.cwd, cache, report->notes);
    finish(*report, suppressions, finishing);
  } else {
    // A written report is finished already; new suppressions and another baseline still count.
    report->suppressed +=
        std::erase_if(report->findings, [&](const Finding& finding) { return suppressions.match(finding); });
    for (Finding& finding : report->findings)
      finding.known = finding.known || finishing.baseline.contains(identity_of(finding));
    sort_by_level(report->findings);
  }
  return LoadedReport{std::move(*report), option_on(options, "strict", false)};
}

std::optional<LoadedReport> load_findings(const std::string& path, const TakeFinding& take, ModuleCache& cache,
                                          std::string& error) {
  if (!is_written(path)) {
    auto loaded = load_report(path, {}, cache, error);
    if (!loaded) return std::nullopt;
    for (Finding& finding : loaded->report.findings) take(std::move(finding));
    loaded->report.findings.clear();
    return loaded;
  }
  auto report = read_report_json(path, error, take);
  if (!report) return std::nullopt;
  const bool strict = option_on(parse_options(report->options), "strict", false);
  return LoadedReport{std::move(*report), strict};
}

void render(const Report& report, const Form& form, const TextOut& out) {
  if (form.write != nullptr) return form.write(report, out);
  out(form.render(report, form.shows_sources ? Sources::load(report) : Sources()));
}

bool write_file(const std::string& path, bool is_private, std::string& error,
                const std::function<void(const TextOut& out)>& fill) {
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
  fill([&](std::string_view text) {
    while (!text.empty() && problem == 0) {
      const ssize_t written = ::write(fd, text.data(), text.size());
      if (written > 0) {
        text.remove_prefix(static_cast<std::size_t>(written));
      } else if (written < 0 && errno != EINTR) {
        problem = errno;
      }
    }
  });
  if (::close(fd) != 0 && problem == 0) problem = errno;
  if (problem == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) problem = errno;
  if (problem == 0) return true;
  ::unlink(temporary.c_str());
  error = fmt::format("cannot write {}: {}", path, std::strerror(problem));
  return false;
}

bool write_file(const std::string& path, std::string_view text, bool is_private, std::string& error) {
  return write_file(path, is_private, error, [&](const TextOut& out) { out(text); });
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
