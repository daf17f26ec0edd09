#include "runtime/src/closure_call.hpp"

#include <cstdint>
#include <cstring>
#include <exception>
#include <typeinfo>

#include <cxxabi.h>
#include <unwind.h>

#include "runtime/src/fatal.hpp"
#include "runtime/src/probe_calls.hpp"
#include "runtime/src/thread_record.hpp"

#if !defined(__x86_64__)
#error "vigil_call_with_personality is written for x86-64 only"
#endif

// call(argument), in a frame whose personality is vigil_task_personality. By the Itanium C++ ABI (its part on exception
// handling), 0x1b: the address is relative to where it stands, four bytes, signed.
extern "C" void vigil_call_with_personality(void (*call)(void*), void* argument);
asm(R"(
  .pushsection .text
  .hidden vigil_call_with_personality
  .globl vigil_call_with_personality
  .type vigil_call_with_personality, @function
vigil_call_with_personality:
  .cfi_startproc
  .cfi_personality 0x1b, vigil_task_personality
  subq $8, %rsp
  .cfi_adjust_cfa_offset 8
  movq %rdi, %rax
  movq %rsi, %rdi
  call *%rax
  addq $8, %rsp
  .cfi_adjust_cfa_offset -8
  ret
  .cfi_endproc
  .size vigil_call_with_personality, .-vigil_call_with_personality
  .popsection
)");

namespace vigil::detail {
namespace {

// "GNUCC++" and "CLNGC++" with a last byte that tells a primary exception from a dependent one.
bool is_of_cxx(_Unwind_Exception_Class type) noexcept {
  constexpr int kLanguageShift = 8;
  constexpr std::uint64_t kLanguage = 0x432B2B;  // "C++"
  return (type >> kLanguageShift & 0xFFFFFF) == kLanguage;
}

// The exception is the one being handled.
const char* words_of_current() noexcept {
  try {
    throw;
  } catch (const std::exception& exception) {
    return exception.what();  // the object lives on: it is being handled
  } catch (...) {
    return nullptr;
  }
}

void announce(Task& task, const char* what, const std::type_info* type) noexcept {
  vigil_probe_task_exception(&task.probe, what, type != nullptr ? type->name() : nullptr);
  int status = -1;
  char* const readable = type != nullptr ? abi::__cxa_demangle(type->name(), nullptr, nullptr, &status) : nullptr;
  Line line;
  line.text("vigil: task ").number(task.probe.id).text(" ended by an exception: ");
  line.text(readable != nullptr ? readable : type != nullptr ? type->name() : "of an unknown type");
  if (what != nullptr) line.text(": ").text(what);
  line.write_to_stderr();
}

}  // namespace

void call_closure(Task& task) noexcept { vigil_call_with_personality(task.run, task.closure); }

}  // namespace vigil::detail

// Called by the unwinder on top of the stack that throws: in phase 1, when nobody above has a handler; in phase 2 only
// of a forced unwind. The exception is made the one being handled, as __cxa_throw() does when it finds no handler, so
// that the terminate handler and abort() tell of it as of any other.
extern "C" [[gnu::visibility("hidden"), gnu::used]] _Unwind_Reason_Code vigil_task_personality(
    int /*version*/, _Unwind_Action actions, _Unwind_Exception_Class type, _Unwind_Exception* exception,
    _Unwind_Context* /*context*/) {
  using namespace vigil::detail;
  Task& task = task_of(*this_thread().actor);
  if ((actions & _UA_FORCE_UNWIND) == 0 && is_of_cxx(type)) {
    abi::__cxa_begin_catch(exception);
    announce(task, words_of_current(), abi::__cxa_current_exception_type());
  } else {
    announce(task, nullptr, nullptr);
  }
  std::terminate();
}
