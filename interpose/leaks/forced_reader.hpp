// Forced reader: memory of the program's that nobody may read at present (PROT_NONE, write-only), as a debugger reads
// it. The kernel forbids that to some: then it is asked, with a page of our own, before anything is concluded from a
// read that failed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "interpose/leaks/open_file.hpp"

namespace vigil::shim::leaks {

class ForcedReader {
 public:
  // Whether pages without read access can be read at all. Asked once.
  [[nodiscard]] bool works() noexcept;
  // So many bytes could be read; 0: none.
  [[nodiscard]] std::size_t read(std::uintptr_t from, void* to, std::size_t bytes) const noexcept;

 private:
  [[nodiscard]] bool reads_own_page() const noexcept;

  OpenFile memory_{"/proc/self/mem"};
  enum class Works : std::uint8_t { Unknown, Yes, No } works_ = Works::Unknown;
};

}  // namespace vigil::shim::leaks
