// Symbolizer: names for the places in a record, out of the files the program was made of. Opens each module once, names
// each place once, and says once per module what keeps it from doing better.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reports/load/name_source.hpp"
#include "reports/symbolize/module_cache.hpp"

namespace vigil::reports {

class Symbolizer final : public NameSource {
 public:
  // started_at (ns since the epoch) tells a file that was changed after the run when there is no build id to compare.
  // before_reading, when it is given, hears each file's path before its debug information is read.
  // cache, when it is given, has what was read for other records, and outlives the symbolizer.
  using BeforeReading = ModuleCache::BeforeReading;
  explicit Symbolizer(std::int64_t started_at, BeforeReading before_reading = {}, ModuleCache* cache = nullptr)
      : started_at_(started_at), before_reading_(std::move(before_reading)), cache_(cache) {}

  void append_frames(const Module& module, std::uint64_t address, Stack& stack) override;
  std::string data_name(const Module& module, std::uint64_t address) override;
  std::string thread_local_name(const Module& module, std::uint64_t offset) override;
  std::string local_name(const Module& module, std::uint64_t address, std::uint64_t below_frame,
                         std::uint64_t above_stack) override;

  // For the report's notes.
  [[nodiscard]] const std::vector<std::string>& notes() const noexcept { return notes_; }

 private:
  using Opened = ModuleCache::Opened;  // without symbols also where the file is not the one that ran
  Opened& opened(const Module& module);
  std::shared_ptr<Opened> open(const Module& module);
  static Stack name(Opened& from, const Module& module, std::uint64_t address);

  std::int64_t started_at_;
  BeforeReading before_reading_;
  ModuleCache own_cache_;
  ModuleCache* cache_;  // null: own_cache_
  std::map<std::uint32_t, std::shared_ptr<Opened>> modules_;
  std::vector<std::string> notes_;
};

}  // namespace vigil::reports
