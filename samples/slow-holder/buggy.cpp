// A report is written to a slow disk under the lock of the table. Everybody who needs the table waits for the disk.
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
    const std::scoped_lock held(table.lock);
    writing.send(1);
    write_to_disk(table.rows);
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
