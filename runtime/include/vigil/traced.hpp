// Traced<T>: a plain variable whose reads and writes a watcher sees without instrumentation.
//
// It adds no synchronisation: two tasks that use one at the same time race exactly as they would on a T. That is the
// point.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "vigil/probe.h"

namespace vigil {

template <class T>
requires std::is_object_v<T>
class Traced {
 public:
  Traced() noexcept(std::is_nothrow_default_constructible_v<T>) requires std::default_initializable<T> : value_{} {
    born();
  }
  Traced(T value) noexcept(std::is_nothrow_move_constructible_v<T>)  // NOLINT: converts as a T would
      : value_(std::move(value)) {
    born();
  }
  Traced(const Traced&) = delete;
  Traced& operator=(const Traced&) = delete;
  ~Traced() { vigil_probe_variable_destroy(std::addressof(value_), sizeof(T)); }

  [[nodiscard]] T load() const requires std::copy_constructible<T> {
    vigil_probe_variable_read(std::addressof(value_), sizeof(T));
    return value_;
  }
  void store(T value) {
    vigil_probe_variable_write(std::addressof(value_), sizeof(T));
    value_ = std::move(value);
  }

  operator T() const  // NOLINT: reads as a T would
      requires std::copy_constructible<T> {
    return load();
  }
  Traced& operator=(T value) {
    store(std::move(value));
    return *this;
  }

  Traced& operator++() {
    return update([](T& v) { ++v; });
  }
  Traced& operator--() {
    return update([](T& v) { --v; });
  }
  T operator++(int) {
    T before = load();
    change([](T& v) { ++v; });
    return before;
  }
  T operator--(int) {
    T before = load();
    change([](T& v) { --v; });
    return before;
  }
  template <class U>
  Traced& operator+=(const U& by) {
    return update([&](T& v) { v = static_cast<T>(v + by); });
  }
  template <class U>
  Traced& operator-=(const U& by) {
    return update([&](T& v) { v = static_cast<T>(v - by); });
  }
  template <class U>
  Traced& operator*=(const U& by) {
    return update([&](T& v) { v = static_cast<T>(v * by); });
  }
  template <class U>
  Traced& operator/=(const U& by) {
    return update([&](T& v) { v = static_cast<T>(v / by); });
  }
  template <class U>
  Traced& operator|=(const U& by) {
    return update([&](T& v) { v = static_cast<T>(v | by); });
  }
  template <class U>
  Traced& operator&=(const U& by) {
    return update([&](T& v) { v = static_cast<T>(v & by); });
  }
  template <class U>
  Traced& operator^=(const U& by) {
    return update([&](T& v) { v = static_cast<T>(v ^ by); });
  }

 private:
  void born() noexcept {
    vigil_probe_variable_make(std::addressof(value_), sizeof(T));
    vigil_probe_variable_write(std::addressof(value_), sizeof(T));
  }
  template <class Change>
  void change(Change&& how) {
    vigil_probe_variable_write(std::addressof(value_), sizeof(T));
    how(value_);
  }
  template <class Change>
  Traced& update(Change&& how) {
    vigil_probe_variable_read(std::addressof(value_), sizeof(T));
    change(std::forward<Change>(how));
    return *this;
  }

  T value_;
};

}  // namespace vigil
