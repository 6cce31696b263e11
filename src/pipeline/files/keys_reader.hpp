// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/types.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "pipeline/files/keys_file.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace datus {

/// Reads a keys file, from datus or from elsewhere, a run of images at a time: /keys [n,P,D] in f16, f32 or f64; root
/// attributes rows and cols (without them the grid is square), patch (may be missing); /name [n] and /valid [n,P] where
/// they exist. Throws `InputError` naming the file for anything that does not fit, and for a value that is not finite.
class KeysReader {
 public:
  explicit KeysReader(const std::filesystem::path& path);

  [[nodiscard]] std::int64_t size() const { return count_; }
  [[nodiscard]] GridSize grid() const { return grid_; }
  [[nodiscard]] int patch() const { return patch_; }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  /// Images [first, first + count): keys, f16 as they are and others as f32, validity and names.
  [[nodiscard]] KeysFile read(std::int64_t first, std::int64_t count) const;

 private:
  Hdf5Reader reader_;
  std::int64_t count_ = 0;
  std::int64_t patches_ = 0;
  int dim_ = 0;
  int patch_ = 0;
  GridSize grid_;
  std::vector<std::string> names_;
  bool has_valid_ = false;
};

}  // namespace datus
