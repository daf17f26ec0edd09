// Own memory around fork(): its locks are the innermost of all, so they are taken last and released first.
#pragma once

namespace vigil::shim {

void lock_own_memory_for_fork() noexcept;
void unlock_own_memory_after_fork() noexcept;  // in the parent and in the child

}  // namespace vigil::shim
