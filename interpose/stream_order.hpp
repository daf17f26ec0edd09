// What a stream of <cstdio> hands on: what its descriptor does (descriptors.hpp).
#pragma once

#include <cstdio>

#include "interpose/descriptors.hpp"

namespace vigil::shim::streams {

// Negative: of memory, or of functions of the program's own. (fileno() sets errno then.) libc sets the number only
// where it says that there is a descriptor; a stream of memory has there what lay there before.
inline int descriptor_of(const FILE* stream) noexcept {
  constexpr int kHasDescriptor = 0x2000;  // libc's _IO_IS_FILEBUF, part of its binary interface
  return (stream->_flags & kHasDescriptor) != 0 ? stream->_fileno : -1;
}

// Before something is put in.
inline void puts_into(FILE* stream) noexcept {
  if (descriptors::matter()) descriptors::gives_if_handed_on(descriptor_of(stream));
}
// After something was taken out, or after its end was met.
template <class Result>
Result took_out(FILE* stream, Result result) noexcept {
  if (descriptors::matter()) descriptors::takes_if_handed_on(descriptor_of(stream));
  return result;
}

}  // namespace vigil::shim::streams
