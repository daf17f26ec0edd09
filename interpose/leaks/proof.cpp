#include "interpose/leaks/proof.hpp"

#include <algorithm>
#include <array>

#include "interpose/actor.hpp"
#include "interpose/end.hpp"
#include "interpose/leaks/any_byte.hpp"
#include "interpose/leaks/kernel_words.hpp"
#include "interpose/leaks/still_threads.hpp"
#include "interpose/life/ends_in_time.hpp"
#include "interpose/locks/lock_waits.hpp"
#include "interpose/objects.hpp"
#include "interpose/runtime_view.hpp"
#include "interpose/stacks/callers_frame.hpp"
#include "interpose/stacks/modules.hpp"
#include "interpose/stacks/safe_read.hpp"
#include "interpose/threads.hpp"
#include "interpose/waits.hpp"

namespace vigil::shim::leaks {
namespace {

// What a parked task saved of itself lies lowest; the runtime keeps its address in places that say nothing.
constexpr std::uintptr_t kSavedBytes = 64;

// What earlier steps of the look left below is no word of the program's.
[[gnu::noinline]] void wipe_stack_below() noexcept {
  constexpr std::size_t kBytes = 32U << 10U;  // more than the search takes: what was written here is our stack
  volatile std::uint64_t below[kBytes / 8];
  for (volatile std::uint64_t& word : below) word = 0;
}

// The stack that we use ourselves while memory is searched: channels' addresses pass through it.
[[gnu::noinline]] AddressRange own_frames() noexcept {
  wipe_stack_below();
  constexpr std::uintptr_t kLeaf = 1024;  // whatever a visit calls in its turn
  const std::uint64_t word = 0;
  const auto at = reinterpret_cast<std::uintptr_t>(&word);
  std::uintptr_t deepest = at;
  auto measure = [&](std::span<const std::uintptr_t> /*words*/, std::uintptr_t /*at*/) {
    deepest = std::min(deepest, reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)));
  };
  if (!MemorySearch::read({at, at + sizeof(word)}, measure)) return {};
  // run() lies between this and read(), with a table of its own.
  constexpr std::uintptr_t kRun = 8192;
  return {deepest - kRun - kLeaf, std::max(stack_pointer_at_end(), at)};
}

// The frames that began threads, ours and libc's: they have registers of whoever created the thread, and nothing else
// that counts (wrap_thread.cpp).
void add_first_frames(OwnVector<AddressRange>& to) noexcept {
  for_each_thread(
      [](Actor& thread, void* context) noexcept {
        const ThreadPart& part = *thread.thread;
        const std::uintptr_t low = part.stack_high.load(std::memory_order_relaxed);
        const std::uintptr_t first = part.first_frame.load(std::memory_order_relaxed);
        const bool runs = part.state.load(std::memory_order_acquire) == ThreadState::Running;
        if (low == 0 || !runs || !unwind::is_readable(first)) return true;
        static_cast<OwnVector<AddressRange>*>(context)->push_back({low, unwind::end_of_callers_frame(first)});
        return true;
      },
      &to);
}

template <class List>
AddressRange around(const List& list) noexcept {
  AddressRange all{.low = ~std::uintptr_t{0}, .high = 0};
  for (const AddressRange& one : list) all = {std::min(all.low, one.low), std::max(all.high, one.high)};
  return all;
}

}  // namespace

