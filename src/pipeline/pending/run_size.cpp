// SPDX-License-Identifier: Apache-2.0
#include "pipeline/pending/run_size.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/disk_space.hpp"
#include "datus/io/mask_file.hpp"
#include "datus/pipeline/report_limits.hpp"
#include "pipeline/files/cluster_examples.hpp"
#include "pipeline/inputs/options_of_config.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <system_error>

namespace datus {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t content_structure = 400;  // of /content and the attribute listed
constexpr std::int64_t kibibyte = std::int64_t{1} << 10U;
constexpr std::int64_t mebibyte = std::int64_t{1} << 20U;

/// Bytes of a matrix that is stored in pieces of about 1 MiB (`ChunkHint::about_one_mib`): the last one is stored
/// whole.
std::int64_t bytes_in_pieces(std::int64_t rows, std::int64_t row_bytes) {
  if (rows == 0 || row_bytes == 0) return 0;
  const std::int64_t piece = std::clamp<std::int64_t>(mebibyte / row_bytes, 1, rows);
  return (rows + piece - 1) / piece * piece * row_bytes;
}

/// Sizes of the files of one configuration. What HDF5 adds to the arrays was measured on files of 1 to 1,024 images: it
/// does not depend on the width of the rows.
class SizeEstimate {
 public:
  SizeEstimate(const Config& config, const ImageList& list, GridSize grid, std::optional<double> segments_per_image)
      : config_(config), list_(list), patches_(grid.patches()), segments_per_image_(segments_per_image) {
    for (std::int64_t shard = 0; shard < list.shards(); ++shard) {
      const auto [begin, end] = list.range({shard});
      readable_.push_back(std::count_if(list.images.begin() + begin, list.images.begin() + end,
                                        [](const ListedImage& image) { return image.is_readable(); }));
    }
  }

  /// Scores count in `other`.
  [[nodiscard]] std::int64_t of(Stage stage, int dim, int descriptor_dim) const {
    switch (stage) {
      case Stage::extract:
        return keys(dim);
      case Stage::segment:
        return segments();
      case Stage::describe:
        return descriptors(descriptor_dim);
      case Stage::cluster:
        return clusters(descriptor_dim);
      case Stage::mask:
        return masks();
      case Stage::evaluate:
        return 0;
    }
    return 0;
  }

  [[nodiscard]] std::int64_t keys(int dim) const {
    if (!config_.storage.keeps_embeddings()) return 0;
    const std::int64_t value_bytes = config_.storage.embeddings == StorageConfig::Embeddings::float16 ? 2 : 4;
    const bool padded = has_padding(config_.model.resize);
    std::int64_t total = 0;
    for (const std::int64_t images : readable_) {
      const std::int64_t structure = (padded ? 2700 : 2330) + content_structure;
      constexpr std::int64_t per_image = 8 + 7 + 32;  // its index, its piece of /keys in HDF5's table, its hash
      total += structure + images * (patches_ * dim * value_bytes + (padded ? patches_ : 0) + per_image) +
               bytes_in_pieces(images, std::int64_t{4} * dim);
    }
    return total;
  }

  [[nodiscard]] std::int64_t segments() const {
    std::int64_t total = 0;
    for (const std::int64_t images : readable_) {
      constexpr std::int64_t structure = 3550 + content_structure;
      constexpr std::int64_t per_patch = 2 + 2;            // segment and community
      constexpr std::int64_t per_segment = 8 + 4;          // box and size
      constexpr std::int64_t per_image = 16 + 2 * 8 + 32;  // offset, index, two entries of HDF5's tables, hash
      total += structure + images * (patches_ * per_patch + per_image) + segments_of(images) * per_segment;
    }
    return total;
  }

