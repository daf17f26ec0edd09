// A plugin with a constructor, compiled with instrumentation (handover_cases.cpp).
#include <string>

namespace {
struct Made {
  long number = 0;
  std::string text = "longer than what lies within the string itself";
  Made() { number = 5; }
};
Made made;
}  // namespace

extern "C" __attribute__((visibility("default"))) long* vigil_test_made_by_constructor() { return &made.number; }
