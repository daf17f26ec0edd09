// The command line and the output line of a workload program: vigil's own and the peers'.
#pragma once

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

namespace workloads {

struct Workload {
  std::string_view name;
  std::int64_t (*run)(std::int64_t n);
  std::int64_t most;  // the largest n whose result and memory still fit
};

// The peak of this process alone: getrusage would count the process that started it, too. 0 when it cannot be read.
inline std::int64_t max_rss_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    std::int64_t kib = 0;
    if (std::sscanf(line.c_str(), "VmHWM: %ld kB", &kib) == 1) return kib;  // NOLINT(cert-err34-c): the kernel's number
  }
  return 0;
}

// Does N units of the named work and prints `NAME N seconds ns_per_op max_rss_kib check`. call(work) does work() where
// the library wants it done. Returns the exit status: 0, or 2 with an explanation on stderr when args are not a name of
// the table and a number it allows.
template <class Call>
int workload_main(std::span<const Workload> table, std::span<char* const> args, Call call) {
  const auto fail = [&](const std::string& why) {
    std::fprintf(stderr, "workloads: %s\nusage: workloads NAME N, NAME one of:", why.c_str());
    for (const Workload& workload : table) std::fprintf(stderr, " %s", workload.name.data());
    std::fprintf(stderr, "\n");
    return 2;
  };
  if (args.size() != 2) return fail("needs a name and a number");
  for (const Workload& workload : table) {
    if (workload.name != args[0]) continue;
    std::int64_t n = 0;
    const char* const end = args[1] + std::strlen(args[1]);
    const auto [stopped_at, error] = std::from_chars(args[1], end, n);
    if (error != std::errc{} || stopped_at != end || n < 1 || n > workload.most) {
      return fail("N of " + std::string(workload.name) + " must be a whole number from 1 to " +
                  std::to_string(workload.most) + ", not '" + args[1] + "'");
    }
    const auto start = std::chrono::steady_clock::now();
    const std::int64_t check = call([&] { return workload.run(n); });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("%s %ld %.6f %.2f %ld %ld\n", workload.name.data(), n, seconds.count(),
                seconds.count() * 1e9 / static_cast<double>(n), max_rss_kib(), check);
    return 0;
  }
  return fail("no workload is called '" + std::string(args[0]) + "'");
}

}  // namespace workloads
