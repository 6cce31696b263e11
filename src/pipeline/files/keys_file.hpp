// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/types.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "datus/io/hdf5_writer.hpp"
#include "pipeline/files/image_keys.hpp"
#include "pipeline/files/key_values.hpp"
#include "pipeline/files/provenance.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace datus {

/// Embeddings of n images on one grid: /keys [n,P,D], /cls [n,cls_dim].
struct KeysFile {
  ImageKeys images;
  GridSize grid;
  int patch = 0;
  int dim = 0;
  int cls_dim = 0;                  ///< 0: the model makes no vector of an image of this size, and there is no /cls
  std::string preprocessing;        ///< what was used where the configuration left it to the weights
  KeyValues keys;                   ///< [n,P,D]
  std::vector<float> cls;           ///< [n,cls_dim]
  std::vector<std::uint8_t> valid;  ///< [n,P], 0 = padding; empty: all valid

  /// Of one image, [P,D]; `room` is for those that are not stored as float32.
  [[nodiscard]] std::span<const float> keys_of(std::size_t image, std::vector<float>& room) const {
    return keys.floats(image * values_per_image(), values_per_image(), room);
  }
  /// Of one image [P]; empty: all valid.
  [[nodiscard]] std::span<const std::uint8_t> valid_of(std::size_t image) const {
    const auto patches = static_cast<std::size_t>(grid.patches());
    return valid.empty() ? std::span<const std::uint8_t>{} : std::span(valid).subspan(image * patches, patches);
  }
  [[nodiscard]] std::size_t values_per_image() const {
    return static_cast<std::size_t>(grid.patches()) * static_cast<std::size_t>(dim);
  }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(keys.size() / values_per_image()); }
};

/// Makes /keys [n,P,D] in the stored type, a chunk for each image.
void create_keys(Hdf5Writer& writer, const Shape& shape, KeyType type);
/// Those of `file` as rows of it, from row `first` on; /keys must be of their type.
void write_key_rows(Hdf5Writer& writer, std::int64_t first, const KeysFile& file);

/// Rows [first, first + count) of /keys, `values` values: float16 as they are, other floating-point numbers as float32.
[[nodiscard]] KeyValues read_key_rows(const Hdf5Reader& reader, std::int64_t first, std::int64_t count,
                                      std::int64_t values);

/// The final name appears when the file is complete, flushed and read back. `provenance` is recorded in shards of a
/// run; plain files have none.
void write_keys(const std::filesystem::path& path, const KeysFile& file,
                const std::optional<StageProvenance>& provenance, const WriteOptions& options = {});

/// Opens as `open_verified` does, and checks the parts of the file against each other: equal numbers of rows, indices
/// ascending. Values may be of any kind, also not finite. Throws `InputError` naming the file.
[[nodiscard]] KeysFile read_keys(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted);

}  // namespace datus
