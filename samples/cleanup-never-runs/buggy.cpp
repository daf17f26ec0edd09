// A session removes its lock file when its messages end. They never end: nobody closes the channel, and the clean-up at
// the end of the task does not run.
#include <vigil/vigil.hpp>

#include <cstddef>
#include <cstdio>
#include <string>

using vigil::Channel;

namespace {

void session(const Channel<std::string>& messages) {
  struct LockFile {
    ~LockFile() { std::printf("lock file removed\n"); }
  } const lock_file;
  std::size_t bytes = 0;
  for (const std::string& message : messages) bytes += message.size();
  std::printf("%zu bytes\n", bytes);
}

}  // namespace

int main() {
  Channel<std::string> messages(0);
  vigil::go([=] { session(messages); });
  messages.send("hello");
  std::printf("said hello\n");
}
