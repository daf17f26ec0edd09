// Fingerprint: 64 bits that name a defect, the same from run to run, machine to machine and under address
// randomisation.
//
// It hashes the kind and the user frames of every participant. A frame counts by its function (without types, so that
// compilers agree), the base name of its file and its line after the function's declaration, so that edits above the
// function change nothing. For kinds that speak of a task's life, the place where the task was made counts too.
// Participants are hashed in an order of their own, so it does not matter which of two accesses came first.
#pragma once

#include <string>

#include "reports/model/report.hpp"

namespace vigil::reports {

std::string fingerprint_of(const Finding& finding);  // 16 hex digits

}  // namespace vigil::reports
