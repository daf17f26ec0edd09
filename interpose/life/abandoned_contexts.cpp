#include "interpose/life/abandoned_contexts.hpp"

#include <algorithm>

#include "interpose/finding_writer.hpp"
#include "interpose/leaks/leak_scan.hpp"
#include "interpose/life/contexts.hpp"
#include "interpose/locks/lock_waits.hpp"
#include "interpose/options.hpp"
#include "interpose/runtime_view.hpp"
#include "interpose/words.hpp"

namespace vigil::shim::abandoned_contexts {
namespace {

constexpr std::uint64_t kPauseNs = 500'000'000;

// Contexts that were made, and lost, at the same places.
struct Abandoned {
  const ContextObject* context = nullptr;
  OwnVector<const ContextObject*> all;
  OwnVector<ActorKey> tasks;
  bool is_told_otherwise = false;
};

class AbandonedList {
 public:
  void add(const vigil_probe_actor_view& view) noexcept {
    if ((view.flags & (VIGIL_ACTOR_IS_THREAD | VIGIL_ACTOR_IS_DAEMON)) != 0 || view.actor->watch == nullptr) return;
    const ContextObject* const context = contexts::abandoned_under(view);
    if (context == nullptr) return;
    const ActorKey task = key_of(*static_cast<const Actor*>(view.actor->watch));
    Abandoned& group = of(*context);
    group.tasks.push_back(task);
    if (std::ranges::find(group.all, context) == group.all.end()) group.all.push_back(context);
    if (leaks::is_leaked(view) || locks::is_in_told_ring(task)) group.is_told_otherwise = true;
  }
  void tell() const noexcept {
    for (const Abandoned& group : all_) {
      if (!group.is_told_otherwise) tell(group);
    }
  }

 private:
  Abandoned& of(const ContextObject& context) noexcept {
    const auto same = std::ranges::find_if(all_, [&](const Abandoned& one) {
      return one.context->created_at == context.created_at && one.context->abandoned_at == context.abandoned_at;
    });
    if (same != all_.end()) return *same;
    Abandoned& fresh = all_.emplace_back();
    fresh.context = &context;
    return fresh;
  }

  static void tell(const Abandoned& group) noexcept {
    const ContextObject& context = *group.context;
    const ActorInfo maker = info_of(context.maker, "");
    const ActorInfo task =
        info_of(std::ranges::min(group.tasks, {}, [](ActorKey key) { return info_of(key, "").id; }), "");
    const std::size_t others = group.tasks.size() - 1;
    Line message;
    message << words_for(maker).view()
            << " made a cancellable context whose last cancel function is gone, and nobody ever called it: nobody can "
               "end the context any more, and "
            << words_for(task).view();
    if (others != 0) message << " and " << others << (others == 1 ? " other" : " others");
    message << (others != 0 ? " live" : " lives") << " on with it";
    const Participant participants[] = {{.role = "maker",
                                         .actor = maker,
                                         .operation = "with_cancel",
                                         .held = {},
                                         .stack = context.created_at,
                                         .note = "the context was made here"},
                                        {.role = "earlier drop",
                                         .actor = info_of(context.abandoned_by, ""),
                                         .operation = "drop",
                                         .held = {},
                                         .stack = context.abandoned_at,
                                         .note = "its last cancel function went here, uncalled"},
                                        {.role = "survivor",
                                         .actor = task,
                                         .operation = "run",
                                         .held = {},
                                         .stack = kNoStack,
                                         .note = "it lives on with the context"}};
    report({.kind = Kind::ContextLeak,
            .message = message.view(),
            .hint = {},
            .participants = participants,
            .objects = {},
            .count = group.all.size()});
  }

  OwnVector<Abandoned> all_;
};

}  // namespace

void tell() noexcept {
  if (runtime() == nullptr || !wants(Kind::ContextLeak)) return;
  AbandonedList found;
  {
    const RuntimePause pause(kPauseNs);
    if (!pause) return;
    for_each_actor([&](const vigil_probe_actor_view& view) {
      found.add(view);
      return true;
    });
  }
  found.tell();
}

}  // namespace vigil::shim::abandoned_contexts
