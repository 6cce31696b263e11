#include "pipeline/files/shard_files.hpp"

#include "datus/core/error.hpp"
#include "datus/core/half.hpp"
#include "datus/core/parallel.hpp"
#include "datus/io/atomic_hdf5.hpp"
#include "datus/io/hdf5.hpp"
#include "pipeline/files/dataset_checks.hpp"
#include "pipeline/files/keys_reader.hpp"
#include "pipeline/files/keys_writer.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>
#include <system_error>
#include <utility>

namespace datus {
namespace {

void write_images(Hdf5Writer& writer, const ImageKeys& images) {
  if (!images.name.empty()) {
    writer.write_names("name", images.name);
    return;
  }
  writer.write<std::int64_t>("image", images.image, {static_cast<std::int64_t>(images.image.size())});
  writer.write<std::int64_t>("unreadable", images.unreadable, {static_cast<std::int64_t>(images.unreadable.size())});
}

void write_grid(Hdf5Writer& writer, GridSize grid, int patch) {
  writer.attribute("/", "rows", grid.rows);
  writer.attribute("/", "cols", grid.cols);
  if (patch > 0) writer.attribute("/", "patch", patch);
}

/// Writes under a temporary name and gives the final one after the file was read back.
template <class Body>
void write_file(const std::filesystem::path& path, const std::optional<StageProvenance>& provenance,
                const WriteOptions& options, Body body) {
  AtomicHdf5 file(path, options);
  body(file.writer());
  if (provenance) write_provenance(file.writer(), *provenance);
  file.commit();
}

/// Throws unless there is an ordinary file, or a link to one. Opening a pipe would wait for a writer.
void require_ordinary_file(const std::filesystem::path& path) {
  std::error_code problem;
  const std::filesystem::file_type type = std::filesystem::status(path, problem).type();
  if (type == std::filesystem::file_type::regular) return;
  const std::string why = problem                                         ? problem.message()
                          : type == std::filesystem::file_type::directory ? "it is a folder"
                                                                          : "it is not an ordinary file";
  throw InputError("Cannot open " + path.string(), why, "Remove what is there and make the file again.");
}

/// What the records of a file say against its use; nothing when they are those wanted. They are small: the rest of a
/// file of other settings need not be read.
std::string record_problem(const Hdf5Reader& reader, const StageProvenance& wanted) {
  if (!reader.has_attribute("/", "done")) return "it is not complete";
  if (has_provenance(reader, wanted)) return {};
  const std::string difference = describe_difference(reader, wanted);
  return difference.empty() ? "its record is damaged" : difference;
}

/// The images of a file with `count` of them: names in plain files, indices in shards. A plain file may have neither.
ImageKeys read_images(const Hdf5Reader& reader, std::int64_t count, bool of_a_run) {
  ImageKeys images;
  if (reader.has("name")) {
    require_shape(reader, "name", {count}, "one row per image");
    images.name = reader.names("name");
  }
  if (!images.name.empty() || (!of_a_run && !reader.has("unreadable"))) return images;
  images.image = reader.read<std::int64_t>("image");
  images.unreadable = reader.read<std::int64_t>("unreadable");
  if (of_a_run || !images.image.empty()) require_shape(reader, "image", {count}, "one row per image");
  require_ascending(reader, "image", images.image);
  require_ascending(reader, "unreadable", images.unreadable);
  std::vector<std::int64_t> both;
  std::ranges::set_intersection(images.image, images.unreadable, std::back_inserter(both));
  if (!both.empty()) {
    throw_inconsistent(reader, "image " + std::to_string(both.front()) + " is in /image and in /unreadable");
  }
  return images;
}

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

/// Segments follow each other by image, and within an image by id.
void require_segment_order(const Hdf5Reader& reader, const DescriptorsFile& file) {
  std::pair<std::int64_t, std::int32_t> before{-1, -1};
  for (std::size_t i = 0; i < file.image.size(); ++i) {
    const std::pair now{file.image[i], file.segment[i]};
    if (now <= before || now.second < 0) {
      throw_inconsistent(reader, "segment " + std::to_string(now.second) + " of image " + std::to_string(now.first) +
                                     " stands in row " + std::to_string(i) + ", out of order");
    }
    before = now;
  }
  const auto names = static_cast<std::int64_t>(file.images.name.size());
  if (names > 0 && before.first >= names) {
    throw_inconsistent(
        reader, "/image names row " + std::to_string(before.first) + " of /name, which has " + std::to_string(names));
  }
}

}  // namespace

void round_as_stored(std::vector<float>& values, KeyType type, const std::string& what, std::int64_t row_size,
                     const std::vector<std::string>& row_names, int threads) {
  if (values.empty()) return;
  const auto rows = static_cast<std::int64_t>(values.size()) / row_size;
  // Bytes, not bits: each row has its own, whatever thread writes it.
  std::vector<std::uint8_t> is_finite(static_cast<std::size_t>(rows), 1);
  parallel_for(rows, threads, [&](std::int64_t r) {
    const auto size = static_cast<std::size_t>(row_size);
    const std::span<float> row = std::span(values).subspan(static_cast<std::size_t>(r) * size, size);
    if (type == KeyType::float16) {
      std::vector<half> stored(size);
      to_half(row, stored);
      to_float(stored, row);
    }
    is_finite[static_cast<std::size_t>(r)] = std::ranges::all_of(row, [](float v) { return std::isfinite(v); }) ? 1 : 0;
  });
  const auto bad = std::ranges::find(is_finite, std::uint8_t{0});
  if (bad == is_finite.end()) return;
  throw InputError(
      "An " + what + " of image " + row_names.at(static_cast<std::size_t>(bad - is_finite.begin())) + " is not finite",
      type == KeyType::float16 ? "NaN, or beyond the range of float16" : "NaN or infinite",
      "Check the weights, or set storage.embeddings: float32.");
}

void write_keys(const std::filesystem::path& path, const KeysFile& file, KeyType type,
                const std::optional<StageProvenance>& provenance, const WriteOptions& options) {
  write_file(path, provenance, options, [&](Hdf5Writer& writer) {
    const Shape shape = {file.size(), file.grid.patches(), file.dim};
    if (type == KeyType::float16) {
      writer.create<half>("keys", shape, ChunkHint::per_row);
    } else {
      writer.create<float>("keys", shape, ChunkHint::per_row);
    }
    write_key_rows(writer, 0, file.keys, type);
    if (file.cls_dim > 0) {
      writer.write<float>("cls", file.cls, {file.size(), file.cls_dim}, ChunkHint::about_one_mib);
    }
    if (!file.valid.empty()) writer.write<std::uint8_t>("valid", file.valid, {file.size(), file.grid.patches()});
    write_images(writer, file.images);
    write_grid(writer, file.grid, file.patch);
    if (!file.preprocessing.empty()) writer.attribute("/", "preprocessing", file.preprocessing);
  });
}

void write_segments(const std::filesystem::path& path, const SegmentsFile& file,
                    const std::optional<StageProvenance>& provenance, const WriteOptions& options) {
  write_file(path, provenance, options, [&](Hdf5Writer& writer) {
    const Shape shape = {file.image_count(), file.grid.rows, file.grid.cols};
    writer.write<std::int16_t>("segment", file.segment, shape, ChunkHint::per_row);
    writer.write<std::int16_t>("community", file.community, shape, ChunkHint::per_row);
    writer.write<std::int64_t>("offset", file.offset, {file.image_count() + 1});
    std::vector<std::int16_t> boxes;
    for (const auto& box : file.box) boxes.insert(boxes.end(), {box.row, box.col, box.rows, box.cols});
    const auto count = static_cast<std::int64_t>(file.size.size());
    writer.write<std::int16_t>("box", boxes, {count, 4});
    writer.write<std::int32_t>("size", file.size, {count});
    write_images(writer, file.images);
    write_grid(writer, file.grid, file.patch);
  });
}

void write_descriptors(const std::filesystem::path& path, const DescriptorsFile& file,
                       const std::optional<StageProvenance>& provenance, const WriteOptions& options) {
  write_file(path, provenance, options, [&](Hdf5Writer& writer) {
    const auto count = static_cast<std::int64_t>(file.segment.size());
    writer.write<float>("descriptor", file.descriptor, {count, file.dim}, ChunkHint::about_one_mib);
    writer.write<std::int64_t>("image", file.image, {count});
    writer.write<std::int32_t>("segment", file.segment, {count});
    if (!file.images.name.empty()) writer.write_names("name", file.images.name);
  });
}

Hdf5Reader open_verified(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted) {
  std::error_code problem;
  if (wanted && std::filesystem::status(path, problem).type() == std::filesystem::file_type::not_found) {
    throw InputError(path.string() + " is missing", "the stage '" + wanted->stage + "' has not made it",
                     "Run that stage first, or 'datus run'.");
  }
  require_ordinary_file(path);
  Hdf5Reader reader(path);
  const std::string difference = wanted ? record_problem(reader, *wanted) : "";
  if (!difference.empty()) {
    throw InputError(path.string() + " is not of this run", difference, "Run the stage '" + wanted->stage + "' first.");
  }
  reader.verify();
  return reader;
}

KeysFile read_keys(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted) {
  const auto reader = open_verified(path, wanted);
  KeysFile file;
  const Shape shape = reader.shape("keys", 3);
  file.grid = read_grid_attributes(reader, shape[1]);
  file.dim = checked_cast<int>(shape[2], "The width of /keys");
  if (file.dim < 1) throw_inconsistent(reader, "/keys has the shape " + to_string(shape) + ", where a key has values");
  if (reader.has_attribute("/", "patch")) file.patch = int_attribute(reader, "/", "patch", 1);
  file.images = read_images(reader, shape[0], wanted.has_value());
  if (reader.has("cls")) {
    file.cls_dim = checked_cast<int>(reader.shape("cls", 2)[1], "The width of /cls");
    require_shape(reader, "cls", {shape[0], file.cls_dim}, "one vector per image");
  }
  file.keys.resize(static_cast<std::size_t>(element_count(shape)));
  reader.read_rows_as_float("keys", 0, shape[0], file.keys);
  file.cls.resize(static_cast<std::size_t>(shape[0] * file.cls_dim));
  if (file.cls_dim > 0) reader.read_rows_as_float("cls", 0, shape[0], file.cls);
  if (reader.has("valid")) {
    require_shape(reader, "valid", {shape[0], shape[1]}, "one value per patch");
    file.valid = reader.read<std::uint8_t>("valid");
  }
  return file;
}

SegmentsFile read_segments(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted) {
  const auto reader = open_verified(path, wanted);
  SegmentsFile file;
  const Shape shape = reader.shape("segment", 3);
  file.grid = read_segment_grid(reader, shape);
  if (reader.has_attribute("/", "patch")) file.patch = int_attribute(reader, "/", "patch", 1);
  file.images = read_images(reader, shape[0], wanted.has_value());
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

DescriptorsFile read_descriptors(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted) {
  const auto reader = open_verified(path, wanted);
  DescriptorsFile file;
  const Shape shape = reader.shape("descriptor", 2);
  file.dim = checked_cast<int>(shape[1], "The width of /descriptor");
  if (file.dim < 1) {
    throw_inconsistent(reader, "/descriptor has the shape " + to_string(shape) + ", where a descriptor has values");
  }
  require_shape(reader, "image", {shape[0]}, "one row per descriptor");
  require_shape(reader, "segment", {shape[0]}, "one row per descriptor");
  file.descriptor = reader.read<float>("descriptor");
  file.image = reader.read<std::int64_t>("image");
  file.segment = reader.read<std::int32_t>("segment");
  if (reader.has("name")) file.images.name = reader.names("name");
  require_segment_order(reader, file);
  return file;
}

bool is_current(const std::filesystem::path& path, const StageProvenance& wanted, std::string* why) {
  std::error_code problem;
  if (std::filesystem::status(path, problem).type() == std::filesystem::file_type::not_found) return false;
  try {
    require_ordinary_file(path);
    const Hdf5Reader reader(path);
    const std::string difference = record_problem(reader, wanted);
    if (difference.empty()) {
      reader.verify();
      return true;
    }
    *why = difference;
  } catch (const Error& error) {
    *why = error.what();
  }
  return false;
}

}  // namespace datus
