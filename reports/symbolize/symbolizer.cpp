#include "reports/symbolize/symbolizer.hpp"

#include <fmt/core.h>
#include <sys/stat.h>

#include <utility>

namespace vigil::reports {
namespace {

bool changed_since(const std::string& path, std::int64_t when_ns) noexcept {
  struct stat status {};
  if (when_ns == 0 || ::stat(path.c_str(), &status) != 0) return false;
  return status.st_mtim.tv_sec > when_ns / 1'000'000'000;
}

}  // namespace

Symbolizer::Opened& Symbolizer::opened(const Module& module) {
  const auto [at, fresh] = modules_.try_emplace(module.id);
  if (fresh) {
    at->second = open(module);
    if (!at->second) at->second = std::make_shared<Opened>();
  }
  return *at->second;
}

// Null: nothing there tells names.
std::shared_ptr<Symbolizer::Opened> Symbolizer::open(const Module& module) {
  if (module.path.empty() || module.path.front() != '/') return nullptr;  // [vdso], or a name nobody can open
  auto found = (cache_ != nullptr ? *cache_ : own_cache_).open(module.path, before_reading_);
  const ModuleSymbols* const symbols = found->symbols.get();
  if (symbols == nullptr) {
    notes_.push_back(fmt::format("{} cannot be read any more: its functions have no names here.", module.path));
    return nullptr;
  }
  const bool both_known = !symbols->build_id().empty() && !module.build_id.empty();
  if (both_known ? symbols->build_id() != module.build_id : changed_since(module.path, started_at_)) {
    notes_.push_back(fmt::format(
        "{} is not the file that ran: it was built again since. Its functions have no names here.", module.path));
    return nullptr;
  }
  if (module.role == "program" && !symbols->has_debug_information()) {
    notes_.push_back(fmt::format("{} has no debug information: build it with -g to see files and lines.", module.path));
  }
  return found;
}

Stack Symbolizer::name(Opened& from, const Module& module, std::uint64_t address) {
  Stack stack;
  std::vector<CodePlace> places;
  if (from.symbols) places = from.symbols->places_of(address);
  if (places.empty()) places.emplace_back();
  for (CodePlace& place : places) {
    Frame frame;
    if (place.declared_at != 0 && place.line >= place.declared_at) {
      frame.place_in_function = place.line - place.declared_at;
    } else if (place.line == 0 && from.symbols) {
      frame.place_in_function = static_cast<std::int64_t>(address - from.symbols->function_start(address));
    }
    frame.function = std::move(place.function);
    frame.file = std::move(place.file);
    frame.line = place.line;
    frame.module = module.path;
    frame.offset = address;
    frame.inlined = place.inlined;
    stack.push_back(share_frame(std::move(frame)));
  }
  return stack;
}

void Symbolizer::append_frames(const Module& module, std::uint64_t address, Stack& stack) {
  Opened& from = opened(module);
  const auto [at, fresh] = from.named.try_emplace(address);
  if (fresh) at->second = name(from, module, address);
  stack.insert(stack.end(), at->second.begin(), at->second.end());
}

std::string Symbolizer::data_name(const Module& module, std::uint64_t address) {
  Opened& from = opened(module);
  return from.symbols ? from.symbols->data_name(address) : std::string();
}

std::string Symbolizer::thread_local_name(const Module& module, std::uint64_t offset) {
  Opened& from = opened(module);
  return from.symbols ? from.symbols->thread_local_name(offset) : std::string();
}

std::string Symbolizer::local_name(const Module& module, std::uint64_t address, std::uint64_t below_frame,
                                   std::uint64_t above_stack) {
  Opened& from = opened(module);
  return from.symbols ? from.symbols->local_name(address, {below_frame, above_stack}) : std::string();
}

}  // namespace vigil::reports