  [[nodiscard]] std::int64_t descriptors(int dim) const {
    std::int64_t total = 0;
    for (const std::int64_t images : readable_) {
      constexpr std::int64_t structure = 1820;
      constexpr std::int64_t per_segment = 8 + 4;  // image and number
      const std::int64_t rows = segments_of(images);
      total += structure + rows * per_segment + bytes_in_pieces(rows, std::int64_t{4} * dim);
    }
    return total;
  }

  [[nodiscard]] std::int64_t clusters(int dim) const {
    constexpr std::int64_t structure = 12 * kibibyte;   // of both files, and a line of the selection
    constexpr std::int64_t of_example = 8 + 8 + 8 + 4;  // row, distance, image and segment
    constexpr std::int64_t examples = (example_counts.nearest + example_counts.farthest) * of_example;
    const std::int64_t fine = config_.cluster.fine.value_or(0);
    std::int64_t total = fine * 24;  // a number of the curve, as text
    for (const std::int64_t k : config_.cluster.k) {
      total += structure + (k + fine) * (dim * 4 + examples) + fine * 32 +
               std::int64_t{8} * config_.cluster.max_iterations + bytes_in_pieces(segments_of(all_images()), 4) +
               8 * (list_.shards() + 1);
    }
    return total;
  }

  [[nodiscard]] std::int64_t masks() const {
    std::int64_t total = 0;
    for (const int k : config_.cluster.k) {
      for (const auto format : config_.mask.formats) {
        total += format == MaskConfig::Format::png ? mask_files(k) : packed_masks(k);
      }
    }
    return total;
  }

  [[nodiscard]] std::int64_t mask_files(int k) const {
    const bool preview = needs_preview(k);
    std::int64_t total = 256 * list_.shards();  // the records' own
    for (const auto& image : list_.images) {
      if (!image.is_readable()) continue;
      const auto in_record = static_cast<std::int64_t>(image.name.size()) + 48;  // name and hash
      total += mask_bytes(image, preview) + (preview ? 2 : 1) * in_record;
    }
    return total;
  }

  [[nodiscard]] std::int64_t packed_masks(int k) const {
    constexpr std::int64_t structure = 4500;   // of a shard's file, and as much for the one with the links
    constexpr std::int64_t per_dataset = 700;  // what HDF5 has of each
    constexpr std::int64_t per_link = 110;     // with its part of HDF5's tables
    std::int64_t total = (structure + 3 * k) * (list_.shards() + 1);
    for (const auto& image : list_.images) {
      if (image.is_readable()) total += per_dataset + per_link + mask_values(image, needs_preview(k));
    }
    return total + 2 * listed_names();
  }

  [[nodiscard]] std::int64_t other() const {
    constexpr std::int64_t logs_and_tables = 256 * kibibyte;
    constexpr std::int64_t per_shard = 8 * kibibyte;  // lines in logs, sources of virtual files
    std::int64_t total = logs_and_tables + per_shard * list_.shards() + listed_names() + report();
    total += 8 * segments_of(all_images());                                    // /image of the virtual file of segments
    for (const std::int64_t k : config_.cluster.k) total += k * 2 * kibibyte;  // scores
    return total;
  }

 private:
  [[nodiscard]] std::int64_t segments_of(std::int64_t images) const {
    if (!segments_per_image_) return images * usual_segments();
    return std::llround(*segments_per_image_ * static_cast<double>(images));
  }

  /// An assumption, 1.3 to 4 times what the sample's photos give with grids of 196 to 3,136 patches. Counted there: 2.8
  /// to 5.6 with the defaults, 11 to 39 with min_patches 0 and resolution 1.5, where lone patches count; COCO has 3.
  [[nodiscard]] std::int64_t usual_segments() const {
    if (!uses_graph(config_.segment)) return patches_;
    const std::int64_t smallest = std::int64_t{config_.segment.min_patches} + 1;
    const auto usual = static_cast<std::int64_t>(6 * std::max(1.0, config_.segment.resolution));
    return std::min(patches_ / smallest, usual + patches_ / (32 * smallest));
  }

