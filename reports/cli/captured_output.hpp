// Where a program's output goes while nobody wants to see it. In memory.
#pragma once

#include <string>

namespace vigil::reports {

class CapturedOutput {
 public:
  CapturedOutput();
  ~CapturedOutput();
  CapturedOutput(const CapturedOutput&) = delete;
  CapturedOutput& operator=(const CapturedOutput&) = delete;

  // A descriptor to write to, empty again; -1 when there is none, and the program writes to ours.
  [[nodiscard]] int fresh() const;
  void show() const;  // on standard output
  [[nodiscard]] std::string first_line() const;

 private:
  int file_;
};

}  // namespace vigil::reports
