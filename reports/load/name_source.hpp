// NameSource: what turns a place in a module into names. The symbolizer is one; tests have others.
#pragma once

#include <cstdint>
#include <string>

#include "reports/model/report.hpp"

namespace vigil::reports {

struct Module {
  std::uint32_t id = 0;
  std::string path;
  std::string build_id;    // lower-case hex, "" when it has none
  std::uint64_t bias = 0;  // added to an ELF virtual address where it was loaded
  std::uint64_t size = 0;  // bytes from the first to the end of the last loaded segment
  std::string role;        // program vigil library
};

class NameSource {
 public:
  virtual ~NameSource() = default;
  NameSource(const NameSource&) = delete;
  NameSource& operator=(const NameSource&) = delete;

  // Appends the frames at an ELF virtual address, inlined ones first: at least one.
  virtual void append_frames(const Module& module, std::uint64_t address, Stack& stack) = 0;
  // The global that holds this address: "counter", "table+0x8"; "" when there is none.
  virtual std::string data_name(const Module& module, std::uint64_t address) = 0;
  // One that each thread has for its own, by its offset into the module's part; "" when there is none.
  virtual std::string thread_local_name(const Module& /*module*/, std::uint64_t /*offset*/) { return {}; }
  // A function's local variable: address lies in the call that the function made last, below_frame and above_stack say
  // where in its frame the variable is (docs/finding_format.md); "" when nothing is known.
  virtual std::string local_name(const Module& /*module*/, std::uint64_t /*address*/, std::uint64_t /*below_frame*/,
                                 std::uint64_t /*above_stack*/) {
    return {};
  }

 protected:
  NameSource() = default;
};

}  // namespace vigil::reports
