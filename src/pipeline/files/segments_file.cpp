// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/segments_file.hpp"

#include "datus/io/atomic_hdf5.hpp"
#include "pipeline/files/dataset_checks.hpp"
#include "pipeline/files/grid_attributes.hpp"
#include "pipeline/files/verified_file.hpp"

#include <limits>
#include <string>

namespace datus {
namespace {

/// Patches are numbered by 16 bits.
GridSize read_segment_grid(const Hdf5Reader& reader, const Shape& shape) {
  constexpr std::int64_t most = std::numeric_limits<std::int16_t>::max();
  if (shape[1] < 1 || shape[2] < 1 || shape[1] > most || shape[2] > most || shape[1] * shape[2] > most) {
    throw_inconsistent(reader, "/segment has the shape " + to_string(shape) + ", where a grid has 1 to " +
                                   std::to_string(most) + " patches");
  }
  const GridSize grid{static_cast<int>(shape[1]), static_cast<int>(shape[2])};
  if (reader.has_attribute("/", "rows") && read_grid_attributes(reader, grid.patches()) != grid) {
    throw_inconsistent(reader, "/segment has the shape " + to_string(shape) + ", the attributes rows and cols differ");
  }
  return grid;
}

/// Every box lies on the grid and is large enough for its segment.
void require_boxes(const Hdf5Reader& reader, const SegmentsFile& file) {
  for (std::size_t i = 0; i < file.box.size(); ++i) {
    const PatchBox& box = file.box[i];
    const bool on_grid = box.row >= 0 && box.col >= 0 && box.rows >= 1 && box.cols >= 1 &&
                         box.row + box.rows <= file.grid.rows && box.col + box.cols <= file.grid.cols;
    if (!on_grid) throw_inconsistent(reader, "row " + std::to_string(i) + " of /box is not on the patch grid");
    if (file.size[i] < 1 || file.size[i] > box.rows * box.cols) {
      throw_inconsistent(reader, "/size of segment " + std::to_string(i) + " is " + std::to_string(file.size[i]) +
                                     ", its box has " + std::to_string(box.rows * box.cols) + " patches");
    }
  }
}

/// Every patch is of a segment of its image, or of none.
void require_known_segments(const Hdf5Reader& reader, const SegmentsFile& file) {
  const auto patches = static_cast<std::size_t>(file.grid.patches());
  for (std::size_t i = 0; i < file.segment.size(); ++i) {
    const auto image = i / patches;
    if (file.segment[i] >= file.offset[image + 1] - file.offset[image] || file.segment[i] < -1) {
      throw_inconsistent(reader, "/segment of image " + std::to_string(image) + " names segment " +
                                     std::to_string(file.segment[i]) + ", which /offset does not have");
    }
    if (!file.community.empty() && (file.community[i] < -1 || file.community[i] >= file.grid.patches())) {
      throw_inconsistent(reader, "/community of image " + std::to_string(image) + " names community " +
                                     std::to_string(file.community[i]));
    }
  }
}

}  // namespace

void write_segments(const std::filesystem::path& path, const SegmentsFile& file,
                    const std::optional<StageProvenance>& provenance, const WriteOptions& options) {
  AtomicHdf5 stored(path, options);
  Hdf5Writer& writer = stored.writer();
  const Shape shape = {file.image_count(), file.grid.rows, file.grid.cols};
  writer.write<std::int16_t>("segment", file.segment, shape, ChunkHint::per_row);
  writer.write<std::int16_t>("community", file.community, shape, ChunkHint::per_row);
  writer.write<std::int64_t>("offset", file.offset, {file.image_count() + 1});
  std::vector<std::int16_t> boxes;
  for (const auto& box : file.box) boxes.insert(boxes.end(), {box.row, box.col, box.rows, box.cols});
  const auto count = static_cast<std::int64_t>(file.size.size());
  writer.write<std::int16_t>("box", boxes, {count, 4});
  writer.write<std::int32_t>("size", file.size, {count});
  write_image_keys(writer, file.images);
  write_grid_attributes(writer, file.grid, file.patch);
  write_tally(writer, file.tally);
  if (provenance) write_provenance(writer, *provenance);
  stored.commit();
}

SegmentsFile read_segments(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted) {
  const auto reader = open_verified(path, wanted);
  SegmentsFile file;
  const Shape shape = reader.shape("segment", 3);
  file.grid = read_segment_grid(reader, shape);
  if (reader.has_attribute("/", "patch")) file.patch = int_attribute(reader, "/", "patch", 1);
  file.images = read_image_keys(reader, shape[0], wanted.has_value());
  require_shape(reader, "offset", {shape[0] + 1}, "one row more than images");
  const std::int64_t count = reader.shape("size", 1)[0];
  require_shape(reader, "box", {count, 4}, "one row per segment, as /size has");
  file.offset = reader.read<std::int64_t>("offset");
  require_offsets(reader, "offset", file.offset, count, "size");
  file.size = reader.read<std::int32_t>("size");
  const auto boxes = reader.read<std::int16_t>("box");
  for (std::size_t i = 0; i < boxes.size(); i += 4) {
    file.box.push_back({boxes[i], boxes[i + 1], boxes[i + 2], boxes[i + 3]});
  }
  require_boxes(reader, file);
  file.segment = reader.read<std::int16_t>("segment");
  if (reader.has("community")) {
    require_shape(reader, "community", shape, "that of /segment");
    file.community = reader.read<std::int16_t>("community");
  }
  require_known_segments(reader, file);
  return file;
}

}  // namespace datus
