// report(): from a finding to a line in the record file.
//
// Invariants:
//   I1  writer_lock guards everything in `writer`; no other lock of ours but own memory's is taken under it, so records
//   are
//       put together before it is taken.
//   I2  a module's record is in the file before the first record that names the module.
//   I3  nothing is written by a process that did not open the file (the child of a raw fork shares the mapping).
// At a violent end the thread that holds the lock may be the interrupted one: the end waits a moment, then appends
// without the lock. RecordFile moves its end only after a record is whole, so a half-written one is overwritten.
#include "interpose/finding_writer.hpp"

#include <sys/syscall.h>
#include <time.h>

#include <bit>
#include <cstring>

#include "interpose/finding_json.hpp"
#include "interpose/fixed_text.hpp"
#include "interpose/futex_lock.hpp"
#include "interpose/json_text.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/log.hpp"
#include "interpose/options.hpp"
#include "interpose/process_info.hpp"
#include "interpose/race/engine_mode.hpp"
#include "interpose/raw_syscall.hpp"
#include "interpose/record_file.hpp"
#include "interpose/say.hpp"
#include "interpose/tests.hpp"
#include "interpose/timeline.hpp"
#include "interpose/version.hpp"
#include "interpose/writer_state.hpp"

namespace vigil::shim {
namespace {

struct Known {
  std::uint64_t id = 0;       // of the finding in the file
  std::uint64_t total = 0;    // how often it was found
  std::uint64_t written = 0;  // the total that the file tells
};

struct Writer {
  RecordFile file;
  bool tried = false;  // opening was tried; a failure is final
  std::uint64_t next_id = 1;
  std::uint64_t dropped = 0;
  std::array<std::uint64_t, kKinds.size()> by_kind{};
  OwnMap<std::uint64_t, Known> known;
  OwnVector<bool> announced;  // by module number
  std::array<KeptFinding, kMostKept> kept{};
  std::size_t kept_count = 0;
};

constinit FutexLock writer_lock;
constinit Writer* the_writer = nullptr;  // guarded by writer_lock, immortal

// Holds the writer's lock; while the program is ending, only after a bounded wait.
class WriterHold {
 public:
  WriterHold() noexcept {
    if (stage() != Stage::Stopping) {
      writer_lock.lock();
      held_ = true;
      return;
    }
    constexpr int kTries = 200;
    for (int i = 0; i < kTries && !held_; ++i) {
      held_ = writer_lock.try_lock();
      if (held_) return;
      const timespec moment{0, 1'000'000};
      raw_syscall(SYS_nanosleep, reinterpret_cast<long>(&moment), 0);
    }
  }
  ~WriterHold() {
    if (held_) writer_lock.unlock();
  }
  WriterHold(const WriterHold&) = delete;
  WriterHold& operator=(const WriterHold&) = delete;
  // False: the holder will never let go. Only appending is safe then.
  [[nodiscard]] bool held() const noexcept { return held_; }

