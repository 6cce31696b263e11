// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5/hdf5_driver.hpp"

#include "io/disk/write_descriptor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <iterator>
#include <limits>
#include <new>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace datus::hdf5 {

/// What the library has of a file, and what the driver knows of it beside that.
struct OpenFile : H5FD_t {
  int descriptor = -1;
  bool writable = false;
  dev_t device = 0;
  ino_t inode = 0;
  haddr_t end_of_space = 0;  ///< of what the library has given away
  haddr_t end_of_file = 0;   ///< with what is noted
  std::span<const std::byte> memory;
  std::vector<Transfer> noted;
};

namespace {

using io_detail::retry;

OpenFile& open_file(H5FD_t* file) {
  return *static_cast<OpenFile*>(file);
}
const OpenFile& open_file(const H5FD_t* file) {
  return *static_cast<const OpenFile*>(file);
}

/// Tells the library in the words of its own driver, which `library_failure` reads.
herr_t fail(hid_t reason, const char* what, int code) {
  (void)H5Epush2(H5E_DEFAULT, __FILE__, __func__, __LINE__, H5E_ERR_CLS, H5E_VFL, reason,
                 "%s, errno = %d, error message = '%s'", what, code, std::strerror(code));
  return -1;
}

int write_at(int descriptor, std::int64_t address, std::span<const std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const auto written = retry([&] { return ::pwrite(descriptor, bytes.data(), bytes.size(), address); });
    if (written <= 0) return written < 0 ? errno : EIO;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    address += written;
  }
  return 0;
}

int read_at(int descriptor, std::int64_t address, std::span<std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const auto read = retry([&] { return ::pread(descriptor, bytes.data(), bytes.size(), address); });
    if (read < 0) return errno;
    if (read == 0) {
      std::memset(bytes.data(), 0, bytes.size());
      return 0;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(read));
    address += read;
  }
  return 0;
}

int flags_of_open(unsigned wanted) {
  int flags = O_CLOEXEC | ((wanted & H5F_ACC_RDWR) != 0 ? O_RDWR : O_RDONLY);
  if ((wanted & H5F_ACC_TRUNC) != 0) flags |= O_TRUNC;
  if ((wanted & H5F_ACC_CREAT) != 0) flags |= O_CREAT;
  if ((wanted & H5F_ACC_EXCL) != 0) flags |= O_EXCL;
  return flags;
}

H5FD_t* open_for_library(const char* name, unsigned flags, hid_t, haddr_t) {
  const int descriptor = retry([&] { return ::open(name, flags_of_open(flags), 0666); });
  struct stat status {};
  if (descriptor < 0 || ::fstat(descriptor, &status) != 0) {
    (void)fail(H5E_CANTOPENFILE, "unable to open file", errno);
    if (descriptor >= 0) ::close(descriptor);
    return nullptr;
  }
  auto* file = new (std::nothrow) OpenFile{};
  if (file == nullptr) {
    (void)fail(H5E_CANTOPENFILE, "unable to open file", ENOMEM);
    ::close(descriptor);
    return nullptr;
  }
  file->descriptor = descriptor;
  file->writable = (flags & H5F_ACC_RDWR) != 0;
  file->device = status.st_dev;
  file->inode = status.st_ino;
  file->end_of_file = static_cast<haddr_t>(status.st_size);
  return file;
}

herr_t close_for_library(H5FD_t* file) {
  const int result = ::close(open_file(file).descriptor);
  // Linux has closed the file also when it was interrupted.
  const int code = result != 0 && errno != EINTR ? errno : 0;
  delete &open_file(file);
  return code == 0 ? 0 : fail(H5E_CANTCLOSEFILE, "unable to close file", code);
}

/// By which the library finds that it has a file open already.
int compare(const H5FD_t* one, const H5FD_t* other) {
  const auto key = [](const H5FD_t* file) { return std::pair(open_file(file).device, open_file(file).inode); };
  return key(one) < key(other) ? -1 : key(one) > key(other) ? 1 : 0;
}

/// Those of the library's own driver that tell how it may lay out a file.
herr_t query(const H5FD_t*, unsigned long* features) {
  if (features != nullptr) {
    *features = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
                H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_SUPPORTS_SWMR_IO | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  }
  return 0;
}

haddr_t end_of_space(const H5FD_t* file, H5FD_mem_t) {
  return open_file(file).end_of_space;
}

herr_t set_end_of_space(H5FD_t* file, H5FD_mem_t, haddr_t end) {
  open_file(file).end_of_space = end;
  return 0;
}

haddr_t end_of_file(const H5FD_t* file, H5FD_mem_t) {
  return open_file(file).end_of_file;
}

herr_t handle_of(H5FD_t* file, hid_t, void** handle) {
  *handle = file;
  return 0;
}

constexpr haddr_t largest_address = std::numeric_limits<std::int64_t>::max();

bool is_in_range(haddr_t address, std::size_t size) {
  return address <= largest_address && size <= largest_address - address;
}

/// What was noted of a file that is written, so that the next call finds it done. 0 or `errno`.
int make_noted_writes(OpenFile& file) {
  if (!file.writable || file.noted.empty()) return 0;
  return write_transfers(file.descriptor, std::exchange(file.noted, {}), file.memory);
}

