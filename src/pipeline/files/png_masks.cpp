// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/png_masks.hpp"

#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/text.hpp"
#include "datus/io/mask_file.hpp"
#include "pipeline/files/mask_record.hpp"
#include "pipeline/files/removed_files.hpp"

#include <algorithm>
#include <optional>
#include <system_error>

namespace datus {
namespace {

namespace fs = std::filesystem;

bool are_there(const fs::path& folder, const MaskRecord::Hashes& hashes) {
  return std::ranges::all_of(hashes, [&](const auto& entry) {
    const fs::path file = folder / entry.first;
    return fs::is_regular_file(file) && hash_file(file).hex() == entry.second;
  });
}

MaskRecord::Hashes hashes_of(const fs::path& folder, const std::vector<std::string>& names, int threads) {
  std::vector<std::string> texts(names.size());
  parallel_for(std::ssize(names), threads, [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    texts[index] = hash_file(folder / names[index]).hex();
  });
  MaskRecord::Hashes hashes;
  for (std::size_t i = 0; i < names.size(); ++i) hashes[names[i]] = texts[i];
  return hashes;
}

/// The PNGs that a record names.
class RecordedMasks : public ShardMasks {
 public:
  RecordedMasks(fs::path folder, const ImageList& list, MaskRecord record, std::vector<std::int64_t> images)
      : ShardMasks(std::move(images)), folder_(std::move(folder)), list_(list), record_(std::move(record)) {}

  Labels read(std::int64_t image) const override {
    const std::string name = mask_name(list_.images[static_cast<std::size_t>(image)].name);
    const fs::path path = folder_ / name;
    const auto recorded = record_.masks.find(name);
    if (recorded == record_.masks.end()) {
      throw InputError("There is no mask " + path.string(), "the image could not be read when its shard was made",
                       "Run the same command as before again.");
    }
    if (hash_file(path).hex() != recorded->second) {
      throw InputError("The mask " + path.string() + " cannot be used", "it was changed after it was written",
                       "Run the same command as before again: it makes the mask anew.");
    }
    return read_mask_labels(path);
  }

 private:
  fs::path folder_;
  const ImageList& list_;
  MaskRecord record_;
};

class MaskFilesWriter : public ShardMaskWriter {
 public:
  MaskFilesWriter(RunDirectory directory, int k, MaskRecord record, std::vector<std::string> names,
                  const WriteOptions& options)
      : directory_(std::move(directory)),
        k_(k),
        record_(std::move(record)),
        names_(std::move(names)),
        options_(options),
        palette_(label_palette(k)) {}

  void add(std::size_t index, const LabelMap& labels) override {
    write_mask_files(directory_.masks(k_), names_[index], labels, k_, palette_, options_);
  }

  void commit(int threads) override {
    const fs::path masks = directory_.masks(k_);
    record_.masks = hashes_of(masks, names_, threads);
    if (needs_preview(k_)) record_.previews = hashes_of(preview_folder(masks), names_, threads);
    const fs::path path = directory_.mask_record(k_, {record_.shard});
    make_folders(path.parent_path());
    write_text_atomically(path, to_text(record_), options_);
  }

 private:
  RunDirectory directory_;
  int k_;
  MaskRecord record_;
  std::vector<std::string> names_;
  WriteOptions options_;
  Palette palette_;
};

class PngMasks : public MaskStore {
 public:
  using MaskStore::MaskStore;

  bool is_current(int k, ShardIndex shard) const override {
    const auto record = record_of(k, shard);
    const fs::path masks = run().directory.masks(k);
    return record && are_there(masks, record->masks) && are_there(preview_folder(masks), record->previews);
  }

  std::unique_ptr<const ShardMasks> open(int k, ShardIndex shard) const override {
    auto record = record_of(k, shard);
    if (!record) {
      refuse(shard, run().directory.masks(k), "they are not finished, or come from other clusters or settings");
    }
    std::vector<std::int64_t> images;
    const auto [begin, end] = run().list.range(shard);
    for (std::int64_t i = begin; i < end; ++i) {
      if (record->masks.contains(mask_name(image_name(i)))) images.push_back(i);
    }
    return std::make_unique<RecordedMasks>(run().directory.masks(k), run().list, *std::move(record), std::move(images));
  }

  std::string name_of(int k, std::int64_t image) const override {
    return run().directory.mask(k, image_name(image)).string();
  }

  std::unique_ptr<ShardMaskWriter> write(int k, ShardIndex shard, std::vector<std::int64_t> images,
                                         const WriteOptions& options) const override {
    std::vector<std::string> names;
    for (const std::int64_t image : images) names.push_back(mask_name(image_name(image)));
    return std::make_unique<MaskFilesWriter>(
        run().directory, k, MaskRecord{.provenance = provenance(k), .shard = shard.value, .masks = {}, .previews = {}},
        std::move(names), options);
  }

  void begin(int) const override {}
  void finish(const std::vector<int>&, const WriteOptions&, Communicator&) const override {}

  /// Records first: what they name is then unfinished, should this end before all is gone.
  std::int64_t remove(int k) const override {
    const RunDirectory& directory = run().directory;
    const fs::path masks = directory.masks(k);
    const fs::path records = directory.mask_record(k, {0}).parent_path();
    RemovedFiles removed;
    if (fs::exists(records)) {
      for (std::int64_t i = 0; i < run().list.shards(); ++i) removed.remove(directory.mask_record(k, {i}));
    }
    for (const fs::path& folder : {masks, preview_folder(masks)}) {
      if (!fs::exists(folder)) continue;
      for (const ListedImage& image : run().list.images) removed.remove(folder / mask_name(image.name));
    }
    for (const fs::path& folder : {records, masks, preview_folder(masks)}) remove_empty_folders(folder);
    return removed.count();
  }

 private:
  [[nodiscard]] std::string provenance(int k) const { return run().provenance.of(Stage::mask, k).hash().hex(); }

  /// Nothing where it is missing, damaged, of another shard or of another provenance.
  [[nodiscard]] std::optional<MaskRecord> record_of(int k, ShardIndex shard) const {
    const auto text = text_of_file(run().directory.mask_record(k, shard));
    auto record = text ? mask_record_from(*text) : std::nullopt;
    const bool fits = record && record->shard == shard.value && record->provenance == provenance(k);
    return fits ? std::move(record) : std::nullopt;
  }
};

}  // namespace

std::unique_ptr<const MaskStore> make_png_mask_store(MaskedRun run) {
  return std::make_unique<PngMasks>(std::move(run));
}

void write_mask_files(const fs::path& root, const std::string& name, const LabelMap& labels, int clusters,
                      const Palette& palette, const WriteOptions& options) {
  const fs::path path = root / name;
  make_folders(path.parent_path());
  AtomicFile file(path, options);
  write_mask(file.path(), labels, clusters, palette);
  file.commit([&](const fs::path& written) {
    if (read_mask(written).labels != labels.labels) {
      throw SystemError("Mask " + path.string() + " does not read back as written", "the disk altered it",
                        "Check the file system, then run again.");
    }
  });
  if (!needs_preview(clusters)) return;
  const fs::path preview_path = preview_folder(root) / name;
  make_folders(preview_path.parent_path());
  AtomicFile preview(preview_path, options);
  write_mask_preview(preview.path(), labels, palette);
  preview.commit();
}

}  // namespace datus
