// service#settings: settings are read under the read lock by many and reloaded by one; a getter that reads two of them
// calls another getter.
// Fix: an inner getter without the lock.
//
// expect: lock-cycle
// may: deadlock
// schedule: some
#include <map>
#include <string>

#include "test/kernels/kernel.hpp"

namespace kernels::service_settings {
namespace {

struct Settings {
  RwMutex lock;
  std::map<std::string, int> values{{"host", 1}, {"port", 2}};

  int get(const std::string& name) {
    const std::shared_lock held(lock);  // here
    return values.at(name);
  }
  int address(Form form) {
    const std::shared_lock held(lock);
    const int host = values.at("host");
    return host + (form == Form::Buggy ? get("port") : values.at("port"));
  }
  void reload() {
    const std::scoped_lock held(lock);  // here
    for (auto& [name, value] : values) ++value;
  }
};

void run(Form form) {
  const auto settings = std::make_shared<Settings>();
  WaitGroup all;
  for (int reader = 0; reader < 4; ++reader) {
    all.go([=] {
      for (int i = 0; i < 3; ++i) (void)settings->address(form);
    });
  }
  all.go([=] { settings->reload(); });
  all.wait();
}

const Kernel kKernel("service#settings", run);

}  // namespace
}  // namespace kernels::service_settings
