#include "interpose/stacks/stack_depot.hpp"

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
  std::uint64_t hash;
  std::uint32_t next;  // id of the next record of the bucket; 0: none
  std::uint32_t generation;
  std::uint32_t count;
  std::atomic<std::uint64_t> stable{0};  // stable_hash(), computed on first request; relaxed: a pure function's value
  std::uintptr_t* frames;                // count pcs, and behind them count module numbers
  std::uint32_t* modules;
};

constexpr unsigned kBucketBits = 18;  // 1 MiB of zero pages: four records a bucket at a million stacks
constexpr std::size_t kChunk = 4096;  // ids a chunk
constexpr std::size_t kChunks = 4096;

using Chunk = std::array<std::atomic<Record*>, kChunk>;

constinit std::array<std::atomic<std::uint32_t>, std::size_t{1} << kBucketBits> buckets{};
constinit std::array<std::atomic<Chunk*>, kChunks> chunks{};
constinit std::atomic<std::uint32_t> last_id{0};  // relaxed: only hands out numbers

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

// The id of an equal record between `from` and `until`, or 0.
std::uint32_t find(std::uint32_t from, std::uint32_t until, std::uint64_t hash, std::uint32_t generation,
                   std::span<const std::uintptr_t> frames) noexcept {
  for (std::uint32_t id = from; id != until; id = record_of(id).next) {
    const Record& record = record_of(id);
    if (record.hash == hash && record.count == frames.size() && record.generation == generation &&
        std::memcmp(record.frames, frames.data(), frames.size_bytes()) == 0) {
      return id;
    }
  }
  return 0;
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

Record* new_record(std::uint64_t hash, std::uint32_t generation, std::span<const std::uintptr_t> frames) noexcept {
  const std::size_t per_frame = sizeof(std::uintptr_t) + sizeof(std::uint32_t);
  auto* const block = static_cast<unsigned char*>(own_allocate(sizeof(Record) + frames.size() * per_frame));
  auto* const record = ::new (block) Record();
  record->hash = hash;
  record->generation = generation;
  record->count = static_cast<std::uint32_t>(frames.size());
  record->frames = reinterpret_cast<std::uintptr_t*>(block + sizeof(Record));
  record->modules = reinterpret_cast<std::uint32_t*>(record->frames + frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    record->frames[i] = frames[i];
    record->modules[i] = module_at(frames[i]);
  }
  return record;
}

const Record* record_or_null(StackId id) noexcept {
  return id == kNoStack ? nullptr : &record_of(static_cast<std::uint32_t>(id));
}

}  // namespace

StackId intern_stack(std::span<const std::uintptr_t> frames) noexcept {
  if (frames.empty()) return kNoStack;
  const std::uint32_t generation = modules_generation();
  const std::uint64_t hash = hash_frames(frames, generation);
  std::atomic<std::uint32_t>& bucket = buckets[hash >> (64U - kBucketBits)];
  std::uint32_t head = bucket.load(std::memory_order_acquire);  // pairs with the release below
  if (const std::uint32_t known = find(head, 0, hash, generation, frames); known != 0) return StackId{known};

  const std::uint32_t id = last_id.fetch_add(1, std::memory_order_relaxed) + 1;
  if (id >= kChunk * kChunks) return kNoStack;  // 16 million distinct stacks: the rest goes without
  Record* const record = new_record(hash, generation, frames);
  record->next = head;
  chunk_for(id)[id % kChunk].store(record, std::memory_order_release);
  // release: who finds the id finds the record.
  while (!bucket.compare_exchange_weak(head, id, std::memory_order_acq_rel, std::memory_order_acquire)) {
    // Others came first: perhaps with this very stack. Then ours stays behind, unreachable but for this block.
    if (const std::uint32_t known = find(head, record->next, hash, generation, frames); known != 0)
      return StackId{known};
    record->next = head;
  }
  return StackId{id};
}

std::span<const std::uintptr_t> frames_of(StackId id) noexcept {
  const Record* const record = record_or_null(id);
  return record == nullptr ? std::span<const std::uintptr_t>() : std::span(record->frames, record->count);
}

ModuleOffset locate(StackId id, std::size_t frame) noexcept {
  const Record* const record = record_or_null(id);
  if (record == nullptr || frame >= record->count) return {};
  const std::uint32_t module = record->modules[frame];
  const std::uintptr_t pc = record->frames[frame];
  return {module, module == 0 ? pc : pc - module_info(module).bias};
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
