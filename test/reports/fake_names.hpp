// Names for tests: a table of addresses instead of a file with debug information.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "reports/load/name_source.hpp"

namespace vigil::reports::test {

class FakeNames final : public NameSource {
 public:
  void name(std::uint64_t address, std::vector<Frame> frames) { frames_[address] = std::move(frames); }
  void name_data(std::uint64_t address, std::string name) { data_[address] = std::move(name); }

  void append_frames(const Module& module, std::uint64_t address, Stack& stack) override {
    const auto at = frames_.find(address);
    std::vector<Frame> frames = at == frames_.end() ? std::vector<Frame>(1) : at->second;
    for (Frame& frame : frames) {
      frame.module = module.path;
      frame.offset = address;
      stack.push_back(share_frame(std::move(frame)));
    }
  }
  std::string data_name(const Module& /*module*/, std::uint64_t address) override { return data_[address]; }

 private:
  std::map<std::uint64_t, std::vector<Frame>> frames_;
  std::map<std::uint64_t, std::string> data_;
};

inline Frame frame_at(std::string function, std::string file, std::uint32_t line, std::int64_t place = 1) {
  Frame frame;
  frame.function = std::move(function);
  frame.file = std::move(file);
  frame.line = line;
  frame.place_in_function = place;
  return frame;
}

// The addresses that leak_line() uses.
inline void name_the_shop(FakeNames& names) {
  names.name(0x10, {frame_at("vigil::Channel<int>::receive() const", "/usr/include/vigil/channel.hpp", 80)});
  names.name(0x20, {frame_at("(anonymous namespace)::consume(vigil::Channel<int>)", "/home/me/shop.cpp", 12, 2)});
  names.name(0x30, {frame_at("std::invoke(void (&)())", "/usr/include/c++/12/functional", 96, 1),
                    frame_at("main", "/home/me/shop.cpp", 30, 4)});
}

}  // namespace vigil::reports::test
