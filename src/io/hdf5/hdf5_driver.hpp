// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <hdf5.h>

namespace datus::hdf5 {

/// How the library reaches files: by plain POSIX calls, as its own default driver ("sec2") does, with files that are
/// the same byte for byte. What that one cannot do: leave the transfers of some memory to the caller
/// (`NotedTransfers`), who makes them when others may enter the library again.
///
/// The identifier of the driver, for the life of the process; negative when it cannot be registered. Under the
/// library's lock.
[[nodiscard]] hid_t file_driver() noexcept;

/// A file that this driver has open, until the library closes it.
struct OpenFile;
/// That of a file of the library's; null when the library does not say. Under the library's lock.
[[nodiscard]] OpenFile* open_file_of(hid_t file) noexcept;
[[nodiscard]] int descriptor_of(const OpenFile& file) noexcept;

/// Bytes that are to go from memory to a file, or from there to memory.
struct Transfer {
  std::int64_t address = 0;  ///< in the file
  std::size_t begin = 0;     ///< in the memory
  std::size_t size = 0;
};

/// While it lives, the driver makes no transfer between a file and any part of `memory`, but notes it; all others are
/// made at once, after those that were noted before them, so that nothing changes its order. So it does not matter what
/// the library does with memory of its own: whatever it reads to look at it has. What must not be done meanwhile is
/// what converts values in `memory`, for these are not there yet. To be made and destroyed under the library's lock,
/// one at a time for a file.
class NotedTransfers {
 public:
  NotedTransfers(OpenFile& file, std::span<const std::byte> memory);
  ~NotedTransfers();
  NotedTransfers(const NotedTransfers&) = delete;
  NotedTransfers& operator=(const NotedTransfers&) = delete;
  NotedTransfers(NotedTransfers&&) = delete;
  NotedTransfers& operator=(NotedTransfers&&) = delete;

  /// Those that the caller has to make now. None more are noted.
  [[nodiscard]] std::vector<Transfer> take();

 private:
  OpenFile& file_;
};

/// Makes them, in their order, in as many calls as the system wants. 0, or the `errno` of the call that failed. They
/// need no lock; the file must stay open. Behind the end of a file there are zeros.
[[nodiscard]] int write_transfers(int descriptor, std::span<const Transfer> transfers,
                                  std::span<const std::byte> memory) noexcept;
[[nodiscard]] int read_transfers(int descriptor, std::span<const Transfer> transfers,
                                 std::span<std::byte> memory) noexcept;

}  // namespace datus::hdf5
