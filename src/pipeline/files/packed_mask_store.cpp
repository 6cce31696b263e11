// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/packed_mask_store.hpp"

#include "datus/core/error.hpp"
#include "datus/io/atomic_hdf5.hpp"
#include "datus/io/deflated_dataset.hpp"
#include "pipeline/files/packed_mask.hpp"
#include "pipeline/files/removed_files.hpp"
#include "pipeline/files/verified_file.hpp"

#include <algorithm>
#include <map>

namespace datus {
namespace {

namespace fs = std::filesystem;

class PackedShard : public ShardMasks {
 public:
  explicit PackedShard(Hdf5Reader reader)
      : ShardMasks(reader.read_verified<std::int64_t>("image")), reader_(std::move(reader)) {}

  Labels read(std::int64_t image) const override {
    if (std::ranges::binary_search(images(), image)) return read_packed_mask(reader_, image);
    throw InputError("There is no mask " + packed_mask_name(image) + " in " + reader_.path().string(),
                     "the image could not be read when its shard was made", "Run the same command as before again.");
  }

 private:
  Hdf5Reader reader_;
};

/// Holds the masks, compressed, until all of them can be written in the order of the list: the bytes of the file are
/// the same on any number of threads.
class PackedShardWriter : public ShardMaskWriter {
 public:
  PackedShardWriter(fs::path path, int k, StageProvenance provenance, std::vector<std::int64_t> images,
                    std::vector<std::string> names, const WriteOptions& options)
      : path_(std::move(path)),
        k_(k),
        provenance_(std::move(provenance)),
        images_(std::move(images)),
        names_(std::move(names)),
        options_(options),
        masks_(images_.size()) {}

  void add(std::size_t index, const LabelMap& labels) override { masks_[index] = packed_mask(labels, k_); }

  void commit(int) override {
    make_folders(path_.parent_path());
    AtomicHdf5 file(path_, options_);
    Hdf5Writer& writer = file.writer();
    const auto count = std::ssize(images_);
    writer.write<std::int64_t>("image", images_, {count});
    writer.write_names("name", names_);
    for (std::size_t i = 0; i < images_.size(); ++i) {
      writer.write_deflated(packed_mask_name(images_[i]), masks_[i]);
      masks_[i] = {};
    }
    write_packing(writer, k_);
    write_provenance(writer, provenance_);
    file.commit();
  }

 private:
  fs::path path_;
  int k_;
  StageProvenance provenance_;
  std::vector<std::int64_t> images_;
  std::vector<std::string> names_;
  WriteOptions options_;
  std::vector<DeflatedDataset> masks_;
};

class PackedMaskStore : public MaskStore {
 public:
  using MaskStore::MaskStore;

  bool is_current(int k, ShardIndex shard) const override {
    std::string why;
    return datus::is_current(run().directory.packed_masks(k, shard), provenance(k).of_shard(shard), &why);
  }

  std::unique_ptr<const ShardMasks> open(int k, ShardIndex shard) const override {
    const fs::path path = run().directory.packed_masks(k, shard);
    if (!fs::is_regular_file(path)) refuse(shard, path.parent_path(), "they are not finished");
    Hdf5Reader reader(path);
    if (!has_provenance(reader, provenance(k).of_shard(shard))) {
      const std::string difference = describe_difference(reader, provenance(k).of_shard(shard));
      refuse(shard, path.parent_path(), difference.empty() ? "they are not finished" : difference);
    }
    return std::make_unique<PackedShard>(std::move(reader));
  }

  std::string name_of(int k, std::int64_t image) const override {
    return run().directory.packed_masks(k, {image / run().list.shard_size}).string() + ":" + packed_mask_name(image);
  }

  std::unique_ptr<ShardMaskWriter> write(int k, ShardIndex shard, std::vector<std::int64_t> images,
                                         const WriteOptions& options) const override {
    std::vector<std::string> names;
    for (const std::int64_t image : images) names.push_back(image_name(image));
    return std::make_unique<PackedShardWriter>(run().directory.packed_masks(k, shard), k, provenance(k).of_shard(shard),
                                               std::move(images), std::move(names), options);
  }

  void begin(int k) const override { RemovedFiles().remove(run().directory.mask_index(k)); }

  /// The ranks share the K: to check or to write 100,000 links takes seconds.
  void finish(const std::vector<int>& clusters, const WriteOptions& options, Communicator& comm) const override {
    const auto is_mine = [&](std::size_t i) { return static_cast<int>(i) % comm.size() == comm.rank(); };
    std::vector<std::int64_t> to_make(clusters.size(), 0);
    collectively(comm, [&] {
      for (std::size_t i = 0; i < clusters.size(); ++i) {
        std::string why;
        if (!is_mine(i)) continue;
        to_make[i] = datus::is_current(run().directory.mask_index(clusters[i]), provenance(clusters[i]), &why) ? 0 : 1;
      }
    });
    comm.allreduce(to_make, ReduceOp::max);
    std::map<int, std::vector<std::int64_t>> images;
    for (std::size_t i = 0; i < clusters.size(); ++i) {
      if (to_make[i] != 0) images[clusters[i]] = packed_images(clusters[i], comm);
    }
    collectively(comm, [&] {
      for (std::size_t i = 0; i < clusters.size(); ++i) {
        if (to_make[i] != 0 && is_mine(i)) write_index(clusters[i], images.at(clusters[i]), options);
      }
    });
  }

  std::int64_t remove(int k) const override {
    const fs::path folder = run().directory.packed_masks(k);
    RemovedFiles removed;
    removed.remove(run().directory.mask_index(k));
    if (!fs::exists(folder)) return removed.count();
    for (std::int64_t i = 0; i < run().list.shards(); ++i) removed.remove(run().directory.packed_masks(k, {i}));
    remove_empty_folders(folder);
    return removed.count();
  }

 private:
  [[nodiscard]] StageProvenance provenance(int k) const { return run().provenance.of(Stage::mask, k); }

  /// COLLECTIVE. Those that have a mask.
  [[nodiscard]] std::vector<std::int64_t> packed_images(int k, Communicator& comm) const {
    std::vector<std::int64_t> mine;
    collectively(comm, [&] {
      const auto [begin, end] = share_of(run().list.shards(), comm);
      for (std::int64_t shard = begin; shard < end; ++shard) {
        const auto masks = open(k, {shard});
        mine.insert(mine.end(), masks->images().begin(), masks->images().end());
      }
    });
    return allgather_values(comm, mine);
  }

  /// `images`: those that have a mask.
  void write_index(int k, const std::vector<std::int64_t>& images, const WriteOptions& options) const {
    const fs::path path = run().directory.mask_index(k);
    AtomicHdf5 file(path, options);
    Hdf5Writer& writer = file.writer();
    std::vector<std::string> names;
    for (const ListedImage& image : run().list.images) names.push_back(image.name);
    writer.write_names("name", names);
    for (const std::int64_t image : images) {
      const fs::path shard = run().directory.packed_masks(k, {image / run().list.shard_size});
      writer.link(packed_mask_name(image), shard.lexically_relative(path.parent_path()), packed_mask_name(image));
    }
    write_packing(writer, k);
    write_provenance(writer, provenance(k));
    file.commit();
  }
};

}  // namespace

std::unique_ptr<const MaskStore> make_packed_mask_store(MaskedRun run) {
  return std::make_unique<PackedMaskStore>(std::move(run));
}

}  // namespace datus
