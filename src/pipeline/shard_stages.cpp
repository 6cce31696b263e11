#include "datus/pipeline/shard_stages.hpp"

#include "datus/core/log.hpp"
#include "datus/pipeline/describe.hpp"
#include "datus/pipeline/extract.hpp"
#include "datus/pipeline/load_images.hpp"
#include "datus/pipeline/progress.hpp"
#include "datus/pipeline/segment.hpp"
#include "datus/pipeline/shard_queue.hpp"
#include "datus/pipeline/unreadable.hpp"

#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace datus {
namespace {

/// Which files of a shard have to be made.
struct StaleFiles {
  bool keys = false;
  bool segments = false;
  bool descriptors = false;
  [[nodiscard]] bool any() const { return keys || segments || descriptors; }
};

/// The models in use, loaded when something is to be done with them.
struct Models {
  std::optional<Backbone> backbone;
  std::optional<Backbone> descriptor;  ///< only with descriptor.weights
  std::optional<InputPreparation> preparation;
};

Models load_models(const RunContext& run) {
  Models models;
  models.backbone.emplace(run.config.model, *run.config.model.weights, run.threads);
  models.preparation.emplace(run.config.model, models.backbone->architecture().patch);
  if (run.config.descriptor.weights) {
    models.descriptor.emplace(run.config.model, *run.config.descriptor.weights, run.threads);
  }
  return models;
}

bool keeps_keys(const RunContext& run) {
  return run.config.storage.embeddings != StorageConfig::Embeddings::none;
}

/// One shard on its way through the stages: each product is read or computed when it is first asked for.
class ShardWork {
 public:
  ShardWork(const RunContext& run, const Models& models, ShardIndex shard, StaleFiles stale)
      : run_(run), models_(models), shard_(shard), stale_(stale) {}

  void make_stale_files() {
    if (stale_.keys) {
      write_keys(run_.directory.keys(shard_), keys(), key_type(run_.config.storage),
                 run_.provenance.of(Stage::extract));
    }
    if (stale_.segments) {
      write_segments(run_.directory.segments(shard_), segments(), run_.provenance.of(Stage::segment));
    }
    if (stale_.descriptors) make_descriptors();
  }

 private:
  /// Decodes the shard's images; those that cannot be read are noted and left out.
  const std::vector<InputImage>& inputs() {
    if (loaded_) return inputs_;
    const auto [begin, end] = run_.list.range(shard_);
    std::vector<std::filesystem::path> paths;
    for (std::int64_t image = begin; image < end; ++image) paths.push_back(run_.image_path(image));
    auto loaded = load_images(paths, run_.orientation(), run_.threads);
    std::vector<Image> originals;
    for (std::int64_t image = begin; image < end; ++image) {
      auto& slot = loaded[static_cast<std::size_t>(image - begin)];
      const auto& listed = run_.list.images[static_cast<std::size_t>(image)];
      if (slot.image && (slot.image->width != listed.width || slot.image->height != listed.height)) {
        throw InputError("Image " + listed.name + " changed while the run was going on",
                         "its size is not that of the frozen list", "Restore it, or start a new run.");
      }
      if (slot.image) {
        images_.image.push_back(image);
        originals.push_back(std::move(*slot.image));
      } else {
        images_.unreadable.push_back(image);
        log::warning(slot.error);
      }
    }
    inputs_ = models_.preparation->prepare(std::move(originals), run_.threads);
    loaded_ = true;
    return inputs_;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto image : images_.image) names.push_back(run_.list.images[static_cast<std::size_t>(image)].name);
    return names;
  }

  KeysFile compute_keys(const Backbone& backbone) {
    const auto& prepared = inputs();
    auto file = extract_keys(prepared, backbone, models_.preparation->grid(), key_type(run_.config.storage), names());
    file.images = images_;
    return file;
  }

  const KeysFile& keys() {
    if (!keys_) {
      const bool compute = stale_.keys || !keeps_keys(run_);
      keys_ = compute ? compute_keys(*models_.backbone)
                      : read_keys(run_.directory.keys(shard_), run_.provenance.of(Stage::extract));
    }
    return *keys_;
  }

  const SegmentsFile& segments() {
    if (!segments_) {
      segments_ = stale_.segments ? segment_keys(keys(), run_.config, run_.threads)
                                  : read_segments(run_.directory.segments(shard_), run_.provenance.of(Stage::segment));
    }
    return *segments_;
  }

