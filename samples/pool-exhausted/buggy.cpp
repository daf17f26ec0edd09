// A pool of two connections. A query that finds no rows returns early and keeps its connection; after two of these the
// next query waits for ever.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;

namespace {

class Pool {
 public:
  explicit Pool(int connections) : idle_(static_cast<std::size_t>(connections)) {
    for (int number = 1; number <= connections; ++number) idle_.send(number);
  }
  int query(int rows) {
    const int connection = idle_.receive_or_zero();
    if (rows == 0) return 0;
    idle_.send(connection);
    return rows;
  }

 private:
  Channel<int> idle_;
};

}  // namespace

int main() {
  Pool pool(2);
  for (const int rows : {3, 0, 5, 0, 2}) std::printf("%d rows\n", pool.query(rows));
}
