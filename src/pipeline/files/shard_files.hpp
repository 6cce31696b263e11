#pragma once

#include "datus/core/patch_box.hpp"
#include "datus/core/types.hpp"
#include "datus/io/atomic_file.hpp"
#include "pipeline/files/provenance.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// The images that a file holds results for: the readable ones of a shard (by their index in the frozen list) or of a
/// plain file (by name).
struct ImageKeys {
  std::vector<std::int64_t> image;       ///< [n] global index; empty in plain files
  std::vector<std::string> name;         ///< [n] names; empty in shards
  std::vector<std::int64_t> unreadable;  ///< global index of the images of the shard that could not be read
};

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
  [[nodiscard]] std::int64_t size() const {
    return static_cast<std::int64_t>(keys.size()) / (std::int64_t{grid.patches()} * dim);
  }
};

/// Segments of n images: s segments in all; those of image i have rows offset[i] … offset[i+1]-1 of box and size.
struct SegmentsFile {
  ImageKeys images;
  GridSize grid;
  int patch = 0;                           ///< 0: not known (keys from elsewhere)
  std::vector<std::int16_t> segment;       ///< [n,P] id within the image, -1 invalid
  std::vector<std::int16_t> community;     ///< [n,P]
  std::vector<std::int64_t> offset = {0};  ///< [n+1]
  std::vector<PatchBox> box;               ///< [s]
  std::vector<std::int32_t> size;          ///< [s] patches
  [[nodiscard]] std::int64_t image_count() const { return static_cast<std::int64_t>(offset.size()) - 1; }
};

/// One unit vector per segment: /descriptor [s,D], /image [s], /segment [s].
struct DescriptorsFile {
  ImageKeys images;
  int dim = 0;
  std::vector<float> descriptor;      ///< [s,D]
  std::vector<std::int64_t> image;    ///< [s] global index (shards), row in /name (plain files)
  std::vector<std::int32_t> segment;  ///< [s] id within the image
};

/// How keys are stored.
enum class KeyType { float16, float32 };

/// Rounds values to what a file of that type holds, in place. Throws `InputError` when a value is not finite (also
/// after rounding); `place` names row r of `row_size` values for the message.
void round_as_stored(std::vector<float>& values, KeyType type, const std::string& what, std::int64_t row_size,
                     const std::vector<std::string>& row_names, int threads);

/// Each write is atomic: the final name appears when the file is complete, flushed and read back. `provenance` is
/// recorded in shards of a run; plain files have none.
void write_keys(const std::filesystem::path& path, const KeysFile& file, KeyType type,
                const std::optional<StageProvenance>& provenance, const WriteOptions& options = {});
void write_segments(const std::filesystem::path& path, const SegmentsFile& file,
                    const std::optional<StageProvenance>& provenance, const WriteOptions& options = {});
void write_descriptors(const std::filesystem::path& path, const DescriptorsFile& file,
                       const std::optional<StageProvenance>& provenance, const WriteOptions& options = {});

/// Opens a finished file and verifies all of it: every content hash the file has, and the record of the whole. With
/// `wanted`, the file must be complete, of that provenance and, where that names a shard, of that shard. Throws
/// `InputError` naming the file for anything else, whatever is in its place.
[[nodiscard]] Hdf5Reader open_verified(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted);

/// Each read opens as `open_verified` does, and checks the parts of the file against each other: equal numbers of rows,
/// indices ascending, offsets from 0 to the last row, segments and boxes on the grid. Values may be of any kind, also
/// not finite. Throws `InputError` naming the file.
[[nodiscard]] KeysFile read_keys(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted);
[[nodiscard]] SegmentsFile read_segments(const std::filesystem::path& path,
                                         const std::optional<StageProvenance>& wanted);

/// Whether `path` is a finished, undamaged file of that provenance and, where that names a shard, of that shard. The
/// whole file is read, unless its records differ already. When not, and there is something at `path`, `why` says what
/// is wrong with it; without anything there, `why` is left as it is. Throws nothing for what it finds at `path`.
[[nodiscard]] bool is_current(const std::filesystem::path& path, const StageProvenance& wanted, std::string* why);

}  // namespace datus
