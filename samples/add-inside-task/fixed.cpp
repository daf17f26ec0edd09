// The remedy: counted up before the task is started; WaitGroup::go does both.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::WaitGroup;

int main() {
  WaitGroup uploads;
  vigil::Channel<int> begun(0);
  for (int file = 0; file < 2; ++file) {
    uploads.go([=] { begun.send(file); });
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
