// SPDX-License-Identifier: Apache-2.0
#include "datus/io/atomic_hdf5.hpp"
#include "datus/io/deflated_dataset.hpp"
#include "pipeline/export/export_writer.hpp"
#include "pipeline/files/packed_mask.hpp"

#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace datus {
namespace {

/// All masks of a run in masks.h5: /mask/000012 [height, width] for the image at that place of the list, compressed.
class PackedMasks : public ExportWriter {
 public:
  explicit PackedMasks(const ExportTask& task) : task_(task), file_(task.folder / "masks.h5") {}

  std::string add(const ExportedImage& image, const ExportedLabels& labels) override {
    DeflatedDataset mask = packed_mask(labels.clusters, task_.k);
    const std::lock_guard lock(mutex_);
    masks_.emplace(image.position, std::move(mask));
    return {};
  }

  void append(const ExportedImage& image, const std::string&) override {
    const auto mask = masks_.extract(image.position);
    file_.writer().write_deflated(packed_mask_name(image.position), mask.mapped());
  }

  void finish(bool) override {
    Hdf5Writer& writer = file_.writer();
    std::vector<std::string> names;
    for (const ListedImage& image : task_.list.images) names.push_back(image.name);
    writer.write_names("name", names);
    writer.write_names("class_name", task_.classes.names);
    writer.write<std::int32_t>("class_of_cluster", task_.classes.of_cluster, {std::ssize(task_.classes.of_cluster)});
    write_colours(writer, "class_palette", task_.classes.palette(), static_cast<int>(task_.classes.names.size()));
    write_packing(writer, task_.k);
    writer.attribute("/", "description", description_of(task_));
    file_.commit();
  }

 private:
  ExportTask task_;
  AtomicHdf5 file_;
  std::mutex mutex_;
  std::map<std::int64_t, DeflatedDataset> masks_;  ///< compressed, by image, until their turn comes
};

}  // namespace

std::unique_ptr<ExportWriter> make_packed_masks(const ExportTask& task) {
  return std::make_unique<PackedMasks>(task);
}

}  // namespace datus
