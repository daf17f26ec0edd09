// The remedy: a broken file is skipped and the queue is drained to its end; what could not be uploaded is said.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <string>

using vigil::Channel;

namespace {

void upload(Channel<std::string> files) {
  int broken = 0;
  for (const std::string& file : files) {
    if (file.empty()) {
      ++broken;
      continue;
    }
    std::printf("uploaded %s\n", file.c_str());
  }
  std::printf("%d broken\n", broken);
}

}  // namespace

int main() {
  Channel<std::string> files(8);
  for (const char* file : {"monday.log", "", "tuesday.log", "wednesday.log"}) files.send(file);
  files.close();
  vigil::WaitGroup uploader;
  uploader.go([=] { upload(files); });
  uploader.wait();
}
