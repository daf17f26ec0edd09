// The record reader on any bytes, and everything behind it: names, fingerprints, titles, and one of the forms.
//
// The input: a byte that chooses the form, one whose lowest bit asks for right checksums (no fuzzer finds a CRC-32),
// then the file. Frames are named by the input itself: an address is a place in it.
#include <fmt/core.h>

#include "reports/load/crc32.hpp"
#include "reports/load/record_file.hpp"
#include "reports/model/finish.hpp"
#include "reports/render/forms.hpp"
#include "test/fuzz/harness.hpp"

namespace {

using namespace vigil::reports;
using namespace vigil::fuzz;

constexpr std::size_t kLongestName = 64;

class NamesFromInput final : public NameSource {
 public:
  explicit NamesFromInput(std::string_view input) : input_(input) {}

  void append_frames(const Module& module, std::uint64_t address, Stack& stack) override {
    Frame frame;
    frame.function = text_at(address);
    if (address % 2 == 0) frame.file = text_at(address / 2);
    frame.line = static_cast<std::uint32_t>(address);
    frame.module = module.path;
    frame.offset = address;
    frame.inlined = address % 3 == 0;
    stack.push_back(share_frame(std::move(frame)));
  }
  std::string data_name(const Module& /*module*/, std::uint64_t address) override { return text_at(address); }

 private:
  // Names are UTF-8 by then: the symbolizer sees to it.
  [[nodiscard]] std::string text_at(std::uint64_t address) const {
    if (input_.empty()) return {};
    std::string text;
    for (const char c : input_.substr(address % input_.size(), address % kLongestName)) {
      text += static_cast<unsigned char>(c) < 0x80 ? c : '?';
    }
    return text;
  }
  std::string_view input_;
};

// Each line that is an object gets the checksum it ought to have.
std::string with_checksums(std::string_view lines) {
  std::string result;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
    if (line.starts_with('{') && line.ends_with('}')) {
      const std::string_view body = line.substr(0, line.size() - 1);
      result += fmt::format("{},\"crc\":\"{:08x}\"}}\n", body, crc32(body));
    } else {
      result.append(line).append("\n");
    }
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view lines = text_of(data + 2, size - 2);
  const MemoryFile file(data[1] % 2 == 1 ? with_checksums(lines) : std::string(lines));
  std::string error;
  const auto record = read_record_file(file.path(), error);
  demand(record.has_value() == error.empty(), "a record is read or there is an error");
  if (!record) return 0;
  NamesFromInput names(lines);
  Report report = to_report(*record, names);
  finish(report, {}, {.join_equal = data[1] % 4 < 2});
  for (const Finding& finding : report.findings) {
    demand(finding.fingerprint.size() == 16 && finding.count > 0, "a finding has a fingerprint and a count");
    if (finding.suppression.empty()) continue;
    Suppressions printed;
    printed.add(finding.suppression, "");
    demand(printed.problems().empty() ? printed.match(finding) : finding.kind.find_first_of(":# \t\r\n\v\f") != 0,
           "the printed suppression silences its finding");
  }
  const auto& form = all_forms()[data[0] % all_forms().size()];
  // Of nothing ThreadSanitizer writes nothing.
  const bool is_silent = form.name == "tsan" && report.findings.empty();
  demand(form.render(report, {}).empty() == is_silent, "a form is not empty");
  return 0;
}
