// Where the numbers of states come from (access_states.hpp); what states say is tested with the engine.
#include "interpose/race/access_states.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "test/interpose/race_fixture.hpp"

namespace vigil::shim::race {
namespace {

bool is_memory(const void* at) {
  constexpr std::uintptr_t kPage = 4096;
  unsigned char answer = 0;
  void* const page = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(at) / kPage * kPage);
  EXPECT_EQ(::mincore(page, kPage, &answer), 0);
  return (answer & 1U) != 0;
}

// A page that is looked at before it is written is mapped twice, and all processors are told of the second time.
TEST_F(RaceEngine, NewNumbersOfStatesLieInMemoryBeforeTheyAreLookedAt) {
  StateCache cache;
  std::vector<StateId> taken;
  for (int fresh = 0; fresh < 8;) {  // two batches of 64 end in each page
    const std::uint32_t before = states_bound();
    taken.push_back(cache.take());
    if (states_bound() == before) continue;
    ++fresh;
    EXPECT_TRUE(is_memory(&node_of(StateId{states_bound() - 1})));
  }
  for (const StateId id : taken) cache.give(id);
  cache.empty();
}

}  // namespace
}  // namespace vigil::shim::race
