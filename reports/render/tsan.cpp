// ThreadSanitizer's text form, as far as its readers look: `ctest -T memcheck` counts the WARNING lines by their kind,
// editors follow the frames. Kinds are vigil's, in words.
#include <fmt/core.h>

#include <algorithm>

#include "reports/model/user_frames.hpp"
#include "reports/model/utf8.hpp"
#include "reports/render/forms.hpp"
#include "reports/render/words.hpp"

namespace vigil::reports {
namespace {

void add_stack(std::string& out, const Stack& stack) {
  std::size_t number = 0;
  for (const FrameRef& frame : stack) {
    const std::string name = frame->function.empty() ? "<null>" : show_deceptive(frame->function);
    const std::string place = frame->file.empty() ? "<null>" : show_deceptive(place_words(*frame));
    const std::string module = frame->module.substr(frame->module.find_last_of('/') + 1);
    out += fmt::format("    #{} {} {} ({}+{:#x})\n", number++, name, place, show_deceptive(module), frame->offset);
  }
  out += '\n';
}

}  // namespace

std::string render_tsan(const Report& report) {
  std::string out;
  for (const Finding& finding : report.findings) {
    std::string kind = show_deceptive(finding.kind);
    std::replace(kind.begin(), kind.end(), '-', ' ');
    out += fmt::format("==================\nWARNING: ThreadSanitizer: {} (pid={})\n", kind, report.program.pid);
    const Frame* at = nullptr;
    for (const Participant& participant : finding.participants) {
      const std::string doing =
          plain_words(participant.note.empty() ? participant_words(finding, participant) : participant.note);
      out += fmt::format("  {} by {}:\n", doing.empty() ? "Seen" : capitalised(doing),
                         show_deceptive(actor_words(participant.actor)));
      add_stack(out, participant.stack);
      if (at == nullptr) at = first_user_frame(participant.stack);
    }
    out += fmt::format("SUMMARY: ThreadSanitizer: {} {} in {}\n==================\n", kind,
                       at == nullptr ? "<null>" : show_deceptive(place_words(*at)),
                       at == nullptr || at->function.empty() ? "<null>" : show_deceptive(at->function));
  }
  return out;
}

}  // namespace vigil::reports
