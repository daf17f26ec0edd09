// service#flight: a cache lets one of those who miss a key fetch it and the others wait for him; when the fetch fails
// he forgets to say that he is done.
// Fix: say it on every way out.
//
// expect: task-leak
// schedule: some
#include <map>
#include <stdexcept>

#include "test/kernels/kernel.hpp"

namespace kernels::service_flight {
namespace {

struct Flight {
  Channel<Unit> done{0};
  std::optional<int> value;  // written before done is closed
};

struct Cache {
  Mutex lock;
  std::map<int, std::shared_ptr<Flight>> flights;

  static int fetch(int key) {
    vigil::sleep_for(100us);
    if (key == 13) throw std::runtime_error("no such key");
    return key * 2;
  }
  std::optional<int> get(int key, Form form) {
    std::shared_ptr<Flight> flight;
    bool leads = false;
    {
      const std::scoped_lock held(lock);
      auto& known = flights[key];
      leads = known == nullptr;
      if (leads) known = std::make_shared<Flight>();
      flight = known;
    }
    if (!leads) {
      (void)flight->done.receive();  // here
      return flight->value;
    }
    try {
      flight->value = fetch(key);
    } catch (const std::runtime_error&) {
      if (form == Form::Buggy) return std::nullopt;
    }
    flight->done.close();
    return flight->value;
  }
};

void run(Form form) {
  const auto cache = std::make_shared<Cache>();
  for (int client = 0; client < 12; ++client) {
    vigil::go([=] {
      for (const int key : {1, 2, 13}) (void)cache->get(key, form);
    });
  }
}

const Kernel kKernel("service#flight", run);

}  // namespace
}  // namespace kernels::service_flight
