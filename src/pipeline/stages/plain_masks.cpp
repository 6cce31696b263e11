// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/plain_masks.hpp"

#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/core/names.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/spare_objects.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/hdf5_types.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/io/mask_file.hpp"
#include "pipeline/backbone/model_placement.hpp"
#include "pipeline/files/cluster_files.hpp"
#include "pipeline/files/keys_reader.hpp"
#include "pipeline/files/mask_record.hpp"
#include "pipeline/files/png_masks.hpp"
#include "pipeline/files/segments_file.hpp"
#include "pipeline/files/verified_file.hpp"
#include "pipeline/inputs/input_preparation.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/inputs/plain_images.hpp"
#include "pipeline/session/progress.hpp"
#include "pipeline/stages/embeddings_by_image.hpp"
#include "pipeline/stages/gpu_stages.hpp"
#include "pipeline/stages/mask_output.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace datus {
namespace {

namespace fs = std::filesystem;

bool holds_only(const fs::path& folder, const std::set<fs::path>& names) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_directory() && !names.contains(entry.path().lexically_relative(folder))) return false;
  }
  return true;
}

/// Makes the folder and marks it as one of masks, so that nobody takes them for photos; unless it has other files.
void make_mask_folder(const fs::path& folder, const std::set<fs::path>& masks) {
  try {
    fs::create_directories(folder);
    const fs::path mark = folder / mask_folder_mark;
    if (!fs::exists(mark) && holds_only(folder, masks)) {
      write_text_atomically(mark, "The images here are masks that 'datus mask' wrote.\n");
    }
  } catch (const fs::filesystem_error& error) {
    throw SystemError("Cannot make the folder " + folder.string(), error.code().message(),
                      "Give the name of a folder that can be written to.");
  }
}

/// For files with that grid; `patch` 0: they do not say how large a patch is, so the configured input decides.
InputPreparation preparation_for(ModelConfig model, GridSize grid, int patch) {
  if (patch <= 0) patch = model.input_size.rows / grid.rows;
  model.input_size = {patch * grid.rows, patch * grid.cols};
  return {model, patch, Resample::bicubic};
}

/// No mask may be written over an input.
void guard_inputs(const InputGuard& guard, const fs::path& out, const std::vector<DatasetItem>& items) {
  guard.check(out);
  for (const auto& item : items) guard.check(out / mask_name(item.name));
}

/// COLLECTIVE. The folders for masks of K clusters of these images. Returns `out` without a slash at its end, for the
/// folder of previews beside it.
fs::path make_mask_folders(const fs::path& out, const std::vector<DatasetItem>& items, int clusters,
                           Communicator& comm) {
  fs::path root = out.lexically_normal();
  if (!root.has_filename()) root = root.parent_path();
  on_root(comm, [&] {
    std::set<fs::path> names;
    for (const auto& item : items) names.insert(mask_name(item.name));
    make_mask_folder(root, names);
    if (needs_preview(clusters)) make_mask_folder(preview_folder(root), names);
  });
  return root;
}

}  // namespace

std::int64_t masks_to_folder(const Config& config, const std::filesystem::path& segments_path,
                             const std::string& clusters_path, const std::filesystem::path& images,
                             const std::filesystem::path& out, int threads, Communicator& comm) {
  SegmentsFile segments;
  std::optional<PlainAssignment> assignment;
  std::vector<DatasetItem> items;
  std::optional<InputPreparation> preparation;
  collectively(comm, [&] {
    segments = read_segments(segments_path, std::nullopt);
    assignment = read_plain_assignment(clusters_path);
    const auto rows = static_cast<std::int64_t>(assignment->clusters.size());
    if (rows != segments.offset.back()) {
      throw InputError(clusters_path + " assigns " + std::to_string(rows) + " rows, " + segments_path.string() +
                           " has " + std::to_string(segments.offset.back()) + " segments",
                       "row i of one belongs to row i of the other",
                       "Give the clusters that were made from these segments.");
    }
    const auto dataset = open_plain_images(images);
    items = join_by_name(*dataset, segments.images.name, segments.image_count(), segments_path.string());
    preparation = preparation_for(config.model, segments.grid, segments.patch);
    if (comm.rank() == 0) {
      guard_inputs(guard_of_images(images, *dataset, {segments_path, parse_dataset_path(clusters_path, "").file}), out,
                   items);
    }
  });
  const fs::path root = make_mask_folders(out, items, assignment->k, comm);

  const Orientation orientation = orientation_of(config.dataset);
  const Palette palette = label_palette(assignment->k);
  const auto patches = static_cast<std::size_t>(segments.grid.patches());
  const Share mine = share_of(segments.image_count(), comm);
  Progress progress("mask", mine.size(), comm.rank() != 0);
  parallel_for(mine.size(), threads, [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(mine.begin + i);
    const auto first = static_cast<std::size_t>(segments.offset[index]);
    const auto count = static_cast<std::size_t>(segments.offset[index + 1]) - first;
    const auto header = read_image_header(items[index].image, orientation);
    const auto labels = cluster_of_patches(std::span(segments.segment).subspan(index * patches, patches),
                                           std::span(assignment->clusters).subspan(first, count));
    write_mask_files(root, mask_name(items[index].name),
                     mask_of_patches(labels, *preparation, {header.height, header.width}, config.mask.resolution),
                     assignment->k, palette, {});
    progress.add(1);
  });
  comm.barrier();
  return segments.image_count();
}

