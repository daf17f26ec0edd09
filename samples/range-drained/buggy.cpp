// An uploader takes files from a queue until the first one that is broken, and returns. The queue is closed by then,
// and the files behind the broken one stay in it: nobody uploads them, and nobody is told.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <string>

using vigil::Channel;

namespace {

void upload(Channel<std::string> files) {
  for (const std::string& file : files) {
    if (file.empty()) return;
    std::printf("uploaded %s\n", file.c_str());
  }
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
