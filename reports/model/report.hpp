// Report: what one run (or several, merged) found, as values. Everything that renders reads this and nothing else.
// The written form is the contract's report model, vigil-report/1; docs/report.schema.json describes it.
//
// Every string is valid UTF-8 but otherwise as hostile as the program that was run: whoever prints it escapes it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace vigil::reports {

struct Frame {
  std::string function;      // demangled, in full; "" when nobody knows
  std::string file;          // "" when unknown
  std::uint32_t line = 0;    // 0 when unknown
  std::string module;        // path of the program or library; "" when unknown
  std::uint64_t offset = 0;  // ELF virtual address in that module
  bool inlined = false;      // it has no call instruction of its own: the next frame outwards holds its code
  // Not saved:
  std::int64_t place_in_function =
      -1;                // lines after the function's declaration, else bytes after its start; -1 unknown
  bool library = false;  // not the user's code; share_frame() finds out
};

// Frames are shared: ten thousand findings name a few hundred places.
using FrameRef = std::shared_ptr<const Frame>;
FrameRef share_frame(Frame frame);    // sets Frame::library (user_frames.hpp says by which rules)
using Stack = std::vector<FrameRef>;  // innermost first

struct Object {
  std::string id;              // "c3", "m1": unique within its run
  std::string type;            // channel mutex rw-mutex wait-group variable heap-block cond semaphore other
  std::string name;            // of a global, else ""
  std::int64_t capacity = -1;  // items of a channel, bytes of a variable or block; -1: does not apply
  Stack created_at;
};

struct Actor {
  std::string type = "thread";  // or "task"
  std::uint64_t id = 0;
  std::string name;
  std::string state;
  Stack created_at;
};

struct Participant {
  std::string role;
  Actor actor;
  std::string operation;
  std::int64_t object = -1;       // index into Finding::objects, -1 for none
  std::vector<std::size_t> held;  // indices into Finding::objects
  Stack stack;
  std::int64_t waited_ms = -1;  // -1: it does not wait
  std::string note;
};

// What actors did around a finding, when the run kept its event ring (timeline=1). Times are ns since the program
// started; a lane's spans are in order and do not overlap.
struct Timeline {
  struct Span {
    std::int64_t from = 0;
    std::int64_t to = 0;
    std::string state;      // running ready blocked
    std::string operation;  // of a blocked one, as in Participant; "" when unknown
    std::string object;     // id of what it is blocked on, "" when unknown
  };
  struct Lane {
    Actor actor;
    std::vector<Span> spans;
  };
  std::int64_t at = 0;  // when it was found
  std::vector<Lane> lanes;
};

enum class Level : std::uint8_t { Error, Warning };

struct Finding {
  std::string kind;
  Level level = Level::Error;
  bool predicted = false;
  bool proved = false;
  std::string fingerprint;  // 16 hex digits
  std::string title;
  std::string message;
  std::string hint;
  std::string test;  // of the program's test framework, "Suite.Name"; "" when nobody told
  std::uint64_t count = 1;
  std::vector<Participant> participants;
  std::vector<Object> objects;
  std::string suppression;  // the line that would silence it
  bool known = false;       // the run's baseline has it: it is shown and does not count
  Timeline timeline;        // without lanes: none was kept
  // Of a merged report, not saved: which of the runs found it, in order, none twice.
  std::vector<std::uint32_t> runs;
};

struct Program {
  std::string path;
  std::vector<std::string> args;
  std::string cwd;
  std::int64_t pid = 0;
  std::int64_t exit_code = 0;
  std::int64_t signal = 0;
  std::string end = "killed";  // exit _exit abort signal deadlock deadline killed
};

struct Tasks {
  std::uint64_t started = 0;
  std::uint64_t finished = 0;
  std::uint64_t peak_alive = 0;
  std::uint64_t alive_at_end = 0;
};

// One actor, or several alike, alive when the program died.
struct StateEntry {
  Actor actor;
  std::string operation;
  std::vector<Object> object;  // none or one
  Stack stack;
  std::int64_t waited_ms = -1;
  std::uint64_t count = 1;
  bool daemon = false;  // of a running program: meant to live as long as it. Not saved.
};

struct Graph {
  struct Node {
    std::string id;
    std::string label;
  };
  struct Edge {
    std::string from;
    std::string to;
    std::string label;
  };
  std::vector<Node> nodes;
  std::vector<Edge> edges;
};

struct Report {
  Program program;
  std::string engine = "none";  // none native tsan
  std::string vigil_version;
  std::int64_t started_at = 0;  // ns since the epoch
  std::string options;          // as given to the run: "name=value:name=value"
  Tasks tasks;
  std::vector<Finding> findings;  // errors first
  std::vector<StateEntry> state;
  Graph lock_order;
  Graph wait_for;
  std::vector<std::string> notes;  // what the reader must know about this report: losses, missing debug information
  std::uint64_t suppressed = 0;    // findings a suppression silenced
};

}  // namespace vigil::reports