namespace {

/// Where the model would run. Smoothing needs no GPU: what keeps one from being used is no error here.
std::optional<int> gpu_for_smoothing(const Config& config, const Communicator& comm) {
  try {
    return place_model(config.model, comm).gpu;
  } catch (const UsageError& error) {
    log::detail(std::string("masks are made on the processor: ") + error.what());
    return std::nullopt;
  }
}

}  // namespace

std::int64_t dense_masks_to_folder(const Config& config, const std::filesystem::path& keys_path,
                                   const std::string& clusters_path, const std::filesystem::path& images,
                                   const std::filesystem::path& out, int threads, Communicator& comm) {
  std::optional<KeysReader> keys;
  DenseClusters clusters;
  std::vector<DatasetItem> items;
  std::optional<InputPreparation> preparation;
  std::unique_ptr<SmoothingGpu> gpu;
  collectively(comm, [&] {
    if (uses_gpu(Stage::mask, config)) gpu = smoothing_on_gpu(gpu_for_smoothing(config, comm), true);
    keys.emplace(keys_path);
    const auto place = parse_dataset_path(clusters_path, "");
    clusters = read_dense_clusters(open_verified(place.file, std::nullopt), place.dataset);
    const auto dataset = open_plain_images(images);
    items = join_by_name(*dataset, keys->names(), keys->size(), keys_path.string());
    preparation = preparation_for(config.model, keys->grid(), keys->patch());
    if (comm.rank() == 0) guard_inputs(guard_of_images(images, *dataset, {keys_path, place.file}), out, items);
  });
  const fs::path root = make_mask_folders(out, items, clusters.clusters, comm);

  const Orientation orientation = orientation_of(config.dataset);
  const Palette palette = label_palette(clusters.clusters);
  const Share mine = share_of(keys->size(), comm);
  Progress progress("mask", mine.size(), comm.rank() != 0);
  SpareObjects<DenseMasks> masks([&] { return DenseMasks(config, *preparation, std::array{&clusters}, clusters.dim); });
  constexpr std::int64_t images_at_once = 64;
  for (std::int64_t begin = mine.begin; begin < mine.end; begin += images_at_once) {
    const KeysFile part = keys->read(begin, std::min(images_at_once, mine.end - begin));
    if (part.dim != clusters.dim) {
      throw InputError("The clusters of " + clusters_path + " have " + std::to_string(clusters.dim) +
                           " values, the embeddings in " + keys_path.string() + " " + std::to_string(part.dim),
                       "they come from another model", "Give the embeddings that the clusters were made from.");
    }
    const auto make = [&](std::size_t index, std::span<const float> embeddings) {
      const DatasetItem& item = items[static_cast<std::size_t>(begin) + index];
      const auto header = read_image_header(item.image, orientation);
      DenseMasks of_image = masks.take();
      of_image.make(
          embeddings, {header.height, header.width}, [&] { return read_image(item.image, orientation); },
          [&](std::size_t, const LabelMap& labels) {
            write_mask_files(root, mask_name(item.name), labels, clusters.clusters, palette, {});
          });
      masks.give_back(std::move(of_image));
      progress.add(1);
    };
    for_each_compared(part, config.descriptor.smoothing, {threads, gpu.get()}, make);
  }
  comm.barrier();
  return keys->size();
}

}  // namespace datus