  void make_descriptors() {
    const auto& found = segments();
    const auto& prepared = inputs();
    if (images_.image != found.images.image) {
      throw InputError("Shard " + std::to_string(shard_.value) + " has other readable images than before",
                       "an image was repaired or damaged since its segments were made",
                       "Delete " + run_.directory.segments(shard_).string() + " and run again.");
    }
    const Backbone& backbone = models_.descriptor ? *models_.descriptor : *models_.backbone;
    std::optional<KeysFile> other_keys;
    const auto file = describe_segments(prepared, found, backbone, run_.config, run_.threads, [&]() -> const KeysFile& {
      if (!models_.descriptor) return keys();
      other_keys = compute_keys(backbone);
      return *other_keys;
    });
    write_descriptors(run_.directory.descriptors(shard_), file, run_.provenance.of(Stage::describe));
  }

  const RunContext& run_;
  const Models& models_;
  ShardIndex shard_;
  StaleFiles stale_;
  bool loaded_ = false;
  ImageKeys images_;
  std::vector<InputImage> inputs_;
  std::optional<KeysFile> keys_;
  std::optional<SegmentsFile> segments_;
};

/// COLLECTIVE. Logs the reason of the lowest rank that has one: a rank may have no shard to look at.
void say_why(Communicator& comm, const std::string& why) {
  for (const auto& bytes : allgather(comm, std::as_bytes(std::span(why)))) {
    if (bytes.empty()) continue;
    log::info("redoing what no longer fits: " + std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    return;
  }
}

/// COLLECTIVE. For every shard what is stale, found out by slices and shared.
std::vector<StaleFiles> find_stale_files(const RunContext& run, ShardStages stages) {
  const auto [begin, end] = share_of(run.list.shards(), run.comm);
  const auto extract = run.provenance.of(Stage::extract);
  const auto segment = run.provenance.of(Stage::segment);
  const auto describe = run.provenance.of(Stage::describe);
  std::string why;
  const auto is_stale = [&why](const std::filesystem::path& path, const StageProvenance& wanted) {
    std::string difference;
    if (is_current(path, wanted, &difference)) return false;
    // The earliest stage names the setting that changed; those after it only know that something did.
    if (why.empty()) why = difference;
    return true;
  };
  std::vector<std::uint8_t> slice;
  for (std::int64_t i = begin; i < end; ++i) {
    const ShardIndex shard{i};
    const bool keys = stages.extract && keeps_keys(run) && is_stale(run.directory.keys(shard), extract);
    const bool segments = stages.segment && is_stale(run.directory.segments(shard), segment);
    const bool descriptors = stages.describe && is_stale(run.directory.descriptors(shard), describe);
    slice.push_back(static_cast<std::uint8_t>((keys ? 1 : 0) | (segments ? 2 : 0) | (descriptors ? 4 : 0)));
  }
  say_why(run.comm, why);
  std::vector<StaleFiles> stale;
  for (const unsigned bits : allgather_values(run.comm, slice)) {
    stale.push_back({(bits & 1U) != 0, (bits & 2U) != 0, (bits & 4U) != 0});
  }
  return stale;
}

const char* stages_name(ShardStages stages) {
  if (stages.extract && stages.segment && stages.describe) return "extract+segment+describe";
  return stages.extract ? "extract" : stages.segment ? "segment" : "describe";
}

}  // namespace

ShardSummary run_shard_stages(RunContext& run, ShardStages stages) {
  const auto stale = find_stale_files(run, stages);
  std::vector<ShardIndex> pending;
  bool needs_models = false;
  for (std::size_t i = 0; i < stale.size(); ++i) {
    if (stale[i].any()) pending.push_back({static_cast<std::int64_t>(i)});
    needs_models |= stale[i].keys || stale[i].descriptors || (stale[i].segments && !keeps_keys(run));
  }
  Models models;
  if (needs_models) collectively(run.comm, [&] { models = load_models(run); });

  ShardQueue queue(run.directory.claims() / stages_name(stages), pending, run.comm);
  Progress progress(stages_name(stages), "shards", queue.total(), run.comm.rank() != 0);
  while (const auto shard = queue.claim()) {
    ShardWork(run, models, *shard, stale[static_cast<std::size_t>(shard->value)]).make_stale_files();
    progress.update(queue.claimed(), 0);
  }
  queue.finish();

  ShardSummary summary;
  summary.shards = queue.total();
  summary.unreadable = report_unreadable(run);
  summary.seconds = progress.seconds();
  return summary;
}

}  // namespace datus