/// Whether the transfer of these bytes is to be left to the caller; then it is noted.
bool is_noted(OpenFile& file, haddr_t address, const std::byte* bytes, std::size_t size) {
  const std::less_equal<const std::byte*> up_to;
  const std::byte* begin = file.memory.data();
  if (file.memory.size() < size || !up_to(begin, bytes) || !up_to(bytes, begin + (file.memory.size() - size))) {
    return false;
  }
  try {
    file.noted.push_back({static_cast<std::int64_t>(address), static_cast<std::size_t>(bytes - begin), size});
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

herr_t read_for_library(H5FD_t* handle, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, void* memory) {
  OpenFile& file = open_file(handle);
  if (!is_in_range(address, size)) return fail(H5E_READERROR, "file read failed", EOVERFLOW);
  auto* bytes = static_cast<std::byte*>(memory);
  if (!file.writable && is_noted(file, address, bytes, size)) return 0;
  int code = make_noted_writes(file);
  if (code == 0) code = read_at(file.descriptor, static_cast<std::int64_t>(address), {bytes, size});
  return code == 0 ? 0 : fail(H5E_READERROR, "file read failed", code);
}

herr_t write_for_library(H5FD_t* handle, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, const void* memory) {
  OpenFile& file = open_file(handle);
  if (!is_in_range(address, size)) return fail(H5E_WRITEERROR, "file write failed", EFBIG);
  const auto* bytes = static_cast<const std::byte*>(memory);
  if (!is_noted(file, address, bytes, size)) {
    int code = make_noted_writes(file);
    if (code == 0) code = write_at(file.descriptor, static_cast<std::int64_t>(address), {bytes, size});
    if (code != 0) return fail(H5E_WRITEERROR, "file write failed", code);
  }
  file.end_of_file = std::max(file.end_of_file, address + size);
  return 0;
}

herr_t cut_to_size(H5FD_t* handle, hid_t, hbool_t) {
  OpenFile& file = open_file(handle);
  int code = make_noted_writes(file);
  if (code == 0 && file.end_of_space != file.end_of_file &&
      retry([&] { return ::ftruncate(file.descriptor, static_cast<off_t>(file.end_of_space)); }) != 0) {
    code = errno;
  }
  if (code != 0) return fail(H5E_SEEKERROR, "unable to extend file properly", code);
  file.end_of_file = file.end_of_space;
  return 0;
}

H5FD_class_t driver_class() {
  H5FD_class_t driver{};
#ifdef H5FD_CLASS_VERSION
  driver.version = H5FD_CLASS_VERSION;
  driver.value = H5_VFD_RESERVED + 200;  // nobody asks for it, but it must be none of the library's
#endif
  driver.name = "datus";
  driver.maxaddr = largest_address;
  driver.fc_degree = H5F_CLOSE_WEAK;
  driver.open = open_for_library;
  driver.close = close_for_library;
  driver.cmp = compare;
  driver.query = query;
  driver.get_eoa = end_of_space;
  driver.set_eoa = set_end_of_space;
  driver.get_eof = end_of_file;
  driver.get_handle = handle_of;
  driver.read = read_for_library;
  driver.write = write_for_library;
  driver.truncate = cut_to_size;
  constexpr std::array<H5FD_mem_t, H5FD_MEM_NTYPES> lists = H5FD_FLMAP_DICHOTOMY;
  std::ranges::copy(lists, std::begin(driver.fl_map));
  return driver;
}

}  // namespace

hid_t file_driver() noexcept {
  // The library keeps the address.
  static const H5FD_class_t driver = driver_class();
  static const hid_t id = H5FDregister(&driver);
  return id;
}

OpenFile* open_file_of(hid_t file) noexcept {
  void* handle = nullptr;
  if (H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) < 0) return nullptr;
  return static_cast<OpenFile*>(static_cast<H5FD_t*>(handle));
}

int descriptor_of(const OpenFile& file) noexcept {
  return file.descriptor;
}

NotedTransfers::NotedTransfers(OpenFile& file, std::span<const std::byte> memory) : file_(file) {
  file_.memory = memory;
  file_.noted.clear();
}

NotedTransfers::~NotedTransfers() {
  file_.memory = {};
  file_.noted.clear();  // of a call that failed: nobody makes these
}

std::vector<Transfer> NotedTransfers::take() {
  file_.memory = {};
  return std::exchange(file_.noted, {});
}

int write_transfers(int descriptor, std::span<const Transfer> transfers, std::span<const std::byte> memory) noexcept {
  for (const Transfer& transfer : transfers) {
    const int code = write_at(descriptor, transfer.address, memory.subspan(transfer.begin, transfer.size));
    if (code != 0) return code;
  }
  return 0;
}

int read_transfers(int descriptor, std::span<const Transfer> transfers, std::span<std::byte> memory) noexcept {
  for (const Transfer& transfer : transfers) {
    const int code = read_at(descriptor, transfer.address, memory.subspan(transfer.begin, transfer.size));
    if (code != 0) return code;
  }
  return 0;
}

}  // namespace datus::hdf5
