// A reader of the settings calls a function that reads them, too, and so locks for reading twice. In between a writer
// asks for its turn; a waiting writer holds back new readers, so the second read lock waits for the writer, and the
// writer for the first.
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

int volume(Settings& settings) {
  const std::shared_lock held(settings.lock);
  return settings.volume;
}

void show(Settings& settings, const Channel<Unit>& reading) {
  const std::shared_lock held(settings.lock);
  reading.close();
  vigil::yield();
  std::printf("volume %d\n", volume(settings));
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
