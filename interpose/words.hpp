// Words: the short pieces of text that several findings share.
#pragma once

#include <cstdint>

#include "interpose/finding.hpp"
#include "interpose/fixed_text.hpp"
#include "interpose/objects.hpp"

namespace vigil::shim {

using Phrase = FixedText<256>;

// "task 7", "thread 2", "main".
inline Phrase words_for(const ActorInfo& actor) noexcept {
  Phrase words;
  if (actor.type == ActorType::Thread && actor.id == 1) {
    words << "main";
  } else {
    words << (actor.type == ActorType::Task ? "task " : "thread ") << actor.id;
  }
  return words;
}

// "channel c3 (unbuffered)", "channel c4 (3 items)".
inline Phrase words_for(const ChannelObject& channel) noexcept {
  Phrase words;
  words << "channel c" << channel.id;
  if (channel.capacity == 0) {
    words << " (unbuffered)";
  } else {
    words << " (buffer of " << channel.capacity << ")";
  }
  return words;
}

// "mutex m3", "rw-lock m4".
inline Phrase words_for(const LockObject& lock) noexcept {
  Phrase words;
  words << (lock.type == ObjectType::RwMutex ? "rw-lock m" : lock.is_spin ? "spin lock m" : "mutex m") << lock.id;
  return words;
}

// "1.2 s", "45 ms".
inline Phrase words_for_ms(std::int64_t ms) noexcept {
  Phrase words;
  if (ms < 1000) {
    words << ms << " ms";
  } else if (ms < 60'000) {
    words << ms / 1000 << "." << ms % 1000 / 100 << " s";
  } else {
    words << ms / 60'000 << " min " << ms / 1000 % 60 << " s";
  }
  return words;
}

}  // namespace vigil::shim
