// The remedy: the end of the context ends the wait, and then the clean-up runs.
#include <vigil/vigil.hpp>

#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>

using vigil::Channel;
using vigil::Unit;

namespace {

void session(const vigil::Context& ctx, const Channel<std::string>& messages) {
  struct LockFile {
    ~LockFile() { std::printf("lock file removed\n"); }
  } const lock_file;
  std::size_t bytes = 0;
  bool open = true;
  while (open) {
    vigil::select(vigil::on_receive(messages,
                                    [&](std::optional<std::string> message) {
                                      open = message.has_value();
                                      if (open) bytes += message->size();
                                    }),
                  vigil::on_receive(ctx.done(), [&](std::optional<Unit>) { open = false; }));
  }
  std::printf("%zu bytes\n", bytes);
}

}  // namespace

int main() {
  const auto [ctx, cancel] = vigil::with_cancel(vigil::background());
  Channel<std::string> messages(0);
  vigil::WaitGroup sessions;
  sessions.go([=, ctx = ctx] { session(ctx, messages); });
  messages.send("hello");
  std::printf("said hello\n");
  cancel();
  sessions.wait();
}
