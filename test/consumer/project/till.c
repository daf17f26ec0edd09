/* A till: what was paid, kept by a library that knows nothing of vigil. */
#include "till.h"

static long paid;

void till_take(long cents) { paid += cents; }
long till_holds(void) { return paid; }
