// Three uploads count down a wait group. The one that finds its file empty returns early, before done(): main waits for
// ever.
#include <vigil/vigil.hpp>

#include <array>
#include <cstdio>

using vigil::WaitGroup;

namespace {

void upload(int bytes, WaitGroup& uploads) {
  if (bytes == 0) return;
  std::printf("uploaded %d bytes\n", bytes);
  uploads.done();
}

}  // namespace

int main() {
  const std::array sizes{120, 0, 340};
  WaitGroup uploads;
  for (const int bytes : sizes) {
    uploads.add(1);
    vigil::go([&uploads, bytes] { upload(bytes, uploads); });
  }
  uploads.wait();
  std::printf("all uploaded\n");
}
