// A cache writes its changes in a worker of its own, fed through a channel it owns. When the cache goes, its handle
// goes; the worker ranges over a channel that nobody can ever send on again.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <string>

using vigil::Channel;

namespace {

class Cache {
 public:
  Cache() {
    vigil::go([changes = changes_] {
      std::string stored;
      for (const std::string& change : changes) stored += change;
    });
  }
  void set(const std::string& key) { changes_.send(key); }

 private:
  Channel<std::string> changes_{0};
};

}  // namespace

int main() {
  {
    Cache cache;
    cache.set("colour");
  }
  std::printf("cache dropped\n");
}
