// Boost.Stacktrace over GCC's libbacktrace, linked in and hidden. This file is compiled with exceptions; none leaves
// it. The service thread calls this, and who ends the process: libbacktrace keeps its state for each thread apart.
#include "interpose/symbolize.hpp"

#define BOOST_STACKTRACE_USE_BACKTRACE
#include <boost/stacktrace/frame.hpp>
#include <string>

namespace vigil::shim {

void symbolize(std::uintptr_t pc, FrameName& out) noexcept {
  try {
    const boost::stacktrace::frame frame(reinterpret_cast<const void*>(pc));
    const std::string function = frame.name();
    out.function << function;
    out.line = frame.source_line();
    if (out.line != 0) out.file << frame.source_file();
  } catch (...) {
    // No name then: the module and offset are printed in any case.
  }
}

void symbolize(std::uintptr_t pc, FrameText& out) noexcept {
  FrameName name;
  symbolize(pc, name);
  out << name.function.view();
  if (name.line != 0) out << " at " << name.file.view() << ":" << name.line;
}

}  // namespace vigil::shim
