// The remedy: the settings are read once, and what was read is handed on.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>
#include <shared_mutex>

using vigil::Channel;
using vigil::Unit;

namespace {

struct Settings {
  vigil::RwMutex lock;
  int volume = 5;
};

void show(Settings& settings, const Channel<Unit>& reading) {
  int volume = 0;
  {
    const std::shared_lock held(settings.lock);
    reading.close();
    vigil::yield();
    volume = settings.volume;
  }
  std::printf("volume %d\n", volume);
}

}  // namespace

int main() {
  Settings settings;
  const Channel<Unit> reading(0);
  vigil::WaitGroup tasks;
  tasks.go([&] { show(settings, reading); });
  tasks.go([&] {
    (void)reading.receive();
    const std::scoped_lock held(settings.lock);
    settings.volume = 7;
  });
  tasks.wait();
}
