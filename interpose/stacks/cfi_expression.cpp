#include "interpose/stacks/cfi_expression.hpp"

#include <array>
#include <cstddef>

namespace vigil::shim::unwind {
namespace {

// DW_OP_ operations (DWARF 5, 2.5.1) that make sense without debug information.
enum : std::uint8_t {
  kAddr = 0x03,
  kDeref = 0x06,
  kConst1u = 0x08,
  kConst1s = 0x09,
  kConst2u = 0x0a,
  kConst2s = 0x0b,
  kConst4u = 0x0c,
  kConst4s = 0x0d,
  kConst8u = 0x0e,
  kConst8s = 0x0f,
  kConstu = 0x10,
  kConsts = 0x11,
  kDup = 0x12,
  kDrop = 0x13,
  kOver = 0x14,
  kPick = 0x15,
  kSwap = 0x16,
  kRot = 0x17,
  kAbs = 0x19,
  kAnd = 0x1a,
  kMinus = 0x1c,
  kMul = 0x1e,
  kNeg = 0x1f,
  kNot = 0x20,
  kOr = 0x21,
  kPlus = 0x22,
  kPlusUconst = 0x23,
  kShl = 0x24,
  kShr = 0x25,
  kShra = 0x26,
  kXor = 0x27,
  kBra = 0x28,
  kEq = 0x29,
  kGe = 0x2a,
  kGt = 0x2b,
  kLe = 0x2c,
  kLt = 0x2d,
  kNe = 0x2e,
  kSkip = 0x2f,
  kLit0 = 0x30,
  kLit31 = 0x4f,
  kBreg0 = 0x70,
  kBreg31 = 0x8f,
  kBregx = 0x92,
  kNop = 0x96,
};

class Stack {
 public:
  void push(std::uint64_t value) noexcept {
    if (depth_ == items_.size()) {
      bad_ = true;
      return;
    }
    items_[depth_++] = value;
  }
  std::uint64_t pop() noexcept {
    if (depth_ == 0) {
      bad_ = true;
      return 0;
    }
    return items_[--depth_];
  }
  [[nodiscard]] std::uint64_t peek(std::size_t from_top) noexcept {
    if (from_top >= depth_) {
      bad_ = true;
      return 0;
    }
    return items_[depth_ - 1 - from_top];
  }
  void spoil() noexcept { bad_ = true; }
  [[nodiscard]] bool bad() const noexcept { return bad_; }

