// Read twice: an actor read-locks a lock again that it has for reading already. Where a waiting writer holds back new
// readers the second waits for the writer, who waits for the first: a cycle over one lock, if a writer may come in
// between.
//
// Threads: the owner locks.
#pragma once

#include "interpose/locks/lock_graph.hpp"
#include "interpose/objects.hpp"

namespace vigil::shim::locks {

class ReadTwice {
 public:
  // A second read lock: the witness says where the first was taken and the second wanted. Tells the cycle with each
  // writer known that may come in between.
  void add_reader(const LockObject& lock, Witness witness) noexcept { add(lock, std::move(witness), true); }
  // A write lock; taken_at says nothing.
  void add_writer(const LockObject& lock, Witness witness) noexcept { add(lock, std::move(witness), false); }
  void remove(LockId lock) noexcept { sides_.erase(lock); }

 private:
  static constexpr std::size_t kMost = 4;  // witnesses a side: the first ones
  struct Sides {
    OwnVector<Witness> readers;
    OwnVector<Witness> writers;
    bool told = false;
  };
  // One finding for each place that reads twice, whoever calls it, with whichever locks, and whoever the writer is.
  struct Bug {
    std::uint64_t nesting = 0;
    std::uint64_t finding = 0;  // as report() numbers it
  };
  void add(const LockObject& lock, Witness witness, bool reads) noexcept;

  void tell(const LockObject& lock, const Witness& reader, const Witness& writer) noexcept;

  OwnMap<LockId, Sides> sides_;
  OwnVector<Bug> bugs_;
};

}  // namespace vigil::shim::locks
