#include "reports/cli/inputs.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace vigil::reports {
namespace {

namespace fs = std::filesystem;

bool is_report_file(const fs::path& path) { return path.extension() == ".json" || path.extension() == ".jsonl"; }

}  // namespace

std::vector<fs::path> find_runs(std::span<const std::string> inputs, const std::string& out,
                                std::vector<std::string>& problems) {
  std::vector<fs::path> found;
  for (const std::string& input : inputs) {
    std::error_code problem;
    if (fs::is_directory(input, problem)) {
      for (fs::recursive_directory_iterator at(input, fs::directory_options::skip_permission_denied, problem), end;
           !problem && at != end; at.increment(problem)) {
        if (at->is_regular_file(problem) && is_report_file(at->path())) found.push_back(at->path());
      }
    } else if (fs::exists(input, problem)) {
      found.emplace_back(input);
    } else {
      problems.push_back(fmt::format("there is no {}", input));
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  const std::vector<fs::path> all = found;
  std::error_code unused;
  std::erase_if(found, [&](const fs::path& path) {
    fs::path report = path;
    return (path.extension() == ".jsonl" &&
            std::binary_search(all.begin(), all.end(), report.replace_extension(".json"))) ||
           fs::equivalent(path, out, unused);
  });
  return found;
}

}  // namespace vigil::reports
