#include "interpose/plain_report.hpp"

#include <algorithm>

#include "interpose/fixed_text.hpp"
#include "interpose/say.hpp"
#include "interpose/stack_capture.hpp"
#include "interpose/symbolize.hpp"
#include "interpose/writer_state.hpp"

namespace vigil::shim {
namespace {

constexpr std::size_t kMostFrames = 12;
constexpr std::size_t kMostParticipants = 4;

// Names and texts come from the program: what would steer a terminal is shown as '?'.
template <std::size_t kCapacity>
void add_plain(FixedText<kCapacity>& line, std::string_view text) noexcept {
  for (const char c : text) {
    const bool steers = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    line << std::string_view(steers ? "?" : &c, 1);
  }
}

void print_stack(StackId stack, std::string_view title) noexcept {
  const auto frames = frames_of(stack);
  if (frames.empty()) return;
  Line head;
  head << "    " << title << ":\n";
  say_raw(head.view());
  for (std::size_t i = 0; i < std::min(frames.size(), kMostFrames); ++i) {
    const ModuleOffset at = locate(frames[i]);
    FrameText name;
    symbolize(frames[i], name);
    FixedText<2048> line;
    line << "      #" << i << " ";
    add_plain(line, name.view().empty() ? "??" : name.view());
    if (at.module != 0) {
      line << " (";
      const std::string_view path = module_info(at.module).path;
      add_plain(line, path.substr(path.rfind('/') + 1));
      line << "+0x";
      line.hex(at.offset) << ")";
    }
    line << "\n";
    say_raw(line.view());
  }
  if (frames.size() > kMostFrames) say_raw("      ...\n");
}

void print_finding(const KeptFinding& finding) noexcept {
  const KindInfo& kind = info_of(finding.kind);
  FixedText<4096> line;
  line << "vigil: " << (kind.is_error ? "error: " : "warning: ") << kind.name
       << (finding.predicted ? " (predicted): " : ": ");
  add_plain(line, finding.message);
  line << "\n";
  say_raw(line.view());
  for (const KeptParticipant& one :
       finding.participants.first(std::min(finding.participants.size(), kMostParticipants))) {
    Line head;
    head << "  ";
    add_plain(head, one.role);
    head << ": " << (one.actor == ActorType::Task ? "task " : "thread ") << one.actor_id;
    if (!one.operation.empty()) head << ", ", add_plain(head, one.operation);
    if (!one.note.empty()) head << " - ", add_plain(head, one.note);
    head << "\n";
    say_raw(head.view());
    print_stack(one.stack, "at");
    print_stack(one.created_at, "created at");
  }
}

}  // namespace

void print_kept_findings() noexcept {
  for (const KeptFinding& finding : kept_findings()) print_finding(finding);
}

}  // namespace vigil::shim