 private:
  std::array<std::uint64_t, 16> items_{};
  std::size_t depth_ = 0;
  bool bad_ = false;
};

// The last resort of evaluate(): an unknown operation spoils the stack, and the evaluation fails.
bool binary(std::uint8_t op, Stack& stack) noexcept {
  const std::uint64_t right = stack.pop();
  const std::uint64_t left = stack.pop();
  const auto sright = static_cast<std::int64_t>(right);
  const auto sleft = static_cast<std::int64_t>(left);
  switch (op) {
    case kAnd:
      stack.push(left & right);
      return true;
    case kOr:
      stack.push(left | right);
      return true;
    case kXor:
      stack.push(left ^ right);
      return true;
    case kPlus:
      stack.push(left + right);
      return true;
    case kMinus:
      stack.push(left - right);
      return true;
    case kMul:
      stack.push(left * right);
      return true;
    case kShl:
      stack.push(right < 64 ? left << right : 0);
      return true;
    case kShr:
      stack.push(right < 64 ? left >> right : 0);
      return true;
    case kShra:
      stack.push(static_cast<std::uint64_t>(sleft >> (right < 64 ? right : 63)));
      return true;
    case kEq:
      stack.push(left == right ? 1 : 0);
      return true;
    case kNe:
      stack.push(left != right ? 1 : 0);
      return true;
    case kGe:
      stack.push(sleft >= sright ? 1 : 0);
      return true;
    case kGt:
      stack.push(sleft > sright ? 1 : 0);
      return true;
    case kLe:
      stack.push(sleft <= sright ? 1 : 0);
      return true;
    case kLt:
      stack.push(sleft < sright ? 1 : 0);
      return true;
    default:
      return false;
  }
}

bool constant(std::uint8_t op, Cursor& code, Stack& stack) noexcept {
  const auto push_signed = [&stack](std::int64_t value) { stack.push(static_cast<std::uint64_t>(value)); };
  switch (op) {
    case kConst1u:
      stack.push(code.read<std::uint8_t>());
      return true;
    case kConst1s:
      push_signed(code.read<std::int8_t>());
      return true;
    case kConst2u:
      stack.push(code.read<std::uint16_t>());
      return true;
    case kConst2s:
      push_signed(code.read<std::int16_t>());
      return true;
    case kConst4u:
      stack.push(code.read<std::uint32_t>());
      return true;
    case kConst4s:
      push_signed(code.read<std::int32_t>());
      return true;
    case kAddr:
    case kConst8u:
    case kConst8s:
      stack.push(code.read<std::uint64_t>());
      return true;
    case kConstu:
      stack.push(code.uleb());
      return true;
    case kConsts:
      push_signed(code.sleb());
      return true;
    default:
      return false;
  }
}

bool shuffle(std::uint8_t op, Cursor& code, Stack& stack) noexcept {
  switch (op) {
    case kDup:
      stack.push(stack.peek(0));
      return true;
    case kDrop:
      stack.pop();
      return true;
    case kOver:
      stack.push(stack.peek(1));
      return true;
    case kPick:
      stack.push(stack.peek(code.read<std::uint8_t>()));
      return true;
    case kSwap: {
      const std::uint64_t top = stack.pop();
      const std::uint64_t below = stack.pop();
      stack.push(top);
      stack.push(below);
      return true;
    }
    case kRot: {
      const std::uint64_t first = stack.pop();
      const std::uint64_t second = stack.pop();
      const std::uint64_t third = stack.pop();
      stack.push(first);
      stack.push(third);
      stack.push(second);
      return true;
    }
    default:
      return false;
  }
}

bool unary(std::uint8_t op, Cursor& code, Stack& stack, StackWindow& memory) noexcept {
  switch (op) {
    case kAbs: {
      const auto value = static_cast<std::int64_t>(stack.pop());
      stack.push(value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value));
      return true;
    }
    case kNeg:
      stack.push(0 - stack.pop());
      return true;
    case kNot:
      stack.push(~stack.pop());
      return true;
    case kPlusUconst:
      stack.push(stack.pop() + code.uleb());
      return true;
    case kDeref: {
      std::uint64_t value = 0;
      if (!read_word(memory, stack.pop(), value)) stack.spoil();
      stack.push(value);
      return true;
    }
    default:
      return false;
  }
}

}  // namespace

bool evaluate(Cursor expression, const Registers& frame, const std::uint64_t* initial, StackWindow& memory,
              std::uint64_t& value) noexcept {
  Stack stack;
  if (initial != nullptr) stack.push(*initial);
  const auto push_register = [&](std::uint64_t reg, std::int64_t offset) {
    if (reg >= kRegisters || !frame.knows(reg)) return false;
    stack.push(frame.value[reg] + static_cast<std::uint64_t>(offset));
    return true;
  };
  // Branches only go forward here, so an expression ends: no compiler's unwind table has a loop.
  while (!expression.at_end()) {
    const auto op = expression.read<std::uint8_t>();
    if (op == kNop) continue;
    if (op >= kLit0 && op <= kLit31) {
      stack.push(static_cast<std::uint64_t>(op - kLit0));
    } else if (op >= kBreg0 && op <= kBreg31) {
      if (!push_register(static_cast<std::uint64_t>(op - kBreg0), expression.sleb())) return false;
    } else if (op == kBregx) {
      const std::uint64_t reg = expression.uleb();
      if (!push_register(reg, expression.sleb())) return false;
    } else if (op == kSkip || op == kBra) {
      const auto distance = expression.read<std::int16_t>();
      if (op == kBra && stack.pop() == 0) continue;
      if (distance < 0) return false;
      expression.skip(static_cast<std::uint64_t>(distance));
    } else if (!constant(op, expression, stack) && !shuffle(op, expression, stack) &&
               !unary(op, expression, stack, memory) && !binary(op, stack)) {
      return false;
    }
    if (stack.bad() || expression.bad()) return false;
  }
  value = stack.pop();
  return !stack.bad();
}

}  // namespace vigil::shim::unwind
