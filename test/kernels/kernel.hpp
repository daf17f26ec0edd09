// A kernel: a concurrency bug of a real Go program as the smallest program that has it, and that program corrected.
//
// Each kernel is one file that registers itself under the name its bug has in its project. What the file's first
// comment says after `expect:`, `may:` and `schedule:`, and which lines carry the mark `// here` or `// maybe here`, is
// what kernels_test.py demands. Kernels share translation units (a unity build), so each has a namespace of its own.
#pragma once

#include <vigil/vigil.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string_view>
#include <utility>

namespace kernels {

using namespace std::chrono_literals;
using vigil::Channel;
using vigil::Cond;
using vigil::Context;
using vigil::Mutex;
using vigil::on_receive;
using vigil::on_send;
using vigil::on_timeout;
using vigil::Once;
using vigil::otherwise;
using vigil::RwMutex;
using vigil::Unit;
using vigil::WaitGroup;

// An object that lives as long as the program, as for Go's collector what stuck tasks refer to does. A std::shared_ptr
// would do as much, but its count orders the tasks that share it, and the race detector would miss what it orders.
template <class T, class... Arguments>
[[nodiscard]] T* kept(Arguments&&... arguments) {
  return new T{std::forward<Arguments>(arguments)...};
}

enum class Form : bool { Buggy, Fixed };

// Registers a kernel for as long as the program runs. Names are string literals.
class Kernel {
 public:
  using Body = void (*)(Form);

  Kernel(std::string_view name, Body body) noexcept : name_(name), body_(body), next_(first_) { first_ = this; }
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  // Null: no kernel has that name.
  [[nodiscard]] static const Kernel* find(std::string_view name) noexcept {
    const Kernel* at = first_;
    while (at != nullptr && at->name_ != name) at = at->next_;
    return at;
  }
  void run(Form form) const { body_(form); }

 private:
  static inline const Kernel* first_ = nullptr;
  const std::string_view name_;
  const Body body_;
  const Kernel* const next_;
};

}  // namespace kernels
