// A task looks at its context late: it ends before the program does, but after its cancel. With an argument it ends
// only when that has been told, which is what the shim's record of this run says. Another task has long ended a context
// that it made itself, and goes on.
#include <vigil/vigil.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using namespace std::chrono_literals;

namespace {

// The first option that the test gives is where records are kept; there is none but this program's.
std::filesystem::path folder_of_records() {
  const char* const given = std::getenv("VIGIL_OPTIONS");
  const std::string options = given != nullptr ? given : "";
  const std::string name = "report_dir=";
  const std::size_t at = options.find(name);
  if (at == std::string::npos) return ".";
  return options.substr(at + name.size(), options.find(':', at) - at - name.size());
}

bool is_told() {
  for (const auto& entry : std::filesystem::directory_iterator(folder_of_records())) {
    std::ifstream record(entry.path());
    const std::string words{std::istreambuf_iterator<char>(record), {}};
    if (words.find("cancelled-but-alive") != std::string::npos) return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** /*argv*/) {
  const auto [ctx, cancel] = vigil::with_cancel(vigil::background());  // frame: made
  vigil::RwMutex late;
  vigil::WaitGroup ended;
  late.lock_shared();
  ended.add(1);
  vigil::go(ctx, [&] {
    late.lock();  // frame: waits
    late.unlock();
    ended.done();
  });
  // No more readers get in: the task waits to write.
  while (late.try_lock_shared()) {
    late.unlock_shared();
    vigil::yield();
  }
  const vigil::Channel<int> next(0);
  ended.add(1);
  vigil::go([&ended, next] {
    const auto [own, done_with_it] = vigil::with_cancel(vigil::background());
    done_with_it();
    next.send(1);
    (void)next.receive();
    ended.done();
  });
  (void)next.receive();
  cancel();  // frame: cancel
  while (argc > 1 && !is_told()) vigil::sleep_for(1ms);
  late.unlock_shared();
  next.close();
  ended.wait();
  std::printf("ended\n");
}
