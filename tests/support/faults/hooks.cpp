// SPDX-License-Identifier: Apache-2.0
// The calls that libdatus_faults.so stands in front of. Each asks the plan and forwards to the library behind it.

#include "support/faults/forward.hpp"
#include "support/faults/plan.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

namespace datus::faults {
namespace {

Verdict judge(Call call, const Target& target) {
  Plan& plan = Plan::of_this_process();
  return plan.concerns(call) ? plan.judge(call, target) : Verdict{};
}

Verdict judge(Call call, int descriptor, bool is_stream = false) {
  Plan& plan = Plan::of_this_process();
  if (!plan.concerns(call)) return {};
  const DescriptorPath path(descriptor);
  return plan.judge(call, {.path = path.get(), .is_stream = is_stream});
}

/// Makes the call unless the plan has another result for it.
template <class Result, class Forward>
Result perform(const Verdict& verdict, Result failure, const Forward& forward) {
  if (verdict.error != 0) {
    errno = verdict.error;
    return failure;
  }
  const Result result = forward();
  if (verdict.kill_after) kill_this_process();
  return result;
}

/// About half of the bytes, but something.
std::size_t shortened(const Verdict& verdict, std::size_t size) {
  return verdict.shorten ? (size + 1) / 2 : size;
}

template <class Forward>
int opened(const char* path, const Forward& forward) {
  return perform(judge(Call::open, {.path = path}), -1, forward);
}

}  // namespace
}  // namespace datus::faults

using datus::faults::Call;
using datus::faults::judge;
using datus::faults::next;
using datus::faults::opened;
using datus::faults::perform;
using datus::faults::shortened;

DATUS_HOOK int open(const char* path, int flags, ...) {
  DATUS_READ_MODE(flags, mode)
  static const auto real = next<int(const char*, int, ...)>("open");
  return opened(path, [&] { return real(path, flags, mode); });
}

DATUS_HOOK int open64(const char* path, int flags, ...) {
  DATUS_READ_MODE(flags, mode)
  static const auto real = next<int(const char*, int, ...)>("open64");
  return opened(path, [&] { return real(path, flags, mode); });
}

DATUS_HOOK int openat(int folder, const char* path, int flags, ...) {
  DATUS_READ_MODE(flags, mode)
  static const auto real = next<int(int, const char*, int, ...)>("openat");
  return opened(path, [&] { return real(folder, path, flags, mode); });
}

DATUS_HOOK int openat64(int folder, const char* path, int flags, ...) {
  DATUS_READ_MODE(flags, mode)
  static const auto real = next<int(int, const char*, int, ...)>("openat64");
  return opened(path, [&] { return real(folder, path, flags, mode); });
}

// What the compiler makes of open where the flags are no constant.
DATUS_HOOK int __open_2(const char* path, int flags) {
  static const auto real = next<int(const char*, int)>("__open_2");
  return opened(path, [&] { return real(path, flags); });
}

DATUS_HOOK int __open64_2(const char* path, int flags) {
  static const auto real = next<int(const char*, int)>("__open64_2");
  return opened(path, [&] { return real(path, flags); });
}

DATUS_HOOK int __openat_2(int folder, const char* path, int flags) {
  static const auto real = next<int(int, const char*, int)>("__openat_2");
  return opened(path, [&] { return real(folder, path, flags); });
}

DATUS_HOOK int __openat64_2(int folder, const char* path, int flags) {
  static const auto real = next<int(int, const char*, int)>("__openat64_2");
  return opened(path, [&] { return real(folder, path, flags); });
}

DATUS_HOOK int creat(const char* path, mode_t mode) {
  static const auto real = next<int(const char*, mode_t)>("creat");
  return opened(path, [&] { return real(path, mode); });
}

DATUS_HOOK int creat64(const char* path, mode_t mode) {
  static const auto real = next<int(const char*, mode_t)>("creat64");
  return opened(path, [&] { return real(path, mode); });
}

DATUS_HOOK std::FILE* fopen(const char* path, const char* mode) {
  static const auto real = next<std::FILE*(const char*, const char*)>("fopen");
  return perform(judge(Call::open, {.path = path, .is_stream = true}), static_cast<std::FILE*>(nullptr),
                 [&] { return real(path, mode); });
}

DATUS_HOOK std::FILE* fopen64(const char* path, const char* mode) {
  static const auto real = next<std::FILE*(const char*, const char*)>("fopen64");
  return perform(judge(Call::open, {.path = path, .is_stream = true}), static_cast<std::FILE*>(nullptr),
                 [&] { return real(path, mode); });
}

DATUS_HOOK ssize_t write(int descriptor, const void* bytes, std::size_t size) {
  static const auto real = next<ssize_t(int, const void*, std::size_t)>("write");
  const auto verdict = judge(Call::write, descriptor);
  return perform(verdict, ssize_t{-1}, [&] { return real(descriptor, bytes, shortened(verdict, size)); });
}

