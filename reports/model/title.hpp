// Title and hint: the sentence that names the defect in the program's own words, and the one that says what to do.
// Names stand in backticks; renderers may set them as code.
#pragma once

#include <string>
#include <string_view>

#include "reports/model/report.hpp"

namespace vigil::reports {

std::string title_of(const Finding& finding);

// The finding's own hint when it has one, else one chosen by its kind and shape.
std::string hint_of(const Finding& finding);

// "wait group" for "wait-group".
std::string_view type_words(std::string_view type) noexcept;

// "a channel made in `main`", "mutex `cache_lock`", "a wait group"; for titles and captions.
std::string object_phrase(const Object& object);

// What an actor does with the object: "receive from a channel made in `main`". For captions as well.
std::string operation_phrase(const Finding& finding, const Participant& participant);
std::string operation_phrase(std::string_view operation, const Object* object);

}  // namespace vigil::reports
