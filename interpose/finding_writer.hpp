// The record file: findings as JSON lines in a shared mapping, so that what was found survives SIGKILL.
// Format: docs/finding_format.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "interpose/finding.hpp"

namespace vigil::shim {

// Records one finding, or counts it when an equal one (same kind, same stacks) is known and `dedup` is on.
// Safe from any thread inside the shim; takes the writer's lock, the last in the rank order. Ignores kinds that are
// off. Returns the finding's number, for report_again(); 0 when it has none, as with `dedup` off.
std::uint64_t report(const Finding& finding) noexcept;
// Counts another sight of a finding whose detector knows it for the same, though its stacks differ. 0: nothing.
void report_again(std::uint64_t finding) noexcept;

struct FindingCounts {
  std::uint64_t errors = 0;  // distinct findings
  std::uint64_t warnings = 0;
};
FindingCounts finding_counts() noexcept;

// Opens the record file, if that has not been tried yet. For whoever sees that this process is worth a record: the
// runtime attached, a second thread begins. The first finding opens it by itself.
void open_record() noexcept;

// Free-form state for the report, written once at the end by the detectors: a whole JSON object without its crc,
// e.g. {"type":"tasks","started":3,...}.  The writer adds the checksum and the line ends.
void write_record(std::string_view json_object) noexcept;

}  // namespace vigil::shim
