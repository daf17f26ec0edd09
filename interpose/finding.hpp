// Finding: plain data, as a detector hands it to report(). Nothing here is formatted or named yet.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "interpose/kinds.hpp"
#include "interpose/stack_capture.hpp"

namespace vigil::shim {

enum class ActorType : std::uint8_t { Task, Thread };

struct ActorInfo {
  ActorType type = ActorType::Thread;
  std::uint64_t id = 0;    // task id, or the thread's number (main is 1)
  std::string_view name;   // thread name or "", copied by report()
  std::string_view state;  // "running", "blocked", "finished", "runnable"
  StackId created_at = kNoStack;
};

enum class ObjectType : std::uint8_t {
  Channel,
  Mutex,
  RwMutex,
  WaitGroup,
  Variable,
  HeapBlock,
  Cond,
  Semaphore,
  Other
};

// Where a local variable lies, in terms of the function that has it. Read by a debugger's means, it has a name.
struct LocalPlace {
  std::uintptr_t pc = 0;          // in the function, inside the call it made last; 0: unknown
  std::uint32_t below_frame = 0;  // bytes from the variable up to the end of the function's frame (DWARF's CFA)
  std::uint32_t above_stack = 0;  // bytes from the function's stack pointer up to the variable
};
// Where one lies that each thread has for its own.
struct ThreadLocalPlace {
  std::uintptr_t code = 0;   // an address in the module that defines it; 0: unknown
  std::uint64_t offset = 0;  // bytes from the beginning of the module's part
};

struct ObjectInfo {
  ObjectType type = ObjectType::Other;
  std::uint64_t id = 0;           // unique per type in this run; printed as c3, m1, w2 ...
  std::int64_t capacity = -1;     // channels: items; variables and blocks: bytes; -1: does not apply
  std::uintptr_t address = 0;     // for naming globals; never part of a fingerprint
  StackId created_at = kNoStack;  // or of its first use, when it has no creation event
  LocalPlace local{};             // of a variable that is not global
  ThreadLocalPlace thread_local_at{};
};

struct Participant {
  std::string_view role;  // "waiter", "sender", "closer", "first", "second", "holder", ...: short, fixed per kind
  ActorInfo actor;
  std::string_view operation;          // "receive", "send", "select", "lock", "wait", "write of 4 bytes" ...
  std::int32_t object = -1;            // index into Finding::objects
  std::span<const std::int32_t> held;  // indices into Finding::objects: locks held at that time
  StackId stack = kNoStack;
  std::int64_t waited_ms = -1;  // how long it has been waiting, where it waits
  std::string_view note = {};   // what this stack shows, e.g. "the channel was closed here"
};

struct Finding {
  Kind kind{};
  bool predicted = false;
  bool proved = false;
  std::string_view message;  // plain words, without symbol names: who waits for whom, what the mechanism saw
  std::string_view hint;     // one sentence: what to do; "" lets the report choose by kind
  std::span<const Participant> participants;
  std::span<const ObjectInfo> objects;
  std::uint64_t count = 1;  // how many equal ones this stands for
};

}  // namespace vigil::shim
