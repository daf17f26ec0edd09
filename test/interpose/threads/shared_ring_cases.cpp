// Rings through what std::make_shared() put into the heap: a structure whose owners are all in the ring is dead with
// them; one that somebody else owns, or refers to, is not.
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>

#include "test/interpose/threads/ring_cases.hpp"

namespace {

using namespace vigil::test;
using vigil::Channel;
using namespace std::chrono_literals;

// What a server keeps for each of its clients.
struct Session {
  long bytes[8] = {};
  Channel<int> request{0};
  Channel<int> answer{0};
  vigil::WaitGroup open;
  vigil::Mutex lock;
};
using Owner = std::shared_ptr<Session>;

// Two tasks, each of which waits for what the other would do next. keep is given the session. Each says on `ended` when
// it is through.
template <class Keep>
[[gnu::noinline]] void start_session(Keep keep, const Channel<int>& ended) {
  const Channel<int> begun(0);
  const Owner session = std::make_shared<Session>();
  vigil::go([=] {
    begun.send(1);
    (void)session->request.receive();
    session->answer.close();
    ended.send(1);
  });
  vigil::go([=] {
    begun.send(1);
    (void)session->answer.receive();
    (void)session->request.try_receive();
    ended.send(1);
  });
  (void)begun.receive();
  (void)begun.receive();
  keep(session);
}
[[gnu::noinline]] void start_dead_session() {
  start_session([](const Owner&) {}, Channel<int>(2));
}

void told_session_with_two_channels() {
  start_dead_session();
  wipe_stack();
  look_until_told(sleep_in_the_system);
}

// It waits until its helper is done, which needs the lock that is kept meanwhile.
[[gnu::noinline]] void start_session_with_a_lock() {
  vigil::go([] {
    const Owner session = std::make_shared<Session>();
    session->open.add(1);
    session->lock.lock();
    vigil::go([session] {
      session->lock.lock();
      session->open.done();
      session->lock.unlock();
    });
    session->open.wait();
    session->lock.unlock();
  });
}
void told_session_with_a_lock_and_a_wait_group() {
  start_session_with_a_lock();
  wipe_stack();
  look_until_told(sleep_in_the_system);
}

// One owns another, and the tasks have one each.
struct Client {
  Owner session;
};
[[gnu::noinline]] void start_session_of_a_client() {
  const Channel<int> begun(0);
  const Owner session = std::make_shared<Session>();
  const auto client = std::make_shared<Client>(Client{session});
  vigil::go([=] {
    begun.send(1);
    (void)session->request.receive();
    session->answer.close();
  });
  vigil::go([=] {
    begun.send(1);
    (void)client->session->answer.receive();
    client->session->request.close();
  });
  (void)begun.receive();
  (void)begun.receive();
}
void told_session_that_another_structure_owns() {
  start_session_of_a_client();
  wipe_stack();
  look_until_told(sleep_in_the_system);
}

// ---- somebody alive can end each of these ---------------------------------------------------------------------------

Owner owned;
std::weak_ptr<Session> watched;
Session* referred = nullptr;
const Channel<int>* member = nullptr;
std::uintptr_t marked = 0;
std::map<int, Owner>* by_name = new std::map<int, Owner>;
// Its words are not what they were: no search finds them, but the session has an owner more than are found.
struct Encoded {
  alignas(Owner) unsigned char bytes[sizeof(Owner)];
  void toggle() {
    for (unsigned char& byte : bytes) byte ^= 0x5a;
  }
} encoded;
#pragma pack(push, 1)
struct Packed {
  char kind = 0;
  alignas(1) unsigned char owner[sizeof(Owner)] = {};
};
#pragma pack(pop)
Packed* packed = new Packed;
std::string* message = new std::string(64, '.');
// Only the message knows it: the stack that this was called on is wiped.
[[gnu::noinline]] void start_session_of_a_message(const Channel<int>& ended) {
  start_session(
      [](const Owner& session) {
        const auto address = reinterpret_cast<std::uintptr_t>(session.get());
        std::memcpy(message->data() + 3, &address, sizeof(address));
      },
      ended);
}

void told_one_of_many_sessions() {
  const Channel<int> ended(32);
  start_session([](const Owner& session) { owned = session; }, ended);
  start_session([](const Owner& session) { watched = session; }, ended);
  start_session([](const Owner& session) { referred = session.get(); }, ended);
  start_session([](const Owner& session) { member = &session->request; }, ended);
  start_session([](const Owner& session) { marked = reinterpret_cast<std::uintptr_t>(session.get()) | 1; }, ended);
  start_session([](const Owner& session) { by_name->emplace(1, session); }, ended);
  start_session(
      [](const Owner& session) {
        ::new (encoded.bytes) Owner(session);
        encoded.toggle();
      },
      ended);
  start_session(
      [](const Owner& session) {
        alignas(Owner) unsigned char copy[sizeof(Owner)];
        ::new (copy) Owner(session);
        std::memcpy(packed->owner, copy, sizeof(copy));
      },
      ended);
  start_session_of_a_message(ended);
  wipe_stack();
  const Channel<int> go_on(0);
  start_session(
      [&](const Owner& session) {
        vigil::go([session, go_on] {
          (void)go_on.receive();
          session->request.close();
        });
      },
      ended);
  vigil::sleep_for(300ms);  // so that all wait for longer than what follows
  start_dead_session();
  wipe_stack();
  look_until_told(sleep_in_the_system);
  owned->request.close();
  watched.lock()->request.close();
  referred->request.close();
  member->close();
  reinterpret_cast<Session*>(marked & ~std::uintptr_t{1})->request.close();
  by_name->at(1)->request.close();
  encoded.toggle();
  reinterpret_cast<Owner*>(encoded.bytes)->get()->request.close();
  alignas(Owner) unsigned char copy[sizeof(Owner)];
  std::memcpy(copy, packed->owner, sizeof(copy));
  reinterpret_cast<Owner*>(copy)->get()->request.close();
  std::uintptr_t in_message = 0;
  std::memcpy(&in_message, message->data() + 3, sizeof(in_message));
  reinterpret_cast<Session*>(in_message)->request.close();
  go_on.close();
  for (int i = 0; i < 20; ++i) (void)ended.receive();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(told_session_with_two_channels),
    VIGIL_CASE(told_session_with_a_lock_and_a_wait_group),
    VIGIL_CASE(told_session_that_another_structure_owns),
    VIGIL_CASE(told_one_of_many_sessions),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::shared_ring_cases() { return kCases; }
