// SPDX-License-Identifier: Apache-2.0
#include "datus/core/log.hpp"
#include "datus/core/names.hpp"
#include "datus/io/mask_file.hpp"
#include "datus/io/streamed_file.hpp"
#include "pipeline/export/export_writer.hpp"
#include "pipeline/export/photo_placer.hpp"

#include <algorithm>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// The ending that all photos get: BaseSegDataset knows one. Readers go by the content.
std::string common_ending(const ImageList& list) {
  const auto ending_of = [](const ListedImage& image) { return image.name.substr(stem_of(image.name).size()); };
  const std::string ending = ending_of(list.images.front());
  const auto others = std::ranges::count_if(list.images, [&](const auto& image) { return ending_of(image) != ending; });
  if (others > 0) {
    log::info(std::to_string(others) + " photos get the ending " + ending +
              " in the export, as the others have: MMSegmentation takes one ending for all");
  }
  return ending;
}

/// img_dir, ann_dir and the configuration of a BaseSegDataset.
class Mmseg : public ExportWriter {
 public:
  explicit Mmseg(const ExportTask& task) : task_(task), photos_(task), ending_(common_ending(task.list)) {}

  std::string add(const ExportedImage& image, const ExportedLabels& labels) override {
    photos_.place(labels.photo, "img_dir/train/" + stem_of(image.listed.name) + ending_);
    write_grey_mask(with_folders(task_.folder / "ann_dir/train" / mask_name(image.listed.name)), labels.classes,
                    task_.classes.count());
    return {};
  }

  void finish(bool) override {
    std::string names;
    std::string colours;
    const Palette palette = task_.classes.palette();
    for (int i = 0; i < task_.classes.count(); ++i) {
      const Colour colour = palette.of(i);
      names += "        " + quoted(task_.classes.names[static_cast<std::size_t>(i)]) + ",\n";
      colours += "        [" + std::to_string(colour.red) + ", " + std::to_string(colour.green) + ", " +
                 std::to_string(colour.blue) + "],\n";
    }
    StreamedFile file(task_.folder / "dataset.py");
    file.append("# " + description_of(task_) +
                "\n# In a configuration of MMSegmentation: _base_ = ['.../dataset.py'], num_classes=" +
                std::to_string(task_.classes.count()) + " in the heads.\n" + "dataset_type = 'BaseSegDataset'\n" +
                "data_root = " + quoted(task_.final_folder.string()) + "\nmetainfo = dict(\n    classes=(\n" + names +
                "    ),\n    palette=[\n" + colours + "    ])\n" + pipeline(ending_));
    file.close();
  }

 private:
  static std::string pipeline(const std::string& ending) {
    return "train_pipeline = [\n"
           "    dict(type='LoadImageFromFile'),\n"
           "    dict(type='LoadAnnotations'),\n"
           "    dict(type='RandomResize', scale=(2048, 512), ratio_range=(0.5, 2.0), keep_ratio=True),\n"
           "    dict(type='RandomCrop', crop_size=(512, 512), cat_max_ratio=0.75),\n"
           "    dict(type='RandomFlip', prob=0.5),\n"
           "    dict(type='PackSegInputs'),\n"
           "]\n"
           "train_dataloader = dict(\n"
           "    batch_size=4,\n"
           "    num_workers=4,\n"
           "    sampler=dict(type='InfiniteSampler', shuffle=True),\n"
           "    dataset=dict(\n"
           "        type=dataset_type,\n"
           "        data_root=data_root,\n"
           "        metainfo=metainfo,\n"
           "        data_prefix=dict(img_path='img_dir/train', seg_map_path='ann_dir/train'),\n"
           "        img_suffix=" +
           quoted(ending) +
           ",\n"
           "        seg_map_suffix='.png',\n"
           "        ignore_index=255,\n"
           "        reduce_zero_label=False,\n"
           "        pipeline=train_pipeline))\n";
  }

  ExportTask task_;
  PhotoPlacer photos_;
  std::string ending_;
};

}  // namespace

std::unique_ptr<ExportWriter> make_mmseg(const ExportTask& task) {
  return std::make_unique<Mmseg>(task);
}

}  // namespace datus
