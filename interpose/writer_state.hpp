// The finding writer as the shim's own platform sees it: opening, ending, and what is kept for the fallback text.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "interpose/end.hpp"
#include "interpose/finding_writer.hpp"
#include "interpose/json_text.hpp"

namespace vigil::shim {

// A finding as the fallback report needs it: texts copied, stacks by id.
struct KeptParticipant {
  std::string_view role, operation, note, name;
  ActorType actor = ActorType::Thread;
  std::uint64_t actor_id = 0;
  StackId stack = kNoStack;
  StackId created_at = kNoStack;
};
struct KeptFinding {
  Kind kind{};
  bool predicted = false;
  std::uint64_t id = 0;
  std::string_view message, hint;
  std::span<const KeptParticipant> participants;
};
inline constexpr std::size_t kMostKept = 16;  // findings told in the fallback text

struct WriterSummary {
  std::array<std::uint64_t, kKinds.size()> by_kind{};  // distinct findings
  FindingCounts counts;
  std::string_view path;  // of the record file, "" when there is none
  int error = 0;          // errno of what went wrong with the file
  std::uint64_t dropped = 0;
};

// The records `header` and `module`, for the file and for others. module: 1 .. module_count().
void header_json(JsonText& json) noexcept;
void module_json(JsonText& json, std::uint32_t module) noexcept;
// The record of `module` is written before anything that names it. 0 is no module.
void announce_module(std::uint32_t module) noexcept;
// On a thread whose text goes elsewhere than into the record: nothing is announced there.
class WithoutAnnouncements {
 public:
  WithoutAnnouncements() noexcept;
  ~WithoutAnnouncements();
  WithoutAnnouncements(const WithoutAnnouncements&) = delete;
  WithoutAnnouncements& operator=(const WithoutAnnouncements&) = delete;
};

// The last repeats and the end record; cuts the file. skipped: events skipped while inside.
void write_end(EndKind kind, int exit_code, int signal_number, std::uint64_t skipped) noexcept;
WriterSummary writer_summary() noexcept;
std::span<const KeptFinding> kept_findings() noexcept;

void lock_writer_for_fork() noexcept;
void unlock_writer_after_fork() noexcept;
// In a fork's child, which is alone: gives up the parent's file and, when it starts afresh, the findings.
void forget_parent_records() noexcept;

}  // namespace vigil::shim
