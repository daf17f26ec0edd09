#include "runtime/src/actor_list.hpp"

#include <algorithm>

#include <sys/mman.h>

#include "runtime/src/fatal.hpp"

namespace vigil::detail {

void ActorList::grow() noexcept {
  constexpr std::size_t kFirstRoom = 512;  // one page
  const std::size_t room = std::max(room_ * 2, kFirstRoom);
  void* const memory =
      ::mmap(nullptr, room * sizeof(void*), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fatal("no memory for the list of those who are ready");
  auto** const actors = static_cast<Actor**>(memory);
  std::copy_n(actors_, count_, actors);
  if (actors_ != nullptr) ::munmap(static_cast<void*>(actors_), room_ * sizeof(void*));
  actors_ = actors;
  room_ = room;
}

void ActorList::add(Actor& actor) noexcept {
  if (count_ == room_) grow();
  actors_[count_++] = &actor;
}

Actor& ActorList::take(std::size_t index) noexcept {
  Actor& taken = *actors_[index];
  actors_[index] = actors_[--count_];
  return taken;
}

}  // namespace vigil::detail
