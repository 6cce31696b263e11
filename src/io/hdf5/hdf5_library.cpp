// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5/hdf5_library.hpp"

#include "datus/core/error.hpp"
#include "datus/core/regular_file.hpp"
#include "datus/io/disk_space.hpp"
#include "io/hdf5/hdf5_links.hpp"

#include <cerrno>
#include <charconv>
#include <new>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace datus::hdf5 {
namespace {

static_assert(H5_VERSION_GE(1, 10, 7), "HDF5 1.10.7 is the first version in which file locks can be switched off");

/// The guard of the library, whose state is one per process. Made before the library is entered for the first time,
/// when alone it takes the wish for no clean-up at the end of the program: files are closed here, and after a write
/// error (disk full) the clean-up would try again and crash, which would hide the exit code.
std::recursive_mutex& library_mutex() {
  struct Guard {
    Guard() { H5dont_atexit(); }
    std::recursive_mutex mutex;
  };
  static Guard guard;
  return guard.mutex;
}

/// Messages of failed system calls read "…, errno = 28, error message = 'No space …', …", around times and addresses.
/// File names, which may hold anything, come before.
constexpr std::string_view errno_mark = ", errno = ";
constexpr std::string_view message_mark = "error message = '";

/// Keeps the innermost message, and that of a system call if there is one. A C function: no exception may pass.
herr_t keep_message(unsigned, const H5E_error2_t* error, void* kept) noexcept {
  auto& failure = *static_cast<LibraryFailure*>(kept);
  if (error->desc == nullptr) return 0;
  const std::string_view text = error->desc;
  const auto mark = text.rfind(errno_mark);
  try {
    if (mark != std::string_view::npos) {
      std::from_chars(text.data() + mark + errno_mark.size(), text.data() + text.size(), failure.system_error);
      failure.text = text;
      return 1;
    }
    // Within are the folders in which the plugin was looked for.
    const bool lacks_filter = text.starts_with("required filter");
    if (failure.text.empty() || lacks_filter) failure.text = text;
    failure.lacks_filter = failure.lacks_filter || lacks_filter;
  } catch (const std::bad_alloc&) {
    return -1;
  }
  return 0;
}

/// File access: our own driver, no file locks (a file under its final name is never written again, and locks fail on
/// some network file systems), and nothing stays open behind a closed file.
Handle access_properties(const File& file) {
  Handle access = file.own(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "open", "the file");
  file.check(H5Pset_driver(access.get(), file.check(file_driver(), "open", "the file"), nullptr), "open", "the file");
  file.check(H5Pset_file_locking(access.get(), false, true), "open", "the file");
  file.check(H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG), "open", "the file");
  return access;
}

std::string library_version() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release);
}

/// What cannot be read for another reason than the system's: formats and filters that the library has not, or damage.
[[noreturn]] void fail_reading(const std::string& problem, const LibraryFailure& failure,
                               const std::string& what_to_do) {
  if (failure.lacks_filter) throw InputError(problem, failure.text, filter_advice);
  // "bad superblock version number", "bad version # of …, expected 0, got 1"; not "… conversion"
  if (failure.system_error == 0 && failure.text.find(" version") != std::string::npos) {
    throw InputError(problem, failure.text + ": HDF5 " + library_version() + ", which is used here, does not know it",
                     "If a newer HDF5 made the file, make it in an older format: with h5py by "
                     "libver=('earliest', 'v110'), not 'latest'. Else copy it again.");
  }
  throw InputError(problem, failure.text, what_to_do);
}

void require_readable(const std::filesystem::path& path) {
  std::string why;
  if (!RegularFile::open(path, why))
    throw InputError("Cannot open " + path.string(), why, "Check the path and its permissions.");
}

}  // namespace

LibraryLock::LibraryLock() : lock_(library_mutex()) {
  // Per thread where the library is built for threads, so it is set each time.
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Handle::Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}

Handle& Handle::operator=(Handle&& other) noexcept {
  if (this != &other) {
    reset();
    id_ = std::exchange(other.id_, H5I_INVALID_HID);
    close_ = other.close_;
  }
  return *this;
}

herr_t Handle::reset() noexcept {
  const hid_t id = std::exchange(id_, H5I_INVALID_HID);
  return id >= 0 ? close_(id) : 0;
}

