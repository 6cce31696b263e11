// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/pipeline/export.hpp"
#include "pipeline/export/label_classes.hpp"
#include "pipeline/files/image_list.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace datus {

/// An image of the run that has a mask.
struct ExportedImage {
  std::int64_t position;  ///< in the frozen list
  const ListedImage& listed;
};

/// What is to be written of it.
struct ExportedLabels {
  std::filesystem::path photo;  ///< empty for a format that needs none
  const LabelMap& clusters;
  const LabelMap& classes;
};

/// What a format is told before the first image.
struct ExportTask {
  std::filesystem::path folder;        ///< to write to
  std::filesystem::path final_folder;  ///< what it will be called; as deep as `folder`
  int k = 0;
  const LabelClasses& classes;
  const ImageList& list;
  ExportedImages images = ExportedImages::link;
  Orientation orientation = Orientation::stored;
  std::string name;  ///< of the run
};

/// Writes one format.
class ExportWriter {
 public:
  virtual ~ExportWriter() = default;

  /// Writes what an image has of its own. From any thread. Returns what `append` takes.
  [[nodiscard]] virtual std::string add(const ExportedImage& image, const ExportedLabels& labels) = 0;
  /// Takes what was made of an image, in the order of the list and from one thread.
  virtual void append(const ExportedImage& image, const std::string& made);
  /// Writes what belongs to all images. `has_void`: some pixels have no class.
  virtual void finish(bool has_void);
};

/// A format: a row of the table in `export_formats.cpp`.
struct ExportFormat {
  const char* name;
  bool needs_photos;  ///< the files of the images are linked, copied or read
  bool is_of_images;  ///< masks must have the size of their images
  bool holds_masks;   ///< nothing but masks, which nobody may take for photos
  int most_classes;
  std::unique_ptr<ExportWriter> (*make)(const ExportTask& task);
};

[[nodiscard]] const ExportFormat& export_format(const std::string& name);

/// Makes the folders above `path` and returns it.
std::filesystem::path with_folders(const std::filesystem::path& path);

/// A text in the double quotes of JSON, which YAML and Python read too.
std::string quoted(const std::string& text);

/// "masks of the run reef, K = 27, classes of ground truth": for the descriptions that formats have.
std::string description_of(const ExportTask& task);

std::unique_ptr<ExportWriter> make_grey_masks(const ExportTask& task);
std::unique_ptr<ExportWriter> make_class_masks(const ExportTask& task);
std::unique_ptr<ExportWriter> make_one_vs_rest(const ExportTask& task);
std::unique_ptr<ExportWriter> make_coco_rle(const ExportTask& task);
std::unique_ptr<ExportWriter> make_coco_panoptic(const ExportTask& task);
std::unique_ptr<ExportWriter> make_mmseg(const ExportTask& task);
std::unique_ptr<ExportWriter> make_nnunet(const ExportTask& task);
std::unique_ptr<ExportWriter> make_yolo_seg(const ExportTask& task);
std::unique_ptr<ExportWriter> make_label_studio(const ExportTask& task);
std::unique_ptr<ExportWriter> make_cvat(const ExportTask& task);
std::unique_ptr<ExportWriter> make_packed_masks(const ExportTask& task);

}  // namespace datus