 private:
  bool held_ = false;
};

thread_local constinit bool announces __attribute__((tls_model("initial-exec"))) = true;

Writer& writer() noexcept {
  if (the_writer == nullptr) the_writer = own_new<Writer>();
  return *the_writer;
}

std::int64_t since_start_ns() noexcept { return steady_now_ns() - process_info().started_steady_ns; }

void append(Writer& to, std::string_view record) noexcept {
  if (!in_own_process() || !to.file.is_open()) return;
  if (to.file.append(record)) return;
  if (to.dropped++ > 0) return;
  Line line;
  line << "the record file is full (" << std::string_view(strerrordesc_np(to.file.last_error()))
       << "): " << to.file.path();
  say(line.view());
}

void write_header(Writer& to) noexcept {
  JsonText json;
  header_json(json);
  append(to, json.view());
}

void open_file(Writer& to) noexcept {
  if (to.tried) return;
  to.tried = true;
  const std::string_view folder = keep_absolute(options().report_dir);
  const int error = to.file.open(folder, process_info().name, process_info().pid);
  if (error == 0) {
    log_line(LogLevel::Info, to.file.path());
    return write_header(to);
  }
  Line line;
  line << "no record file in " << folder << ": " << std::string_view(strerrordesc_np(error))
       << "; findings are told here instead";
  say(line.view());
}

std::uint64_t identity_of(const Finding& finding) noexcept {
  std::uint64_t hash = static_cast<std::uint64_t>(finding.kind) + 1;
  const auto add = [&](StackId stack) {
    hash = (hash ^ static_cast<std::uint64_t>(stack)) * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 32U;
  };
  for (const Participant& one : finding.participants) {
    if (one.role.starts_with("earlier ")) continue;  // what led up to it
    add(one.stack);
    add(one.actor.created_at);
  }
  return hash;
}

void write_repeat(Writer& to, Known& known) noexcept {
  JsonText json;
  json.object()
      .key("type")
      .text("repeat")
      .key("finding")
      .number(known.id)
      .key("count")
      .number(known.total)
      .end_object();
  append(to, json.view());
  known.written = known.total;
}

void keep(Writer& to, const Finding& finding, std::uint64_t id) noexcept {
  if (to.kept_count == kMostKept) return;
  const std::size_t count = finding.participants.size();
  auto* const participants = static_cast<KeptParticipant*>(
      own_allocate(std::max<std::size_t>(count, 1) * sizeof(KeptParticipant), alignof(KeptParticipant)));
  for (std::size_t i = 0; i < count; ++i) {
    const Participant& from = finding.participants[i];
    ::new (participants + i) KeptParticipant{keep_text(from.role), keep_text(from.operation),
                                             keep_text(from.note), keep_text(from.actor.name),
                                             from.actor.type,      from.actor.id,
                                             from.stack,           from.actor.created_at};
  }
  to.kept[to.kept_count++] = {finding.kind,
                              finding.predicted,
                              id,
                              keep_text(finding.message),
                              keep_text(finding.hint),
                              std::span<const KeptParticipant>(participants, count)};
}

void count_more(Writer& to, Known& known, std::uint64_t more) noexcept {
  const std::uint64_t before = known.total;
  known.total += more;
  // Powers of two only: what a hot place costs grows with the logarithm of its count.
  if (std::bit_width(before) != std::bit_width(known.total)) write_repeat(to, known);
}

// Counts a finding that is known already. False: it is new, and registered now under the id it is given.
bool count_known(const Finding& finding, std::uint64_t identity, std::uint64_t& id) noexcept {
  const WriterHold hold;
  if (!hold.held()) return true;
  Writer& to = writer();
  open_file(to);
  if (options().dedup) {
    auto [entry, is_new] = to.known.try_emplace(identity, Known{to.next_id, finding.count, finding.count});
    if (!is_new) {
      count_more(to, entry.value(), finding.count);
      return true;
    }
  }
  id = to.next_id++;
  return false;
}

}  // namespace

void header_json(JsonText& json) noexcept {
  const ProcessInfo& info = process_info();
  json.object().key("type").text("header").key("format").text("vigil-record/1").key("vigil").text(kVersion);
  json.key("program").object().key("path").text(info.path).key("args").array();
  for (const std::string_view argument : info.args) json.text(argument);
  json.end_array().key("cwd").text(info.cwd).key("pid").number(info.pid).end_object();
  json.key("started_at").number(info.started_at_ns).key("engine").text(race::name_of(race::engine_mode()));
  json.key("options").text(options_text());
  if (const std::string_view run = environment_value("VIGIL_RUN"); !run.empty()) json.key("run").text(run);
  json.end_object();
}

void open_record() noexcept {
  const WriterHold hold;
  if (hold.held()) open_file(writer());
}

void report_again(std::uint64_t finding) noexcept {
  if (finding == 0 || !in_own_process()) return;
  const WriterHold hold;
  if (!hold.held()) return;
  Writer& to = writer();
  if (const auto known = to.known.find(finding); known != to.known.end()) count_more(to, known.value(), 1);
}

std::uint64_t report(const Finding& finding) noexcept {
  if (!wants(finding.kind) || !in_own_process()) return 0;
  const std::uint64_t identity = options().dedup ? identity_of(finding) : 0;
  std::uint64_t id = 0;
  if (count_known(finding, identity, id)) return identity;
  JsonText json;
  const std::int64_t at_ns = since_start_ns();
  json_finding(json, finding, id, at_ns, tests::test_of(finding));
  {
    const WriterHold hold;
    Writer& to = writer();
    append(to, json.view());
    if (hold.held()) {
      ++to.by_kind[static_cast<std::size_t>(finding.kind)];
      keep(to, finding, id);
    }
  }
  if (timeline::on()) timeline::write(finding, id, at_ns);
  if (log_on(LogLevel::Info)) {
    Line line;
    line << "finding " << id << ": " << info_of(finding.kind).name << ": " << finding.message;
    log_line(LogLevel::Info, line.view());
  }
  if (options().halt_on_error && info_of(finding.kind).is_error) halt_after_error();
  return identity;
}

void write_record(std::string_view json_object) noexcept {
  const WriterHold hold;
  append(writer(), json_object);
}

void module_json(JsonText& json, std::uint32_t module) noexcept {
  const ModuleInfo& info = module_info(module);
  json.object().key("type").text("module").key("id").number(module).key("path").text(info.path);
  json.key("build_id").text(info.build_id).key("bias").hex(info.bias).key("size").number(info.size);
  json.key("role").text(info.is_program ? "program" : info.is_vigil ? "vigil" : "library").end_object();
}

WithoutAnnouncements::WithoutAnnouncements() noexcept { announces = false; }
WithoutAnnouncements::~WithoutAnnouncements() { announces = true; }

void announce_module(std::uint32_t module) noexcept {
  if (module == 0 || !announces) return;
  JsonText json;
  const WriterHold hold;
  Writer& to = writer();
  if (!hold.held() || (module < to.announced.size() && to.announced[module])) return;
  module_json(json, module);
  if (to.announced.size() <= module) to.announced.resize(module + 1);
  to.announced[module] = true;
  append(to, json.view());
}

FindingCounts finding_counts() noexcept { return writer_summary().counts; }

WriterSummary writer_summary() noexcept {
  const WriterHold hold;
  WriterSummary summary;
  if (the_writer == nullptr) return summary;
  summary.by_kind = the_writer->by_kind;
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    (kKinds[i].is_error ? summary.counts.errors : summary.counts.warnings) += summary.by_kind[i];
  }
  summary.path = the_writer->file.is_open() ? the_writer->file.path() : std::string_view{};
  summary.error = the_writer->file.last_error();
  summary.dropped = the_writer->dropped;
  return summary;
}