void Proof::add_candidate(const vigil_probe_actor_view& view, const ParkedStack& stack) noexcept {
  const bool is_task = (view.flags & VIGIL_ACTOR_IS_THREAD) == 0;
  candidates_.push_back(
      {.key = view.actor->watch != nullptr ? key_of(*static_cast<const Actor*>(view.actor->watch)) : ActorKey{},
       .frames = is_task ? AddressRange{stack.used.low + kSavedBytes, reinterpret_cast<std::uintptr_t>(view.actor)}
                         : stack.used,
       .stack = stack.used,
       .low = stack.low,
       .notes = stack.notes,
       .closure = stack.closure,
       .is_task = is_task});
  // A task's whole stack is none.
  if (!is_task) leave_out_thread(stack);
  Candidate& candidate = candidates_.back();
  if (needs_nobody(view.wait->kind)) return;
  const bool for_lock = waits_for_lock(view.wait->kind);
  const LockObject* const lock = for_lock ? lock_objects().find(view.wait->object) : nullptr;
  const auto* const actor = static_cast<const Actor*>(view.actor->watch);
  if (for_lock && (lock == nullptr || actor == nullptr || !locks::waits_for_its_own(*actor, *lock))) {
    candidate.hope = Candidate::Hope::Lock;
    const bool is_known = lock != nullptr && lock->is_held() && !lock->wandered.load(std::memory_order_relaxed);
    if (is_known) candidate.holder = lock->holder.load(std::memory_order_relaxed);
  } else if (!waits_on_channels(view.wait->kind)) {
    candidate.hope = Candidate::Hope::Object;
    candidate.object = reinterpret_cast<std::uintptr_t>(view.wait->object);
  }
  for (std::uint32_t i = 0; i < view.wait->case_count; ++i) {
    const void* const channel = view.wait->cases[i].channel;
    if (channel == nullptr) continue;
    vigil_probe_channel_view known{};
    runtime()->look_at_channel(channel, &known);
    const auto address = reinterpret_cast<std::uintptr_t>(channel);
    channels_.push_back({.record = {address, address + known.bytes}, .handles = known.handles});
    candidate.channels.push_back(address);
  }
}

void Proof::leave_out_thread(const ParkedStack& stack) noexcept {
  not_roots_.push_back({stack.low, stack.used.high});
  if (stack.closure.low != stack.closure.high) not_roots_.push_back(stack.closure);
}

void Proof::add_candidate(const BlockedThread& thread) noexcept {
  leave_out_thread(thread.stack);
  candidates_.push_back({.key = thread.key,
                         .frames = thread.stack.used,
                         .stack = thread.stack.used,
                         .low = thread.stack.low,
                         .notes = thread.stack.notes,
                         .closure = thread.stack.closure,
                         .hope = Candidate::Hope::Lock,
                         .holder = thread.holder});
}

// False: somebody's registers are nowhere to be read.
bool Proof::collect() noexcept {
  bool known = true;
  vigil_probe_counts counts{};
  runtime()->counts(&counts);
  candidates_.reserve(counts.alive);  // a million are 300 MB, and twice that while they are moved
  channels_.reserve(counts.alive);
  ParkedStacks stacks;
  for_each_actor([&](const vigil_probe_actor_view& view) {
    const bool is_thread = (view.flags & VIGIL_ACTOR_IS_THREAD) != 0;
    const bool parked = view.state == VIGIL_TASK_PARKED && view.wait != nullptr;
    const bool is_stuck = parked && needs_others(*view.wait) && !ends_in_time(*view.wait);
    if (is_thread) {
      // Unless it is stuck its stack is memory like any other.
      const ParkedStack stack = is_stuck ? stacks.of(view) : ParkedStack{};
      if (stack.is_known()) add_candidate(view, stack);
      return true;
    }
    if (parked && view.saved != nullptr) {
      // The thread that makes its call is asked like any other; what the call is given lies on the task's stack.
      known = view.wait->kind != VIGIL_WAIT_BLOCKING || services_are_told();
      if (is_stuck) {
        add_candidate(view, {.used = {view.saved->rsp, view.stack_high}, .low = view.saved->rsp});
      } else {
        roots_.push_back({view.saved->rsp - kRedZone, view.stack_high});
      }
    } else {
      // The one that ends the program is interrupted, or called us: its registers are on some stack. Of others that run
      // that is asked later, of their threads.
      const AddressRange stack{view.stack_low, view.stack_high};
      if (view.state == VIGIL_TASK_RUNNING && (self_ == nullptr || view.actor->watch != self_)) {
        running_.push_back(stack);
      }
      roots_.push_back(stack);
    }
    return known;
  });
  if (!known) return false;
  blocked_ = blocked_threads(stacks);
  for (const BlockedThread& thread : blocked_) add_candidate(thread);
  runtime()->each_own_range(
      [](std::uintptr_t low, std::uintptr_t high, void* context) {
        static_cast<OwnVector<AddressRange>*>(context)->push_back({low, high});
        return 1;
      },
      &not_roots_);
  add_first_frames(not_roots_);
  std::sort(candidates_.begin(), candidates_.end(),
            [](const Candidate& a, const Candidate& b) { return a.frames.low < b.frames.low; });
  std::sort(channels_.begin(), channels_.end(),
            [](const Channel& a, const Channel& b) { return a.record.low < b.record.low; });
  for (std::uint32_t i = 0; i < candidates_.size(); ++i) {
    if (candidates_[i].closure.low != candidates_[i].closure.high) closures_.push_back(i);
  }
  std::ranges::sort(closures_, {}, [this](std::uint32_t i) { return candidates_[i].closure.low; });
  channels_.erase(std::unique(channels_.begin(), channels_.end(),
                              [](const Channel& a, const Channel& b) { return a.record.low == b.record.low; }),
                  channels_.end());
  return true;
}

