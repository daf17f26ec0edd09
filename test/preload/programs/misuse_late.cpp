// The last destructor of the program lets a task go, which misuses a channel on its way out.
#include <vigil/vigil.hpp>

namespace {

const vigil::Channel<vigil::Unit> last_orders(0);

struct LetsTheTaskGo {
  ~LetsTheTaskGo() { last_orders.close(); }
} const at_the_end;

void wind_up(const vigil::Channel<vigil::Unit>& called, const vigil::Channel<int>& results) {
  static_cast<void>(called.receive());
  results.close();
  try {
    results.close();               // frame: close
  } catch (const vigil::Panic&) {  // NOLINT(bugprone-empty-catch): the program goes on
  }
}

}  // namespace

int main() { vigil::go(wind_up, last_orders, vigil::Channel<int>(1)); }
