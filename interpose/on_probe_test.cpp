// What a test framework's listener tells. The program calls these itself when it finds them: vigil/gtest.hpp looks them
// up.
#include "interpose/export.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/tests.hpp"

using namespace vigil::shim;  // the probes are C functions and stand outside every namespace

extern "C" VIGIL_EXPORT void vigil_probe_test_begin(const char* suite, const char* name) noexcept {
  record([&] { tests::begins(suite, name); });
}

extern "C" VIGIL_EXPORT void vigil_probe_test_end() noexcept {
  record([] { tests::ends(); });
}
