/* The same for C: its compilers emit the same entry points, and its atomics are part of the language. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct odd {
  char bytes[13];
};
static _Atomic long counter;
static struct odd kept;

__attribute__((noinline)) static void keep(const struct odd* from) { kept = *from; }
__attribute__((noinline)) static void set(char* to, size_t bytes) { memset(to, 'y', bytes); }

int main(void) {
  struct odd from = {"twelve bytes"};
  atomic_store(&counter, 40);
  atomic_fetch_add_explicit(&counter, 2, memory_order_relaxed);
  keep(&from);
  set(from.bytes, 3);
  atomic_thread_fence(memory_order_acquire);
  printf("%ld %s %s\n", atomic_load(&counter), kept.bytes, from.bytes);
  return 0;
}
