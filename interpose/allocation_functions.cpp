// What instrumented code gets in place of operator new and delete, and of reallocarray() (instrumented_code.hpp): the
// same functions, and the
// allocator's wrappers behind them are told on whose behalf they are called. The names are the ABI's.
//
// An allocator with an operator new of its own (jemalloc) passes those wrappers by: then the block is told here.
//
// Not noexcept: operator new throws through here. What is then left behind is a place for the thread's next allocation,
// which sets its own.
#include <cstddef>
#include <cstdint>
#include <new>

#include "interpose/heap.hpp"
#include "interpose/instrumented_code.hpp"

namespace vigil::shim {
namespace {

[[gnu::always_inline]] inline std::uintptr_t caller() noexcept {
  return reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
}

template <class Function>
std::uintptr_t real_code(Function* function) noexcept {
  return reinterpret_cast<std::uintptr_t>(function);
}

void* (*real_nwm)(std::size_t) = nullptr;
void* on_nwm(std::size_t size) {
  const heap::OnBehalf place(caller());
  return place.made(real_code(real_nwm), real_nwm(size), size);
}

void* (*real_nwmRKSt9nothrow_t)(std::size_t, const std::nothrow_t&) = nullptr;
void* on_nwmRKSt9nothrow_t(std::size_t size, const std::nothrow_t& nothrow) {
  const heap::OnBehalf place(caller());
  return place.made(real_code(real_nwmRKSt9nothrow_t), real_nwmRKSt9nothrow_t(size, nothrow), size);
}

void* (*real_nwmSt11align_val_t)(std::size_t, std::align_val_t) = nullptr;
void* on_nwmSt11align_val_t(std::size_t size, std::align_val_t alignment) {
  const heap::OnBehalf place(caller());
  return place.made(real_code(real_nwmSt11align_val_t), real_nwmSt11align_val_t(size, alignment), size);
}

void* (*real_nwmSt11align_val_tRKSt9nothrow_t)(std::size_t, std::align_val_t, const std::nothrow_t&) = nullptr;
void* on_nwmSt11align_val_tRKSt9nothrow_t(std::size_t size, std::align_val_t alignment, const std::nothrow_t& nothrow) {
  const heap::OnBehalf place(caller());
  return place.made(real_code(real_nwmSt11align_val_tRKSt9nothrow_t),
                    real_nwmSt11align_val_tRKSt9nothrow_t(size, alignment, nothrow), size);
}

void* (*real_nam)(std::size_t) = nullptr;
void* on_nam(std::size_t size) {
  const heap::OnBehalf place(caller());
  return place.made(real_code(real_nam), real_nam(size), size);
}

void* (*real_namRKSt9nothrow_t)(std::size_t, const std::nothrow_t&) = nullptr;
void* on_namRKSt9nothrow_t(std::size_t size, const std::nothrow_t& nothrow) {
  const heap::OnBehalf place(caller());
  return place.made(real_code(real_namRKSt9nothrow_t), real_namRKSt9nothrow_t(size, nothrow), size);
}

void* (*real_namSt11align_val_t)(std::size_t, std::align_val_t) = nullptr;
void* on_namSt11align_val_t(std::size_t size, std::align_val_t alignment) {
  const heap::OnBehalf place(caller());
  return place.made(real_code(real_namSt11align_val_t), real_namSt11align_val_t(size, alignment), size);
}

void* (*real_namSt11align_val_tRKSt9nothrow_t)(std::size_t, std::align_val_t, const std::nothrow_t&) = nullptr;
void* on_namSt11align_val_tRKSt9nothrow_t(std::size_t size, std::align_val_t alignment, const std::nothrow_t& nothrow) {
  const heap::OnBehalf place(caller());
  return place.made(real_code(real_namSt11align_val_tRKSt9nothrow_t),
                    real_namSt11align_val_tRKSt9nothrow_t(size, alignment, nothrow), size);
}

void (*real_dlPv)(void*) = nullptr;
void on_dlPv(void* block) {
  const heap::OnBehalf place(caller());
  heap::deleting(block);
  real_dlPv(block);
}

void (*real_dlPvm)(void*, std::size_t) = nullptr;
void on_dlPvm(void* block, std::size_t size) {
  const heap::OnBehalf place(caller());
  heap::deleting(block);
  real_dlPvm(block, size);
}

void (*real_dlPvSt11align_val_t)(void*, std::align_val_t) = nullptr;
void on_dlPvSt11align_val_t(void* block, std::align_val_t alignment) {
  const heap::OnBehalf place(caller());
  heap::deleting(block);
  real_dlPvSt11align_val_t(block, alignment);
}

void (*real_dlPvmSt11align_val_t)(void*, std::size_t, std::align_val_t) = nullptr;
void on_dlPvmSt11align_val_t(void* block, std::size_t size, std::align_val_t alignment) {
  const heap::OnBehalf place(caller());
  heap::deleting(block);
  real_dlPvmSt11align_val_t(block, size, alignment);
}

void (*real_dlPvRKSt9nothrow_t)(void*, const std::nothrow_t&) = nullptr;
void on_dlPvRKSt9nothrow_t(void* block, const std::nothrow_t& nothrow) {
  const heap::OnBehalf place(caller());
  heap::deleting(block);
  real_dlPvRKSt9nothrow_t(block, nothrow);
}

void (*real_dlPvSt11align_val_tRKSt9nothrow_t)(void*, std::align_val_t, const std::nothrow_t&) = nullptr;
void on_dlPvSt11align_val_tRKSt9nothrow_t(void* block, std::align_val_t alignment, const std::nothrow_t& nothrow) {
  const heap::OnBehalf place(caller());
  heap::deleting(block);
  real_dlPvSt11align_val_tRKSt9nothrow_t(block, alignment, nothrow);
}

void (*real_daPv)(void*) = nullptr;
void on_daPv(void* block) {
  const heap::OnBehalf place(caller());
  heap::deleting(block);
  real_daPv(block);
}

void (*real_daPvm)(void*, std::size_t) = nullptr;
void on_daPvm(void* block, std::size_t size) {
  const heap::OnBehalf place(caller());
  heap::deleting(block);
  real_daPvm(block, size);
}

void (*real_daPvSt11align_val_t)(void*, std::align_val_t) = nullptr;
void on_daPvSt11align_val_t(void* block, std::align_val_t alignment) {
  const heap::OnBehalf place(caller());
  heap::deleting(block);
  real_daPvSt11align_val_t(block, alignment);
}

void (*real_daPvmSt11align_val_t)(void*, std::size_t, std::align_val_t) = nullptr;
void on_daPvmSt11align_val_t(void* block, std::size_t size, std::align_val_t alignment) {
  const heap::OnBehalf place(caller());
  heap::deleting(block);
  real_daPvmSt11align_val_t(block, size, alignment);
}

void (*real_daPvRKSt9nothrow_t)(void*, const std::nothrow_t&) = nullptr;
void on_daPvRKSt9nothrow_t(void* block, const std::nothrow_t& nothrow) {
  const heap::OnBehalf place(caller());
  heap::deleting(block);
  real_daPvRKSt9nothrow_t(block, nothrow);
}

void (*real_daPvSt11align_val_tRKSt9nothrow_t)(void*, std::align_val_t, const std::nothrow_t&) = nullptr;
void on_daPvSt11align_val_tRKSt9nothrow_t(void* block, std::align_val_t alignment, const std::nothrow_t& nothrow) {
  const heap::OnBehalf place(caller());
  heap::deleting(block);
  real_daPvSt11align_val_tRKSt9nothrow_t(block, alignment, nothrow);
}

void* (*real_reallocarray)(void*, std::size_t, std::size_t) = nullptr;
void* on_reallocarray(void* block, std::size_t count, std::size_t size) {
  const heap::OnBehalf place(caller());
  return real_reallocarray(block, count, size);
}

const Replacement kAll[] = {
    {"reallocarray", reinterpret_cast<void*>(on_reallocarray), reinterpret_cast<void**>(&real_reallocarray)},
    {"_Znwm", reinterpret_cast<void*>(on_nwm), reinterpret_cast<void**>(&real_nwm)},
    {"_ZnwmRKSt9nothrow_t", reinterpret_cast<void*>(on_nwmRKSt9nothrow_t),
     reinterpret_cast<void**>(&real_nwmRKSt9nothrow_t)},
    {"_ZnwmSt11align_val_t", reinterpret_cast<void*>(on_nwmSt11align_val_t),
     reinterpret_cast<void**>(&real_nwmSt11align_val_t)},
    {"_ZnwmSt11align_val_tRKSt9nothrow_t", reinterpret_cast<void*>(on_nwmSt11align_val_tRKSt9nothrow_t),
     reinterpret_cast<void**>(&real_nwmSt11align_val_tRKSt9nothrow_t)},
    {"_Znam", reinterpret_cast<void*>(on_nam), reinterpret_cast<void**>(&real_nam)},
    {"_ZnamRKSt9nothrow_t", reinterpret_cast<void*>(on_namRKSt9nothrow_t),
     reinterpret_cast<void**>(&real_namRKSt9nothrow_t)},
    {"_ZnamSt11align_val_t", reinterpret_cast<void*>(on_namSt11align_val_t),
     reinterpret_cast<void**>(&real_namSt11align_val_t)},
    {"_ZnamSt11align_val_tRKSt9nothrow_t", reinterpret_cast<void*>(on_namSt11align_val_tRKSt9nothrow_t),
     reinterpret_cast<void**>(&real_namSt11align_val_tRKSt9nothrow_t)},
    {"_ZdlPv", reinterpret_cast<void*>(on_dlPv), reinterpret_cast<void**>(&real_dlPv)},
    {"_ZdlPvm", reinterpret_cast<void*>(on_dlPvm), reinterpret_cast<void**>(&real_dlPvm)},
    {"_ZdlPvSt11align_val_t", reinterpret_cast<void*>(on_dlPvSt11align_val_t),
     reinterpret_cast<void**>(&real_dlPvSt11align_val_t)},
    {"_ZdlPvmSt11align_val_t", reinterpret_cast<void*>(on_dlPvmSt11align_val_t),
     reinterpret_cast<void**>(&real_dlPvmSt11align_val_t)},
    {"_ZdlPvRKSt9nothrow_t", reinterpret_cast<void*>(on_dlPvRKSt9nothrow_t),
     reinterpret_cast<void**>(&real_dlPvRKSt9nothrow_t)},
    {"_ZdlPvSt11align_val_tRKSt9nothrow_t", reinterpret_cast<void*>(on_dlPvSt11align_val_tRKSt9nothrow_t),
     reinterpret_cast<void**>(&real_dlPvSt11align_val_tRKSt9nothrow_t)},
    {"_ZdaPv", reinterpret_cast<void*>(on_daPv), reinterpret_cast<void**>(&real_daPv)},
    {"_ZdaPvm", reinterpret_cast<void*>(on_daPvm), reinterpret_cast<void**>(&real_daPvm)},
    {"_ZdaPvSt11align_val_t", reinterpret_cast<void*>(on_daPvSt11align_val_t),
     reinterpret_cast<void**>(&real_daPvSt11align_val_t)},
    {"_ZdaPvmSt11align_val_t", reinterpret_cast<void*>(on_daPvmSt11align_val_t),
     reinterpret_cast<void**>(&real_daPvmSt11align_val_t)},
    {"_ZdaPvRKSt9nothrow_t", reinterpret_cast<void*>(on_daPvRKSt9nothrow_t),
     reinterpret_cast<void**>(&real_daPvRKSt9nothrow_t)},
    {"_ZdaPvSt11align_val_tRKSt9nothrow_t", reinterpret_cast<void*>(on_daPvSt11align_val_tRKSt9nothrow_t),
     reinterpret_cast<void**>(&real_daPvSt11align_val_tRKSt9nothrow_t)},
};

}  // namespace

std::span<const Replacement> allocation_replacements() noexcept { return kAll; }

}  // namespace vigil::shim
