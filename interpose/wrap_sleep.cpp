// Wrappers of sleeping for a time, which std::this_thread::sleep_for calls: they change nothing, and save the caller's
// registers where a search of memory sees them. Cancellation points, and so not noexcept.
#include <time.h>
#include <unistd.h>

#include <atomic>

#include "interpose/export.hpp"
#include "interpose/naps.hpp"
#include "interpose/real_calls.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace

namespace {

constinit std::atomic<int (*)(const timespec*, timespec*)> real_nanosleep{nullptr};
constinit std::atomic<int (*)(clockid_t, int, const timespec*, timespec*)> real_clock_nanosleep{nullptr};
constinit std::atomic<int (*)(useconds_t)> real_usleep{nullptr};
constinit std::atomic<unsigned (*)(unsigned)> real_sleep{nullptr};

}  // namespace

extern "C" VIGIL_EXPORT int nanosleep(const timespec* time, timespec* left) {
  const Nap nap;
  return find_once(find_next, real_nanosleep, "nanosleep")(time, left);
}

extern "C" VIGIL_EXPORT int clock_nanosleep(clockid_t clock, int flags, const timespec* time, timespec* left) {
  const Nap nap;
  return find_once(find_next, real_clock_nanosleep, "clock_nanosleep")(clock, flags, time, left);
}

extern "C" VIGIL_EXPORT int usleep(useconds_t time) {
  const Nap nap;
  return find_once(find_next, real_usleep, "usleep")(time);
}

extern "C" VIGIL_EXPORT unsigned sleep(unsigned seconds) {
  const Nap nap;
  return find_once(find_next, real_sleep, "sleep")(seconds);
}
