// The remedy: what is to be written is copied under the lock, and written without it.
#include <vigil/vigil.hpp>

#include <chrono>
#include <cstdio>
#include <mutex>

using namespace std::chrono_literals;

namespace {

struct Table {
  vigil::Mutex lock;
  int rows = 0;
};

void write_to_disk(int /*rows*/) { vigil::sleep_for(500ms); }

}  // namespace

int main() {
  Table table;
  vigil::Channel<int> writing(0);
  vigil::WaitGroup tasks;
  tasks.go([&] {
    int rows = 0;
    {
      const std::scoped_lock held(table.lock);
      rows = table.rows;
    }
    writing.send(1);
    write_to_disk(rows);
  });
  (void)writing.receive();
  for (int task = 0; task < 3; ++task) {
    tasks.go([&] {
      const std::scoped_lock held(table.lock);
      ++table.rows;
    });
  }
  tasks.wait();
  std::printf("%d rows\n", table.rows);
}
