#include "interpose/handshake.hpp"

#include <sys/stat.h>
#include <sys/syscall.h>

#include <charconv>

#include "interpose/export.hpp"
#include "interpose/finding_writer.hpp"
#include "interpose/fixed_text.hpp"
#include "interpose/process_info.hpp"
#include "interpose/raw_syscall.hpp"
#include "interpose/version.hpp"

// For tools that look into a process or a file: which shim this is.
extern "C" VIGIL_EXPORT const char vigil_shim_version[];
extern "C" const char vigil_shim_version[] = VIGIL_VERSION;

namespace vigil::shim {

void answer_handshake() noexcept {
  const std::string_view text = environment_value("VIGIL_HANDSHAKE");
  const char* const end = text.data() + text.size();
  int fd = -1;
  std::uint64_t inode = 0;
  const auto [colon, error] = std::from_chars(text.data(), end, fd);
  if (error != std::errc{} || colon == end || *colon != ':' || fd < 0) return;
  if (std::from_chars(colon + 1, end, inode).ec != std::errc{}) return;
  struct stat found {};
  if (raw_syscall(SYS_fstat, fd, reinterpret_cast<long>(&found)) != 0 || !S_ISFIFO(found.st_mode) ||
      found.st_ino != inode) {
    return;
  }
  Line line;
  line << "vigil-shim 1 " << process_info().pid << "\n";
  const std::string_view answer = line.view();
  raw_syscall(SYS_write, fd, reinterpret_cast<long>(answer.data()), static_cast<long>(answer.size()));
  raw_syscall(SYS_close, fd);
  open_record();
}

}  // namespace vigil::shim
