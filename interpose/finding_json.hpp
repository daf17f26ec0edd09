// Pieces of a record that several writers need. Whoever writes frames through these gets the module records
// that the frames name written first.
#pragma once

#include "interpose/finding.hpp"
#include "interpose/json_text.hpp"

namespace vigil::shim {

void json_stack(JsonText& json, StackId stack) noexcept;
void json_actor(JsonText& json, const ActorInfo& actor) noexcept;
void json_object(JsonText& json, const ObjectInfo& object) noexcept;
// test: the test that it belongs to, or "".
void json_finding(JsonText& json, const Finding& finding, std::uint64_t id, std::int64_t at_ns,
                  std::string_view test) noexcept;

std::string_view name_of(ObjectType type) noexcept;
std::string_view name_of(ActorType type) noexcept;

}  // namespace vigil::shim
