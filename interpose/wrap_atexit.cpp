// What the code linked into the shim registers for the end of the process: nothing.
//
// The shim's state stays in place when the program ends (destructors of the program still come through its wrappers),
// so no destructor of a static of ours may run. Our own code has none, but the libraries that we are made of do: each
// type of tsl::robin_map has a function static with a destructor, made with the first map of its type, inside whichever
// wrapper comes first. libc's __cxa_atexit takes a lock, and asks malloc for memory every 32 calls: inside a lock that
// malloc itself takes for the first time (jemalloc's), that was malloc called from malloc, and in a thread that a
// signal took out of exit() it was a lock that was never released.
//
// The name is the shim's own: the version script keeps it inside, and the program's calls do not come here.
extern "C" int __cxa_atexit(void (*destructor)(void*), void* object, void* module) noexcept;
extern "C" int __cxa_atexit(void (* /*destructor*/)(void*), void* /*object*/, void* /*module*/) noexcept { return 0; }