  [[nodiscard]] std::int64_t mask_pixels(const ListedImage& image) const {
    switch (config_.mask.resolution) {
      case MaskConfig::Resolution::original:
        break;
      case MaskConfig::Resolution::input:
        return std::int64_t{config_.model.input_size.rows} * config_.model.input_size.cols;
      case MaskConfig::Resolution::grid:
        return patches_;
    }
    return std::int64_t{image.width} * image.height;
  }

  /// A compressed mask of 8 bits a pixel, or of 16 or more. Each pixel row repeats the one above but for the outlines,
  /// so bytes grow with patches, and slowly with pixels. Measured on the sample's masks (half of this) and on random
  /// blobs of 60 patches.
  [[nodiscard]] std::int64_t mask_values(const ListedImage& image, bool is_wide) const {
    return (is_wide ? 3 : 1) * (patches_ + mask_pixels(image) / 100);
  }

  /// The PNG, with its preview if it has one.
  [[nodiscard]] std::int64_t mask_bytes(const ListedImage& image, bool preview) const {
    const std::int64_t pixels = mask_pixels(image);
    return preview ? 2000 + 6 * patches_ + pixels / 40 : 1000 + mask_values(image, false);
  }

  /// RUN/images.h5 pads all names to the longest.
  [[nodiscard]] std::int64_t listed_names() const {
    std::size_t name = 0;
    for (const auto& image : list_.images) name = std::max(name, image.name.size());
    return list_.size() * (static_cast<std::int64_t>(name) + 40);
  }

  /// Photos and maps of some images, and cut-outs: in the page, and as they are kept beside it.
  [[nodiscard]] std::int64_t report() const {
    if (all_images() == 0) return 0;
    constexpr std::int64_t bytes_per_cutout = 4 * kibibyte;
    const int maps = 2 + static_cast<int>(config_.cluster.k.size());
    const std::int64_t images = std::min<std::int64_t>(report_images, all_images());
    std::int64_t pixels = 0;
    for (const auto& image : list_.images) {
      if (!image.is_readable()) continue;
      pixels += std::min(std::int64_t{image.width} * image.height, report_picture_pixels(images, maps));
    }
    const double bytes = report_bytes_per_pixel(maps) * static_cast<double>(images * (pixels / all_images()));
    std::int64_t cutouts = 0;
    for (const std::int64_t k : config_.cluster.k) cutouts += 16 * k;
    return 2 * (std::llround(bytes) + bytes_per_cutout * std::min<std::int64_t>(cutouts, report_cutouts));
  }

  [[nodiscard]] std::int64_t all_images() const {
    std::int64_t total = 0;
    for (const std::int64_t images : readable_) total += images;
    return total;
  }

  const Config& config_;
  const ImageList& list_;
  std::int64_t patches_;
  std::optional<double> segments_per_image_;
  std::vector<std::int64_t> readable_;  ///< [shards] images
};

[[noreturn]] void throw_cannot_look(const fs::path& folder, const std::error_code& problem) {
  throw SystemError("Cannot see how much there is in " + folder.string(), problem.message(),
                    "Check the permissions of the folder.");
}

std::int64_t file_bytes(const fs::directory_entry& entry) {
  std::error_code gone;  // another job may be at work
  if (!entry.is_regular_file(gone) || is_unfinished(entry.path())) return 0;
  const auto bytes = entry.file_size(gone);
  return gone ? 0 : static_cast<std::int64_t>(bytes);
}

/// Of all files below a folder.
std::int64_t folder_bytes(const fs::path& folder) {
  std::int64_t bytes = 0;
  std::error_code problem;
  fs::recursive_directory_iterator entry(folder, problem);
  for (; !problem && entry != fs::recursive_directory_iterator(); entry.increment(problem)) bytes += file_bytes(*entry);
  if (problem) throw_cannot_look(folder, problem);
  return bytes;
}

}  // namespace

