// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/core/labels.hpp"
#include "datus/core/types.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/files/image_list.hpp"
#include "pipeline/files/provenance.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace datus {

/// What a store of masks takes of a run. The list must outlive it.
struct MaskedRun {
  RunDirectory directory;
  const ImageList& list;
  Provenance provenance;  ///< that masks must have
};

/// The finished masks of one shard for one K.
class ShardMasks {
 public:
  explicit ShardMasks(std::vector<std::int64_t> images) : images_(std::move(images)) {}
  virtual ~ShardMasks() = default;
  ShardMasks(const ShardMasks&) = delete;
  ShardMasks& operator=(const ShardMasks&) = delete;

  /// Positions in the list of the images that have a mask, in ascending order.
  [[nodiscard]] const std::vector<std::int64_t>& images() const { return images_; }
  /// The labels of an image, [height, width] of 0 … K - 1 or `no_label`. From any thread. Throws `InputError` when the
  /// image has no mask, or one that was changed after it was written.
  [[nodiscard]] virtual Labels read(std::int64_t image) const = 0;

 private:
  std::vector<std::int64_t> images_;
};

/// Makes the masks of one shard for one K.
class ShardMaskWriter {
 public:
  virtual ~ShardMaskWriter() = default;
  /// The labels of the image at that place of those that the writer was made for; each once, from any thread. Throws
  /// `UsageError` for a label that is none of K, `SystemError` when it cannot be written.
  virtual void add(std::size_t index, const LabelMap& labels) = 0;
  /// Once all are added: from now on they are the shard's masks. Throws `SystemError`.
  virtual void commit(int threads) = 0;
};

/// The masks of a run in files of one format (mask.formats). Not collective, but for `finish`.
class MaskStore {
 public:
  explicit MaskStore(MaskedRun run) : run_(std::move(run)) {}
  virtual ~MaskStore() = default;
  MaskStore(const MaskStore&) = delete;
  MaskStore& operator=(const MaskStore&) = delete;

  /// Whether a shard's masks are there, of the run's provenance, and as they were written: every byte is looked at.
  /// Whatever is there instead, nothing is thrown.
  [[nodiscard]] virtual bool is_current(int k, ShardIndex shard) const = 0;
  /// Opens a shard's masks by their record; what is read is checked when it is read. Throws `InputError` when they are
  /// missing, or made from other clusters or settings.
  [[nodiscard]] virtual std::unique_ptr<const ShardMasks> open(int k, ShardIndex shard) const = 0;
  /// The file of an image's mask, for messages.
  [[nodiscard]] virtual std::string name_of(int k, std::int64_t image) const = 0;

  /// Begins to make a shard's masks anew, of the images at these positions of the list, in ascending order.
  [[nodiscard]] virtual std::unique_ptr<ShardMaskWriter> write(int k, ShardIndex shard,
                                                               std::vector<std::int64_t> images,
                                                               const WriteOptions& options) const = 0;
  /// Some masks of K are to be made anew: removes what is made from all of them. One rank only.
  virtual void begin(int k) const = 0;
  /// COLLECTIVE. All shards of these K are current: makes what belongs to all of them.
  virtual void finish(const std::vector<int>& clusters, const WriteOptions& options, Communicator& comm) const = 0;
  /// Removes all that the run has of K in this format, and returns how many files. One rank only. Throws `SystemError`.
  virtual std::int64_t remove(int k) const = 0;

 protected:
  [[nodiscard]] const MaskedRun& run() const { return run_; }
  [[nodiscard]] const std::string& image_name(std::int64_t image) const {
    return run_.list.images[static_cast<std::size_t>(image)].name;
  }
  /// "The masks of shard 3 in FOLDER cannot be used (WHY) …"
  [[noreturn]] void refuse(ShardIndex shard, const std::filesystem::path& place, const std::string& why) const;

 private:
  MaskedRun run_;
};

[[nodiscard]] std::unique_ptr<const MaskStore> make_mask_store(MaskConfig::Format format, MaskedRun run);

/// "png", "hdf5": as mask.formats has them.
[[nodiscard]] const char* mask_format_name(MaskConfig::Format format);
inline constexpr std::array mask_formats = {MaskConfig::Format::png, MaskConfig::Format::hdf5};

/// The file of a format that is there once a shard's masks are finished.
[[nodiscard]] std::filesystem::path mask_marker(const RunDirectory& directory, MaskConfig::Format format, int k,
                                                ShardIndex shard);
/// Whether it is there in each of some formats, by name alone.
[[nodiscard]] bool has_mask_markers(const RunDirectory& directory, const MaskConfig& config, int k, ShardIndex shard);

/// Whether masks are to be there in a format.
[[nodiscard]] bool has_format(const MaskConfig& config, MaskConfig::Format format);

}  // namespace datus
