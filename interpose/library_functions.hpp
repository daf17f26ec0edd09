// Rows of tables that say what the functions of a library mean for what its user sees: one that builds its locks and
// queues on futexes and atomics inside, and is not instrumented (decision 139). Each row names a function, and what a
// call of it gives or takes. Calls by all modules but the library itself get there, instrumented or not.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "interpose/instrumented_code.hpp"
#include "interpose/library_waits.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/sync_events.hpp"

namespace vigil::shim::library_functions {

using library_waits::Within;

inline void give(const void* object) noexcept {
  if (object != nullptr && sync_events::watching()) sync_events::released(object);
}
inline void take(const void* object) noexcept {
  if (object != nullptr && sync_events::watching()) sync_events::acquired(object);
}

struct Name {
  static constexpr std::size_t kMost = 160;
  // NOLINTNEXTLINE(google-explicit-constructor): a row is written with its name
  consteval Name(const char* name) { std::copy_n(name, std::string_view(name).size(), text); }
  char text[kMost] = {};
};

template <Name kFunction, class Signature>
struct Function;
template <Name kFunction, class Result, class... Given>
struct Function<kFunction, Result(Given...)> {
  static constexpr const char* kName = kFunction.text;
  using Pointer = Result (*)(Given...);
  static inline constinit Pointer real = nullptr;

  template <std::size_t kWhich>
  static void* argument(Given... given) noexcept {
    return std::get<kWhich>(std::tuple(given...));
  }
  // Calls it, and calls then(), if it succeeded where it can fail.
  template <class Then>
  static Result and_then(Then&& then, Given... given) {
    if constexpr (std::is_void_v<Result>) {
      real(given...);
      then();
    } else {
      const Result result = real(given...);
      if (result != Result{}) then();
      return result;
    }
  }
};

// Its object is its first argument, and ...
template <Name kFunction, class Signature>
struct Gives;  // ... what was done before comes before who takes it
template <Name kFunction, class Result, class... Given>
struct Gives<kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    give(Gives::template argument<0>(given...));
    return Gives::real(given...);
  }
};
template <Name kFunction, class Signature>
struct Takes;
template <Name kFunction, class Result, class... Given>
struct Takes<kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    return Takes::and_then([&] { take(Takes::template argument<0>(given...)); }, given...);
  }
};
template <Name kFunction, class Signature>
struct GivesAndTakes;
template <Name kFunction, class Result, class... Given>
struct GivesAndTakes<kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    give(GivesAndTakes::template argument<0>(given...));
    return GivesAndTakes::and_then([&] { take(GivesAndTakes::template argument<0>(given...)); }, given...);
  }
};
// ... gives a reference to it back: whoever gives the last one comes after all others, and the library calls what ends
// the object; or puts something else there, and the library calls what ends that which was there before.
template <Name kFunction, class Signature>
struct GivesWithin;
template <Name kFunction, class Result, class... Given>
struct GivesWithin<kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    void* const object = GivesWithin::template argument<0>(given...);
    give(object);
    const Within here(object);
    return GivesWithin::real(given...);
  }
};
template <Name kFunction, class Signature>
struct BeginsOrEnds;  // ... has no past, or no future
template <Name kFunction, class Result, class... Given>
struct BeginsOrEnds<kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    if (sync_events::watching()) sync_events::destroyed(BeginsOrEnds::template argument<0>(given...));
    return BeginsOrEnds::real(given...);
  }
};
// Waits for a condition, its first argument; its lock is the second.
template <Name kFunction, class Signature>
struct Waits;
template <Name kFunction, class Result, class... Given>
struct Waits<kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    void* const lock = Waits::template argument<1>(given...);
    give(lock);
    struct TakenBack {
      ~TakenBack() { take(lock); }
      void* lock;
    } const at_return{lock};
    return Waits::real(given...);
  }
};

// Gives to what stands for all functions that others have the library call, and may call them itself.
template <const char* kObject, Name kFunction, class Signature>
struct GivesTo;
template <const char* kObject, Name kFunction, class Result, class... Given>
struct GivesTo<kObject, kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    give(kObject);
    const Within here(kObject);
    return GivesTo::real(given...);
  }
};

// ---- tables --------------------------------------------------------------------------------------------------------

// Filled by who first looks at it: one thread at a time (instrumented_code.cpp).
template <class... Rows>
struct Table {
  static std::span<const Replacement> rows() noexcept {
    static constinit std::array<Replacement, sizeof...(Rows)> all{};
    if (all.front().name == nullptr) {
      all = {Replacement{Rows::kName, reinterpret_cast<void*>(&Rows::ours), reinterpret_cast<void**>(&Rows::real)}...};
    }
    return all;
  }
};

template <class... Tables>
const Replacement* find_row(std::string_view name) noexcept {
  for (const auto rows : {Tables::rows()...}) {
    for (const Replacement& one : rows) {
      if (name == one.name) return &one;
    }
  }
  return nullptr;
}
// The row of that name, or none.
using RowOf = const Replacement*(std::string_view name) noexcept;
// Puts the rows in the way of every loaded module's calls of the library's functions.
void follow_calls(RowOf* row_of) noexcept;

}  // namespace vigil::shim::library_functions