// Those that candidates own. Demands that nobody moves: a block is gone, or another, as soon as an owner lets it go.
void Proof::find_blocks() noexcept {
  // At the end of a program there may be a million, of which each has its own words.
  constexpr std::size_t kMostCandidates = 20'000;
  if (candidates_.size() > kMostCandidates) return;
  AddressRange own{};
  auto look = [&](std::span<const std::uintptr_t> words, std::uintptr_t /*at*/) { shared_.look_at(words, own); };
  for (const Candidate& candidate : candidates_) {
    own = candidate.stack;
    if (!read_own(candidate, candidate.stack.low, look)) return;
  }
  shared_.find();
  blocks_.resize(shared_.all().size());
  OwnVector<AddressRange> ranges;
  for (const SharedBlock& block : shared_.all()) ranges.push_back(block.range);
  not_roots_.insert(not_roots_.end(), ranges.begin(), ranges.end());
  all_blocks_ = around(ranges);
}

// Who waits for whom, in the order of addresses.
void Proof::link_candidates() noexcept {
  OwnMap<ActorKey, std::uint32_t> by_key;
  for (std::uint32_t i = 0; i < candidates_.size(); ++i) {
    for (const std::uintptr_t address : candidates_[i].channels) channel_at(address)->waiters.push_back(i);
    if (candidates_[i].key != ActorKey{}) by_key[candidates_[i].key] = i;
  }
  for (std::uint32_t i = 0; i < candidates_.size(); ++i) {
    Candidate& one = candidates_[i];
    if (one.hope == Candidate::Hope::Object) {
      Candidate* const owner = candidate_at(one.object);
      const std::size_t block = shared_.index_at(one.object);
      if (owner != nullptr) {
        owner->those_who_hope.push_back(i);
      } else if (block != SharedBlocks::kNone) {
        blocks_[block].those_who_hope.push_back(i);
      } else {
        revive(one, {});
      }
    } else if (one.hope == Candidate::Hope::Lock) {
      const auto holder = by_key.find(one.holder);
      holder != by_key.end() ? candidates_[holder->second].those_who_hope.push_back(i) : revive(one, {});
    }
  }
}

Proof::Candidate* Proof::candidate_at(std::uintptr_t address) noexcept {
  auto after = std::upper_bound(candidates_.begin(), candidates_.end(), address,
                                [](std::uintptr_t at, const Candidate& one) { return at < one.frames.low; });
  return after != candidates_.begin() && (--after)->frames.holds(address) ? &*after : nullptr;
}

Proof::Candidate* Proof::candidate_with_closure_at(std::uintptr_t address) noexcept {
  const auto after =
      std::ranges::upper_bound(closures_, address, {}, [this](std::uint32_t i) { return candidates_[i].closure.low; });
  if (after == closures_.begin()) return nullptr;
  Candidate& one = candidates_[*(after - 1)];
  return one.closure.holds(address) ? &one : nullptr;
}

