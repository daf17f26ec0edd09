// Wrappers of what begins, ends and renames files: an inotify tells of it (descriptors.hpp); and of what begins other
// processes that have our pipes.
//
// Not noexcept where it is a cancellation point.
#include <fcntl.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>

#include "interpose/descriptors.hpp"
#include "interpose/export.hpp"
#include "interpose/real_function.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace

namespace {

constinit Real<int()> real_inotify_init("inotify_init");
constinit Real<int(int)> real_inotify_init1("inotify_init1");
constinit Real<int(const char*, int, mode_t)> real_open("open");
constinit Real<int(const char*, int, mode_t)> real_open64("open64");
constinit Real<int(int, const char*, int, mode_t)> real_openat("openat");
constinit Real<int(int, const char*, int, mode_t)> real_openat64("openat64");
constinit Real<int(const char*, mode_t)> real_creat("creat");
constinit Real<int(const char*, mode_t)> real_creat64("creat64");
constinit Real<FILE*(const char*, const char*)> real_fopen("fopen");
constinit Real<FILE*(const char*, const char*)> real_fopen64("fopen64");
constinit Real<int(const char*, const char*)> real_rename("rename");
constinit Real<int(int, const char*, int, const char*)> real_renameat("renameat");
constinit Real<int(int, const char*, int, const char*, unsigned)> real_renameat2("renameat2");
constinit Real<int(const char*)> real_unlink("unlink");
constinit Real<int(int, const char*, int)> real_unlinkat("unlinkat");
constinit Real<int(const char*)> real_remove("remove");
constinit Real<int(const char*, mode_t)> real_mkdir("mkdir");
constinit Real<int(int, const char*, mode_t)> real_mkdirat("mkdirat");
constinit Real<int(const char*)> real_rmdir("rmdir");
constinit Real<int(const char*, const char*)> real_link("link");
constinit Real<int(int, const char*, int, const char*, int)> real_linkat("linkat");
constinit Real<int(const char*, const char*)> real_symlink("symlink");
constinit Real<int(const char*, int, const char*)> real_symlinkat("symlinkat");
constinit Real<int(const char*, off_t)> real_truncate("truncate");
constinit Real<int(int, off_t)> real_ftruncate("ftruncate");
constinit Real<ssize_t(int, const void*, std::size_t, off_t)> real_pwrite("pwrite");
constinit Real<ssize_t(int, const void*, std::size_t, off64_t)> real_pwrite64("pwrite64");
constinit Real<int(pid_t*, const char*, const posix_spawn_file_actions_t*, const posix_spawnattr_t*, char* const*,
                   char* const*)>
    real_posix_spawn("posix_spawn");
constinit Real<int(pid_t*, const char*, const posix_spawn_file_actions_t*, const posix_spawnattr_t*, char* const*,
                   char* const*)>
    real_posix_spawnp("posix_spawnp");
constinit Real<FILE*(const char*, const char*)> real_popen("popen");

int told_of_files(int inotify) noexcept {
  descriptors::tells_of_files(inotify);
  return inotify;
}

}  // namespace

extern "C" VIGIL_EXPORT int inotify_init() noexcept { return told_of_files(real_inotify_init()); }
extern "C" VIGIL_EXPORT int inotify_init1(int flags) noexcept { return told_of_files(real_inotify_init1(flags)); }

// ---- files ---------------------------------------------------------------------------------------------------------

