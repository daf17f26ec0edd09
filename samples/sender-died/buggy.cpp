// A page waits for the profile that another task loads. Loading fails; the exception is caught and logged where it
// happens, nothing is sent, and the page waits for ever.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <stdexcept>
#include <string>

using vigil::Channel;

namespace {

std::string read_profile(int user) {
  if (user != 1) throw std::runtime_error("no such user");
  return "Ada";
}

void load_profile(int user, Channel<std::string> profile) {
  try {
    profile.send(read_profile(user));
  } catch (const std::exception& error) {
    std::printf("profile of user %d: %s\n", user, error.what());
  }
}

void render_page(Channel<std::string> profile) {
  if (const auto name = profile.receive()) std::printf("Hello %s\n", name->c_str());
}

}  // namespace

int main() {
  Channel<std::string> profile(0);
  vigil::WaitGroup loaders;
  vigil::go(render_page, profile);
  loaders.go([=] { load_profile(7, profile); });
  loaders.wait();
}