Proof::Channel* Proof::channel_at(std::uintptr_t address) noexcept {
  auto after = std::upper_bound(channels_.begin(), channels_.end(), address,
                                [](std::uintptr_t at, const Channel& one) { return at < one.record.low; });
  if (after == channels_.begin()) return nullptr;
  return (--after)->record.holds(address) ? &*after : nullptr;
}

void Proof::revive(Candidate& candidate, Found by) noexcept {
  if (std::exchange(candidate.live, true)) return;
  candidate.found = by;
  revived_.push_back(static_cast<std::uint32_t>(&candidate - candidates_.data()));
}

void Proof::revive_block(std::size_t index, Found by) noexcept {
  Block& block = blocks_[index];
  if (std::exchange(block.live, true)) return;
  revived_blocks_.push_back(static_cast<std::uint32_t>(index));
  for (const std::uint32_t one : block.those_who_hope) revive(candidates_[one], by);
}

void Proof::reach(Channel& channel, Found by) noexcept {
  // Without handles a word is a memory of one.
  if (channel.handles == 0 || std::exchange(channel.reached, true)) return;
  for (const std::uint32_t waiter : channel.waiters) revive(candidates_[waiter], by);
}

void Proof::see(std::span<const std::uintptr_t> words, std::uintptr_t at) noexcept {
  constexpr std::uintptr_t kPlain = 0x0000'ffff'ffff'fff8;  // pointers may carry marks at both ends
  for (const std::uintptr_t& word : words) {
    const std::uintptr_t address = word & kPlain;
    const auto found = [&]() -> Found {
      return {at + sizeof(word) * static_cast<std::uintptr_t>(&word - words.data()), word};
    };
    // Both: frames may lie between channels.
    if (all_channels_.holds(address)) {
      if (Channel* const channel = channel_at(address)) reach(*channel, found());
    }
    if (all_frames_.holds(address)) {
      Candidate* const owner = candidate_at(address);
      if (owner != nullptr && !owner->notes.holds(found().at)) revive(*owner, found());
    }
    if (all_closures_.holds(address)) {
      if (Candidate* const owner = candidate_with_closure_at(address)) revive(*owner, found());
    }
    if (all_blocks_.holds(address)) {
      if (const std::size_t block = shared_.index_at(address); block != SharedBlocks::kNone) {
        revive_block(block, found());
      }
    }
  }
}

void Proof::see_all(std::span<const std::uintptr_t> words, std::uintptr_t at) noexcept {
  see(words, at);
  if (!everywhere_ || words.empty()) return;
  const auto look = [this](std::span<const std::uintptr_t> at_any_byte, std::uintptr_t from) {
    each_word_at_any_byte(reinterpret_cast<const unsigned char*>(at_any_byte.data()), at_any_byte.size_bytes(), all_,
                          [&](std::uintptr_t word, std::size_t where) {
                            see({&word, 1}, from + where);
                          });
  };
  // Memory is read in pieces, and a pointer may lie across two.
  if (at == piece_end_) {
    const std::array<std::uintptr_t, 2> across{last_word_, words.front()};
    look(across, at - sizeof(std::uintptr_t));
  }
  look(words, at);
  piece_end_ = at + words.size_bytes();
  last_word_ = words.back();
}

