// The remedy: a guard gives the connection back on every path.
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
    struct Borrowed {
      const Channel<int>& idle;
      const int connection = idle.receive_or_zero();
      ~Borrowed() { idle.send(connection); }
    } const borrowed{idle_};
    if (rows == 0) return 0;
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
