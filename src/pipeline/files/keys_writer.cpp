#include "pipeline/files/keys_writer.hpp"

namespace datus {

void write_key_rows(Hdf5Writer& writer, std::int64_t first, const std::vector<float>& keys, KeyType type) {
  if (type == KeyType::float32) return writer.write_rows<float>("keys", first, keys);
  writer.write_rounded_rows("keys", first, keys);
}

KeysWriter::KeysWriter(const std::filesystem::path& path, GridSize grid, const Backbone& backbone,
                       const std::vector<std::string>& names, KeyType type, bool padded)
    : file_(path), type_(type), padded_(padded), patches_(grid.patches()) {
  Hdf5Writer& writer = file_.writer();
  const ViTArchitecture& architecture = backbone.architecture();
  cls_dim_ = backbone.image_vector_dim({grid.rows * architecture.patch, grid.cols * architecture.patch});
  const auto count = static_cast<std::int64_t>(names.size());
  const Shape shape = {count, patches_, architecture.dim};
  if (type == KeyType::float16) {
    writer.create<half>("keys", shape, ChunkHint::per_row);
  } else {
    writer.create<float>("keys", shape, ChunkHint::per_row);
  }
  if (cls_dim_ > 0) writer.create<float>("cls", {count, cls_dim_}, ChunkHint::about_one_mib);
  if (padded) writer.create<std::uint8_t>("valid", {count, patches_}, ChunkHint::about_one_mib);
  writer.write_names("name", names);
  writer.attribute("/", "rows", grid.rows);
  writer.attribute("/", "cols", grid.cols);
  writer.attribute("/", "patch", architecture.patch);
  writer.attribute("/", "preprocessing", backbone.preprocessing_text());
}

void KeysWriter::append(const KeysFile& part) {
  Hdf5Writer& writer = file_.writer();
  write_key_rows(writer, next_, part.keys, type_);
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