bool Proof::search_roots(std::span<const std::uintptr_t> stack_pointers) noexcept {
  MemorySearch search(most_bytes_);
  // Our own memory comes last, with that of the list of what is left out: it has the channels' addresses itself.
  constexpr std::size_t kOthers = 16;  // what follows here, and what is mapped meanwhile
  OwnVector<AddressRange> own{};
  if (!add_own_mappings(own)) return false;
  search.expect(not_roots_.size() + channels_.size() + own.size() + kOthers);
  own.clear();
  if (!add_own_mappings(own)) return false;
  for (const AddressRange& range : own) search.leave_out(range);
  for (const AddressRange& range : not_roots_) search.leave_out(range);
  // Who waits on a channel is in the channel's record.
  for (const Channel& channel : channels_) search.leave_out(channel.record);
  search.leave_out({shim_code.low.load(std::memory_order_relaxed), shim_code.high.load(std::memory_order_relaxed)});
  search.leave_out(own_frames());
  auto visit = [this](std::span<const std::uintptr_t> words, std::uintptr_t at) { see_all(words, at); };
  bool all = search.run(visit);
  for (AddressRange stack : roots_) {
    // Of a task that is halted: below that nothing is alive.
    for (const std::uintptr_t pointer : stack_pointers) {
      if (stack.holds(pointer)) stack.low = pointer - kRedZone;
    }
    all = all && MemorySearch::read(stack, visit);
  }
  // No place of memory is theirs.
  return all && each_kernel_word([](std::span<const std::uintptr_t> words, std::uintptr_t place,
                                    void* proof) { static_cast<Proof*>(proof)->see_all(words, place); },
                                 this);
}

template <class Visit>
bool Proof::read_own(const Candidate& candidate, std::uintptr_t low, Visit& visit) noexcept {
  if (!candidate.is_task) {
    return MemorySearch::read({low, candidate.stack.high}, visit) && MemorySearch::read(candidate.closure, visit);
  }
  // There for as long as the runtime is paused, and there may be a million: no system call for each.
  const std::uintptr_t first = (low + 7) & ~std::uintptr_t{7};
  const std::size_t words = candidate.stack.high > first ? (candidate.stack.high - first) / sizeof(std::uintptr_t) : 0;
  visit({reinterpret_cast<const std::uintptr_t*>(first), words}, first);
  return true;
}

// Those who are live can reach whatever is on their stacks, and whatever is in blocks that can be reached.
bool Proof::spread() noexcept {
  auto visit = [this](std::span<const std::uintptr_t> words, std::uintptr_t at) { see_all(words, at); };
  while (!revived_.empty() || !revived_blocks_.empty()) {
    if (revived_.empty()) {
      const std::uint32_t block = revived_blocks_.back();
      revived_blocks_.pop_back();
      if (!MemorySearch::read(shared_.all()[block].range, visit)) return false;
      continue;
    }
    const Candidate& candidate = candidates_[revived_.back()];
    revived_.pop_back();
    for (const std::uint32_t one : candidate.those_who_hope) revive(candidates_[one], {});
    if (!read_own(candidate, candidate.low, visit)) return false;
  }
  return true;
}

// Channels with more handles than words that could be one, on the stacks of the dead and in what they own, have a
// handle elsewhere; blocks with more owners, an owner.
bool Proof::count_handles() noexcept {
  OwnMap<std::uintptr_t, std::uint64_t> found;
  const AddressRange* within = nullptr;  // a block, which does not own itself
  auto count = [&](std::span<const std::uintptr_t> words, std::uintptr_t /*at*/) {
    for (const std::uintptr_t word : words) {
      const bool is_self = within != nullptr && within->holds(word);
      if ((all_channels_.holds(word) || all_blocks_.holds(word)) && !is_self) ++found[word];
    }
  };
  for (const Candidate& candidate : candidates_) {
    if (candidate.live) continue;
    if (!read_own(candidate, candidate.stack.low, count)) return false;
  }
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    if (blocks_[i].live) continue;
    within = &shared_.all()[i].range;
    if (!MemorySearch::read(*within, count)) return false;
  }
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const SharedBlock& block = shared_.all()[i];
    const auto words = found.find(block.range.low);
    if (block.owners > (words == found.end() ? 0 : words->second)) revive_block(i, {});
  }
  for (Channel& channel : channels_) {
    const auto words = found.find(channel.record.low);
    if (channel.handles > (words == found.end() ? 0 : words->second)) reach(channel, {});
  }
  return true;
}

// What memory says, to its end.
bool Proof::search(std::span<const std::uintptr_t> stack_pointers) noexcept {
  // Twice counted: a channel that the count finds reached may lead to others.
  bool known = search_roots(stack_pointers) && spread() && count_handles();
  while (known && !(revived_.empty() && revived_blocks_.empty())) known = spread() && count_handles();
  return known;
}

