// GLib's objects, and the memory it hands out: who ends an object comes after all who used it, and who is given memory
// has nothing to do with who had it before.
#include <glib-object.h>
#include <glib.h>

#include <thread>

#include "test/interpose/instrument/glib_cases.hpp"

namespace vigil::test {
namespace {

// ---- objects -------------------------------------------------------------------------------------------------------

struct Counter {
  GObject parent;
  int value;
};
int class_value = 0;
int last_value = 0;
GType counter_type() {
  static gsize type = 0;
  if (g_once_init_enter(&type)) {
    const auto init_class = [](void* type_class, void*) {
      class_value = 3;
      G_OBJECT_CLASS(type_class)->finalize = [](GObject* object) {
        last_value = reinterpret_cast<Counter*>(object)->value++;
        static_cast<GObjectClass*>(g_type_class_peek_parent(G_OBJECT_GET_CLASS(object)))->finalize(object);
      };
    };
    const GType made_type = g_type_register_static_simple(G_TYPE_OBJECT, "Counter", sizeof(GObjectClass), init_class,
                                                          sizeof(Counter), nullptr, static_cast<GTypeFlags>(0));
    g_once_init_leave(&type, made_type);
  }
  return type;
}
Counter* new_counter() { return static_cast<Counter*>(g_object_new(counter_type(), nullptr)); }

// Kept alive: what ends with one is another case's.
void clean_class_that_two_come_to() {
  const auto make = [] {
    static_cast<void>(new_counter());
    demand(class_value == 3);
  };
  together({make, make});
}
void clean_last_reference() {
  for (int i = 0; i < kTimes / 10; ++i) {
    Counter* const shared = new_counter();
    g_object_ref(shared);
    const auto use = [&] {
      demand(shared->value == 0);
      g_object_unref(shared);
    };
    together({use, use});
  }
}
// Two that hold a reference each use the object, and nothing orders the two.
void race_of_two_references() {
  Counter* const shared = new_counter();
  g_object_ref(shared);
  together({[&] { ++shared->value; }, [&] { ++shared->value; }});
  g_object_unref(shared);
  g_object_unref(shared);
}

void clean_data_of_an_object() {
  auto* const object = static_cast<GObject*>(g_object_new(G_TYPE_OBJECT, nullptr));
  const auto change = [&] {
    for (int i = 0; i < kTimes; ++i) {
      g_object_set_data_full(object, "data", new int(i), [](void* value) { delete static_cast<int*>(value); });
    }
  };
  together({change, change});
  g_object_unref(object);
}

// ---- memory --------------------------------------------------------------------------------------------------------

// The one's slices, nodes and objects become the other's, who begins after the one has ended: nothing else orders them.
void clean_slices_used_again() {
  Whistle ended;
  const auto use = [] {
    for (int i = 0; i < kTimes; ++i) {
      auto* const slice = g_slice_new(Counter);
      slice->value = i;
      g_slice_free(Counter, slice);
      GList* const list = g_list_append(nullptr, nullptr);
      list->data = list;
      g_list_free(list);
      Counter* const object = new_counter();
      object->value = i;
      g_object_unref(object);
    }
  };
  counter_type();
  std::thread other([&] {
    ended.hear();
    use();
  });
  std::thread([&] { use(); }).join();
  ended.blow();
  other.join();
}
void race_with_a_slice() {
  auto* const slice = g_slice_new0(Counter);
  together({[&] { ++slice->value; }, [&] { ++slice->value; }});
  g_slice_free(Counter, slice);
}

constexpr Case kCases[] = {
    VIGIL_CASE(clean_class_that_two_come_to), VIGIL_CASE(clean_last_reference),    VIGIL_CASE(race_of_two_references),
    VIGIL_CASE(clean_data_of_an_object),      VIGIL_CASE(clean_slices_used_again), VIGIL_CASE(race_with_a_slice),
};

}  // namespace

std::span<const Case> glib_object_cases() { return kCases; }

}  // namespace vigil::test
