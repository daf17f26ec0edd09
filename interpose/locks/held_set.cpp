#include "interpose/locks/held_set.hpp"

#include "interpose/locks/held_locks.hpp"
#include "interpose/own_memory.hpp"

namespace vigil::shim::locks {
namespace {

constinit std::atomic<std::size_t> links{0};  // relaxed: a count that nothing follows from but how much is kept

}  // namespace

HeldSet::HeldSet(const HeldSet& other) noexcept : youngest_(other.youngest_) {
  // relaxed: whoever copies holds a reference already.
  if (youngest_ != nullptr) youngest_->references.fetch_add(1, std::memory_order_relaxed);
}

HeldSet::~HeldSet() {
  const Link* link = youngest_;
  // acq_rel: what others did with the link happens before it is freed.
  while (link != nullptr && link->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    const Link* const older = link->older;
    own_delete(const_cast<Link*>(link));
    links.fetch_sub(1, std::memory_order_relaxed);
    link = older;
  }
}

HeldSet::HeldSet(std::span<const HeldLock> held, const HeldSet& like) noexcept {
  const Link* shared = like.youngest_;
  while (shared != nullptr && shared->count > held.size()) shared = shared->older;
  // Shared is what lies below the oldest difference.
  for (const Link* link = shared; link != nullptr; link = link->older) {
    const HeldLock& one = held[link->count - 1];
    if (link->lock != one.lock || link->taken_at != one.taken_at || link->mode != one.mode) shared = link->older;
  }
  if (shared != nullptr) shared->references.fetch_add(1, std::memory_order_relaxed);
  youngest_ = shared;
  for (std::size_t i = count(); i < held.size(); ++i) {
    Link* const link = own_new<Link>();
    link->older = youngest_;
    link->lock = held[i].lock;
    link->taken_at = held[i].taken_at;
    link->mode = held[i].mode;
    link->count = static_cast<std::uint32_t>(i + 1);
    youngest_ = link;
    links.fetch_add(1, std::memory_order_relaxed);
  }
}

const HeldSet::Link* HeldSet::find(LockId lock) const noexcept {
  const Link* link = youngest_;
  while (link != nullptr && link->lock != lock) link = link->older;
  return link;
}

std::size_t HeldSet::links_alive() noexcept { return links.load(std::memory_order_relaxed); }

}  // namespace vigil::shim::locks