bool Proof::search_everywhere(std::span<const std::uintptr_t> stack_pointers) noexcept {
  if (std::ranges::all_of(candidates_, &Candidate::live)) return true;
  everywhere_ = true;
  all_ = {.low = ~std::uintptr_t{0}, .high = 0};
  for (const AddressRange& one : {all_channels_, all_frames_, all_closures_, all_blocks_}) {
    if (one.low < one.high) all_ = {std::min(all_.low, one.low), std::max(all_.high, one.high)};
  }
  for (std::uint32_t i = 0; i < candidates_.size(); ++i) {
    if (candidates_[i].live) revived_.push_back(i);
  }
  for (std::uint32_t i = 0; i < blocks_.size(); ++i) {
    if (blocks_[i].live) revived_blocks_.push_back(i);
  }
  return search(stack_pointers);
}

bool Proof::lean_on_shared(std::span<const ActorKey> actors) noexcept {
  bool any = false;
  auto look = [&](std::span<const std::uintptr_t> words, std::uintptr_t /*at*/) {
    any = any || std::ranges::any_of(
                     words, [&](std::uintptr_t word) { return shared_.index_at(word) != SharedBlocks::kNone; });
  };
  for (const Candidate& candidate : candidates_) {
    const bool is_asked = std::ranges::find(actors, candidate.key) != actors.end();
    if (is_asked && !read_own(candidate, candidate.stack.low, look)) return true;
  }
  return any;
}

Line Proof::why_alive(ActorKey actor) const noexcept {
  Line line;
  const auto one = std::ranges::find(candidates_, actor, &Candidate::key);
  if (one == candidates_.end() || !one->live) return line;
  if (one->found.at == 0) return line << "it waits for one that lives, or for what lies in reach of anybody";
  line << "0x";
  line.hex(one->found.word) << " was found at 0x";
  line.hex(one->found.at);
  const FixedText<64> name = Mappings().name_at(one->found.at);
  if (!name.view().empty()) line << " in " << name.view();
  return line;
}

Proof::Answer Proof::run() noexcept {
  const vigil_probe_runtime* const table = runtime();
  if (table == nullptr || !has(*table, &vigil_probe_runtime::look_at_channel)) return Answer::Unknown;
  if (!collect()) return Answer::Moves;
  if (candidates_.empty()) return Answer::Known;
  OwnVector<AddressRange> records;
  for (const Channel& channel : channels_) records.push_back(channel.record);
  all_channels_ = around(records);
  OwnVector<AddressRange> frames;
  for (const Candidate& candidate : candidates_) frames.push_back(candidate.frames);
  all_frames_ = around(frames);
  OwnVector<AddressRange> closures;
  for (const std::uint32_t i : closures_) closures.push_back(candidates_[i].closure);
  all_closures_ = around(closures);
  StillThreads threads;
  // At the end of the program: whoever ends it has no time to wait for a debugger's stop.
  if (!threads.all_are_still(running_, self_ == nullptr)) return Answer::Moves;
  // They were looked at before, one by one.
  const bool same = std::ranges::all_of(
      blocked_, [&](const BlockedThread& thread) { return threads.found_in(thread.tid, thread.round); });
  if (!same) return Answer::Moves;
  find_blocks();
  link_candidates();
  for (Channel& channel : channels_) {  // until now one that runs may have copied one
    vigil_probe_channel_view view{};
    table->look_at_channel(reinterpret_cast<const void*>(channel.record.low), &view);
    channel.handles = view.handles;
  }
  threads.halted().each_registers([this](std::span<const std::uintptr_t> words, std::uintptr_t at) { see(words, at); });
  const auto stack_pointers = threads.halted().stack_pointers();
  if (!search(stack_pointers) || !search_everywhere(stack_pointers)) return Answer::Unknown;
  if (!threads.stayed_still()) return Answer::Moves;
  for (const Candidate& candidate : candidates_) {
    if (!candidate.live) dead_.insert(candidate.key);
  }
  return Answer::Known;
}

}  // namespace vigil::shim::leaks
