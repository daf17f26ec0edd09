// Job: something to be done, of whatever type; a move-only std::function<void()>.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "vigil/detail/callable.hpp"

namespace vigil::detail {

class Job {
 public:
  Job() noexcept = default;
  template <class Function>
  requires(!std::same_as<std::decay_t<Function>, Job> && Callable<Function>)
      Job(Function&& function)  // NOLINT: converts like std::function
  {
    demand_function(function);
    body_ = std::make_unique<Body<std::decay_t<Function>>>(std::forward<Function>(function));
  }

  explicit operator bool() const noexcept { return body_ != nullptr; }
  // May be called again, if what it holds may.
  void operator()() const { body_->run(); }

 private:
  struct AnyBody {
    AnyBody() = default;
    AnyBody(const AnyBody&) = delete;
    AnyBody& operator=(const AnyBody&) = delete;
    virtual ~AnyBody() = default;
    virtual void run() = 0;
  };
  template <class Function>
  struct Body final : AnyBody {
    explicit Body(Function&& given) : function(std::move(given)) {}
    explicit Body(const Function& given) : function(given) {}
    void run() override { static_cast<void>(std::invoke(function)); }
    Function function;
  };
  std::unique_ptr<AnyBody> body_;
};

}  // namespace vigil::detail
