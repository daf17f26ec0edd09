#include "interpose/code/instruction.hpp"

namespace vigil::shim::code {
namespace {

// What follows an opcode.
enum Form : std::uint8_t {
  kUnknown = 0,
  kPlain = 1,       // nothing
  kModrm = 2,       // ModRM, with what that asks for
  kByte = 4,        // an immediate byte
  kWord = 8,        // two bytes
  kFull = 16,       // four bytes; two after an operand-size prefix
  kRelative = 32,   // four bytes, always
  kWide = 64,       // four, two or, after REX.W, eight bytes
  kAddress = 128U,  // eight bytes; four after an address-size prefix
};

constexpr std::uint8_t form_of_first_map(std::uint8_t op) noexcept {
  if (op < 0x40) {
    // The eight arithmetic operations: four forms with ModRM, two with the accumulator, two that are gone.
    const unsigned column = op & 7U;
    if (column < 4) return kModrm;
    return column == 4 ? kByte : column == 5 ? kFull : kUnknown;
  }
  if (op >= 0x50 && op <= 0x5F) return kPlain;
  if (op >= 0x70 && op <= 0x7F) return kByte;
  if (op >= 0x84 && op <= 0x8F) return kModrm;
  if (op >= 0x90 && op <= 0x99) return kPlain;
  if (op >= 0x9B && op <= 0x9F) return kPlain;
  if (op >= 0xA0 && op <= 0xA3) return kAddress;
  if (op >= 0xB0 && op <= 0xB7) return kByte;
  if (op >= 0xB8 && op <= 0xBF) return kWide;
  if (op >= 0xD8 && op <= 0xDF) return kModrm;
  if (op >= 0xE0 && op <= 0xE7) return kByte;
  if (op >= 0xEC && op <= 0xEF) return kPlain;
  switch (op) {
    case 0x63:
    case 0xD0:
    case 0xD1:
    case 0xD2:
    case 0xD3:
    case 0xFE:
    case 0xFF:
    case 0xF6:  // these two: an immediate for two of their eight operations, see immediate_bytes()
    case 0xF7:
      return kModrm;
    case 0x69:
    case 0x81:
    case 0xC7:
      return kModrm | kFull;
    case 0x6B:
    case 0x80:
    case 0x83:
    case 0xC0:
    case 0xC1:
    case 0xC6:
      return kModrm | kByte;
    case 0x68:
    case 0xA9:
      return kFull;
    case 0x6A:
    case 0xA8:
    case 0xCD:
    case 0xEB:
      return kByte;
    case 0xC2:
    case 0xCA:
      return kWord;
    case 0xC8:
      return kWord | kByte;
    case 0xE8:
    case 0xE9:
      return kRelative;
    case 0x6C:
    case 0x6D:
    case 0x6E:
    case 0x6F:
    case 0xA4:
    case 0xA5:
    case 0xA6:
    case 0xA7:
    case 0xAA:
    case 0xAB:
    case 0xAC:
    case 0xAD:
    case 0xAE:
    case 0xAF:
    case 0xC3:
    case 0xC9:
    case 0xCB:
    case 0xCC:
    case 0xCF:
    case 0xD7:
    case 0xF1:
    case 0xF4:
    case 0xF5:
    case 0xF8:
    case 0xF9:
    case 0xFA:
    case 0xFB:
    case 0xFC:
    case 0xFD:
      return kPlain;
    default:
      return kUnknown;
  }
}

constexpr std::uint8_t form_of_second_map(std::uint8_t op) noexcept {
  if (op >= 0x80 && op <= 0x8F) return kRelative;
  if (op >= 0xC8 && op <= 0xCF) return kPlain;
  if (op >= 0x30 && op <= 0x37) return op == 0x36 ? kUnknown : kPlain;
  switch (op) {
    case 0x04:
    case 0x0A:
    case 0x0C:
    case 0x24:
    case 0x25:
    case 0x26:
    case 0x27:
    case 0x39:
    case 0x3B:
    case 0x3C:
    case 0x3D:
    case 0x3E:
    case 0x3F:
      return kUnknown;
    case 0x05:
    case 0x06:
    case 0x07:
    case 0x08:
    case 0x09:
    case 0x0B:
    case 0x0E:
    case 0x77:
    case 0xA0:
    case 0xA1:
    case 0xA2:
    case 0xA8:
    case 0xA9:
    case 0xAA:
      return kPlain;
    case 0x0F:
    case 0x70:
    case 0x71:
    case 0x72:
    case 0x73:
    case 0xA4:
    case 0xAC:
    case 0xBA:
    case 0xC2:
    case 0xC4:
    case 0xC5:
    case 0xC6:
      return kModrm | kByte;
    default:
      return kModrm;
  }
}

struct Prefixes {
  bool lock = false;
  bool repeat = false;  // F3
  bool operand_size = false;
  bool address_size = false;
  bool wide = false;  // REX.W or VEX.W
};

class Decoder {
 public:
  explicit Decoder(std::span<const std::uint8_t> bytes) noexcept : bytes_(bytes) {}

