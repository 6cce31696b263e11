// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/types.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/hdf5_writer.hpp"
#include "pipeline/files/image_keys.hpp"
#include "pipeline/files/provenance.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace datus {

/// Embeddings of n images on one grid: /keys [n,P,D], /cls [n,cls_dim]. Values are as stored, that is after rounding.
struct KeysFile {
  ImageKeys images;
  GridSize grid;
  int patch = 0;
  int dim = 0;
  int cls_dim = 0;                  ///< 0: the model makes no vector of an image of this size, and there is no /cls
  std::string preprocessing;        ///< what was used where the configuration left it to the weights
  std::vector<float> keys;          ///< [n,P,D]
  std::vector<float> cls;           ///< [n,cls_dim]
  std::vector<std::uint8_t> valid;  ///< [n,P], 0 = padding; empty: all valid
  /// Of one image [P]; empty: all valid.
  [[nodiscard]] std::span<const std::uint8_t> valid_of(std::size_t image) const {
    const auto patches = static_cast<std::size_t>(grid.patches());
    return valid.empty() ? std::span<const std::uint8_t>{} : std::span(valid).subspan(image * patches, patches);
  }
  [[nodiscard]] std::int64_t size() const {
    return static_cast<std::int64_t>(keys.size()) / (std::int64_t{grid.patches()} * dim);
  }
};

/// How keys are stored.
enum class KeyType { float16, float32 };

/// Rounds values to what a file of that type holds, in place. Throws `InputError` when a value is not finite (also
/// after rounding); `what` names the values in the message, `row_names` each row of `row_size` of them.
void round_as_stored(std::vector<float>& values, KeyType type, const std::string& what, std::int64_t row_size,
                     const std::vector<std::string>& row_names, int threads);

/// Makes /keys [n,P,D] in the stored type, a chunk for each image.
void create_keys(Hdf5Writer& writer, const Shape& shape, KeyType type);
/// Rows of it, from row `first` on, rounded to that type.
void write_key_rows(Hdf5Writer& writer, std::int64_t first, const std::vector<float>& keys, KeyType type);

/// The final name appears when the file is complete, flushed and read back. `provenance` is recorded in shards of a
/// run; plain files have none.
void write_keys(const std::filesystem::path& path, const KeysFile& file, KeyType type,
                const std::optional<StageProvenance>& provenance, const WriteOptions& options = {});

/// Opens as `open_verified` does, and checks the parts of the file against each other: equal numbers of rows, indices
/// ascending. Values may be of any kind, also not finite. Throws `InputError` naming the file.
[[nodiscard]] KeysFile read_keys(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted);

}  // namespace datus
