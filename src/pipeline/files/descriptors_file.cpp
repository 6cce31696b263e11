// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/descriptors_file.hpp"

#include "datus/io/atomic_hdf5.hpp"

namespace datus {

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

}  // namespace datus
