// Each upload counts itself in when it begins. main may come to wait() before that, and then there is nothing to wait
// for.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::WaitGroup;

int main() {
  static WaitGroup uploads;  // outlives main: the tasks may still use it
  vigil::Channel<int> begun(0);
  for (int file = 0; file < 2; ++file) {
    vigil::go([=] {
      uploads.add(1);
      begun.send(file);
      uploads.done();
    });
  }
  vigil::WaitGroup reader;
  reader.go([=] {
    (void)begun.receive();
    (void)begun.receive();
  });
  uploads.wait();
  std::printf("all uploaded\n");
  reader.wait();
}
