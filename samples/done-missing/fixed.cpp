// The remedy: WaitGroup::go counts up before the task and down after it, however the task's function returns.
#include <vigil/vigil.hpp>

#include <array>
#include <cstdio>

using vigil::WaitGroup;

namespace {

void upload(int bytes) {
  if (bytes == 0) return;
  std::printf("uploaded %d bytes\n", bytes);
}

}  // namespace

int main() {
  const std::array sizes{120, 0, 340};
  WaitGroup uploads;
  for (const int bytes : sizes) uploads.go([bytes] { upload(bytes); });
  uploads.wait();
  std::printf("all uploaded\n");
}
