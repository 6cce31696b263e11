#include "datus/pipeline/shard_files.hpp"

#include "datus/core/error.hpp"
#include "datus/core/half.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/hdf5.hpp"
#include "datus/pipeline/keys_reader.hpp"
#include "datus/pipeline/keys_writer.hpp"

#include <cmath>
#include <span>
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

ImageKeys read_images(const Hdf5Reader& reader) {
  ImageKeys images;
  if (reader.has("name")) images.name = reader.names("name");
  if (reader.has("unreadable")) {
    images.image = reader.read<std::int64_t>("image");
    images.unreadable = reader.read<std::int64_t>("unreadable");
  }
  return images;
}

void write_grid(Hdf5Writer& writer, GridSize grid, int patch) {
  writer.attribute("/", "rows", grid.rows);
  writer.attribute("/", "cols", grid.cols);
  if (patch > 0) writer.attribute("/", "patch", patch);
}

bool has_provenance(const Hdf5Reader& reader, const StageProvenance& wanted) {
  return reader.has_attribute("/", "done") && reader.has_attribute("/", "provenance") &&
         reader.attribute<std::string>("/", "provenance") == wanted.hash().hex();
}

/// Writes under a temporary name and gives the final one after the file was read back.
template <class Body>
void write_file(const std::filesystem::path& path, const std::optional<StageProvenance>& provenance, Body body) {
  AtomicFile file(path);
  Hdf5Writer writer(file.path());
  body(writer);
  if (provenance) write_provenance(writer, *provenance);
  writer.close();
  file.commit([](const std::filesystem::path& written) { require_verified(written); });
}

Hdf5Reader open_verified(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted) {
  if (wanted && !std::filesystem::exists(path)) {
    throw InputError(path.string() + " is missing", "the stage '" + wanted->stage + "' has not made it",
                     "Run that stage first, or 'datus run'.");
  }
  Hdf5Reader reader(path);
  reader.verify();
  if (wanted && !has_provenance(reader, *wanted)) {
    throw InputError(path.string() + " is not of this run", describe_difference(recorded_parts(reader), *wanted),
                     "Run the stage '" + wanted->stage + "' first.");
  }
  return reader;
}

[[noreturn]] void throw_inconsistent(const Hdf5Reader& reader, const std::string& what) {
  throw InputError(reader.path().string() + " contradicts itself", what, "Make the file again.");
}

}  // namespace

void round_as_stored(std::vector<float>& values, KeyType type, const std::string& what, std::int64_t row_size,
                     const std::vector<std::string>& row_names) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (type == KeyType::float16) values[i] = to_float(to_half(values[i]));
    if (!std::isfinite(values[i])) {
      const auto row = i / static_cast<std::size_t>(row_size);
      throw InputError("An " + what + " of image " + row_names.at(row) + " is not finite",
                       type == KeyType::float16 ? "NaN, or beyond the range of float16" : "NaN or infinite",
                       "Check the weights, or set storage.embeddings: float32.");
    }
  }
}

void write_keys(const std::filesystem::path& path, const KeysFile& file, KeyType type,
                const std::optional<StageProvenance>& provenance) {
  write_file(path, provenance, [&](Hdf5Writer& writer) {
    const Shape shape = {file.size(), file.grid.patches(), file.dim};
    if (type == KeyType::float16) {
      writer.create<half>("keys", shape, ChunkHint::per_row);
    } else {
      writer.create<float>("keys", shape, ChunkHint::per_row);
    }
    write_key_rows(writer, 0, file.keys, type);
    writer.write<float>("cls", file.cls, {file.size(), file.dim}, ChunkHint::about_one_mib);
    if (!file.valid.empty()) writer.write<std::uint8_t>("valid", file.valid, {file.size(), file.grid.patches()});
    write_images(writer, file.images);
    write_grid(writer, file.grid, file.patch);
  });
}

