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
  if (object.type != ObjectType::Mutex && object.type != ObjectType::RwMutex) return false;
  const LockObject* const lock = lock_objects().find(reinterpret_cast<const void*>(object.address));
  if (lock != nullptr && lock->is_held()) {
    holder << words_for(info_of(lock->holder.load(std::memory_order_relaxed), "")).view();
    return true;
  }
  // Taken while there was only one thread.
  const bool has_owner = group.is_pthread && object.type == ObjectType::Mutex;
  return has_owner && owner_of(reinterpret_cast<const pthread_mutex_t*>(object.address), holder);
}

// The locks that the first of the group holds. Demands that it stands still.
OwnVector<const LockObject*> held_by(const BlockedGroup& group) noexcept {
  OwnVector<const LockObject*> held;
  if (group.held == nullptr) return held;
  group.held->for_each([&](const locks::HeldLock& one) {
    const bool lives = static_cast<std::uint64_t>(one.lock) == one.object->id;  // else its record is another lock's
    if (lives && one.object->is_held_as(one.acquisition)) held.push_back(one.object);
  });
  return held;
}

// "task 3 holds mutex m1 and waits for mutex m2, which task 4 holds"
void describe(Line& message, const BlockedGroup& group, std::span<const LockObject* const> held) noexcept {
  message << words_for(group.actor).view();
  if (group.count > 1) {
    message << " and " << group.count - 1 << " like it wait " << group.target.words.view();
    return;
  }
  if (held.size() == 1) message << " holds " << words_for(*held[0]).view() << " and";
  if (held.size() > 1) message << " holds " << held.size() << " locks and";
  message << " waits " << group.target.words.view();
  Phrase holder;
  if (group.target.objects.size() == 1 && holder_of(group, group.target.objects[0], holder)) {
    message << ", which " << holder.view() << " holds";
  }
}

class Picture {
 public:
  void draw(const Groups& groups) noexcept {
    json_.object().key("type").text("wait_for").key("nodes").array();
    for (std::size_t i = 0; i < groups.size() && i < kMostDrawn; ++i) draw_nodes(*groups[i]);
    json_.end_array().key("edges").array();
    for (std::size_t i = 0; i < groups.size() && i < kMostDrawn; ++i) draw_edges(*groups[i]);
    draw_reach(groups);
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
  // What others wait for is in reach of a task when its address lies on the task's stack, where closures lie, too.
  void draw_reach(const Groups& groups) noexcept {
    OwnMap<std::uintptr_t, const ObjectInfo*> waited_for;
    for (std::size_t i = 0; i < groups.size() && i < kMostDrawn; ++i) {
      for (const ObjectInfo& object : groups[i]->target.objects) {
        const bool is_lock = object.type == ObjectType::Mutex || object.type == ObjectType::RwMutex;
        if (!is_lock && object.address != 0) waited_for[object.address] = &object;
      }
    }
    for (std::size_t i = 0; i < groups.size() && i < kMostDrawn; ++i) {
      const BlockedGroup& group = *groups[i];
      OwnSet<std::uintptr_t> passed;  // what it waits for itself, and what is drawn
      for (const ObjectInfo& object : group.target.objects) passed.insert(object.address);
      for (std::uintptr_t at = (group.stack_low + 7) & ~std::uintptr_t{7}; at + 8 <= group.stack_high; at += 8) {
        const auto found = waited_for.find(*reinterpret_cast<const std::uintptr_t*>(at));
        if (found == waited_for.end() || !passed.insert(found.key()).second) continue;
        edge(name_of_object(*found.value()).view(), words_for(group.actor).view(), "in reach of");
      }
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

void tell(std::string_view what, bool proved, const BlockedActors& blocked, const Groups& groups,
          std::uint64_t stranded = 0) noexcept {
  Line message;
  message << what;
  ObjectList objects;
  OwnVector<Participant> participants;
  OwnVector<Phrase> notes(groups.size());
  OwnVector<OwnVector<std::int32_t>> held_indices(groups.size());
  OwnDeque<Phrase> history;
  std::uint64_t named = 0;
  for (std::size_t i = 0; i < groups.size() && i < kMostTold; ++i) {
    const BlockedGroup& group = *groups[i];
    const OwnVector<const LockObject*> held = held_by(group);
    if (i < kMostNamed) {
      message << (i == 0 ? "" : "; ");
      describe(message, group, held);
      named += group.count;
    }
    for (const LockObject* const lock : held) held_indices[i].push_back(objects.index_of(info_of(*lock)));
    notes[i] << "waits " << group.target.words.view();
    if (group.count > 1) notes[i] << "; " << group.count - 1 << " more wait like this";
    ActorInfo actor = group.actor;
    actor.name = group.name.view();
    participants.push_back({.role = "waiter",
                            .actor = actor,
                            .operation = group.target.operation,
                            .object = group.target.objects.empty() ? -1 : objects.index_of(group.target.objects[0]),
                            .held = held_indices[i],
                            .stack = group.stack,
                            .waited_ms = group.waited_ms,
                            .note = notes[i].view()});
    for (const ObjectInfo& object : group.target.objects) objects.index_of(object);
  }
  for (std::size_t i = 0; i < groups.size() && i < kMostNamed; ++i) {
    add_history(*groups[i], objects, participants, history);
  }
  if (named < blocked.total()) message << "; and " << blocked.total() - named << " more";
  if (stranded != 0) {
    message << "; every worker is blocked in a call, so " << stranded << (stranded == 1 ? " task" : " tasks")
            << " that could go on cannot";
  }
  report({.kind = Kind::Deadlock,
          .proved = proved,
          .message = message.view(),
          .hint = stranded == 0 ? std::string_view{}
                                : "Wait by vigil's own primitives, or inside vigil::blocking(): in any other call that "
                                  "blocks, a task keeps its worker.",
          .participants = participants,
          .objects = objects.all()});
}

}  // namespace

bool tell_deadlock(std::uint64_t stranded) noexcept {
  constexpr std::uint64_t kPauseNs = 200'000'000;
  const RuntimePause pause(kPauseNs);
  if (runtime() != nullptr && !pause) return false;
  BlockedActors blocked;
  collect_blocked(blocked);
  const Groups groups = blocked.groups();
  if (groups.empty()) return false;
  tell("nothing can move any more: ", true, blocked, groups, stranded);
  Picture().draw(groups);
  return true;
}

void tell_ring(const BlockedActors& members) noexcept {
  const Groups groups = members.groups();
  const bool proved =
      std::ranges::all_of(groups, [](const BlockedGroup* group) { return group->proved == group->count; });
  tell(proved ? "they wait for each other, and nobody else alive can reach what they wait for: "
              : "they wait for each other, and nobody else ever used what they wait for: ",
       proved, members, groups);
  Picture().draw(groups);
}

}  // namespace vigil::shim
