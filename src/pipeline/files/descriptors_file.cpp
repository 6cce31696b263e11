#include "pipeline/files/descriptors_file.hpp"

#include "datus/io/atomic_hdf5.hpp"
#include "pipeline/files/dataset_checks.hpp"
#include "pipeline/files/verified_file.hpp"

#include <string>
#include <utility>

namespace datus {
namespace {

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

void write_descriptors(const std::filesystem::path& path, const DescriptorsFile& file,
                       const std::optional<StageProvenance>& provenance, const WriteOptions& options) {
  AtomicHdf5 stored(path, options);
  Hdf5Writer& writer = stored.writer();
  const auto count = static_cast<std::int64_t>(file.segment.size());
  writer.write<float>("descriptor", file.descriptor, {count, file.dim}, ChunkHint::about_one_mib);
  writer.write<std::int64_t>("image", file.image, {count});
  writer.write<std::int32_t>("segment", file.segment, {count});
  if (!file.images.name.empty()) writer.write_names("name", file.images.name);
  if (provenance) write_provenance(writer, *provenance);
  stored.commit();
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

}  // namespace datus
