// Wrappers of message queues, POSIX's and System V's, and of System V's semaphores.
#include <mqueue.h>
#include <sys/msg.h>
#include <sys/sem.h>

#include <cstdarg>
#include <ctime>

#include "interpose/descriptors.hpp"
#include "interpose/export.hpp"
#include "interpose/naps.hpp"
#include "interpose/real_function.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace

namespace {

constinit Real<int(mqd_t, const char*, std::size_t, unsigned)> real_mq_send("mq_send");
constinit Real<int(mqd_t, const char*, std::size_t, unsigned, const timespec*)> real_mq_timedsend("mq_timedsend");
constinit Real<ssize_t(mqd_t, char*, std::size_t, unsigned*)> real_mq_receive("mq_receive");
constinit Real<ssize_t(mqd_t, char*, std::size_t, unsigned*, const timespec*)> real_mq_timedreceive("mq_timedreceive");
constinit Real<int(int, const void*, std::size_t, int)> real_msgsnd("msgsnd");
constinit Real<ssize_t(int, void*, std::size_t, long, int)> real_msgrcv("msgrcv");
constinit Real<int(int, sembuf*, std::size_t)> real_semop("semop");
constinit Real<int(int, int, int, ...)> real_semctl("semctl");
constinit Real<int(int, sembuf*, std::size_t, const timespec*)> real_semtimedop("semtimedop");

// Addresses that nothing can have.
const void* queue(int id) noexcept {
  return reinterpret_cast<const void*>(std::uintptr_t{1} << 57U | static_cast<std::uintptr_t>(id) << 3U);
}
const void* semaphores(int id) noexcept {
  return reinterpret_cast<const void*>(std::uintptr_t{1} << 56U | static_cast<std::uintptr_t>(id) << 3U);
}

// A queue is a file without a name for those who have it open: its file's lock stands for it.
void puts(mqd_t into) noexcept {
  descriptors::gives_lock_back(descriptors::lock_of(into));
  sent_signals::came_to_a_queue();
}
template <class Count>
Count got(mqd_t from, Count bytes) noexcept {
  if (bytes >= 0) descriptors::takes_lock(descriptors::lock_of(from));
  return bytes;
}

// An operation may give and take at once; a set of semaphores is one thing.
template <class Operate>
int operate(int id, Operate&& call) {
  if (descriptors::matter()) sync_events::released(semaphores(id));
  const int rc = call();
  if (rc == 0 && descriptors::matter()) sync_events::acquired(semaphores(id));
  return rc;
}

}  // namespace

extern "C" VIGIL_EXPORT int mq_send(mqd_t to, const char* text, std::size_t bytes, unsigned priority) {
  const Nap nap;
  puts(to);
  return real_mq_send(to, text, bytes, priority);
}
extern "C" VIGIL_EXPORT int mq_timedsend(mqd_t to, const char* text, std::size_t bytes, unsigned priority,
                                         const timespec* until) {
  const Nap nap;
  puts(to);
  return real_mq_timedsend(to, text, bytes, priority, until);
}
extern "C" VIGIL_EXPORT ssize_t mq_receive(mqd_t from, char* text, std::size_t room, unsigned* priority) {
  const Nap nap;
  return got(from, real_mq_receive(from, text, room, priority));
}
extern "C" VIGIL_EXPORT ssize_t mq_timedreceive(mqd_t from, char* text, std::size_t room, unsigned* priority,
                                                const timespec* until) {
  const Nap nap;
  return got(from, real_mq_timedreceive(from, text, room, priority, until));
}

extern "C" VIGIL_EXPORT int msgsnd(int id, const void* message, std::size_t bytes, int flags) {
  const Nap nap;
  if (descriptors::matter()) sync_events::released(queue(id));
  return real_msgsnd(id, message, bytes, flags);
}
extern "C" VIGIL_EXPORT ssize_t msgrcv(int id, void* message, std::size_t room, long type, int flags) {
  const Nap nap;
  const ssize_t bytes = real_msgrcv(id, message, room, type, flags);
  if (bytes >= 0 && descriptors::matter()) sync_events::acquired(queue(id));
  return bytes;
}
extern "C" VIGIL_EXPORT int semop(int id, sembuf* steps, std::size_t count) {
  const Nap nap;
  return operate(id, [&] { return real_semop(id, steps, count); });
}
extern "C" VIGIL_EXPORT int semtimedop(int id, sembuf* steps, std::size_t count, const timespec* timeout) {
  const Nap nap;
  return operate(id, [&] { return real_semtimedop(id, steps, count, timeout); });
}
// Whatever the command takes, it is passed in the same place.
extern "C" VIGIL_EXPORT int semctl(int id, int number, int command, ...) noexcept {
  va_list arguments;
  va_start(arguments, command);
  void* const given = va_arg(arguments, void*);
  va_end(arguments);
  const bool sets = command == SETVAL || command == SETALL;
  const bool gets = command == GETVAL || command == GETALL;
  if (sets && descriptors::matter()) sync_events::released(semaphores(id));
  const int result = real_semctl(id, number, command, given);
  if (gets && result >= 0 && descriptors::matter()) sync_events::acquired(semaphores(id));
  return result;
}
