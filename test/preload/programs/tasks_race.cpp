// Two tasks write one watched variable; nothing orders them. No thread of its own has the program.
#include <vigil/vigil.hpp>

int main() {
  vigil::Traced<long> total(0);
  vigil::WaitGroup tasks;
  tasks.go([&] {
    total.store(1);  // frame: one
  });
  tasks.go([&] {
    total.store(2);  // frame: other
  });
  tasks.wait();
}