std::span<const KeptFinding> kept_findings() noexcept {
  if (the_writer == nullptr) return {};
  return {the_writer->kept.data(), the_writer->kept_count};
}

void write_end(EndKind kind, int exit_code, int signal_number, std::uint64_t skipped) noexcept {
  const WriterSummary summary = writer_summary();
  const WriterHold hold;
  if (the_writer == nullptr) return;
  Writer& to = *the_writer;
  if (hold.held()) {
    for (auto entry = to.known.begin(); entry != to.known.end(); ++entry) {
      if (entry->second.written != entry->second.total) write_repeat(to, entry.value());
    }
  }
  JsonText json;
  json.object().key("type").text("end").key("end").text(name_of(kind)).key("exit_code").number(exit_code);
  json.key("signal").number(signal_number).key("errors").number(summary.counts.errors);
  json.key("warnings").number(summary.counts.warnings).key("dropped").number(summary.dropped);
  json.key("skipped").number(skipped).end_object();
  append(to, json.view());
  to.file.trim();
}

void lock_writer_for_fork() noexcept { writer_lock.lock(); }
void unlock_writer_after_fork() noexcept { writer_lock.unlock(); }

void forget_parent_records() noexcept {
  if (the_writer == nullptr) return;
  the_writer->file.abandon();
  own_delete(the_writer);
  the_writer = nullptr;
}

}  // namespace vigil::shim
