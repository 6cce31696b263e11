// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// What libdatus_recorder.so appends to the file DATUS_RECORD for each call that changes something below the folder
/// DATUS_RECORD_ROOT or brings it to disk, after the call has worked: a header, then the bytes of the two paths and of
/// the data. The order is that in which the calls were made, by all threads and processes.
namespace datus::crash {

enum class Call : std::uint32_t {
  create,       ///< a new, empty file
  make_folder,  ///< a new folder
  write,        ///< `data_size` bytes at `offset`
  truncate,     ///< to the size `offset`
  sync,         ///< fsync of a file or a folder
  sync_all,     ///< syncfs
  rename,       ///< from path to the other path
  link,         ///< the same
  remove,       ///< unlink or rmdir
};

struct RecordHeader {
  Call call{};
  std::uint32_t path_size = 0;
  std::uint32_t other_size = 0;
  std::uint32_t unused = 0;
  std::uint64_t inode = 0;  ///< of the file or folder; 0 for calls that have paths alone
  std::int64_t offset = 0;
  std::uint64_t data_size = 0;
};

}  // namespace datus::crash
