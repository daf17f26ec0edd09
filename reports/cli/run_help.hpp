// What `vigil run` and `vigil explore` say of themselves, for help, man pages and completions.
// Nothing of it parses: parse_run_arguments() does.
#pragma once

#include "reports/cli/command_line.hpp"
#include "reports/cli/run_options.hpp"

namespace vigil::reports {

void describe_run(Verb verb, RunVerb which);

}  // namespace vigil::reports
