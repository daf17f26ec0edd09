// What the command does only when a person looks on: colours and a line of progress. On anything but a terminal, with
// NO_COLOR set or TERM=dumb, its output is plain text and nothing is ever written twice.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "reports/model/report.hpp"

namespace vigil::reports {

enum class Colour : std::uint8_t { Plain, Bold, Quiet, Good, Warn, Bad };

bool is_terminal(std::FILE* stream);
bool wants_colour(std::FILE* stream);

// text in that colour when stream wants any.
std::string painted(std::FILE* stream, Colour colour, std::string_view text);
// Of a verdict: bad with new errors, warn with anything else, else good.
Colour colour_of(const Report& report);

// "merging 120 of 4000" on standard error, when that is a terminal; gone when it ends. Of much work at once, of little
// only when it takes long.
class Progress {
 public:
  Progress(std::string_view what, std::size_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void step();                      // one more is done
  void now(std::string_view what);  // what may take long by itself, until the next step

 private:
  void show(std::string_view line);

  std::string what_;
  std::size_t total_;
  std::size_t done_ = 0;
  bool is_on_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_;  // when it is written again
};

// The end of a verb's work on standard output: its verdict, where the result lies ("" for nowhere), what to do next
// ("" for nothing).
void tell_end(Colour colour, std::string_view verdict, std::string_view path, std::string_view next);

}  // namespace vigil::reports
