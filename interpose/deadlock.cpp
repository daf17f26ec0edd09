#include "interpose/deadlock.hpp"

#include <pthread.h>

#include <algorithm>

#include "interpose/finding_writer.hpp"
#include "interpose/json_text.hpp"
#include "interpose/look.hpp"
#include "interpose/object_list.hpp"
#include "interpose/objects.hpp"
#include "interpose/runtime_view.hpp"
#include "interpose/waits.hpp"

namespace vigil::shim {
namespace {

constexpr std::size_t kMostTold = 16;    // groups with a stack in the finding
constexpr std::size_t kMostNamed = 4;    // groups with words in the message
constexpr std::size_t kMostDrawn = 200;  // groups in the picture

using Groups = OwnVector<const BlockedGroup*>;

Phrase name_of_object(const ObjectInfo& object) noexcept {
  Phrase name;
  switch (object.type) {
    case ObjectType::Channel:
      name << "c" << object.id;
      break;
    case ObjectType::WaitGroup:
      name << "w" << object.id;
      break;
    case ObjectType::Mutex:
      if (object.id != 0) {
        name << "m" << object.id;
        break;
      }
      [[fallthrough]];
    default:
      name << "object at 0x";
      name.hex(object.address);
  }
  return name;
}

// The thread that owns a pthread mutex: its kernel id stands in the mutex, which somebody waits for and so is there.
bool owner_of(const pthread_mutex_t* mutex, Phrase& owner) noexcept {
  struct Wanted {
    int tid;
    Phrase& owner;
    bool found = false;
  } wanted{mutex->__data.__owner, owner};
  for_each_thread(
      [](Actor& thread, void* context) noexcept {
        auto& look = *static_cast<Wanted*>(context);
        if (look.tid == 0 || thread.thread->tid.load(std::memory_order_relaxed) != look.tid) return true;
        look.owner << words_for(info_of(thread, "")).view();
        look.found = true;
        return false;
      },
      &wanted);
  return wanted.found;
}

// Who holds that lock, if that is known.
bool holder_of(const BlockedGroup& group, const ObjectInfo& object, Phrase& holder) noexcept {
  if (object.type != ObjectType::Mutex) return false;
  if (group.is_pthread) return owner_of(reinterpret_cast<const pthread_mutex_t*>(object.address), holder);
  const LockObject* const lock = lock_objects().find(reinterpret_cast<const void*>(object.address));
  if (lock == nullptr || !lock->is_held()) return false;
  holder << words_for(info_of(lock->holder.load(std::memory_order_relaxed), "")).view();
  return true;
}

class Picture {
 public:
  void draw(const Groups& groups) noexcept {
    json_.object().key("type").text("wait_for").key("nodes").array();
    for (std::size_t i = 0; i < groups.size() && i < kMostDrawn; ++i) draw_nodes(*groups[i]);
    json_.end_array().key("edges").array();
    for (std::size_t i = 0; i < groups.size() && i < kMostDrawn; ++i) draw_edges(*groups[i]);
    json_.end_array().end_object();
    write_record(json_.view());
  }

 private:
  void node(std::string_view id, std::string_view label) noexcept {
    json_.object().key("id").text(id).key("label").text(label).end_object();
  }
  void edge(std::string_view from, std::string_view to, std::string_view label) noexcept {
    json_.object().key("from").text(from).key("to").text(to).key("label").text(label).end_object();
  }
  void draw_nodes(const BlockedGroup& group) noexcept {
    const Phrase actor = words_for(group.actor);
    Phrase label;
    label << actor.view();
    if (group.count > 1) label << " and " << group.count - 1 << " like it";
    node(actor.view(), label.view());
    for (const ObjectInfo& object : group.target.objects) {
      if (!fresh(static_cast<std::size_t>(drawn_.index_of(object)))) continue;
      const Phrase name = name_of_object(object);
      node(name.view(), name.view());
    }
  }
  void draw_edges(const BlockedGroup& group) noexcept {
    const Phrase actor = words_for(group.actor);
    for (const ObjectInfo& object : group.target.objects) {
      const Phrase name = name_of_object(object);
      edge(actor.view(), name.view(), group.target.edge);
      Phrase holder;
      if (holder_of(group, object, holder)) edge(name.view(), holder.view(), "held by");
    }
  }
  // Whether this index is seen for the first time; they come in ascending order.
  bool fresh(std::size_t index) noexcept {
    if (index < next_) return false;
    next_ = index + 1;
    return true;
  }

  JsonText json_;
  ObjectList drawn_;
  std::size_t next_ = 0;
};

void tell(std::string_view what, bool proved, const BlockedActors& blocked, const Groups& groups) noexcept {
  Line message;
  message << what;
  ObjectList objects;
  OwnVector<Participant> participants;
  OwnVector<Phrase> notes(groups.size());
  std::uint64_t named = 0;
  for (std::size_t i = 0; i < groups.size() && i < kMostTold; ++i) {
    const BlockedGroup& group = *groups[i];
    if (i < kMostNamed) {
      message << (i == 0 ? "" : "; ") << words_for(group.actor).view();
      if (group.count > 1) message << " and " << group.count - 1 << " like it";
      message << (group.count > 1 ? " wait " : " waits ") << group.target.words.view();
      named += group.count;
    }
    notes[i] << "waits " << group.target.words.view();
    if (group.count > 1) notes[i] << "; " << group.count - 1 << " more wait like this";
    ActorInfo actor = group.actor;
    actor.name = group.name.view();
    participants.push_back({.role = "waiter",
                            .actor = actor,
                            .operation = group.target.operation,
                            .object = group.target.objects.empty() ? -1 : objects.index_of(group.target.objects[0]),
                            .held = {},
                            .stack = group.stack,
                            .waited_ms = group.waited_ms,
                            .note = notes[i].view()});
    for (const ObjectInfo& object : group.target.objects) objects.index_of(object);
  }
  if (named < blocked.total()) message << "; and " << blocked.total() - named << " more";
  report({.kind = Kind::Deadlock,
          .proved = proved,
          .message = message.view(),
          .hint = {},
          .participants = participants,
          .objects = objects.all()});
}

}  // namespace

bool tell_deadlock() noexcept {
  constexpr std::uint64_t kPauseNs = 200'000'000;
  const RuntimePause pause(kPauseNs);
  if (runtime() != nullptr && !pause) return false;
  BlockedActors blocked;
  collect_blocked(blocked);
  const Groups groups = blocked.groups();
  if (groups.empty()) return false;
  tell("nothing can move any more: ", true, blocked, groups);
  Picture().draw(groups);
  return true;
}

void tell_ring(const BlockedActors& members) noexcept {
  const Groups groups = members.groups();
  const bool proved =
      std::ranges::all_of(groups, [](const BlockedGroup* group) { return group->proved == group->count; });
  tell("they wait for each other, and nobody else ever used what they wait for: ", proved, members, groups);
  Picture().draw(groups);
}

}  // namespace vigil::shim