DATUS_HOOK ssize_t writev(int descriptor, const iovec* pieces, int count) {
  static const auto real = next<ssize_t(int, const iovec*, int)>("writev");
  const auto verdict = judge(Call::write, descriptor);
  return perform(verdict, ssize_t{-1}, [&] {
    if (!verdict.shorten || count < 1) return real(descriptor, pieces, count);
    const iovec first{pieces->iov_base, shortened(verdict, pieces->iov_len)};
    return real(descriptor, &first, 1);
  });
}

DATUS_HOOK std::size_t fwrite(const void* bytes, std::size_t size, std::size_t count, std::FILE* file) {
  static const auto real = next<std::size_t(const void*, std::size_t, std::size_t, std::FILE*)>("fwrite");
  return perform(judge(Call::write, ::fileno(file), true), std::size_t{0},
                 [&] { return real(bytes, size, count, file); });
}

DATUS_HOOK ssize_t pwrite(int descriptor, const void* bytes, std::size_t size, off_t offset) {
  static const auto real = next<ssize_t(int, const void*, std::size_t, off_t)>("pwrite");
  const auto verdict = judge(Call::pwrite, descriptor);
  return perform(verdict, ssize_t{-1}, [&] { return real(descriptor, bytes, shortened(verdict, size), offset); });
}

DATUS_HOOK ssize_t pwrite64(int descriptor, const void* bytes, std::size_t size, off64_t offset) {
  static const auto real = next<ssize_t(int, const void*, std::size_t, off64_t)>("pwrite64");
  const auto verdict = judge(Call::pwrite, descriptor);
  return perform(verdict, ssize_t{-1}, [&] { return real(descriptor, bytes, shortened(verdict, size), offset); });
}

DATUS_HOOK int fsync(int descriptor) {
  static const auto real = next<int(int)>("fsync");
  return perform(judge(Call::fsync, descriptor), -1, [&] { return real(descriptor); });
}

DATUS_HOOK int fdatasync(int descriptor) {
  static const auto real = next<int(int)>("fdatasync");
  return perform(judge(Call::fsync, descriptor), -1, [&] { return real(descriptor); });
}

DATUS_HOOK int rename(const char* from, const char* to) noexcept {
  static const auto real = next<int(const char*, const char*)>("rename");
  return perform(judge(Call::rename, {.path = from, .other_path = to}), -1, [&] { return real(from, to); });
}

DATUS_HOOK int renameat(int folder, const char* from, int to_folder, const char* to) noexcept {
  static const auto real = next<int(int, const char*, int, const char*)>("renameat");
  return perform(judge(Call::rename, {.path = from, .other_path = to}), -1,
                 [&] { return real(folder, from, to_folder, to); });
}

DATUS_HOOK int renameat2(int folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  static const auto real = next<int(int, const char*, int, const char*, unsigned)>("renameat2");
  return perform(judge(Call::rename, {.path = from, .other_path = to}), -1,
                 [&] { return real(folder, from, to_folder, to, flags); });
}

// A file is closed all the same when that fails: network file systems report late write errors so.
DATUS_HOOK int close(int descriptor) {
  static const auto real = next<int(int)>("close");
  const auto verdict = judge(Call::close, descriptor);
  if (verdict.error != 0) (void)real(descriptor);
  return perform(verdict, -1, [&] { return real(descriptor); });
}

DATUS_HOOK int fclose(std::FILE* file) {
  static const auto real = next<int(std::FILE*)>("fclose");
  const auto verdict = judge(Call::close, ::fileno(file), true);
  if (verdict.error != 0) (void)real(file);
  return perform(verdict, EOF, [&] { return real(file); });
}

DATUS_HOOK int ftruncate(int descriptor, off_t size) noexcept {
  static const auto real = next<int(int, off_t)>("ftruncate");
  return perform(judge(Call::truncate, descriptor), -1, [&] { return real(descriptor, size); });
}

DATUS_HOOK int ftruncate64(int descriptor, off64_t size) noexcept {
  static const auto real = next<int(int, off64_t)>("ftruncate64");
  return perform(judge(Call::truncate, descriptor), -1, [&] { return real(descriptor, size); });
}

// Handles are pointers in one MPI and integers in another; both travel in registers of this width.
using MpiHandle = std::intptr_t;

DATUS_HOOK int MPI_Allreduce(const void* from, void* to, int count, MpiHandle type, MpiHandle operation,
                             MpiHandle communicator) {
  static const auto real = next<int(const void*, void*, int, MpiHandle, MpiHandle, MpiHandle)>("PMPI_Allreduce");
  const auto verdict = judge(Call::allreduce, {.elements = count});
  constexpr int mpi_failure = 1;
  return perform(verdict, mpi_failure, [&] { return real(from, to, count, type, operation, communicator); });
}
