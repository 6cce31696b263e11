// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/atomic_file.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "datus/io/hdf5_writer.hpp"

#include <filesystem>
#include <optional>

namespace datus {

/// An HDF5 file that appears under its final name only when it is complete, on disk and read back: an `AtomicFile` and
/// the `Hdf5Writer` that fills it, whose errors it throws. Without `commit` nothing is left behind.
class AtomicHdf5 {
 public:
  explicit AtomicHdf5(std::filesystem::path final_path, WriteOptions options = {});

  /// Until `close` or `commit`.
  [[nodiscard]] Hdf5Writer& writer() { return *writer_; }
  /// Completes the temporary file and returns its path, for who looks at it before `commit`, or instead.
  const std::filesystem::path& close();
  /// Completes the file unless `close` did, reads all of it back and gives it its final name. Throws also `InputError`
  /// when what is read back is not what was written.
  void commit(SourceCheck sources = SourceCheck::verify);

 private:
  AtomicFile file_;
  std::optional<Hdf5Writer> writer_;  ///< none any more once the file is complete
};

}  // namespace datus
