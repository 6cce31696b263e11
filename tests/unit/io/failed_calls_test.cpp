// SPDX-License-Identifier: Apache-2.0
// Files written while system calls fail, are interrupted or do a part of their work: every call that a write makes on
// its temporary file, one after the other, with the reasons that no small file system can give.

#include "datus/io/atomic_file.hpp"
#include "datus/io/atomic_hdf5.hpp"
#include "datus/io/hdf5.hpp"
#include "library_leaks.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace datus {
namespace failed_calls_test {

/// What happens to the calls on temporary files that change something.
struct Fault {
  int calls = 0;     ///< counted so far
  int first = 0;     ///< number of the call that fails; 0: none does
  bool once = true;  ///< or all that follow too
  int code = 0;      ///< the `errno` of it; 0: it does a part of the work
};
Fault fault;

/// Whether the file was made by `AtomicFile`, and is open for writing (what is only read may well fail to close).
bool is_temporary(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) return false;
  std::error_code problem;
  const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor), problem);
  return !problem && path.filename().string().find(".tmp-") != std::string::npos;
}

bool is_hit(int descriptor) {
  if (!is_temporary(descriptor)) return false;
  ++fault.calls;
  return fault.first > 0 && (fault.once ? fault.calls == fault.first : fault.calls >= fault.first);
}

/// The result of a call that moves bytes: an error, or the number of bytes that it is to move.
long bytes_to_move(int descriptor, std::size_t wanted) {
  if (!is_hit(descriptor)) return static_cast<long>(wanted);
  if (fault.code == 0) return static_cast<long>((wanted + 1) / 2);
  errno = fault.code;
  return -1;
}

int fail_or(int descriptor, const std::function<long()>& call) {
  if (is_hit(descriptor) && fault.code != 0) {
    errno = fault.code;
    return -1;
  }
  return static_cast<int>(call());
}

}  // namespace failed_calls_test
}  // namespace datus

// In place of the C library's, for this program and for the libraries that it has loaded.
extern "C" {
ssize_t pwrite(int descriptor, const void* from, size_t count, off_t offset) {
  const long moved = datus::failed_calls_test::bytes_to_move(descriptor, count);
  return moved < 0 ? -1 : ::syscall(SYS_pwrite64, descriptor, from, moved, offset);
}
ssize_t write(int descriptor, const void* from, size_t count) {
  const long moved = datus::failed_calls_test::bytes_to_move(descriptor, count);
  return moved < 0 ? -1 : ::syscall(SYS_write, descriptor, from, moved);
}
int ftruncate(int descriptor, off_t size) noexcept {
  return datus::failed_calls_test::fail_or(descriptor, [&] { return ::syscall(SYS_ftruncate, descriptor, size); });
}
int fsync(int descriptor) {
  return datus::failed_calls_test::fail_or(descriptor, [&] { return ::syscall(SYS_fsync, descriptor); });
}
int close(int descriptor) {
  // As in Linux, the descriptor is gone also when closing says that something was not written.
  const bool fails = datus::failed_calls_test::is_hit(descriptor) && datus::failed_calls_test::fault.code != 0;
  const long result = ::syscall(SYS_close, descriptor);
  if (!fails) return static_cast<int>(result);
  errno = datus::failed_calls_test::fault.code;
  return -1;
}
}

