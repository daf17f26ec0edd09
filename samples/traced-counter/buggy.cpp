// Four tasks count page views in one variable and no lock. Two of them may read the same old value, and a view is lost.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Traced;

int main() {
  Traced<int> views(0);
  vigil::WaitGroup visitors;
  for (int visitor = 0; visitor < 4; ++visitor) {
    visitors.go([&] {
      for (int page = 0; page < 10; ++page) ++views;
    });
  }
  visitors.wait();
  std::printf("counted\n");
}
