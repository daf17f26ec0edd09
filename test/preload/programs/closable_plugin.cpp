// Code that is gone again before the finding it is part of: opened and closed by plugin_closer.
#include <pthread.h>

extern "C" [[gnu::visibility("default")]] void plugin_take(pthread_mutex_t* first, pthread_mutex_t* second) {
  pthread_mutex_lock(first);   // frame: held
  pthread_mutex_lock(second);  // frame: wanted
  pthread_mutex_unlock(second);
  pthread_mutex_unlock(first);
}
