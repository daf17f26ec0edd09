// .eh_frame: finding the unwind table's entry (FDE) of a pc. System V x86-64 ABI and LSB 5.0, chapter 10.6.
// Reads the mapped tables in place; no allocation, no lock; safe in a signal handler.
#pragma once

#include <cstdint>

namespace vigil::shim::unwind {

// A cursor over table bytes. Reading past the end gives zeros and sets bad().
class Cursor {
 public:
  constexpr Cursor() noexcept = default;
  Cursor(const std::uint8_t* begin, const std::uint8_t* end) noexcept : at_(begin), end_(end) {}

  [[nodiscard]] bool at_end() const noexcept { return at_ >= end_; }
  [[nodiscard]] bool bad() const noexcept { return bad_; }
  [[nodiscard]] const std::uint8_t* position() const noexcept { return at_; }
  [[nodiscard]] std::uint64_t left() const noexcept { return static_cast<std::uint64_t>(end_ - at_); }

  template <class T>
  T read() noexcept {
    T value{};
    if (left() < sizeof(T)) {
      fail();
      return value;
    }
    __builtin_memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  std::uint64_t uleb() noexcept;
  std::int64_t sleb() noexcept;
  void skip(std::uint64_t bytes) noexcept;
  // The next `bytes` as a cursor of their own; this one moves past them.
  Cursor block(std::uint64_t bytes) noexcept;
  // A DW_EH_PE_ encoded value. data_base: what "datarel" counts from.
  std::uintptr_t encoded(std::uint8_t encoding, std::uintptr_t data_base) noexcept;

 private:
  void fail() noexcept {
    bad_ = true;
    at_ = end_;
  }

  const std::uint8_t* at_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  bool bad_ = false;
};

// One function's entry, with what its CIE says.
struct Entry {
  std::uintptr_t begin = 0;  // [begin, end): the code it describes
  std::uintptr_t end = 0;
  std::uint64_t code_align = 1;
  std::int64_t data_align = -8;
  bool is_signal_frame = false;
  Cursor initial;       // the CIE's instructions
  Cursor instructions;  // the FDE's own
};

// The entry whose code pc lies in. False: there is none (no module, no table, or a gap in it).
bool find_entry(std::uintptr_t pc, Entry& out) noexcept;

}  // namespace vigil::shim::unwind
