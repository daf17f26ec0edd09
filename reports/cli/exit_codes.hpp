// What the command's exit status says. `vigil run` keeps the program's own status when the program ran.
#pragma once

namespace vigil::reports {

inline constexpr int kClean = 0;             // nothing at error level
inline constexpr int kFailed = 1;            // vigil itself could not do its work
inline constexpr int kUsage = 2;             // wrong command line
inline constexpr int kErrorsFound = 3;       // errors remain after suppressions (vigil report, vigil explore)
inline constexpr int kNotAsExpected = 4;     // vigil run --expect: other kinds were found
inline constexpr int kShimDidNotStart = 70;  // vigil run: the program ran, or could only run, without the shim
inline constexpr int kCannotExecute = 126;   // vigil run: the program is there and cannot be executed
inline constexpr int kNotFound = 127;        // vigil run: no such program

}  // namespace vigil::reports
