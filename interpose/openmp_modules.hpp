// OpenMP in modules that were not compiled with instrumentation: their lockings have an order, too.
//
// Only where libgomp is there when the program starts. Whose libgomp a module means that is loaded later is the
// loader's to know: it may bring one of its own.
#pragma once

namespace vigil::shim {

// Puts what openmp_functions.cpp does in the way of every loaded module's calls of libgomp. Called while one thread is
// there, and all modules that the program begins with. Costs a look at the modules' names where libgomp is not there.
void follow_openmp() noexcept;

}  // namespace vigil::shim
