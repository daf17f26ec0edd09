// Which runs a command line means: reports, records, and folders of them.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace vigil::reports {

// Every run once, in the order of their paths: its written report, or its record when there is no report (the program
// was killed). What is at out is left out: it is about to be written. What does not exist is told in problems.
std::vector<std::filesystem::path> find_runs(std::span<const std::string> inputs, const std::string& out,
                                             std::vector<std::string>& problems);

}  // namespace vigil::reports