  Instruction run() noexcept {
    std::uint8_t op = read_prefixes();
    unsigned map = 1;
    if (op == 0xC5 || op == 0xC4 || op == 0x62) {
      map = read_vector_prefix(op);
      op = next();
    } else if (op == 0x0F) {
      map = 2;
      op = next();
      if (op == 0x38 || op == 0x3A) {
        map = op == 0x38 ? 3 : 4;
        op = next();
      }
    }
    const std::uint8_t form = map == 1   ? form_of_first_map(op)
                              : map == 2 ? form_of_second_map(op)
                              : map == 3 ? std::uint8_t{kModrm}
                              : map == 4 ? std::uint8_t{kModrm | kByte}
                                         : std::uint8_t{kUnknown};
    if (form == kUnknown) return {};
    std::uint8_t modrm = 0xC0;
    if ((form & kModrm) != 0) modrm = read_modrm();
    at_ += immediate_bytes(map, op, form, modrm);
    if (failed_ || at_ > bytes_.size() || at_ > kLongest) return {};
    const Flow flow = flow_of(map, op, modrm);
    const bool is_short = flow == Flow::Direct && map == 1 && op != 0xE8 && op != 0xE9;
    const std::int32_t displacement = flow == Flow::None || flow == Flow::Anywhere ? 0 : last_bytes(is_short ? 1 : 4);
    return {.length = at_, .orders = orders(map, op, modrm), .flow = flow, .displacement = displacement};
  }

 private:
  static constexpr std::size_t kLongest = 15;  // bytes; the processor refuses more

  std::uint8_t next() noexcept {
    if (at_ >= bytes_.size()) {
      failed_ = true;
      return 0;
    }
    return bytes_[at_++];
  }

  // The first byte that is no prefix.
  std::uint8_t read_prefixes() noexcept {
    while (!failed_) {
      const std::uint8_t byte = next();
      switch (byte) {
        case 0x66:
          prefixes_.operand_size = true;
          continue;
        case 0x67:
          prefixes_.address_size = true;
          continue;
        case 0xF0:
          prefixes_.lock = true;
          continue;
        case 0xF3:
          prefixes_.repeat = true;
          continue;
        case 0xF2:
        case 0x26:
        case 0x2E:
        case 0x36:
        case 0x3E:
        case 0x64:
        case 0x65:
          continue;
        default:
          break;
      }
      if (byte < 0x40 || byte > 0x4F) return byte;
      prefixes_.wide = (byte & 8U) != 0;
      return next();  // REX is the last one
    }
    return 0;
  }

