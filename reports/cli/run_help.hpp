// What `vigil run` and `vigil explore` say of themselves, put into CLI11's tree for help, man pages and completions.
// Nothing of it parses: parse_run_arguments() does.
#pragma once

#include "reports/cli/run_options.hpp"

namespace CLI {
class App;
}

namespace vigil::reports {

void describe_run(CLI::App& command, RunVerb verb);

}  // namespace vigil::reports
