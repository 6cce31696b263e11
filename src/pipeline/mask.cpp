#include "datus/pipeline/mask.hpp"

#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"
#include "datus/core/names.hpp"
#include "datus/core/parallel.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/io/mask_file.hpp"
#include "datus/pipeline/cluster_files.hpp"
#include "datus/pipeline/input_preparation.hpp"
#include "datus/pipeline/load_images.hpp"
#include "datus/pipeline/plain_images.hpp"
#include "datus/pipeline/progress.hpp"
#include "datus/pipeline/shard_queue.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// Size of an original image in pixels.
struct ImageSize {
  int height;
  int width;
};

LabelMap at_resolution(const std::vector<std::int32_t>& patches, const InputPreparation& preparation, ImageSize size,
                       MaskConfig::Resolution resolution) {
  const auto geometry = preparation.geometry(size.height, size.width);
  switch (resolution) {
    case MaskConfig::Resolution::original:
      return geometry.to_original(patches);
    case MaskConfig::Resolution::input:
      return geometry.to_input(patches);
    case MaskConfig::Resolution::grid:
      break;
  }
  LabelMap map(preparation.grid().rows, preparation.grid().cols);
  map.labels = patches;
  return map;
}

/// Writes the mask ROOT/NAME.png and, where an image viewer would show black, its colours as ROOT-preview/NAME.png: a
/// folder of its own, so that ROOT holds nothing but masks.
void write_mask_files(const fs::path& root, const std::string& name, const LabelMap& labels, int clusters,
                      const Palette& palette) {
  const fs::path path = root / name;
  fs::create_directories(path.parent_path());
  AtomicFile file(path);
  write_mask(file.path(), labels, clusters, palette);
  file.commit([&](const fs::path& written) {
    if (read_mask(written).labels != labels.labels) {
      throw SystemError("Mask " + path.string() + " does not read back as written", "the disk altered it",
                        "Check the file system, then run again.");
    }
  });
  if (!needs_preview(clusters)) return;
  const fs::path preview_path = fs::path(root.string() + "-preview") / name;
  fs::create_directories(preview_path.parent_path());
  AtomicFile preview(preview_path);
  write_mask_preview(preview.path(), labels, palette);
  preview.commit();
}

Palette palette_for(int clusters) {
  return distinct_palette(std::min(clusters, 1024));
}

/// What a shard's masks were made from and what their bytes are, so that a resume can tell finished ones.
class MaskRecord {
 public:
  MaskRecord(const RunContext& run, int k, ShardIndex shard)
      : path_(run.directory.mask_record(k, shard)),
        masks_(run.directory.masks(k)),
        provenance_(run.provenance.of(Stage::mask, k).hash().hex()) {}

  [[nodiscard]] bool is_current() const {
    std::ifstream file(path_);
    if (!file) return false;
    const auto json = nlohmann::json::parse(file, nullptr, false);
    if (!json.is_object() || json.value("provenance", "") != provenance_ || !json.contains("masks")) return false;
    for (const auto& [mask, hash] : json["masks"].items()) {
      if (!fs::exists(masks_ / mask) || hash_file(masks_ / mask).hex() != hash) return false;
    }
    return true;
  }

  void write(const std::map<std::string, std::string>& hashes) const {
    fs::create_directories(path_.parent_path());
    const nlohmann::json json = {{"provenance", provenance_}, {"masks", hashes}};
    write_text_atomically(path_, json.dump(1) + "\n");
  }

 private:
  fs::path path_;
  fs::path masks_;
  std::string provenance_;
};