LibraryFailure library_failure() {
  LibraryFailure failure;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_message, &failure);
  if (failure.text.empty()) failure.text = "the HDF5 library gives no reason";
  if (const auto mark = failure.text.rfind(message_mark); mark != std::string::npos) {
    const auto start = mark + message_mark.size();
    failure.text = failure.text.substr(start, failure.text.find('\'', start) - start);
  }
  return failure;
}

File::File(std::filesystem::path path, bool writing)
    : path_(std::move(path)), writing_(writing), refused_link_(std::make_unique<std::string>()) {
  links_ = own(H5Pcreate(H5P_LINK_ACCESS), H5Pclose, "open", "the file");
  guard_links(links_);
}

void File::guard_links(const Handle& access) const {
  check(H5Pset_elink_cb(access.get(), refuse_links_into_devices, refused_link_.get()), "open", "the file");
}

File File::open(const std::filesystem::path& path) {
  require_readable(path);
  File file(path, false);
  const Handle access = access_properties(file);
  if (H5Fis_hdf5(path.c_str()) == 0) {
    throw InputError(path.string() + " is not an HDF5 file", "it has no HDF5 signature", "Check the path.");
  }
  file.handle_ = Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose);
  if (file.id() < 0) {
    fail_reading("Cannot open " + path.string(), library_failure(),
                 "The file is incomplete or damaged: make it or copy it again.");
  }
  file.open_file_ = file.driver_file("open");
  return file;
}

File File::create(const std::filesystem::path& path) {
  File file(path, true);
  const Handle access = access_properties(file);
  file.check(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110), "create", "the root");
  // Taken ahead, space would be left over that nothing uses: then a damaged byte there would pass unseen.
  file.check(H5Pset_meta_block_size(access.get(), 0), "create", "the root");
  file.check(H5Pset_small_data_block_size(access.get(), 0), "create", "the root");
  const Handle creation = file.creation_properties(H5P_FILE_CREATE, "the root");
  file.handle_ =
      file.own(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose, "create", "the root");
  file.open_file_ = file.driver_file("create");
  return file;
}

void File::start_writeback() const {
#ifdef SYNC_FILE_RANGE_WRITE
  // Only a wish: what could not be written is found by the sync at the end.
  ::sync_file_range(descriptor_of(*open_file_), 0, 0, SYNC_FILE_RANGE_WRITE);
#endif
}

OpenFile* File::driver_file(std::string_view action) const {
  OpenFile* file = open_file_of(id());
  if (file == nullptr) fail(action, "the file");
  return file;
}

void File::write(std::span<const Transfer> transfers, std::span<const std::byte> memory,
                 std::string_view object) const {
  const int code = write_transfers(descriptor_of(*open_file_), transfers, memory);
  if (code != 0) fail("write", object, {.text = errno_text(code), .system_error = code});
}

void File::read(std::span<const Transfer> transfers, std::span<std::byte> memory, std::string_view object) const {
  const int code = read_transfers(descriptor_of(*open_file_), transfers, memory);
  if (code != 0) fail("read", object, {.text = errno_text(code), .system_error = code});
}

void File::fail(std::string_view action, std::string_view object) const {
  fail(action, object, library_failure());
}

void File::fail(std::string_view action, std::string_view object, const LibraryFailure& failure) const {
  const std::string problem =
      std::string("Cannot ").append(action).append(" ").append(object).append(" of ").append(path_.string());
  if (!writing_) fail_reading(problem, failure, "The file may be damaged: make it or copy it again.");
  if (failure.system_error != 0) {
    throw_write_failure({.problem = problem, .file = path_, .code = failure.system_error, .needed = expected_bytes_});
  }
  throw SystemError(problem, failure.text, "Check the free space, the quota and the permissions of the folder.");
}

Handle File::creation_properties(hid_t kind, std::string_view object) const {
  // More attributes and links than any object has stay in its header: moving them would leave a hole behind.
  constexpr unsigned many = 1000;
  Handle creation = own(H5Pcreate(kind), H5Pclose, "create", object);
  check(H5Pset_obj_track_times(creation.get(), false), "create", object);
  check(H5Pset_attr_phase_change(creation.get(), many, 0), "create", object);
  if (kind != H5P_DATASET_CREATE) check(H5Pset_link_phase_change(creation.get(), many, 0), "create", object);
  return creation;
}

void File::close() {
  check(H5Fflush(id(), H5F_SCOPE_GLOBAL), "write out", "the contents");
  open_file_ = nullptr;
  check(handle_.reset(), "close", "the contents");
}

}  // namespace datus::hdf5
