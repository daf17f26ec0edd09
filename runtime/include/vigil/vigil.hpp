// Everything of vigil's runtime. Declares nothing itself.
#pragma once

#include "vigil/blocking.hpp"         // IWYU pragma: export
#include "vigil/channel.hpp"          // IWYU pragma: export
#include "vigil/cond.hpp"             // IWYU pragma: export
#include "vigil/context.hpp"          // IWYU pragma: export
#include "vigil/error_group.hpp"      // IWYU pragma: export
#include "vigil/mutex.hpp"            // IWYU pragma: export
#include "vigil/once.hpp"             // IWYU pragma: export
#include "vigil/panic.hpp"            // IWYU pragma: export
#include "vigil/run.hpp"              // IWYU pragma: export
#include "vigil/rw_mutex.hpp"         // IWYU pragma: export
#include "vigil/safe_receiver.hpp"    // IWYU pragma: export
#include "vigil/select.hpp"           // IWYU pragma: export
#include "vigil/selector.hpp"         // IWYU pragma: export
#include "vigil/semaphore.hpp"        // IWYU pragma: export
#include "vigil/stop_controller.hpp"  // IWYU pragma: export
#include "vigil/task.hpp"             // IWYU pragma: export
#include "vigil/timer.hpp"            // IWYU pragma: export
#include "vigil/traced.hpp"           // IWYU pragma: export
#include "vigil/wait_group.hpp"       // IWYU pragma: export
#include "vigil/worker_pool.hpp"      // IWYU pragma: export
