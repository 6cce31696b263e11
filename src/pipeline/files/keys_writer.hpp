// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/atomic_hdf5.hpp"
#include "pipeline/files/keys_file.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace datus {

/// Writes a plain keys file part by part: /keys [n,P,D], /cls [n,D] where the model has such vectors for inputs of this
/// size, /name [n], and /valid [n,P] for padded inputs. The final name appears with `finish`.
class KeysWriter {
 public:
  /// Grid, patch, widths, type and preprocessing are those of `like`, whose images do not matter.
  KeysWriter(const std::filesystem::path& path, const KeysFile& like, const std::vector<std::string>& names,
             bool padded);
  /// The next images, in the order of the names.
  void append(const KeysFile& part);
  void finish();

 private:
  AtomicHdf5 file_;
  bool padded_;
  std::int64_t patches_;
  int cls_dim_;
  std::int64_t next_ = 0;
};

}  // namespace datus
