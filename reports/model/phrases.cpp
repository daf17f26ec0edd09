#include "reports/model/phrases.hpp"

#include <fmt/core.h>

#include "reports/model/function_name.hpp"
#include "reports/model/user_frames.hpp"

namespace vigil::reports {

std::string with_article(std::string_view word) {
  const bool vowel = !word.empty() && std::string_view("aeiou").find(word.front()) != std::string_view::npos;
  return fmt::format("{} {}", vowel ? "an" : "a", word);
}

// lock, lock_shared, read-lock, write-lock
bool is_lock(std::string_view operation) noexcept {
  return operation.find("lock") != std::string_view::npos && operation.find("unlock") == std::string_view::npos;
}

const Object* object_of(const Finding& finding, const Participant& participant) noexcept {
  const auto index = static_cast<std::uint64_t>(participant.object);
  return participant.object < 0 || index >= finding.objects.size() ? nullptr : &finding.objects[index];
}

std::string_view type_words(std::string_view type) noexcept {
  if (type == "rw-mutex") return "read-write mutex";
  if (type == "wait-group") return "wait group";
  if (type == "heap-block") return "heap block";
  if (type == "cond") return "condition variable";
  if (type == "other" || type.empty()) return "object";
  return type;
}

std::string object_phrase(const Object& object) {
  const std::string_view word =
      object.type == "variable" && object.name.empty() ? "a variable" : type_words(object.type);
  if (!object.name.empty())
    return object.type == "variable" ? fmt::format("`{}`", object.name) : fmt::format("{} `{}`", word, object.name);
  std::string phrase = object.type == "variable" ? std::string(word) : with_article(word);
  const Frame* maker = first_user_frame(object.created_at);
  if (maker == nullptr || maker->function.empty()) return phrase;
  const bool made = object.type != "mutex" && object.type != "rw-mutex" && object.type != "cond";
  return fmt::format("{} {} in {}", phrase,
                     object.type == "heap-block" ? "allocated"
                     : made                      ? "made"
                                                 : "first used",
                     spoken_name(maker->function));
}

std::string operation_phrase(const Finding& finding, const Participant& participant) {
  return operation_phrase(participant.operation, object_of(finding, participant));
}

std::string operation_phrase(std::string_view operation, const Object* object) {
  const std::string what = object == nullptr ? std::string() : object_phrase(*object);
  const std::string_view op = operation;
  const auto with = [&](std::string_view verb, std::string_view otherwise) {
    return fmt::format("{} {}", verb, what.empty() ? otherwise : std::string_view(what));
  };
  if (op == "receive" || op == "range") return with("receive from", "a nil channel");  // any other is an object
  if (op == "send") return with("send on", "a nil channel");
  if (op == "select") return "choose in a select";
  if (op == "close") return with("close", "a nil channel");
  if (op == "unlock") return with("unlock", "a mutex");
  if (is_lock(op)) return with("lock", "a mutex");
  if (op == "wait") return with("wait for", "others");
  if (op == "join") return "join a thread";
  if (op == "acquire") return with("acquire", "a semaphore");
  if (op == "call") return "pass a Once";
  if (op == "add" || op == "done") return with(op == "add" ? "add to" : "count down", "a wait group");
  if (op == "sleep") return "wake from a sleep";
  if (op.empty()) return what.empty() ? "go on" : fmt::format("go on with {}", what);
  return what.empty() ? std::string(op) : fmt::format("{} ({})", op, what);
}

}  // namespace vigil::reports
