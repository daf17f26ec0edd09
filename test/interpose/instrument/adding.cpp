// What the cases of adding_cases.cpp race on: in the program itself, or the only instrumented part of it, a library.
namespace vigil::test {

void add();  // to a sum that is nobody's but its own

namespace {
long sum = 0;
}

[[gnu::noinline, gnu::visibility("default")]] void add() { ++sum; }

}  // namespace vigil::test
