// A task that nobody receives from.
#include <vigil/vigil.hpp>

int main() {
  const vigil::Channel<int> nobody_receives(0);
  vigil::go([nobody_receives] { nobody_receives.send(1); });
}