  // Returns the opcode map, counted as run() does.
  unsigned read_vector_prefix(std::uint8_t kind) noexcept {
    if (kind == 0xC5) {
      next();
      return 2;
    }
    const std::uint8_t first = next();
    next();
    if (kind == 0x62) next();
    // In EVEX three bits, of which the highest is for maps that we do not know.
    return (first & (kind == 0x62 ? 0x07U : 0x1FU)) + 1;
  }

  std::uint8_t read_modrm() noexcept {
    const std::uint8_t modrm = next();
    const unsigned mode = modrm >> 6U;
    const unsigned register_or_memory = modrm & 7U;
    if (mode == 3) return modrm;
    bool full = mode == 2 || (mode == 0 && register_or_memory == 5);
    if (register_or_memory == 4) {
      const std::uint8_t sib = next();
      full = full || (mode == 0 && (sib & 7U) == 5);
    }
    at_ += full ? 4 : mode == 1 ? 1 : 0;
    return modrm;
  }

  [[nodiscard]] std::size_t immediate_bytes(unsigned map, std::uint8_t op, std::uint8_t form,
                                            std::uint8_t modrm) const noexcept {
    const std::size_t full = prefixes_.operand_size ? 2 : 4;
    std::size_t bytes = 0;
    if ((form & kByte) != 0) bytes += 1;
    if ((form & kWord) != 0) bytes += 2;
    if ((form & kFull) != 0) bytes += prefixes_.wide ? 4 : full;
    if ((form & kRelative) != 0) bytes += 4;
    if ((form & kWide) != 0) bytes += prefixes_.wide ? 8 : full;
    if ((form & kAddress) != 0) bytes += prefixes_.address_size ? 4 : 8;
    const bool is_test = map == 1 && (modrm >> 3U & 7U) < 2;
    if (is_test && op == 0xF6) bytes += 1;
    if (is_test && op == 0xF7) bytes += prefixes_.wide ? 4 : full;
    return bytes;
  }

  [[nodiscard]] static Flow flow_of(unsigned map, std::uint8_t op, std::uint8_t modrm) noexcept {
    if (map == 2) return op >= 0x80 && op <= 0x8F ? Flow::Direct : Flow::None;
    if (map != 1) return Flow::None;
    if (op == 0xE8 || op == 0xE9 || op == 0xEB || (op >= 0x70 && op <= 0x7F) || (op >= 0xE0 && op <= 0xE3))
      return Flow::Direct;
    const unsigned operation = modrm >> 3U & 7U;
    if (op != 0xFF || operation < 2 || operation > 5) return Flow::None;
    if ((modrm & 0xC7U) == 5) return Flow::Slot;
    const bool is_jump = operation >= 4;
    const bool is_of_a_switch = modrm >= 0xC0 || (modrm & 7U) == 4;  // a register, or a table with an index
    return is_jump && is_of_a_switch ? Flow::None : Flow::Anywhere;
  }

  // The displacement that these forms end with.
  [[nodiscard]] std::int32_t last_bytes(std::size_t count) const noexcept {
    if (count == 1) return static_cast<std::int8_t>(bytes_[at_ - 1]);
    std::int32_t value = 0;
    __builtin_memcpy(&value, &bytes_[at_ - sizeof(value)], sizeof(value));
    return value;
  }

  [[nodiscard]] bool orders(unsigned map, std::uint8_t op, std::uint8_t modrm) const noexcept {
    const bool in_memory = modrm < 0xC0;
    if (prefixes_.lock) return true;
    if (map == 1) {
      return ((op == 0x86 || op == 0x87) && in_memory) || (op == 0x90 && prefixes_.repeat);
    }
    if (map != 2) return false;
    const unsigned operation = modrm >> 3U & 7U;
    return op == 0x05 || (op == 0xAE && !in_memory && operation >= 5 && !prefixes_.repeat && !prefixes_.operand_size);
  }

  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  Prefixes prefixes_;
  bool failed_ = false;
};

}  // namespace

Instruction decode(std::span<const std::uint8_t> bytes) noexcept { return Decoder(bytes).run(); }

}  // namespace vigil::shim::code
