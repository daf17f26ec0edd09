// ChannelCore from outside: one type-erased channel in libvigil.so, and how its items are moved.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "vigil/detail/export.hpp"

namespace vigil {

// What a channel carries: a complete type that is no reference and not const. It moves while the channel's lock is
// held, so its move may not throw (nor use a channel itself). What may throw (std::deque), has no end or refers to
// itself goes as a std::unique_ptr.
template <class T>
concept Message = std::is_object_v<T> && std::same_as<T, std::remove_cv_t<T>> &&
    std::is_nothrow_move_constructible_v<T> && std::destructible<T>;

namespace detail {

struct ItemType {
  std::size_t size;                             // bytes
  std::size_t alignment;                        // bytes
  void (*move)(void* to, void* from) noexcept;  // constructs *to from *from, leaves *from moved-from; null: memcpy does
  void (*destroy)(void* item) noexcept;         // null: nothing to do
};

// Instrumented code says of what it does here that it is not to be compared: an item is handed over under the channel's
// lock, which nobody sees, by either side for the other. What orders sender and receiver, the channel tells by itself.
#if !defined(VIGIL_ITEMS_UNSEEN) && defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VIGIL_ITEMS_UNSEEN 1
#endif
#endif
#if defined(VIGIL_ITEMS_UNSEEN) || defined(__SANITIZE_THREAD__)
extern "C" void __tsan_ignore_thread_begin();  // NOLINT(bugprone-reserved-identifier): the sanitizer's name
extern "C" void __tsan_ignore_thread_end();    // NOLINT(bugprone-reserved-identifier)
struct Unseen {
  Unseen() noexcept { __tsan_ignore_thread_begin(); }
  ~Unseen() { __tsan_ignore_thread_end(); }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;
};
#else
struct Unseen {};
#endif
#undef VIGIL_ITEMS_UNSEEN

template <Message T>
void move_item(void* to, void* from) noexcept {
  [[maybe_unused]] const Unseen unseen{};
  ::new (to) T(std::move(*static_cast<T*>(from)));
}
template <Message T>
void destroy_item(void* item) noexcept {
  [[maybe_unused]] const Unseen unseen{};
  static_cast<T*>(item)->~T();
}

template <Message T>
inline constexpr ItemType kItemType{sizeof(T), alignof(T), std::is_trivially_copyable_v<T> ? nullptr : &move_item<T>,
                                    std::is_trivially_destructible_v<T> ? nullptr : &destroy_item<T>};

class ChannelCore;  // a null pointer to one is a nil channel

enum class TryReceived : std::uint8_t { Item, Closed, Nothing };

// Throws Panic when the buffer could not be addressed, std::bad_alloc when there is no memory for it.
[[nodiscard]] VIGIL_EXPORT ChannelCore* channel_make(const ItemType& type, std::size_t capacity);
VIGIL_EXPORT void channel_retain(ChannelCore* core) noexcept;
VIGIL_EXPORT void channel_release(ChannelCore* core) noexcept;
// item is moved from when the send takes effect, and only then. `to` is raw storage, constructed when an item came.
VIGIL_EXPORT void channel_send(ChannelCore* core, void* item);
[[nodiscard]] VIGIL_EXPORT bool channel_receive(ChannelCore* core, void* to);
[[nodiscard]] VIGIL_EXPORT bool channel_try_send(ChannelCore* core, void* item);
[[nodiscard]] VIGIL_EXPORT TryReceived channel_try_receive(ChannelCore* core, void* to);
VIGIL_EXPORT void channel_close(ChannelCore* core);
[[nodiscard]] VIGIL_EXPORT std::size_t channel_size(const ChannelCore* core) noexcept;
[[nodiscard]] VIGIL_EXPORT std::size_t channel_capacity(const ChannelCore* core) noexcept;

// A counted reference to a channel; empty is nil.
class ChannelHandle {
 public:
  constexpr ChannelHandle() noexcept = default;
  explicit ChannelHandle(ChannelCore* adopted) noexcept : core_(adopted) {}
  ChannelHandle(const ChannelHandle& other) noexcept : core_(other.core_) {
    if (core_ != nullptr) channel_retain(core_);
  }
  ChannelHandle(ChannelHandle&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  ChannelHandle& operator=(const ChannelHandle& other) noexcept {
    ChannelHandle(other).swap(*this);
    return *this;
  }
  ChannelHandle& operator=(ChannelHandle&& other) noexcept {
    ChannelHandle(std::move(other)).swap(*this);
    return *this;
  }
  ~ChannelHandle() {
    if (core_ != nullptr) channel_release(core_);
  }
  void swap(ChannelHandle& other) noexcept { std::swap(core_, other.core_); }
  [[nodiscard]] ChannelCore* core() const noexcept { return core_; }

 private:
  ChannelCore* core_ = nullptr;
};

// Raw storage into which one receive may put an item, and nothing else: the library knows where it is, so it lies in
// memory, and whatever it had beside it would be written and read there as well. The receive says whether an item came;
// who is told so takes or drops it.
template <class T>
class ItemRoom {
 public:
  ItemRoom() noexcept {}   // NOLINT(modernize-use-equals-default): the union member stays unborn
  ~ItemRoom() noexcept {}  // NOLINT(modernize-use-equals-default): or has gone
  ItemRoom(const ItemRoom&) = delete;
  ItemRoom& operator=(const ItemRoom&) = delete;

  [[nodiscard]] void* storage() noexcept { return static_cast<void*>(std::addressof(item_)); }
  [[nodiscard]] T&& item() noexcept { return std::move(item_); }
  void drop() noexcept { item_.~T(); }
  [[nodiscard]] std::optional<T> take(bool received) noexcept {
    if (!received) return std::nullopt;
    std::optional<T> taken(item());
    drop();
    return taken;
  }

 private:
  union {
    T item_;
  };
};

// The same for several receives, which remembers whether there is an item.
template <Message T>
class ItemBox {
 public:
  ItemBox() noexcept {}  // NOLINT(modernize-use-equals-default): the union member stays unborn
  ~ItemBox() { clear(); }
  ItemBox(const ItemBox&) = delete;
  ItemBox& operator=(const ItemBox&) = delete;

  // For the next item; the last one goes.
  [[nodiscard]] void* storage() noexcept {
    clear();
    return static_cast<void*>(std::addressof(item_));
  }
  void set_full(bool full) noexcept { full_ = full; }
  [[nodiscard]] bool full() const noexcept { return full_; }
  [[nodiscard]] T&& take() noexcept { return std::move(item_); }
  [[nodiscard]] std::optional<T> take_optional() noexcept {
    return full_ ? std::optional<T>(std::move(item_)) : std::nullopt;
  }

 private:
  void clear() noexcept {
    if (std::exchange(full_, false)) item_.~T();
  }
  union {
    T item_;
  };
  bool full_ = false;
};

}  // namespace detail
}  // namespace vigil
