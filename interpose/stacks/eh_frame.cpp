#include "interpose/stacks/eh_frame.hpp"

#include <dlfcn.h>

namespace vigil::shim::unwind {
namespace {

// DW_EH_PE_: the low four bits are the format, the next three what it counts from, the top one an indirection.
constexpr std::uint8_t kOmit = 0xff;
constexpr std::uint8_t kFormat = 0x0f;
constexpr std::uint8_t kBase = 0x70;
constexpr std::uint8_t kPcRelative = 0x10;
constexpr std::uint8_t kDataRelative = 0x30;
constexpr std::uint8_t kIndirect = 0x80;
constexpr std::uint8_t kSigned4DataRelative = 0x3b;

struct Record {
  Cursor body;  // after the length and the id
  const std::uint8_t* id_at = nullptr;
  const std::uint8_t* next = nullptr;
  std::uint32_t id = 0;  // 0: a CIE; else the way back to it
};

// The record at `at`; false at the terminator.
bool read_record(const std::uint8_t* at, Record& out) noexcept {
  std::uint32_t short_length = 0;
  __builtin_memcpy(&short_length, at, sizeof(short_length));
  if (short_length == 0) return false;
  at += sizeof(short_length);
  std::uint64_t length = short_length;
  if (short_length == 0xffffffffU) {
    __builtin_memcpy(&length, at, sizeof(length));
    at += sizeof(length);
  }
  out.id_at = at;
  out.next = at + length;
  out.body = Cursor(at, at + length);
  out.id = out.body.read<std::uint32_t>();
  return !out.body.bad();
}

struct CieFacts {
  std::uint8_t pointer_encoding = 0;  // of the FDE's addresses
  bool has_augmentation_data = false;
};

bool read_cie(const Record& record, CieFacts& facts, Entry& out) noexcept {
  Cursor body = record.body;
  const auto version = body.read<std::uint8_t>();
  if (version != 1 && version != 3) return false;
  const std::uint8_t* const augmentation = body.position();
  while (body.read<std::uint8_t>() != 0) {
    if (body.bad()) return false;
  }
  out.code_align = body.uleb();
  out.data_align = body.sleb();
  const std::uint64_t return_register = version == 1 ? body.read<std::uint8_t>() : body.uleb();
  if (return_register != 16) return false;  // rip; nothing else occurs on x86-64
  if (augmentation[0] == 'z') {
    facts.has_augmentation_data = true;
    Cursor data = body.block(body.uleb());
    for (const std::uint8_t* letter = augmentation + 1; *letter != 0; ++letter) {
      if (*letter == 'R') {
        facts.pointer_encoding = data.read<std::uint8_t>();
      } else if (*letter == 'P') {
        const auto encoding = data.read<std::uint8_t>();
        data.encoded(encoding & static_cast<std::uint8_t>(~kIndirect), 0);  // the personality: its size is all we want
      } else if (*letter == 'L') {
        data.read<std::uint8_t>();
      } else if (*letter == 'S') {
        out.is_signal_frame = true;
      } else if (*letter != 'B') {
        break;  // unknown: the length has told where it ends
      }
    }
  } else if (augmentation[0] != 0) {
    return false;  // pre-2000 "eh": not on x86-64
  }
  out.initial = body;
  return !body.bad();
}

bool read_fde(const std::uint8_t* at, std::uintptr_t data_base, Entry& out) noexcept {
  Record fde;
  if (!read_record(at, fde) || fde.id == 0) return false;
  Record cie;
  if (!read_record(fde.id_at - fde.id, cie) || cie.id != 0) return false;
  CieFacts facts;
  if (!read_cie(cie, facts, out)) return false;
  Cursor body = fde.body;
  out.begin = body.encoded(facts.pointer_encoding, data_base);
  out.end = out.begin + body.encoded(facts.pointer_encoding & kFormat, 0);  // a length has no base
  if (facts.has_augmentation_data) body.skip(body.uleb());
  out.instructions = body;
  return !body.bad();
}

// .eh_frame_hdr: version, three encodings, the way to .eh_frame, and a table of (code address, FDE) sorted by address.
const std::uint8_t* search_table(Cursor table, std::uint64_t count, std::uintptr_t header, std::uintptr_t pc) noexcept {
  struct Row {
    std::int32_t code;
    std::int32_t fde;
  };
  if (table.left() < count * sizeof(Row)) return nullptr;
  const std::uint8_t* const rows = table.position();
  const auto row_at = [rows](std::uint64_t i) {
    Row row{};
    __builtin_memcpy(&row, rows + i * sizeof(Row), sizeof(Row));
    return row;
  };
  const auto code_of = [header](Row row) { return header + static_cast<std::uintptr_t>(std::intptr_t{row.code}); };
  std::uint64_t low = 0;  // rows below low begin at or before pc
  std::uint64_t high = count;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (code_of(row_at(middle)) <= pc) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return nullptr;
  const Row row = row_at(low - 1);
  return reinterpret_cast<const std::uint8_t*>(header + static_cast<std::uintptr_t>(std::intptr_t{row.fde}));
}

// A header without a table (old linkers, odd ones): every record in turn.
bool search_records(const std::uint8_t* at, std::uintptr_t data_base, std::uintptr_t pc, Entry& out) noexcept {
  Record record;
  for (; read_record(at, record); at = record.next) {
    Entry entry;
    if (record.id == 0 || !read_fde(at, data_base, entry)) continue;
    if (pc < entry.begin || pc >= entry.end) continue;
    out = entry;
    return true;
  }
  return false;
}

}  // namespace

std::uint64_t Cursor::uleb() noexcept {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = read<std::uint8_t>();
    if (shift < 64) value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if ((byte & 0x80U) == 0) return value;
  }
}

