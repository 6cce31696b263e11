// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/hdf5/hdf5_driver.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hdf5.h>

namespace datus::hdf5 {

/// Held by every public function of the HDF5 classes: most builds of the library may be entered by one thread at a time
/// only, in the whole process. The mutex is recursive because readers open the sources of virtual datasets by readers.
class LibraryLock {
 public:
  /// Waits for the library, and keeps it from printing errors of its own on this thread.
  LibraryLock();

 private:
  std::unique_lock<std::recursive_mutex> lock_;
};

/// Owner of one HDF5 identifier.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);

  Handle() = default;
  Handle(hid_t id, Close close) noexcept : id_(id), close_(close) {}
  ~Handle() { reset(); }
  Handle(Handle&& other) noexcept;
  Handle& operator=(Handle&& other) noexcept;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  [[nodiscard]] hid_t get() const noexcept { return id_; }
  /// Closes now; the status is the library's, negative for a failure.
  herr_t reset() noexcept;

 private:
  hid_t id_ = H5I_INVALID_HID;
  Close close_ = nullptr;
};

/// What to do about a filter that is not there.
inline constexpr std::string_view filter_advice =
    "Install the filter's plugin and set HDF5_PLUGIN_PATH to its folder, or rewrite the file where the filter is: "
    "h5repack -f GZIP=4 FILE NEW, or h5py with compression='gzip'.";

/// Why the library call that has just failed did so.
struct LibraryFailure {
  std::string text;      ///< the innermost message, short
  int system_error = 0;  ///< the `errno` of the system call that failed, 0 when it was not a system call
  bool lacks_filter = false;
};
[[nodiscard]] LibraryFailure library_failure();

/// An open file, and how its failures are reported: as `InputError` when reading, as `SystemError` when writing.
///
/// After a failed write the library cannot close the file: it closes the descriptor, says that closing failed, and
/// keeps the identifier, which nobody uses again.
class File {
 public:
  /// Opens for reading. Throws `InputError` for a missing, truncated or foreign file.
  static File open(const std::filesystem::path& path);
  /// Makes or replaces the file, with settings such that equal calls give equal bytes. Throws `SystemError`.
  static File create(const std::filesystem::path& path);

  [[nodiscard]] hid_t id() const noexcept { return handle_.get(); }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  /// How links are followed: for every call that takes a name. A link into a pipe or a device, for which the library
  /// would wait, leads nowhere.
  [[nodiscard]] hid_t links() const noexcept { return links_.get(); }
  /// Makes other properties that a name is looked up with refuse the same links.
  void guard_links(const Handle& access) const;
  /// Why the last call could not follow a link, where `links` refused it, and forgets that.
  [[nodiscard]] std::string refused_link() const { return std::exchange(*refused_link_, {}); }

  /// Counts bytes that this file is going to take, to be named when the disk is full.
  void expect_bytes(std::int64_t bytes) { expected_bytes_ += bytes; }
  /// Has the system begin to bring to disk what was written so far, without waiting for it. Needs no lock.
  void start_writeback() const;

  /// Makes a call of the library that takes values of `memory` to the file, or from there, and returns the transfers
  /// that it left out: for `write` or `read`, when the lock is given back. The call may convert no value.
  template <class Call>
  [[nodiscard]] std::vector<Transfer> note_transfers(std::span<const std::byte> memory, const Call& call) const {
    NotedTransfers noted(*open_file_, memory);
    call();
    return noted.take();
  }
  /// Makes them. Need no lock. Throw `fail` naming the object that they are of.
  void write(std::span<const Transfer> transfers, std::span<const std::byte> memory, std::string_view object) const;
  void read(std::span<const Transfer> transfers, std::span<std::byte> memory, std::string_view object) const;

  /// Throws "Cannot ACTION OBJECT of FILE (the reason)": the system's reason where a system call failed, else the
  /// library's.
  [[noreturn]] void fail(std::string_view action, std::string_view object) const;
  /// Throws `fail` when the library's status or identifier is negative.
  template <class Status>
  Status check(Status status, std::string_view action, std::string_view object) const {
    if (status < 0) fail(action, object);
    return status;
  }
  /// A handle for `id`, checked.
  [[nodiscard]] Handle own(hid_t id, Handle::Close closer, std::string_view action, std::string_view object) const {
    return {check(id, action, object), closer};
  }

  /// Properties to create an object of `kind` with (`H5P_FILE_CREATE`, `H5P_GROUP_CREATE`, `H5P_DATASET_CREATE`): no
  /// times in the file, and no byte that belongs to nothing.
  [[nodiscard]] Handle creation_properties(hid_t kind, std::string_view object) const;

  /// Writes out and closes, with every status checked.
  void close();

 private:
  File(std::filesystem::path path, bool writing);
  [[nodiscard]] OpenFile* driver_file(std::string_view action) const;
  [[noreturn]] void fail(std::string_view action, std::string_view object, const LibraryFailure& failure) const;

  std::filesystem::path path_;
  bool writing_;
  std::int64_t expected_bytes_ = 0;
  std::unique_ptr<std::string> refused_link_;  ///< at a place that stays, for the library writes to it
  Handle links_;
  Handle handle_;
  OpenFile* open_file_ = nullptr;  ///< as long as the handle is open
};

}  // namespace datus::hdf5