namespace datus {
namespace failed_calls_test {

using test::bytes_of;
using test::expect_error;
using test::TempFolder;

void write_hdf5(const std::filesystem::path& path) {
  AtomicHdf5 file(path);
  Hdf5Writer& writer = file.writer();
  const std::vector<half> rows(20 * 1000, to_half(1.5F));
  writer.create<half>("keys", {20, 10, 100}, ChunkHint::per_row);
  writer.write_rows<half>("keys", 0, rows);
  // Rows that go to the file outside of the library.
  writer.write<half>("large", std::vector<half>(3 * 50'000, to_half(2.5F)), {3, 50'000}, ChunkHint::per_row);
  writer.write<float>("matrix", std::vector<float>(3'000 * 100, 2.0F), {3'000, 100}, ChunkHint::about_one_mib);
  writer.write<std::int64_t>("whole", std::vector<std::int64_t>(10'000, 7), {10'000});
  writer.write_names("group/name", std::vector<std::string>(100, "an image"));
  for (int i = 0; i < 60; ++i) writer.attribute("/", "attribute" + std::to_string(i), std::string(300, 'x'));
  file.commit();
}

void write_text(const std::filesystem::path& path) {
  write_text_atomically(path, std::string(100'000, 'x'));
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) count += entry.exists() ? 1 : 0;
  return count;
}

/// The calls that the write makes on its temporary file, the first of which (closing the empty file) is not HDF5's.
int count_calls(const std::function<void(const std::filesystem::path&)>& write, const std::filesystem::path& path) {
  fault = {};
  write(path);
  return fault.calls;
}

/// Lets each call fail in its turn. Nothing may stay behind, and the older file must be untouched.
void check_each_call(const std::function<void(const std::filesystem::path&)>& write, int code, bool once, int least) {
  const TempFolder folder;
  const auto path = folder / "a.h5";
  const int calls = count_calls(write, path);
  ASSERT_GE(calls, least) << "the calls of the libraries do not come through this program";
  const std::string expected = bytes_of(path);
  ::testing::internal::CaptureStderr();
  const std::size_t descriptors = open_descriptors();
  for (int i = 1; i <= calls; ++i) {
    SCOPED_TRACE("call " + std::to_string(i) + " of " + std::to_string(calls));
    fault = {.first = i, .once = once, .code = code};
    expect_error<SystemError>([&] { write(path); },
                              {"a.h5", std::string("(") + std::strerror(code), "run the same command again"});
    fault = {};
    EXPECT_EQ(folder.names(), std::vector<std::string>{"a.h5"});
    EXPECT_EQ(bytes_of(path), expected);
    EXPECT_EQ(open_descriptors(), descriptors);
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  std::filesystem::remove(path);
  write(path);
  EXPECT_EQ(bytes_of(path), expected);
}

/// HDF5's writes, that of the superblock twice, the cut to size and the close; closing, syncing and closing again.
constexpr int least_hdf5_calls = 20 + 3 + 3 + 4;
/// Closing the empty file, writing, closing, syncing, closing.
constexpr int text_calls = 5;

TEST(FailedCalls, AnHdf5FileNamesAFailingDisk) {
  check_each_call(write_hdf5, EIO, true, least_hdf5_calls);
  check_each_call(write_hdf5, EIO, false, least_hdf5_calls);
}

TEST(FailedCalls, AnHdf5FileNamesAUsedUpQuota) {
  check_each_call(write_hdf5, EDQUOT, true, least_hdf5_calls);
  check_each_call(write_hdf5, EDQUOT, false, least_hdf5_calls);
}

TEST(FailedCalls, AnHdf5FileNamesAFullDisk) {
  check_each_call(write_hdf5, ENOSPC, true, least_hdf5_calls);
  check_each_call(write_hdf5, ENOSPC, false, least_hdf5_calls);
}

TEST(FailedCalls, ATextNamesAFailingDisk) {
  check_each_call(write_text, EIO, true, text_calls);
  check_each_call(write_text, EDQUOT, false, text_calls);
}

/// A call that a signal interrupts, or that does half of its work, is no failure.
void check_goes_on(const std::function<void(const std::filesystem::path&)>& write, int code) {
  const TempFolder folder;
  const auto path = folder / "a.h5";
  const int calls = count_calls(write, path);
  const std::string expected = bytes_of(path);
  for (int i = 1; i <= calls; ++i) {
    fault = {.first = i, .code = code};
    write(path);
    fault = {};
    EXPECT_EQ(bytes_of(path), expected) << "call " << i << " of " << calls;
  }
}

TEST(FailedCalls, ShortWritesAreGoneOnWith) {
  check_goes_on(write_text, 0);
  check_goes_on(write_hdf5, 0);
}

TEST(FailedCalls, FilesGoOnAfterSignals) {
  check_goes_on(write_text, EINTR);
  check_goes_on(write_hdf5, EINTR);
}

TEST(FailedCalls, TheBytesNeededAreNamedAtEachStage) {
  const TempFolder folder;
  const auto path = folder / "a.json";
  ASSERT_EQ(count_calls(write_text, path), text_calls);
  // 100,000 bytes are 97.66 KiB: when writing, closing and syncing.
  for (int i = 2; i <= 4; ++i) {
    fault = {.first = i, .code = EDQUOT};
    expect_error<SystemError>([&] { write_text(path); }, {"the file needs at least 97.7 KiB, "});
  }
  fault = {};
}

}  // namespace failed_calls_test
}  // namespace datus
