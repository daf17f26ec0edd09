// Boost.Stacktrace over GCC's libbacktrace, linked in and hidden. This file is compiled with exceptions; none leaves
// it. One thread calls this, once in the process's life, so the state that libbacktrace keeps per thread is made once.
#include "interpose/symbolize.hpp"

#define BOOST_STACKTRACE_USE_BACKTRACE
#include <boost/stacktrace/frame.hpp>
#include <string>

namespace vigil::shim {

void symbolize(std::uintptr_t pc, FrameText& out) noexcept {
  try {
    const boost::stacktrace::frame frame(reinterpret_cast<const void*>(pc));
    const std::string function = frame.name();
    out << function;
    if (const std::size_t line = frame.source_line(); line != 0) out << " at " << frame.source_file() << ":" << line;
  } catch (...) {
    // No name then: the module and offset are printed in any case.
  }
}

}  // namespace vigil::shim
