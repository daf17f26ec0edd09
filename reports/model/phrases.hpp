// Phrases: how objects and operations are called in sentences. Names stand in backticks; renderers may set them as
// code.
#pragma once

#include <string>
#include <string_view>

#include "reports/model/report.hpp"

namespace vigil::reports {

// "wait group" for "wait-group".
std::string_view type_words(std::string_view type) noexcept;
// "a task", "an object".
std::string with_article(std::string_view word);

// "a channel made in `main`", "mutex `cache_lock`", "a wait group"; for titles and captions.
std::string object_phrase(const Object& object);

// What an actor does, or waits to do: "receive from a channel made in `main`".
std::string operation_phrase(const Finding& finding, const Participant& participant);
std::string operation_phrase(std::string_view operation, const Object* object);

// lock, lock_shared, read-lock, write-lock
bool is_lock(std::string_view operation) noexcept;
// The object a participant's operation is about, or null.
const Object* object_of(const Finding& finding, const Participant& participant) noexcept;

}  // namespace vigil::reports
