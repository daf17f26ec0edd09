#include "reports/symbolize/module_cache.hpp"

#include <algorithm>
#include <utility>

namespace vigil::reports {
namespace {

bool is_same_file(const struct stat& one, const struct stat& other) noexcept {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino && one.st_size == other.st_size &&
         one.st_mtim.tv_sec == other.st_mtim.tv_sec && one.st_mtim.tv_nsec == other.st_mtim.tv_nsec;
}

}  // namespace

std::shared_ptr<ModuleCache::Opened> ModuleCache::open(const std::string& path, const BeforeReading& before_reading) {
  struct stat file {};
  const bool is_there = ::stat(path.c_str(), &file) == 0;
  const auto known = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) { return kept.path == path; });
  if (known != kept_.end()) {
    if (is_there && is_same_file(known->file, file)) {
      kept_.splice(kept_.begin(), kept_, known);
      return known->opened;
    }
    kept_.erase(known);
  }
  if (before_reading) before_reading(path);
  ++times_read_;
  auto opened = std::make_shared<Opened>();
  opened->symbols = ModuleSymbols::open(path);
  if (opened->symbols) {
    kept_.push_front({path, file, opened});
    if (kept_.size() > kMostOpen) kept_.pop_back();
  }
  return opened;
}

}  // namespace vigil::reports
