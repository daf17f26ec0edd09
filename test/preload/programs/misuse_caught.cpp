// A misuse whose Panic is caught: it is a defect all the same, and the program goes on and ends well.
#include <vigil/vigil.hpp>

#include <cstdio>

int main() {
  const vigil::Channel<int> channel(1);
  channel.close();
  try {
    channel.close();  // frame: close
  } catch (const vigil::Panic& panic) {
    std::printf("caught: %s\n", panic.what());
  }
}
