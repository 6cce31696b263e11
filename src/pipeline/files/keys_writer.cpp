// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/keys_writer.hpp"

#include "pipeline/files/grid_attributes.hpp"

namespace datus {

KeysWriter::KeysWriter(const std::filesystem::path& path, const KeysFile& like, const std::vector<std::string>& names,
                       bool padded)
    : file_(path), padded_(padded), patches_(like.grid.patches()), cls_dim_(like.cls_dim) {
  Hdf5Writer& writer = file_.writer();
  const auto count = static_cast<std::int64_t>(names.size());
  create_keys(writer, {count, patches_, like.dim}, like.keys.type());
  if (cls_dim_ > 0) writer.create<float>("cls", {count, cls_dim_}, ChunkHint::about_one_mib);
  if (padded) writer.create<std::uint8_t>("valid", {count, patches_}, ChunkHint::about_one_mib);
  writer.write_names("name", names);
  write_grid_attributes(writer, like.grid, like.patch);
  writer.attribute("/", "preprocessing", like.preprocessing);
}

void KeysWriter::append(const KeysFile& part) {
  Hdf5Writer& writer = file_.writer();
  write_key_rows(writer, next_, part);
  if (cls_dim_ > 0) writer.write_rows<float>("cls", next_, part.cls);
  if (padded_) {
    const auto all_valid = std::vector<std::uint8_t>(static_cast<std::size_t>(part.size() * patches_), 1);
    writer.write_rows<std::uint8_t>("valid", next_, part.valid.empty() ? all_valid : part.valid);
  }
  next_ += part.size();
}

void KeysWriter::finish() {
  file_.commit();
}

}  // namespace datus
