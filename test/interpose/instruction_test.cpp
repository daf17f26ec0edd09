// Lengths of instructions, as the assembler wrote them; and which of them order threads.
#include "interpose/code/instruction.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vigil::shim::code {
namespace {

struct Written {
  std::vector<std::uint8_t> bytes;
  const char* text;
  bool orders = false;
};

// One of each form that an opcode can have.
const Written kWritten[] = {
    {{0x90}, "nop"},
    {{0xC3}, "ret"},
    {{0x41, 0x57}, "push %r15"},
    {{0xF3, 0x0F, 0x1E, 0xFA}, "endbr64"},
    {{0x48, 0x89, 0xE5}, "mov %rsp,%rbp"},
    {{0x8B, 0x04, 0x25, 0, 0, 0, 0}, "mov 0x0,%eax"},
    {{0x48, 0x8B, 0x44, 0x24, 0x08}, "mov 8(%rsp),%rax"},
    {{0x48, 0x8B, 0x05, 1, 2, 3, 4}, "mov 0x4030201(%rip),%rax"},
    {{0x48, 0x8B, 0x84, 0x88, 1, 2, 3, 4}, "mov 0x4030201(%rax,%rcx,4),%rax"},
    {{0x89, 0x45, 0xFC}, "mov %eax,-4(%rbp)"},
    {{0x48, 0xB8, 1, 2, 3, 4, 5, 6, 7, 8}, "movabs $0x807060504030201,%rax"},
    {{0x66, 0xB8, 1, 2}, "mov $0x201,%ax"},
    {{0x66, 0xC7, 0x00, 1, 2}, "movw $0x201,(%rax)"},
    {{0x48, 0xC7, 0xC0, 1, 2, 3, 4}, "mov $0x4030201,%rax"},
    {{0x66, 0x48, 0x0F, 0x6E, 0xC0}, "movq %rax,%xmm0"},
    {{0xF6, 0x40, 0x01, 0x80}, "testb $0x80,1(%rax)"},
    {{0xF6, 0xD0}, "not %al"},
    {{0xF7, 0xC1, 1, 2, 3, 4}, "test $0x4030201,%ecx"},
    {{0x48, 0xF7, 0xD8}, "neg %rax"},
    {{0xC8, 1, 2, 3}, "enter"},
    {{0xE8, 1, 2, 3, 4}, "call"},
    {{0x66, 0xE8, 1, 2, 3, 4}, "data16 call"},
    {{0x0F, 0x84, 1, 2, 3, 4}, "je"},
    {{0x0F, 0xBA, 0xE0, 0x05}, "bt $5,%eax"},
    {{0x66, 0x0F, 0x3A, 0x0F, 0xC1, 0x08}, "palignr $8,%xmm1,%xmm0"},
    {{0xC5, 0xF8, 0x77}, "vzeroupper"},
    {{0xC4, 0xE3, 0x7D, 0x39, 0xC1, 0x01}, "vextracti128 $1,%ymm0,%xmm1"},
    {{0x62, 0xF1, 0x7C, 0x48, 0x10, 0x40, 0x01}, "vmovups 0x40(%rax),%zmm0"},
    {{0x66, 0x2E, 0x0F, 0x1F, 0x84, 0, 0, 0, 0, 0}, "cs nopw 0(%rax,%rax,1)"},
    {{0x87, 0xC8}, "xchg %ecx,%eax"},
    {{0x48, 0x0F, 0xAE, 0x20}, "xsave64"},
    {{0xF3, 0x48, 0x0F, 0xAE, 0xE9}, "incsspq %rcx"},
    {{0xF0, 0x0F, 0xC1, 0x02}, "lock xadd %eax,(%rdx)", true},
    {{0xF0, 0x48, 0x83, 0x0C, 0x24, 0x00}, "lock orq $0,(%rsp)", true},
    {{0xF0, 0x48, 0x0F, 0xB1, 0x0D, 1, 2, 3, 4}, "lock cmpxchg %rcx,0x4030201(%rip)", true},
    {{0x87, 0x05, 1, 2, 3, 4}, "xchg %eax,0x4030201(%rip)", true},
    {{0x86, 0x07}, "xchg %al,(%rdi)", true},
    {{0x0F, 0xAE, 0xF0}, "mfence", true},
    {{0xF3, 0x90}, "pause", true},
    {{0x0F, 0x05}, "syscall", true},
};

TEST(Instruction, IsAsLongAsTheAssemblerMadeIt) {
  for (const Written& one : kWritten) {
    std::vector<std::uint8_t> bytes = one.bytes;
    bytes.insert(bytes.end(), 16, 0x90);
    EXPECT_EQ(decode(bytes).length, one.bytes.size()) << one.text;
    EXPECT_EQ(decode(bytes).orders, one.orders) << one.text;
  }
}

struct Led {
  std::vector<std::uint8_t> bytes;
  const char* text;
  Flow flow;
  std::int32_t displacement = 0;
};

TEST(Instruction, SaysWhereItLeads) {
  const Led led[] = {
      {{0xE8, 0xF0, 0xFF, 0xFF, 0xFF}, "call", Flow::Direct, -16},
      {{0xE9, 1, 2, 0, 0}, "jmp", Flow::Direct, 0x201},
      {{0xEB, 0xFE}, "jmp short", Flow::Direct, -2},
      {{0x74, 0x05}, "je short", Flow::Direct, 5},
      {{0x0F, 0x84, 4, 0, 0, 0}, "je", Flow::Direct, 4},
      {{0xF2, 0xE9, 8, 0, 0, 0}, "bnd jmp", Flow::Direct, 8},
      {{0xFF, 0x25, 0x10, 0, 0, 0}, "jmp *0x10(%rip)", Flow::Slot, 16},
      {{0xF2, 0xFF, 0x25, 0x10, 0, 0, 0}, "bnd jmp *0x10(%rip)", Flow::Slot, 16},
      {{0xFF, 0x15, 0x20, 0, 0, 0}, "call *0x20(%rip)", Flow::Slot, 32},
      {{0xFF, 0xD0}, "call *%rax", Flow::Anywhere},
      {{0xFF, 0x50, 0x10}, "call *0x10(%rax)", Flow::Anywhere},
      {{0xFF, 0x60, 0x10}, "jmp *0x10(%rax)", Flow::Anywhere},
      {{0x3E, 0xFF, 0xE0}, "notrack jmp *%rax", Flow::None},
      {{0xFF, 0x24, 0xC5, 0, 0, 0, 0}, "jmp *table(,%rax,8)", Flow::None},
      {{0xFF, 0x35, 0x10, 0, 0, 0}, "push 0x10(%rip)", Flow::None},
      {{0xFF, 0xC0}, "inc %eax", Flow::None},
      {{0xC3}, "ret", Flow::None},
  };
  for (const Led& one : led) {
    std::vector<std::uint8_t> bytes = one.bytes;
    bytes.insert(bytes.end(), 16, 0x90);
    EXPECT_EQ(decode(bytes).length, one.bytes.size()) << one.text;
    EXPECT_EQ(decode(bytes).flow, one.flow) << one.text;
    EXPECT_EQ(decode(bytes).displacement, one.displacement) << one.text;
  }
}

TEST(Instruction, ThatGoesOnBehindTheEndIsUnknown) {
  for (const Written& one : kWritten) {
    for (std::size_t bytes = 0; bytes < one.bytes.size(); ++bytes) {
      const std::size_t length = decode(std::span(one.bytes).first(bytes)).length;
      EXPECT_LE(length, bytes) << one.text << " cut to " << bytes;
    }
  }
}

}  // namespace
}  // namespace vigil::shim::code
