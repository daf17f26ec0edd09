// moby#4951: to delete a device is to lock the set, then the device, then to let go of the set for a moment and to
// take it back: the device is still held.
// Fix: do not take the set while the device is held.
//
// expect: deadlock
// may: lock-cycle
// schedule: some
#include "test/kernels/kernel.hpp"

namespace kernels::moby_4951 {
namespace {

struct DeviceSet {
  Mutex lock;
  Mutex device;

  void remove(Form form) {
    lock.lock();
    device.lock();  // here
    lock.unlock();
    vigil::sleep_for(300ns);
    if (form == Form::Fixed) device.unlock();
    lock.lock();  // here
    if (form == Form::Buggy) device.unlock();
    lock.unlock();
  }
};

void run(Form form) {
  const auto set = std::make_shared<DeviceSet>();
  for (int i = 0; i < 2; ++i) vigil::go([set, form] { set->remove(form); });
}

const Kernel kKernel("moby#4951", run);

}  // namespace
}  // namespace kernels::moby_4951
