// Abandoned contexts: at the end, those whose last cancel function went uncalled, and on which tasks live on that so
// nobody can stop. Contexts that nobody lives on are told when they go (contexts.hpp).
#pragma once

namespace vigil::shim::abandoned_contexts {

// One context-leak for each place of making and losing. Not of a context on which a task blocks for ever: that is told
// as that task's leak, or deadlock. Demands that nobody records events any more.
void tell() noexcept;

}  // namespace vigil::shim::abandoned_contexts
