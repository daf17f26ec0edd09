// Programs of whose tasks' variables only the kernel has the address: somebody will be given it.
#include <fcntl.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/shm.h>
#include <sys/wait.h>

#include <cstdint>

#include "test/interpose/threads/proof_cases.hpp"

namespace {

using namespace vigil::test;
using vigil::Channel;

// Its address is on the way from one thread to another, in the kernel alone.
[[gnu::noinline]] void write_into_a_pipe() {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  const Channel<int> begun(0);
  vigil::go([=] {
    const Channel<int> own(0);
    const auto address = reinterpret_cast<std::uintptr_t>(&own);
    if (write(ends[1], &address, sizeof(address)) != sizeof(address)) std::abort();
    begun.send(1);
    (void)own.receive();
  });
  (void)begun.receive();
}
void slow_address_in_a_pipe() {
  write_into_a_pipe();
  end_by_signal();
}

// The same as a message in a queue of either sort, and as the value of a signal that waits. send is given the address.
template <class Send>
[[gnu::noinline]] void start_receiver_known_by_address(Send send) {
  const Channel<int> begun(0);
  vigil::go([=] {
    const Channel<int> own(0);
    send(reinterpret_cast<std::uintptr_t>(&own));
    begun.send(1);
    (void)own.receive();
  });
  (void)begun.receive();
}
void slow_address_in_a_message() {
  static const int queue = msgget(IPC_PRIVATE, 0600);
  // It outlives whoever has it unless it is removed.
  if (const pid_t child = fork(); child != 0) {
    while (waitpid(child, nullptr, 0) < 0) continue;
    msgctl(queue, IPC_RMID, nullptr);
    raise(SIGTERM);
  }
  start_receiver_known_by_address([](std::uintptr_t address) {
    const struct {
      long type;
      std::uintptr_t address;
    } message{1, address};
    if (msgsnd(queue, &message, sizeof(message.address), 0) != 0) std::abort();
  });
  end_by_signal();
}
void slow_address_in_a_posix_message() {
  const std::string name = "/vigil-test-" + std::to_string(getpid());
  static const mqd_t queue = mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, nullptr);
  mq_unlink(name.c_str());
  start_receiver_known_by_address([](std::uintptr_t address) {
    if (mq_send(queue, reinterpret_cast<const char*>(&address), sizeof(address), 0) != 0) std::abort();
  });
  end_by_signal();
}
// In memory that is not mapped at the time.
void slow_address_in_a_file_without_a_name() {
  static const int file = memfd_create("notes", MFD_CLOEXEC);
  start_receiver_known_by_address([](std::uintptr_t address) {
    // At an odd place, as in a packed record.
    if (pwrite(file, &address, sizeof(address), (1 << 20) + 5) != sizeof(address)) std::abort();
  });
  end_by_signal();
}
void slow_address_in_detached_memory() {
  static const int segment = shmget(IPC_PRIVATE, 4096, 0600);
  if (const pid_t child = fork(); child != 0) {
    while (waitpid(child, nullptr, 0) < 0) continue;
    shmctl(segment, IPC_RMID, nullptr);
    raise(SIGTERM);
  }
  start_receiver_known_by_address([](std::uintptr_t address) {
    auto* const at = static_cast<std::uintptr_t*>(shmat(segment, nullptr, 0));
    *at = address;
    shmdt(at);
  });
  end_by_signal();
}
void slow_address_as_the_value_of_a_signal() {
  sigset_t waiting;
  sigemptyset(&waiting);
  sigaddset(&waiting, SIGRTMIN + 1);
  pthread_sigmask(SIG_BLOCK, &waiting, nullptr);
  start_receiver_known_by_address([](std::uintptr_t address) {
    sigval value{};
    value.sival_ptr = reinterpret_cast<void*>(address);
    if (sigqueue(getpid(), SIGRTMIN + 1, value) != 0) std::abort();
  });
  end_by_signal();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(slow_address_in_a_pipe),          VIGIL_CASE(slow_address_in_a_message),
    VIGIL_CASE(slow_address_in_a_posix_message), VIGIL_CASE(slow_address_in_a_file_without_a_name),
    VIGIL_CASE(slow_address_in_detached_memory), VIGIL_CASE(slow_address_as_the_value_of_a_signal),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::kernel_proof_cases() { return kCases; }