void make_shard_masks(const RunContext& run, int k, ShardIndex shard, const AssignmentFile& assignment) {
  const auto segments = read_segments(run.directory.segments(shard), run.provenance.of(Stage::segment));
  const InputPreparation preparation(run.config.model, run.config.model.input_size.rows / segments.grid.rows);
  const Palette palette = palette_for(k);
  const auto patches = static_cast<std::size_t>(segments.grid.patches());
  const auto clusters = assignment.of_shard(shard);
  std::vector<std::string> hashes(segments.images.image.size());
  std::vector<std::string> names(hashes.size());
  parallel_for(static_cast<std::int64_t>(names.size()), run.threads, [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    const auto& image = run.list.images[static_cast<std::size_t>(segments.images.image[index])];
    const auto first = static_cast<std::size_t>(segments.offset[index]);
    const auto count = static_cast<std::size_t>(segments.offset[index + 1]) - first;
    const auto labels = cluster_of_patches(std::span(segments.segment).subspan(index * patches, patches),
                                           clusters.subspan(first, count));
    names[index] = stem_of(image.name) + ".png";
    write_mask_files(run.directory.masks(k), names[index],
                     at_resolution(labels, preparation, {image.height, image.width}, run.config.mask.resolution), k,
                     palette);
    hashes[index] = hash_file(run.directory.masks(k) / names[index]).hex();
  });
  std::map<std::string, std::string> record;
  for (std::size_t i = 0; i < names.size(); ++i) record[names[i]] = hashes[i];
  MaskRecord(run, k, shard).write(record);
}

}  // namespace

std::vector<std::int32_t> cluster_of_patches(std::span<const std::int16_t> segment_map,
                                             std::span<const std::int32_t> clusters) {
  std::vector<std::int32_t> labels(segment_map.size(), no_label);
  for (std::size_t i = 0; i < segment_map.size(); ++i) {
    if (segment_map[i] >= 0) labels[i] = clusters[static_cast<std::size_t>(segment_map[i])];
  }
  return labels;
}

std::int64_t make_masks(RunContext& run, int k) {
  std::vector<std::uint8_t> current;
  const auto [begin, end] = share_of(run.list.shards(), run.comm);
  for (std::int64_t i = begin; i < end; ++i) {
    current.push_back(MaskRecord(run, k, {i}).is_current() ? 1 : 0);
  }
  std::vector<ShardIndex> pending;
  const auto current_everywhere = allgather_values(run.comm, current);
  for (std::size_t i = 0; i < current_everywhere.size(); ++i) {
    if (current_everywhere[i] == 0) pending.push_back({static_cast<std::int64_t>(i)});
  }
  if (pending.empty()) return 0;

  std::optional<AssignmentFile> assignment;
  collectively(run.comm, [&] {
    assignment = read_assignment(run.directory.assignment(k), run.provenance.of(Stage::cluster, k));
  });
  ShardQueue queue(run.directory.claims() / ("mask-" + RunDirectory::cluster_name(k)), pending, run.comm);
  Progress progress("mask", "shards", queue.total(), run.comm.rank() != 0);
  while (const auto shard = queue.claim()) {
    make_shard_masks(run, k, *shard, *assignment);
    progress.update(queue.claimed(), 0);
  }
  queue.finish();
  return queue.total();
}

void require_current_masks(const RunContext& run, int k, ShardIndex shard) {
  if (MaskRecord(run, k, shard).is_current()) return;
  throw InputError("The masks of shard " + std::to_string(shard.value) + " in " + run.directory.masks(k).string() +
                       " cannot be used",
                   "they are missing, were changed, or come from other clusters or settings",
                   "Run the stage 'mask' first, or 'datus run'.");
}

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
    const int patch = segments.patch > 0 ? segments.patch : config.model.input_size.rows / segments.grid.rows;
    ModelConfig model = config.model;
    model.input_size = {patch * segments.grid.rows, patch * segments.grid.cols};
    preparation.emplace(model, patch);
    fs::create_directories(out);
  });

  const Orientation orientation = orientation_of(config.dataset);
  const Palette palette = palette_for(assignment->k);
  const auto patches = static_cast<std::size_t>(segments.grid.patches());
  const Share mine = share_of(segments.image_count(), comm);
  parallel_for(mine.size(), threads, [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(mine.begin + i);
    const auto first = static_cast<std::size_t>(segments.offset[index]);
    const auto count = static_cast<std::size_t>(segments.offset[index + 1]) - first;
    const auto header = read_image_header(items[index].image, orientation);
    const auto labels = cluster_of_patches(std::span(segments.segment).subspan(index * patches, patches),
                                           std::span(assignment->clusters).subspan(first, count));
    write_mask_files(out.lexically_normal(), stem_of(items[index].name) + ".png",
                     at_resolution(labels, *preparation, {header.height, header.width}, config.mask.resolution),
                     assignment->k, palette);
  });
  comm.barrier();
  return segments.image_count();
}

}  // namespace datus
