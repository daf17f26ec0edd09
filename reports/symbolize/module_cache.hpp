// ModuleCache: the programs and libraries that were opened so far, for the many records of one command. Reading a
// module's debug information takes tens of milliseconds, and its records have most places in common.
//
// A file that was changed since is opened again. At most kMostOpen are kept: whoever uses another keeps it, too.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "reports/model/report.hpp"
#include "reports/symbolize/module_symbols.hpp"

namespace vigil::reports {

class ModuleCache {
 public:
  struct Opened {
    std::unique_ptr<ModuleSymbols> symbols;          // null: missing, or no ELF file
    std::unordered_map<std::uint64_t, Stack> named;  // the places that were named already
  };
  static constexpr std::size_t kMostOpen = 64;  // each has its debug information mapped, and a file or two open

  // before_reading, when it is given, hears the path before its file is opened. Never null.
  using BeforeReading = std::function<void(const std::string& path)>;
  std::shared_ptr<Opened> open(const std::string& path, const BeforeReading& before_reading);
  [[nodiscard]] std::size_t times_read() const noexcept { return times_read_; }  // of all files together

 private:
  struct Kept {
    std::string path;
    struct stat file;  // as it was when it was opened
    std::shared_ptr<Opened> opened;
  };
  std::list<Kept> kept_;  // used last first
  std::size_t times_read_ = 0;
};

}  // namespace vigil::reports
