// SPDX-License-Identifier: Apache-2.0
#include "datus/core/names.hpp"
#include "datus/io/atomic_hdf5.hpp"
#include "datus/io/mask_file.hpp"
#include "pipeline/export/export_writer.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <vector>

namespace datus {
namespace {

/// All masks of a run in masks.h5: /mask/000012 [height, width] for the image at that place of the list, compressed.
class PackedMasks : public ExportWriter {
 public:
  explicit PackedMasks(const ExportTask& task) : task_(task), file_(task.folder / "masks.h5") {}

  /// The values as they are stored, for `append`: the library compresses them, and is entered by one at a time.
  std::string add(const ExportedImage&, const ExportedLabels& labels) override {
    return needs_preview(task_.k) ? stored<std::int32_t>(labels.clusters, 65535)
                                  : stored<std::uint8_t>(labels.clusters, 255);
  }

  void append(const ExportedImage& image, const std::string& made) override {
    const std::string name = "mask/" + zero_padded(image.position, 6);
    const Shape shape = {size_of(made)[0], size_of(made)[1]};
    if (needs_preview(task_.k)) {
      write<std::int32_t>(name, made, shape);
    } else {
      write<std::uint8_t>(name, made, shape);
    }
  }

  void finish(bool) override {
    Hdf5Writer& writer = file_.writer();
    std::vector<std::string> names;
    for (const ListedImage& image : task_.list.images) names.push_back(image.name);
    writer.write_names("name", names);
    writer.write_names("class_name", task_.classes.names);
    const auto classes = std::ssize(task_.classes.names);
    writer.write<std::int32_t>("class_of_cluster", task_.classes.of_cluster, {std::ssize(task_.classes.of_cluster)});
    writer.write<std::uint8_t>("class_palette", colours(task_.classes.palette(), static_cast<int>(classes)),
                               {classes, 3});
    writer.write<std::uint8_t>("palette", colours(label_palette(task_.k), task_.k), {task_.k, 3});
    writer.attribute("/", "k", task_.k);
    writer.attribute("/", "unassigned", needs_preview(task_.k) ? 65535 : 255);
    writer.attribute("/", "description", description_of(task_));
    file_.commit();
  }

 private:
  /// Height, width, and the values, as bytes.
  template <class Value>
  static std::string stored(const LabelMap& map, Value unassigned) {
    const std::int32_t size[] = {map.height, map.width};
    std::vector<Value> values(map.labels.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = map.labels[i] == no_label ? unassigned : static_cast<Value>(map.labels[i]);
    }
    std::string bytes(sizeof size + values.size() * sizeof(Value), '\0');
    std::memcpy(bytes.data(), size, sizeof size);
    std::memcpy(bytes.data() + sizeof size, values.data(), values.size() * sizeof(Value));
    return bytes;
  }
  static std::array<std::int32_t, 2> size_of(const std::string& bytes) {
    std::array<std::int32_t, 2> size{};
    std::memcpy(size.data(), bytes.data(), sizeof size);
    return size;
  }
  template <class Value>
  void write(const std::string& name, const std::string& bytes, const Shape& shape) {
    constexpr std::size_t header = 2 * sizeof(std::int32_t);
    std::vector<Value> values((bytes.size() - header) / sizeof(Value));
    std::memcpy(values.data(), bytes.data() + header, bytes.size() - header);
    file_.writer().write<Value>(name, values, shape, ChunkHint::deflated);
  }
  static std::vector<std::uint8_t> colours(const Palette& palette, int count) {
    std::vector<std::uint8_t> values;
    for (int i = 0; i < count; ++i) {
      const Colour colour = palette.of(i);
      values.insert(values.end(), {colour.red, colour.green, colour.blue});
    }
    return values;
  }

  ExportTask task_;
  AtomicHdf5 file_;
};

}  // namespace

std::unique_ptr<ExportWriter> make_packed_masks(const ExportTask& task) {
  return std::make_unique<PackedMasks>(task);
}

}  // namespace datus
