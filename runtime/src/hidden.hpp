// On a declaration: the function is in this library for certain, so its address is taken relative to the instruction.
// The compiler's switch for hidden symbols says that of definitions only.
#pragma once

#define VIGIL_HIDDEN __attribute__((visibility("hidden")))
