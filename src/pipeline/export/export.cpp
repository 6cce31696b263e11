// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/export.hpp"

#include "datus/comm/rank_threads.hpp"
#include "datus/core/log.hpp"
#include "datus/core/names.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/stop_signals.hpp"
#include "datus/core/text.hpp"
#include "datus/io/atomic_folder.hpp"
#include "datus/io/dataset.hpp"
#include "datus/io/streamed_file.hpp"
#include "pipeline/export/export_tally.hpp"
#include "pipeline/export/export_writer.hpp"
#include "pipeline/export/exported_run.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/inputs/plain_images.hpp"
#include "pipeline/session/progress.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <ostream>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// Where the photos of a run lie, by their names.
class Photos {
 public:
  Photos() = default;
  explicit Photos(const DatasetConfig& config) {
    const auto dataset = open_configured_dataset(config);
    for (const DatasetItem& item : dataset->items()) files_.emplace(item.name, item.image);
  }
  [[nodiscard]] const fs::path& file(const std::string& name) const {
    const auto found = files_.find(name);
    if (found != files_.end()) return found->second;
    throw InputError("The image " + name + " of the run is not in its data set any more", "it was moved or removed",
                     "Bring it back, or run 'datus run' again with the images that are there.");
  }

 private:
  std::map<std::string, fs::path> files_;
};

void require_size_of(const LabelMap& mask, const ListedImage& image) {
  if (mask.width == image.width && mask.height == image.height) return;
  throw UsageError("The mask of " + image.name + " is " + dimensions_text(mask.height, mask.width) + ", the image " +
                       dimensions_text(image.height, image.width),
                   "the run has masks at another resolution",
                   "Set mask.resolution: original and run again, or export to grey, class, one-vs-rest or hdf5.");
}

void require_room(const ExportFormat& format, const LabelClasses& classes) {
  if (classes.count() <= format.most_classes) return;
  throw UsageError("There are " + std::to_string(classes.count()) + " classes to export",
                   std::string(format.name) + " has values for " + std::to_string(format.most_classes),
                   "Give several clusters the same class with --names, or take another K.");
}

/// From the masks of a run to the files of an export, shard by shard.
class MaskExport {
 public:
  MaskExport(const ExportedRun& run, const LabelClasses& classes, const ExportFormat& format, ExportWriter& writer)
      : run_(run), classes_(classes), format_(format), writer_(writer), tally_(classes) {
    if (format.needs_photos) photos_ = Photos(run.config.dataset);
  }

  const ExportTally& write_all(int threads) {
    Progress progress("export", run_.list->size(), false);
    for (std::int64_t shard = 0; shard < run_.list->shards(); ++shard) write({shard}, threads, progress);
    return tally_;
  }

 private:
  struct Made {
    std::string text;
    ExportTally tally;
  };

  void write(ShardIndex shard, int threads, Progress& progress) {
    const auto masks = run_.masks->open(run_.k, shard);
    std::vector<ExportedImage> images;
    for (const std::int64_t image : masks->images()) {
      images.push_back({image, run_.list->images[static_cast<std::size_t>(image)]});
    }
    std::vector<Made> made(images.size(), {{}, ExportTally(classes_)});
    parallel_for(std::ssize(images), threads, [&](std::int64_t i) {
      const auto index = static_cast<std::size_t>(i);
      write_image(*masks, images[index], made[index]);
      progress.add(1);
    });
    for (std::size_t i = 0; i < images.size(); ++i) {
      writer_.append(images[i], made[i].text);
      tally_ += made[i].tally;
    }
  }

  void write_image(const ShardMasks& masks, const ExportedImage& image, Made& made) const {
    signals_.check_grace(std::chrono::seconds(0), "The export");
    const std::string& name = image.listed.name;
    const LabelMap clusters = widened(masks.read(image.position));
    if (format_.is_of_images) require_size_of(clusters, image.listed);
    const LabelMap classes = classes_.classes_of(clusters);
    made.tally.add(clusters, classes);
    const fs::path photo = format_.needs_photos ? photos_.file(name) : fs::path();
    made.text = writer_.add(image, {.photo = photo, .clusters = clusters, .classes = classes});
  }

  const ExportedRun& run_;
  const LabelClasses& classes_;
  const ExportFormat& format_;
  ExportWriter& writer_;
  Photos photos_;
  ExportTally tally_;
  StopSignals signals_;
};

void write_text(const fs::path& path, const std::string& text) {
  StreamedFile file(path);
  file.append(text);
  file.close();
}

}  // namespace

ExitCode export_run(const ExportRequest& request, std::ostream& out, Communicator& comm) {
  const ExportFormat& format = export_format(request.format);
  const ExportedRun run = open_exported_run(request.run, request.k);
  const LabelClasses classes = find_classes(run.directory, run.k, request.names, request.protocol);
  require_room(format, classes);
  AtomicFolder folder(
      request.out.value_or(run.directory.exports() / (RunDirectory::cluster_name(run.k) + "-" + format.name)));
  const auto writer = format.make({.folder = folder.path(),
                                   .final_folder = folder.final_path(),
                                   .k = run.k,
                                   .classes = classes,
                                   .list = *run.list,
                                   .images = request.images,
                                   .orientation = orientation_of(run.config.dataset),
                                   .name = fs::canonical(request.run).filename().string()});
  MaskExport work(run, classes, format, *writer);
  const ExportTally& tally = work.write_all(threads_per_rank(comm));
  writer->finish(tally.no_class() > 0);
  write_text(folder.path() / "classes.json", classes_json(format.name, classes, tally));
  if (format.holds_masks) write_text(folder.path() / mask_folder_mark, "");
  folder.commit();
  out << export_text(classes, tally) << "\n" << folder.final_path().string() << std::endl;
  const std::int64_t without = run.list->size() - tally.images;
  if (without > 0)
    log::warning(counted(without, "image") + " of the run could not be read and " + (without == 1 ? "has" : "have") +
                 " no mask");
  return ExitCode::done;
}

}  // namespace datus
