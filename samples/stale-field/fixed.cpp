// The remedy: the destructor closes the channel and waits for the worker.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <string>

using vigil::Channel;

namespace {

class Cache {
 public:
  Cache() {
    worker_.go([changes = changes_] {
      std::string stored;
      for (const std::string& change : changes) stored += change;
    });
  }
  ~Cache() {
    changes_.close();
    worker_.wait();
  }
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;
  void set(const std::string& key) { changes_.send(key); }

 private:
  Channel<std::string> changes_{0};
  vigil::WaitGroup worker_;
};

}  // namespace

int main() {
  {
    Cache cache;
    cache.set("colour");
  }
  std::printf("cache dropped\n");
}