RunSize estimate_run_size(const Config& config, const ImageList& list, GridSize grid, int dim, int descriptor_dim,
                          std::optional<double> segments_per_image) {
  const SizeEstimate estimate(config, list, grid, segments_per_image);
  RunSize size;
  for (const Stage stage : all_stages) size.*part_of(stage) += estimate.of(stage, dim, descriptor_dim);
  size.other += estimate.other();
  return size;
}

RunFiles count_run_files(const Config& config, const ImageList& list) {
  const auto images = std::ranges::count_if(list.images, &ListedImage::is_readable);
  const auto clusters = std::ssize(config.cluster.k);
  RunFiles files;
  for (const int k : config.cluster.k) {
    for (const auto format : config.mask.formats) {
      files.masks += list.shards() + (format == MaskConfig::Format::png ? images * (needs_preview(k) ? 2 : 1) : 1);
    }
  }
  constexpr std::int64_t per_cluster = 3;  // centroids, assignment, scores
  constexpr std::int64_t of_the_run = 12;  // settings, list, virtual files, summaries, the log of a rank
  std::int64_t by_shard = 0;
  for (const StageFiles& stage : stage_files) by_shard += stage.is_by_shard && keeps_files(config.storage, stage.stage);
  files.all = files.masks + by_shard * list.shards() + per_cluster * clusters + of_the_run +
              std::min<std::int64_t>(report_images, images) * (3 + 2 * clusters);
  return files;
}

RunSize present_run_size(const RunDirectory& directory) {
  RunSize size;
  std::error_code problem;
  fs::directory_iterator entry(directory.root(), problem);
  if (problem == std::errc::no_such_file_or_directory) return size;
  for (; !problem && entry != fs::directory_iterator(); entry.increment(problem)) {
    // Here a link counts as what it points to: a folder of the run may lie on another disk.
    std::error_code gone;
    if (!entry->is_directory(gone)) {
      size.other += file_bytes(*entry);
      continue;
    }
    const std::string name = entry->path().filename().string();
    const auto* part =
        std::find_if(run_parts.begin(), run_parts.end(), [&](const RunPart& p) { return name == p.name; });
    size.*(part == run_parts.end() ? &RunSize::other : part->bytes) += folder_bytes(entry->path());
  }
  if (problem) throw_cannot_look(directory.root(), problem);
  return size;
}

RunSize bytes_to_write(const RunSize& whole, const RunSize& present) {
  RunSize growth;
  for (const auto& part : run_parts) {
    growth.*part.bytes = std::max<std::int64_t>(0, whole.*part.bytes - present.*part.bytes);
  }
  return growth;
}

std::int64_t required_bytes(const RunSize& whole, const RunSize& present) {
  const std::int64_t growth = bytes_to_write(whole, present).total();
  return growth == 0 ? 0 : growth + growth / 100 + 16 * mebibyte;
}

void require_space(const RunSize& whole, const RunSize& present, const RunDirectory& directory) {
  const std::int64_t required = required_bytes(whole, present);
  if (required == 0) return;
  const std::int64_t free = free_bytes(directory.root());
  if (required <= free) return;
  const RunSize growth = bytes_to_write(whole, present);
  const auto& largest = *std::max_element(run_parts.begin(), run_parts.end(), [&](const RunPart& a, const RunPart& b) {
    return growth.*a.bytes < growth.*b.bytes;
  });
  std::string advice = "Choose a folder on another disk with --run, or free some space";
  if (growth.keys > 0) advice += "; storage.embeddings: none writes no keys";
  throw SystemError("The run will not fit on the disk of " + directory.root().string(),
                    "it needs " + size_text(required) + " more, of which " + largest.name + " " +
                        size_text(growth.*largest.bytes) + "; " + size_text(free) + " are free",
                    advice + "; --force starts it all the same.");
}

}  // namespace datus