std::int64_t Cursor::sleb() noexcept {
  std::uint64_t value = 0;
  unsigned shift = 0;
  std::uint8_t byte = 0;
  do {
    byte = read<std::uint8_t>();
    if (shift < 64) value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    shift += 7;
  } while ((byte & 0x80U) != 0);
  if (shift < 64 && (byte & 0x40U) != 0) value |= ~std::uint64_t{0} << shift;
  return static_cast<std::int64_t>(value);
}

void Cursor::skip(std::uint64_t bytes) noexcept {
  if (bytes > left()) {
    fail();
    return;
  }
  at_ += bytes;
}

Cursor Cursor::block(std::uint64_t bytes) noexcept {
  const std::uint8_t* const begin = at_;
  skip(bytes);
  return bad_ ? Cursor() : Cursor(begin, at_);
}

std::uintptr_t Cursor::encoded(std::uint8_t encoding, std::uintptr_t data_base) noexcept {
  if (encoding == kOmit) return 0;
  const auto here = reinterpret_cast<std::uintptr_t>(at_);
  std::uint64_t value = 0;
  switch (encoding & kFormat) {
    case 0x00:
    case 0x04:
    case 0x0c:
      value = read<std::uint64_t>();
      break;
    case 0x01:
      value = uleb();
      break;
    case 0x02:
      value = read<std::uint16_t>();
      break;
    case 0x03:
      value = read<std::uint32_t>();
      break;
    case 0x09:
      value = static_cast<std::uint64_t>(sleb());
      break;
    case 0x0a:
      value = static_cast<std::uint64_t>(std::int64_t{read<std::int16_t>()});
      break;
    case 0x0b:
      value = static_cast<std::uint64_t>(std::int64_t{read<std::int32_t>()});
      break;
    default:
      fail();
      return 0;
  }
  if (value == 0) return 0;
  switch (encoding & kBase) {
    case 0:
      break;
    case kPcRelative:
      value += here;
      break;
    case kDataRelative:
      value += data_base;
      break;
    default:
      fail();
      return 0;
  }
  if ((encoding & kIndirect) != 0) __builtin_memcpy(&value, reinterpret_cast<const void*>(value), sizeof(value));
  return value;
}

bool find_entry(std::uintptr_t pc, Entry& out) noexcept {
  dl_find_object module{};
  if (_dl_find_object(reinterpret_cast<void*>(pc), &module) != 0 || module.dlfo_eh_frame == nullptr) return false;
  const auto* const header = static_cast<const std::uint8_t*>(module.dlfo_eh_frame);
  const auto header_address = reinterpret_cast<std::uintptr_t>(header);
  const auto module_end = reinterpret_cast<std::uintptr_t>(module.dlfo_map_end);
  if (header_address >= module_end) return false;
  Cursor cursor(header, header + (module_end - header_address));
  if (cursor.read<std::uint8_t>() != 1) return false;
  const auto frame_encoding = cursor.read<std::uint8_t>();
  const auto count_encoding = cursor.read<std::uint8_t>();
  const auto table_encoding = cursor.read<std::uint8_t>();
  const std::uintptr_t frames = cursor.encoded(frame_encoding, header_address);
  if (count_encoding != kOmit && table_encoding == kSigned4DataRelative) {
    const std::uint64_t count = cursor.encoded(count_encoding, header_address);
    const std::uint8_t* const fde = search_table(cursor, count, header_address, pc);
    return fde != nullptr && read_fde(fde, header_address, out) && pc >= out.begin && pc < out.end;
  }
  if (cursor.bad() || frames == 0) return false;
  return search_records(reinterpret_cast<const std::uint8_t*>(frames), header_address, pc, out);
}

}  // namespace vigil::shim::unwind
