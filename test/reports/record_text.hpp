// Record lines for tests, written as docs/finding_format.md says, without help from the reader under test but its
// CRC-32, which has a test of its own.
#pragma once

#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "reports/load/crc32.hpp"

namespace vigil::reports::test {

// The object, its checksum added, between line ends.
inline std::string line_of(std::string_view object) {
  const std::string_view body = object.substr(0, object.size() - 1);
  return fmt::format("\n{},\"crc\":\"{:08x}\"}}\n", body, crc32(body));
}

inline std::string header_line(std::string_view options = "") {
  return line_of(fmt::format(
      R"({{"type":"header","format":"vigil-record/1","vigil":"0.1.0","program":{{"path":"/opt/shop/prog","args":["prog","-x","two words"],"cwd":"/opt/shop","pid":42}},"started_at":1700000000000000000,"engine":"none","options":"{}"}})",
      options));
}
inline std::string module_line(int id, std::string_view path, std::string_view role = "program") {
  return line_of(
      fmt::format(R"({{"type":"module","id":{},"path":"{}","build_id":"","bias":"0x1000","size":65536,"role":"{}"}})",
                  id, path, role));
}
inline std::string leak_line(int id, std::string_view frames = R"([1,"0x10"],[1,"0x20"])", int count = 1) {
  return line_of(fmt::format(
      R"({{"type":"finding","id":{},"kind":"task-leak","level":"error","predicted":false,"proved":true,"count":{},"at":1,"stack_hash":"0123456789abcdef","message":"task 7 waits","hint":"","participants":[{{"role":"waiter","actor":{{"type":"task","id":7,"name":"","state":"blocked","created_at":[[1,"0x30"]]}},"operation":"receive","object":0,"held":[],"stack":[{}],"waited_ms":1200,"note":""}}],"objects":[{{"type":"channel","id":3,"capacity":0,"address":"0x0","created_at":[[1,"0x30"]]}}]}})",
      id, count, frames));
}
inline std::string tasks_line() {
  return line_of(R"({"type":"tasks","started":3,"finished":2,"peak_alive":3,"alive_at_end":1})");
}
inline std::string end_line(std::string_view end = "exit", int code = 0) {
  return line_of(fmt::format(
      R"({{"type":"end","end":"{}","exit_code":{},"signal":0,"errors":1,"warnings":0,"dropped":0,"skipped":0}})", end,
      code));
}

// A folder of its own for one test, gone afterwards.
// The address sanitizer makes each step a dozen times as long. What takes every step without it, takes one in so many
// with it.
#ifdef VIGIL_ADDRESS_SANITIZER
inline constexpr int kStride = 7;
inline constexpr std::size_t kHuge = 1U << 16U;  // bytes
#else
inline constexpr int kStride = 1;
inline constexpr std::size_t kHuge = 1U << 20U;
#endif

class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "vigil-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~TempFolder() {
    std::error_code unused;
    std::filesystem::remove_all(path_, unused);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  [[nodiscard]] std::string path(std::string_view name) const { return (path_ / name).string(); }
  // Returns the path, which a test that only wants the file there has no use for.
  std::string write(std::string_view name, std::string_view text) const {  // NOLINT(modernize-use-nodiscard)
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace vigil::reports::test
