#include "reports/model/user_frames.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "reports/model/function_name.hpp"

namespace vigil::reports {
namespace {

std::string_view base_name(std::string_view path) noexcept { return path.substr(path.find_last_of('/') + 1); }

bool is_vigil_module(std::string_view module) noexcept {
  const std::string_view name = base_name(module);
  return name.starts_with("libvigil.so") || name.starts_with("libvigil_shim.so") ||
         name.starts_with("libvigil_instrument.so");
}

bool is_system_library(std::string_view module) noexcept {
  if (module.starts_with("[")) return true;  // [vdso]
  const bool below_system = module.starts_with("/lib/") || module.starts_with("/lib64/") ||
                            module.starts_with("/usr/lib/") || module.starts_with("/usr/lib64/") ||
                            module.starts_with("/usr/libexec/");
  // A program may be installed there as well (/usr/lib/app/app): only shared libraries count.
  return below_system && base_name(module).find(".so") != std::string_view::npos;
}

bool is_system_source(std::string_view file) noexcept {
  return file.starts_with("/usr/include/") || file.starts_with("/usr/lib/") ||
         file.find("/include/c++/") != std::string_view::npos;
}

bool is_vigil_header(std::string_view file) noexcept { return file.find("/include/vigil/") != std::string_view::npos; }

// What the compiler and the C library put around main.
bool is_start_code(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 9> kNames{"_start",          "__libc_start_main",     "__libc_start_call_main",
                                                   "__libc_csu_init", "start_thread",          "clone",
                                                   "clone3",          "__do_global_dtors_aux", "frame_dummy"};
  for (const std::string_view known : kNames) {
    if (name == known) return true;
  }
  return name.starts_with("__libc_start");
}

bool is_vigil_frame(const Frame& frame) {
  if (is_vigil_module(frame.module) || is_vigil_header(frame.file)) return true;
  if (!frame.file.empty() || frame.function.empty()) return false;
  const std::vector<std::string> parts = name_parts(frame.function);
  return parts.size() > 1 && parts.front() == "vigil";
}

}  // namespace

bool is_library_frame(const Frame& frame) {
  if (is_vigil_module(frame.module) || is_system_library(frame.module)) return true;
  if (!frame.file.empty() && (is_system_source(frame.file) || is_vigil_header(frame.file))) return true;
  if (frame.function.empty()) return false;
  const std::vector<std::string> parts = name_parts(frame.function);
  if (parts.empty()) return false;
  const std::string_view outermost = parts.front();
  if (parts.size() == 1) return is_start_code(outermost) || outermost.starts_with("__gthread_");
  if (outermost == "boost" || outermost == "__gnu_cxx" || outermost == "__cxxabiv1") return true;
  // A user may specialise std::hash or have a namespace vigil: a source file that is the user's own says so.
  return frame.file.empty() && (outermost == "std" || outermost == "vigil");
}

FrameRef share_frame(Frame frame) {
  frame.library = is_library_frame(frame);
  return std::make_shared<const Frame>(std::move(frame));
}

void drop_vigil_above_user(Stack& stack) {
  std::size_t drop = 0;
  for (std::size_t i = 0; i < stack.size(); ++i) {
    if (!stack[i]->library) {
      stack.erase(stack.begin(), stack.begin() + static_cast<std::ptrdiff_t>(drop));
      return;
    }
    if (is_vigil_frame(*stack[i])) drop = i + 1;
  }
}

std::vector<std::size_t> user_frames(const Stack& stack) {
  std::vector<std::size_t> kept;
  kept.reserve(stack.size());
  for (std::size_t i = 0; i < stack.size(); ++i) {
    if (!stack[i]->library) kept.push_back(i);
  }
  if (kept.empty()) {
    for (std::size_t i = 0; i < stack.size(); ++i) kept.push_back(i);
  }
  return kept;
}

const Frame* find_user_frame(const Stack& stack) {
  for (const FrameRef& frame : stack) {
    if (!frame->library) return frame.get();
  }
  return nullptr;
}

const Frame* first_user_frame(const Stack& stack) {
  const Frame* frame = find_user_frame(stack);
  return frame != nullptr || stack.empty() ? frame : stack.front().get();
}

}  // namespace vigil::reports
