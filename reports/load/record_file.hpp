// RecordFile: the lines of a record (docs/finding_format.md), checked and sorted by type, nothing named yet.
// Survives anything: what does not parse or has a wrong checksum is counted in damaged and left out.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reports/load/name_source.hpp"
#include "reports/model/report.hpp"

namespace vigil::reports {

struct RecordFile {
  static constexpr std::size_t kMostFindings = 200000;
  static constexpr std::size_t kMostTimelines = 2000;

  Program program;
  std::string engine = "none";
  std::string vigil_version;
  std::string options;
  std::string run;  // which `vigil run` started the process, "" when none did
  std::int64_t started_at = 0;

  std::map<std::uint32_t, Module> modules;
  std::vector<std::string> findings;               // JSON text, checksum fine
  std::map<std::uint64_t, std::uint64_t> repeats;  // finding id to its total
  std::optional<Tasks> tasks;
  std::string state;                               // JSON text, "" when there is none
  std::map<std::uint64_t, std::string> timelines;  // finding id to JSON text
  Graph lock_order;
  Graph wait_for;

  bool ended = false;         // there is an end record; else the program was killed
  bool replaced = false;      // the process became another program (exec)
  std::uint64_t dropped = 0;  // findings the shim had no room for
  std::uint64_t skipped = 0;  // events a signal handler caused while the shim was busy
  std::uint64_t damaged = 0;  // lines that could not be read
  bool too_big = false;       // reading stopped at a bound
};

// Reads the file at path. On failure nothing is returned and error is one clear line.
std::optional<RecordFile> read_record_file(const std::string& path, std::string& error);

// The record as a report: stacks named by names, findings not finished yet (see model/finish.hpp). on_finding, when it
// is given, is called after each finding.
Report to_report(const RecordFile& record, NameSource& names, const std::function<void()>& on_finding = {});

}  // namespace vigil::reports
