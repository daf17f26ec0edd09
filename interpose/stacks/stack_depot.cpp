#include "interpose/stacks/stack_depot.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <new>

#include "interpose/own_memory.hpp"
#include "interpose/stack_capture.hpp"
#include "interpose/stacks/modules.hpp"

namespace vigil::shim {
namespace {

struct Record {
  std::uint32_t hash;  // its lower half
  // Ids of the next records in the bucket's tree, of those whose hash has a 0 and a 1 where the way forks; 0: none.
  std::array<std::atomic<std::uint32_t>, 2> next{};
  std::uint32_t generation;
  std::uint32_t base;  // id of the record whose outermost frames are the rest of this one's; 0: has all itself
  std::uint8_t count;  // frames
  std::uint8_t own;    // of them, the innermost: 1 or more
  std::uint8_t depth;  // bases one after another
  std::atomic<std::uint64_t> stable{0};  // stable_hash(), computed on first request; relaxed: a pure function's value
  std::atomic<const std::uintptr_t*> whole{nullptr};  // all frames in a row, made on first request

  // Behind the record: own pcs, and behind them own module numbers.
  [[nodiscard]] std::uintptr_t* frames() noexcept { return reinterpret_cast<std::uintptr_t*>(this + 1); }
  [[nodiscard]] std::uint32_t* modules() noexcept { return reinterpret_cast<std::uint32_t*>(frames() + own); }
};
static_assert(alignof(Record) >= alignof(std::uintptr_t) && sizeof(Record) % alignof(std::uintptr_t) == 0);
static_assert(kMaxFrames <= UINT8_MAX);

constexpr unsigned kBucketBits = 18;  // 1 MiB of zero pages, each bucket the root of a tree by the hash's lower bits
constexpr unsigned kForks = 32;       // then the bits come again: only equal hashes go that far together
constexpr std::size_t kChunk = 4096;  // ids a chunk
constexpr std::size_t kChunks = 4096;
constexpr std::uint8_t kMostBases = 8;  // a stack is compared in at most so many pieces and one

using Chunk = std::array<std::atomic<Record*>, kChunk>;

constinit std::array<std::atomic<std::uint32_t>, std::size_t{1} << kBucketBits> buckets{};
constinit std::array<std::atomic<Chunk*>, kChunks> chunks{};
constinit std::atomic<std::uint32_t> last_id{0};  // relaxed: only hands out numbers
// What this thread made last: its next new stack mostly differs from that at the inner end only.
thread_local constinit std::uint32_t made_last __attribute__((tls_model("initial-exec"))) = 0;

std::uint64_t hash_frames(std::span<const std::uintptr_t> frames, std::uint32_t generation) noexcept {
  std::uint64_t hash = 0x9E3779B97F4A7C15U ^ generation;
  for (const std::uintptr_t pc : frames) {
    hash = (hash ^ pc) * 0xff51afd7ed558ccdU;
    hash ^= hash >> 32U;
  }
  return hash;
}

Record& record_of(std::uint32_t id) noexcept {
  // acquire: pairs with the releases in add_chunk() and new_record(); an id alone may have come by a relaxed way.
  Chunk* const chunk = chunks[id / kChunk].load(std::memory_order_acquire);
  return *(*chunk)[id % kChunk].load(std::memory_order_acquire);
}

// The outermost `left` frames of a record, from the inner ones outwards, in the pieces they are kept in: calls
// visit(record, from) for the record's own frames from that one on, until it says false.
template <class Visit>
bool each_piece(Record& record, std::size_t left, Visit&& visit) noexcept {
  for (Record* at = &record; left != 0; at = &record_of(at->base)) {
    const std::size_t from = at->count - left;
    if (from >= at->own) continue;
    if (!visit(*at, from)) return false;
    left -= at->own - from;
    if (left == 0) break;
  }
  return true;
}

bool has_frames(Record& record, std::span<const std::uintptr_t> frames) noexcept {
  if (record.count != frames.size()) return false;
  return each_piece(record, frames.size(), [&](Record& part, std::size_t from) {
    const std::size_t count = part.own - from;
    const bool same = std::equal(part.frames() + from, part.frames() + part.own, frames.begin());
    frames = frames.subspan(count);
    return same;
  });
}

Chunk& chunk_for(std::uint32_t id) noexcept {
  std::atomic<Chunk*>& place = chunks[id / kChunk];
  Chunk* chunk = place.load(std::memory_order_acquire);
  if (chunk != nullptr) return *chunk;
  Chunk* const fresh = own_new<Chunk>();
  // release: the zeroed chunk; acquire: another's.
  if (place.compare_exchange_strong(chunk, fresh, std::memory_order_acq_rel)) return *fresh;
  own_delete(fresh);
  return *chunk;
}

// How many of the outermost frames are those of the record as well.
std::size_t common_callers(Record& record, std::span<const std::uintptr_t> frames) noexcept {
  const std::size_t most = std::min<std::size_t>(record.count, frames.size());
  std::size_t run = 0;  // frames that were equal one after another up to now
  std::span<const std::uintptr_t> rest = frames.last(most);
  each_piece(record, most, [&](Record& part, std::size_t from) {
    for (std::size_t i = from; i < part.own; ++i) run = part.frames()[i] == rest[i - from] ? run + 1 : 0;
    rest = rest.subspan(part.own - from);
    return true;
  });
  return run;
}

struct Base {
  std::uint32_t id = 0;
  std::size_t frames = 0;  // of it, the outermost
};

Base base_for(std::span<const std::uintptr_t> frames, std::uint32_t generation) noexcept {
  if (made_last == 0) return {};
  Base base{.id = made_last};
  if (record_of(base.id).generation != generation) return {};
  // One frame at least is the stack's own.
  base.frames = std::min(common_callers(record_of(base.id), frames), frames.size() - 1);
  // What the base has from another, or too far away, is that one's.
  while (base.frames != 0) {
    const Record& record = record_of(base.id);
    const std::size_t from_its_base = record.count - record.own;
    if (base.frames > from_its_base && record.depth < kMostBases) return base;
    base = {.id = record.base, .frames = std::min(base.frames, from_its_base)};
  }
  return {};
}

Record* new_record(std::uint32_t hash, std::uint32_t generation, std::span<const std::uintptr_t> frames) noexcept {
  const Base base = base_for(frames, generation);
  const std::size_t own = frames.size() - base.frames;
  const std::size_t per_frame = sizeof(std::uintptr_t) + sizeof(std::uint32_t);
  auto* const record = ::new (own_allocate(sizeof(Record) + own * per_frame)) Record();
  record->hash = hash;
  record->generation = generation;
  record->base = base.id;
  record->count = static_cast<std::uint8_t>(frames.size());
  record->own = static_cast<std::uint8_t>(own);
  if (base.id != 0) record->depth = record_of(base.id).depth + 1;
  for (std::size_t i = 0; i < own; ++i) {
    record->frames()[i] = frames[i];
    record->modules()[i] = module_at(frames[i]);
  }
  return record;
}

// A record that nothing leads to yet; its id. 0: there are too many.
std::uint32_t add_record(std::uint32_t hash, std::uint32_t generation,
                         std::span<const std::uintptr_t> frames) noexcept {
  const std::uint32_t id = last_id.fetch_add(1, std::memory_order_relaxed) + 1;
  if (id >= kChunk * kChunks) return 0;  // 16 million distinct stacks: the rest goes without
  chunk_for(id)[id % kChunk].store(new_record(hash, generation, frames), std::memory_order_release);
  made_last = id;
  return id;
}

Record* record_or_null(StackId id) noexcept {
  return id == kNoStack ? nullptr : &record_of(static_cast<std::uint32_t>(id));
}

}  // namespace

StackId intern_stack(std::span<const std::uintptr_t> frames) noexcept {
  if (frames.empty()) return kNoStack;
  frames = frames.first(std::min(frames.size(), kMaxFrames));
  const std::uint32_t generation = modules_generation();
  const std::uint64_t whole_hash = hash_frames(frames, generation);
  const auto hash = static_cast<std::uint32_t>(whole_hash);
  std::uint32_t fresh = 0;
  std::atomic<std::uint32_t>* place = &buckets[whole_hash >> (64U - kBucketBits)];
  for (unsigned fork = 0;; fork = (fork + 1) % kForks) {
    std::uint32_t id = place->load(std::memory_order_acquire);  // pairs with the release half of the exchange below
    if (id == 0) {
      if (fresh == 0 && (fresh = add_record(hash, generation, frames)) == 0) return kNoStack;
      // release: who finds the id finds the record. acquire: others came first, perhaps with this very stack; then ours
      // stays behind.
      if (place->compare_exchange_strong(id, fresh, std::memory_order_acq_rel, std::memory_order_acquire))
        return StackId{fresh};
    }
    Record& record = record_of(id);
    if (record.hash == hash && record.generation == generation && has_frames(record, frames)) return StackId{id};
    place = &record.next[(hash >> fork) & 1U];
  }
}

std::span<const std::uintptr_t> frames_of(StackId id) noexcept {
  Record* const record = record_or_null(id);
  if (record == nullptr) return {};
  if (record->own == record->count) return {record->frames(), record->count};
  // acquire: pairs with the release half of the exchange below; the frames.
  const std::uintptr_t* whole = record->whole.load(std::memory_order_acquire);
  if (whole != nullptr) return {whole, record->count};
  const std::size_t bytes = record->count * sizeof(std::uintptr_t);
  auto* const fresh = static_cast<std::uintptr_t*>(own_allocate(bytes));
  std::uintptr_t* to = fresh;
  each_piece(*record, record->count, [&](Record& part, std::size_t from) {
    to = std::copy(part.frames() + from, part.frames() + part.own, to);
    return true;
  });
  if (record->whole.compare_exchange_strong(whole, fresh, std::memory_order_acq_rel)) return {fresh, record->count};
  own_free(fresh, bytes);
  return {whole, record->count};
}

ModuleOffset locate(StackId id, std::size_t frame) noexcept {
  Record* const record = record_or_null(id);
  if (record == nullptr || frame >= record->count) return {};
  ModuleOffset place{};
  each_piece(*record, record->count - frame, [&](Record& part, std::size_t from) {
    const std::uint32_t module = part.modules()[from];
    const std::uintptr_t pc = part.frames()[from];
    place = {module, module == 0 ? pc : pc - module_info(module).bias};
    return false;
  });
  return place;
}

std::uint64_t stable_hash(StackId id) noexcept {
  if (id == kNoStack) return 0;
  Record& record = record_of(static_cast<std::uint32_t>(id));
  if (const std::uint64_t known = record.stable.load(std::memory_order_relaxed); known != 0) return known;
  std::uint64_t hash = 0x9E3779B97F4A7C15U;
  for (std::size_t i = 0; i < record.count; ++i) {
    const ModuleOffset place = locate(id, i);
    // Outside every module (code made at run time) an address says nothing about the next run.
    const std::uint64_t word = place.module == 0 ? 0 : module_identity(place.module) + place.offset;
    hash = (hash ^ word) * 0xff51afd7ed558ccdU;
    hash ^= hash >> 32U;
  }
  if (hash == 0) hash = 1;
  record.stable.store(hash, std::memory_order_relaxed);
  return hash;
}

std::size_t stacks_interned() noexcept { return last_id.load(std::memory_order_relaxed); }

}  // namespace vigil::shim
