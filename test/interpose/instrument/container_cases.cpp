// Containers of which libstdc++ has a part itself: what hangs the nodes of lists and trees in and out, and walks them.
// In each race the reader comes first, so nothing that it touches was ever written by the template's own code.
#include <array>
#include <cstdlib>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "test/interpose/instrument/order_cases.hpp"

namespace {

using vigil::test::Case;
using vigil::test::one_after_the_other;
using Map = std::map<int, int>;
using List = std::list<int>;

void demand(bool holds) {
  if (!holds) std::abort();
}
// On the heap: of what lies on the stack clang leaves reads out.
std::unique_ptr<Map> a_map() {
  auto made = std::make_unique<Map>();
  for (int i = 0; i < 20; ++i) made->emplace(i * 10, i);
  return made;
}
std::unique_ptr<List> a_list() { return std::make_unique<List>(std::initializer_list<int>{1, 2, 3, 4, 5, 6}); }

void race_map_looked_up_beside_an_insertion() {  // at the other end of the tree
  const auto map = a_map();
  one_after_the_other([&] { demand(map->find(-5) == map->end()); }, [&] { map->emplace(155, 1); });
}
void race_map_looked_up_beside_a_removal() {
  const auto map = a_map();
  one_after_the_other([&] { demand(map->count(-5) == 0); }, [&] { map->extract(150); });
}
void race_map_walked_beside_an_insertion() {
  const auto map = a_map();
  one_after_the_other(
      [&] {  // not from its root
        for (auto at = map->begin(); at != map->end(); ++at) demand(at->second >= 0);
      },
      [&] { map->emplace(75, 1); });
}
void race_map_walked_backwards_beside_an_insertion() {
  const auto map = a_map();
  one_after_the_other(
      [&] {
        for (auto at = map->rbegin(); at != map->rend(); ++at) demand(at->second >= 0);
      },
      [&] { map->emplace(75, 1); });
}
void race_list_walked_beside_an_insertion() {
  const auto list = a_list();
  const auto third = std::next(list->begin(), 2);
  one_after_the_other(
      [&] {
        for (const int each : *list) demand(each > 0);
      },
      [&] { list->insert(third, 9); });
}
void race_list_walked_beside_a_splice() {  // a cache that moves what was used to the front, under a lock for readers
  const auto list = a_list();
  const auto third = std::next(list->begin(), 2);
  one_after_the_other([&] { demand(list->front() == 1); }, [&] { list->splice(list->begin(), *list, third); });
}
void race_list_walked_beside_a_reversal() {
  const auto list = a_list();
  one_after_the_other([&] { demand(*std::next(list->begin()) == 2); }, [&] { list->reverse(); });
}
void race_key_changed_beside_its_hash() {
  const auto key = std::make_unique<std::string>("a");
  one_after_the_other([&] { demand(std::hash<std::string>{}(*key) != 0); }, [&] { key->front() = 'b'; });
}

// Every function, on trees and lists of all sizes from none, by whoever has the lock.
void clean_containers_under_a_lock() {
  std::mutex lock;
  std::map<int, int> map;
  std::multiset<std::string> set;
  std::list<int> list;
  std::list<int> other;
  std::array<std::thread, 4> threads;
  int round = 0;
  for (std::thread& thread : threads) {
    thread = std::thread([&] {
      for (int i = 0; i < 60; ++i) {
        const std::lock_guard held(lock);
        ++round;
        map[round * 37 % 101] = i;
        if (round % 3 == 0) map.erase(map.begin());
        if (!map.empty()) demand(std::prev(map.end())->first <= 100);
        if (round % 29 == 0) map.clear();
        int before = -1;
        for (const auto& [key, value] : map) demand(std::exchange(before, key) < key && value >= 0);
        for (auto at = map.rbegin(); at != map.rend(); ++at) demand(std::exchange(before, at->first) >= at->first);
        set.insert(std::to_string(round % 7));
        if (set.size() > 12) set.erase(std::to_string(round % 5));
        list.push_front(round);
        other.push_back(round);
        list.splice(round % 2 == 0 ? list.begin() : list.end(), other);
        list.reverse();
        list.swap(other);
        list.swap(other);
        if (list.size() > 9) list.erase(std::next(list.begin()), std::prev(list.end()));
        list.sort();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  demand(round == 240);
}
void clean_containers_read_by_all() {
  const auto map = a_map();
  const auto list = a_list();
  std::array<std::thread, 4> threads;
  for (std::thread& thread : threads) {
    thread = std::thread([&] {
      int sum = 0;
      for (const auto& [key, value] : *map) sum += value;
      for (auto at = map->rbegin(); at != map->rend(); ++at) sum -= at->second;
      for (const int each : *list) sum += each;
      demand(sum == 21 && map->find(55) == map->end() && std::prev(map->end())->second == 19);
    });
  }
  for (std::thread& thread : threads) thread.join();
}
// One object's nodes pass from thread to thread through locked containers.
void clean_nodes_handed_over() {
  std::mutex lock;
  std::list<int> shared;
  std::map<int, int> kept;
  std::array<std::thread, 3> threads;
  for (std::thread& thread : threads) {
    thread = std::thread([&] {
      std::list<int> mine;
      std::map<int, int> own;
      for (int i = 0; i < 50; ++i) {
        mine.push_back(i);
        own.emplace(i, i);
        const std::lock_guard held(lock);
        shared.splice(shared.end(), mine, mine.begin());
        if (shared.size() > 3) mine.splice(mine.begin(), shared, shared.begin());
        kept.merge(own);
        if (!kept.empty()) own.insert(kept.extract(kept.begin()));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

constexpr Case kCases[] = {
    VIGIL_CASE(race_map_looked_up_beside_an_insertion),
    VIGIL_CASE(race_map_looked_up_beside_a_removal),
    VIGIL_CASE(race_map_walked_beside_an_insertion),
    VIGIL_CASE(race_map_walked_backwards_beside_an_insertion),
    VIGIL_CASE(race_list_walked_beside_an_insertion),
    VIGIL_CASE(race_list_walked_beside_a_splice),
    VIGIL_CASE(race_list_walked_beside_a_reversal),
    VIGIL_CASE(race_key_changed_beside_its_hash),
    VIGIL_CASE(clean_containers_under_a_lock),
    VIGIL_CASE(clean_containers_read_by_all),
    VIGIL_CASE(clean_nodes_handed_over),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::container_cases() { return kCases; }