// The mode is passed in the same place whether it is there or not.
extern "C" VIGIL_EXPORT int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = va_arg(rest, mode_t);
  va_end(rest);
  descriptors::changes_files();
  return real_open(path, flags, mode);
}
extern "C" VIGIL_EXPORT int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = va_arg(rest, mode_t);
  va_end(rest);
  descriptors::changes_files();
  return real_open64(path, flags, mode);
}
extern "C" VIGIL_EXPORT int openat(int folder, const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = va_arg(rest, mode_t);
  va_end(rest);
  descriptors::changes_files();
  return real_openat(folder, path, flags, mode);
}
extern "C" VIGIL_EXPORT int openat64(int folder, const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = va_arg(rest, mode_t);
  va_end(rest);
  descriptors::changes_files();
  return real_openat64(folder, path, flags, mode);
}
extern "C" VIGIL_EXPORT int creat(const char* path, mode_t mode) {
  descriptors::changes_files();
  return real_creat(path, mode);
}
extern "C" VIGIL_EXPORT int creat64(const char* path, mode_t mode) {
  descriptors::changes_files();
  return real_creat64(path, mode);
}
extern "C" VIGIL_EXPORT FILE* fopen(const char* path, const char* mode) {
  descriptors::changes_files();
  return real_fopen(path, mode);
}
extern "C" VIGIL_EXPORT FILE* fopen64(const char* path, const char* mode) {
  descriptors::changes_files();
  return real_fopen64(path, mode);
}
extern "C" VIGIL_EXPORT int rename(const char* from, const char* to) noexcept {
  descriptors::changes_files();
  return real_rename(from, to);
}
extern "C" VIGIL_EXPORT int renameat(int from_in, const char* from, int to_in, const char* to) noexcept {
  descriptors::changes_files();
  return real_renameat(from_in, from, to_in, to);
}
extern "C" VIGIL_EXPORT int renameat2(int from_in, const char* from, int to_in, const char* to,
                                      unsigned flags) noexcept {
  descriptors::changes_files();
  return real_renameat2(from_in, from, to_in, to, flags);
}
extern "C" VIGIL_EXPORT int unlink(const char* path) noexcept {
  descriptors::changes_files();
  return real_unlink(path);
}
extern "C" VIGIL_EXPORT int unlinkat(int folder, const char* path, int flags) noexcept {
  descriptors::changes_files();
  return real_unlinkat(folder, path, flags);
}
extern "C" VIGIL_EXPORT int remove(const char* path) noexcept {
  descriptors::changes_files();
  return real_remove(path);
}
extern "C" VIGIL_EXPORT int mkdir(const char* path, mode_t mode) noexcept {
  descriptors::changes_files();
  return real_mkdir(path, mode);
}
extern "C" VIGIL_EXPORT int mkdirat(int folder, const char* path, mode_t mode) noexcept {
  descriptors::changes_files();
  return real_mkdirat(folder, path, mode);
}
extern "C" VIGIL_EXPORT int rmdir(const char* path) noexcept {
  descriptors::changes_files();
  return real_rmdir(path);
}
extern "C" VIGIL_EXPORT int link(const char* from, const char* to) noexcept {
  descriptors::changes_files();
  return real_link(from, to);
}
extern "C" VIGIL_EXPORT int linkat(int from_in, const char* from, int to_in, const char* to, int flags) noexcept {
  descriptors::changes_files();
  return real_linkat(from_in, from, to_in, to, flags);
}
extern "C" VIGIL_EXPORT int symlink(const char* to, const char* path) noexcept {
  descriptors::changes_files();
  return real_symlink(to, path);
}
extern "C" VIGIL_EXPORT int symlinkat(const char* to, int folder, const char* path) noexcept {
  descriptors::changes_files();
  return real_symlinkat(to, folder, path);
}
extern "C" VIGIL_EXPORT int truncate(const char* path, off_t size) noexcept {
  descriptors::changes_files();
  return real_truncate(path, size);
}
extern "C" VIGIL_EXPORT int ftruncate(int file, off_t size) noexcept {
  descriptors::changes_files();
  return real_ftruncate(file, size);
}
extern "C" VIGIL_EXPORT ssize_t pwrite(int file, const void* from, std::size_t bytes, off_t at) {
  descriptors::changes_files();
  return real_pwrite(file, from, bytes, at);
}
extern "C" VIGIL_EXPORT ssize_t pwrite64(int file, const void* from, std::size_t bytes, off64_t at) {
  descriptors::changes_files();
  return real_pwrite64(file, from, bytes, at);
}

// ---- other processes -----------------------------------------------------------------------------------------------

extern "C" VIGIL_EXPORT int posix_spawn(pid_t* process, const char* path, const posix_spawn_file_actions_t* actions,
                                        const posix_spawnattr_t* attributes, char* const arguments[],
                                        char* const environment[]) {
  descriptors::child_begins();
  return real_posix_spawn(process, path, actions, attributes, arguments, environment);
}
extern "C" VIGIL_EXPORT int posix_spawnp(pid_t* process, const char* path, const posix_spawn_file_actions_t* actions,
                                         const posix_spawnattr_t* attributes, char* const arguments[],
                                         char* const environment[]) {
  descriptors::child_begins();
  return real_posix_spawnp(process, path, actions, attributes, arguments, environment);
}
extern "C" VIGIL_EXPORT FILE* popen(const char* command, const char* mode) {
  descriptors::child_begins();
  return real_popen(command, mode);
}
