// The remedy: cancel is called on every path out.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <string>

using vigil::Channel;

namespace {

std::string search(const vigil::Context& parent, const std::string& what) {
  const auto [ctx, cancel] = vigil::with_cancel(parent);
  struct AtEnd {
    const vigil::CancelFunction& cancel;
    ~AtEnd() { cancel(); }
  } const at_end{cancel};
  Channel<std::string> answers(2);
  vigil::WaitGroup helpers;
  for (const char* engine : {"north", "south"}) {
    helpers.go([=, ctx = ctx] {
      if (!ctx.err()) answers.send(engine);
    });
  }
  helpers.wait();
  return what + " found";
}

}  // namespace

int main() { std::printf("%s\n", search(vigil::background(), "word").c_str()); }