void write_segments(const std::filesystem::path& path, const SegmentsFile& file,
                    const std::optional<StageProvenance>& provenance) {
  write_file(path, provenance, [&](Hdf5Writer& writer) {
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
                       const std::optional<StageProvenance>& provenance) {
  write_file(path, provenance, [&](Hdf5Writer& writer) {
    const auto count = static_cast<std::int64_t>(file.segment.size());
    writer.write<float>("descriptor", file.descriptor, {count, file.dim}, ChunkHint::about_one_mib);
    writer.write<std::int64_t>("image", file.image, {count});
    writer.write<std::int32_t>("segment", file.segment, {count});
    if (!file.images.name.empty()) writer.write_names("name", file.images.name);
  });
}

KeysFile read_keys(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted) {
  const auto reader = open_verified(path, wanted);
  KeysFile file;
  const Shape shape = reader.shape("keys", 3);
  file.grid = read_grid_attributes(reader, shape[1]);
  file.dim = checked_cast<int>(shape[2], "The width of /keys");
  file.patch = checked_cast<int>(reader.attribute<std::int64_t>("/", "patch"), "patch");
  file.keys.resize(static_cast<std::size_t>(element_count(shape)));
  reader.read_rows_as_float("keys", 0, shape[0], file.keys);
  if (reader.has("valid")) file.valid = reader.read<std::uint8_t>("valid");
  file.images = read_images(reader);
  return file;
}

SegmentsFile read_segments(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted) {
  const auto reader = open_verified(path, wanted);
  SegmentsFile file;
  const Shape shape = reader.shape("segment", 3);
  file.grid = {checked_cast<int>(shape[1], "rows"), checked_cast<int>(shape[2], "cols")};
  if (reader.has_attribute("/", "patch")) {
    file.patch = checked_cast<int>(reader.attribute<std::int64_t>("/", "patch"), "patch");
  }
  file.segment = reader.read<std::int16_t>("segment");
  if (reader.has("community")) file.community = reader.read<std::int16_t>("community");
  file.offset = reader.read<std::int64_t>("offset");
  const auto boxes = reader.read<std::int16_t>("box");
  for (std::size_t i = 0; i + 3 < boxes.size(); i += 4) {
    file.box.push_back({boxes[i], boxes[i + 1], boxes[i + 2], boxes[i + 3]});
  }
  file.size = reader.read<std::int32_t>("size");
  file.images = read_images(reader);
  if (file.image_count() != shape[0]) throw_inconsistent(reader, "/offset does not have one row more than /segment");
  if (file.box.size() != file.size.size() || file.offset.back() != static_cast<std::int64_t>(file.size.size())) {
    throw_inconsistent(reader, "/box, /size and the end of /offset differ");
  }
  const auto patches = static_cast<std::size_t>(file.grid.patches());
  for (std::size_t i = 0; i < file.segment.size(); ++i) {
    const auto image = i / patches;
    if (file.segment[i] >= file.offset[image + 1] - file.offset[image] || file.segment[i] < -1) {
      throw_inconsistent(reader, "/segment of image " + std::to_string(image) + " names segment " +
                                     std::to_string(file.segment[i]) + ", which /offset does not have");
    }
  }
  return file;
}

DescriptorsFile read_descriptors(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted) {
  const auto reader = open_verified(path, wanted);
  DescriptorsFile file;
  const Shape shape = reader.shape("descriptor", 2);
  file.dim = checked_cast<int>(shape[1], "The width of /descriptor");
  file.descriptor = reader.read<float>("descriptor");
  file.image = reader.read<std::int64_t>("image");
  file.segment = reader.read<std::int32_t>("segment");
  if (reader.has("name")) file.images.name = reader.names("name");
  return file;
}

bool is_current(const std::filesystem::path& path, const StageProvenance& wanted, std::string* why) {
  if (!std::filesystem::exists(path)) return false;
  try {
    const Hdf5Reader reader(path);
    if (has_provenance(reader, wanted)) return true;
    *why = describe_difference(recorded_parts(reader), wanted);
  } catch (const InputError& error) {
    *why = error.what();
  }
  return false;
}

}  // namespace datus
