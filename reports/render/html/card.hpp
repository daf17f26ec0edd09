// Card: a finding put into words and columns, as both forms of the page show it: the static one, which is markup, and
// the viewer's, which is data. What is said is decided here, once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reports/model/report.hpp"
#include "reports/model/ring.hpp"
#include "reports/render/html/parts.hpp"

namespace vigil::reports::html {

struct Card {
  struct Step {
    std::size_t participant = 0;  // index into Finding::participants
    std::string doing;            // "Blocked for 1.2 s: receive from ..."; "" when the stack says it all
    std::string held;             // "Holds `a` (m1)"; "" when locks do not matter here
    const Stack* stack = nullptr;
  };
  // One actor with all the stacks the finding has of it.
  struct Column {
    std::string actor;    // "Task 7 (reader)"
    std::string role;     // beside the actor; may be ""
    std::string started;  // "This task was started in `main` at shop.cpp:30"; "" when unknown
    const Stack* created_at = nullptr;
    std::vector<Step> steps;
  };
  struct Thing {
    const Object* object = nullptr;
    std::string words;  // "Channel c3 `results`, unbuffered"
    std::string made;   // ", made in `main` at shop.cpp:30"; "" when unknown
  };
  std::string title;
  std::string message;
  std::string why;
  std::string hint;
  std::string place;   // "shop.cpp:12": the first place of the user's own code; "" when unknown
  std::string module;  // base name of the program or library that holds it
  std::vector<Column> columns;
  std::vector<Thing> things;
  std::optional<Ring> ring;
};

Card card_of(const Context& context, const Finding& finding);

// One actor alive at the end: "Task 7 and 2 like it", "Blocked for 5 ms: receive from ...".
struct StateCard {
  std::string actor;
  std::string doing;
};
StateCard state_card_of(const StateEntry& entry);

}  // namespace vigil::reports::html
