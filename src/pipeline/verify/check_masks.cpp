// SPDX-License-Identifier: Apache-2.0
#include "datus/core/names.hpp"
#include "datus/core/text.hpp"
#include "datus/io/atomic_file.hpp"
#include "pipeline/files/mask_record.hpp"
#include "pipeline/files/mask_store.hpp"
#include "pipeline/verify/run_verifier.hpp"

#include <algorithm>

namespace datus {
namespace {

namespace fs = std::filesystem;
using Kind = RunFinding::Kind;

/// The check of one K.
class MaskCheck {
 public:
  MaskCheck(RunVerifier& check, int k, bool is_configured)
      : check_(check), masks_(check.directory.masks(k)), previews_(preview_folder(masks_)) {
    if (is_configured && check.provenance) wanted_ = check.provenance->of(Stage::mask, k).hash().hex();
  }

  void check_shard(ShardIndex shard, const fs::path& path) {
    check_.take(path);
    const std::vector<std::string> expected = expected_masks(shard);
    const auto text = text_of_file(path);
    if (!text) return refuse(path, Kind::damaged, "it is not a regular file, or cannot be read", expected);
    const auto record = mask_record_from(*text);
    if (!record) return refuse(path, Kind::damaged, "it is not a record of masks of this version", expected);
    check_record(*record, shard, path, expected);
  }

  /// A shard without a record: nothing is known of its masks.
  void leave_shard(ShardIndex shard) { leave(expected_masks(shard)); }

  void check_rest() {
    for (const fs::path& folder : {masks_, previews_}) {
      for (const std::string& name : check_.left_below(check_.name_of(folder))) {
        if (is_unfinished(name)) continue;
        check_.take(check_.directory.root() / name);
        if (check_.list) {
          check_.add(Kind::foreign, check_.directory.root() / name, "no record of the run names it");
        } else {
          ++check_.result.unchecked;
        }
      }
    }
  }

 private:
  /// Names of the masks that a shard may have, by the list of images.
  [[nodiscard]] std::vector<std::string> expected_masks(ShardIndex shard) const {
    std::vector<std::string> names;
    if (!check_.list || shard.value >= check_.list->shards()) return names;
    const auto [begin, end] = check_.list->range(shard);
    for (std::int64_t i = begin; i < end; ++i) {
      names.push_back(mask_name(check_.list->images[static_cast<std::size_t>(i)].name));
    }
    return names;
  }

  void check_record(const MaskRecord& record, ShardIndex shard, const fs::path& path,
                    const std::vector<std::string>& expected) {
    if (record.shard != shard.value) {
      return refuse(path, Kind::stale, "it is a copy of shard " + std::to_string(record.shard), expected);
    }
    if (!check_.list) return check_.count_fine("mask records");
    for (const auto& hashes : {record.masks, record.previews}) {
      for (const auto& [name, hash] : hashes) {
        if (std::ranges::find(expected, name) != expected.end()) continue;
        return refuse(path, Kind::damaged,
                      "it names " + name + ", which is no image of shard " + std::to_string(shard.value), expected);
      }
    }
    if (wanted_ && record.provenance != *wanted_) {
      return refuse(path, Kind::stale, "its masks were made from other clusters or settings", expected);
    }
    check_.count_fine("mask records");
    const std::string by = "by " + check_.name_of(path);
    for (const auto& [name, hash] : record.masks) {
      check_.check_bytes({hash, -1, check_.name_of(masks_ / name)}, "masks", by);
    }
    for (const auto& [name, hash] : record.previews) {
      check_.check_bytes({hash, -1, check_.name_of(previews_ / name)}, "mask previews", by);
    }
  }

  void refuse(const fs::path& record, Kind kind, const std::string& reason, const std::vector<std::string>& masks) {
    check_.add(kind, record, reason);
    leave(masks);
  }

  void leave(const std::vector<std::string>& masks) {
    for (const fs::path& folder : {masks_, previews_}) {
      for (const std::string& name : masks) {
        if (is_there(folder / name)) ++check_.result.unchecked;
        check_.take(folder / name);
      }
    }
  }

  RunVerifier& check_;
  fs::path masks_;
  fs::path previews_;
  std::optional<std::string> wanted_;  ///< provenance; none when it is not known
};

/// Whether files of a format are to be there. Without settings that is known only of a format of which some are.
bool is_expected(const RunVerifier& check, bool is_configured, MaskConfig::Format format, bool any) {
  if (!is_configured) return false;
  if (!check.config) return any;
  return has_format(check.config->mask, format) && (any || check.is_done);
}

/// The files of a format that the run no longer asks for are not looked at: they go with the next run.
bool is_left_over(const RunVerifier& check, bool is_configured, MaskConfig::Format format) {
  return is_configured && check.config && !has_format(check.config->mask, format);
}

void note_left_over(RunVerifier& check, const std::vector<fs::path>& folders, MaskConfig::Format format) {
  for (const fs::path& folder : folders) {
    const auto left = check.left_below(check.name_of(folder));
    for (const std::string& name : left) check.take(check.directory.root() / name);
    if (left.empty()) continue;
    check.add(Kind::note, folder,
              counted(std::ssize(left), "file") + " of an earlier setting: mask.formats has no " +
                  mask_format_name(format) + ", and the next run removes those of the run");
  }
}

/// Masks as PNGs: the records in masks/.done and the files that they name.
void check_mask_files(RunVerifier& check, int k, bool is_configured) {
  const fs::path folder = check.directory.masks(k);
  if (is_left_over(check, is_configured, MaskConfig::Format::png)) {
    return note_left_over(check, {folder, preview_folder(folder), check.directory.mask_record(k, {0}).parent_path()},
                          MaskConfig::Format::png);
  }
  MaskCheck masks(check, k, is_configured);
  std::vector<fs::path> records;
  std::vector<bool> is_missing;
  for (std::int64_t i = 0; i < check.shards; ++i) {
    records.push_back(check.directory.mask_record(k, {i}));
    is_missing.push_back(!is_there(records.back()));
  }
  const bool any = std::ranges::find(is_missing, false) != is_missing.end();
  const bool expected = is_expected(check, is_configured, MaskConfig::Format::png, any);
  for (std::int64_t i = 0; i < check.shards; ++i) {
    const auto index = static_cast<std::size_t>(i);
    if (!is_missing[index]) {
      masks.check_shard({i}, records[index]);
      continue;
    }
    if (expected) check.add_missing(records[index]);
    masks.leave_shard({i});
  }
  masks.check_rest();
}

/// Masks as HDF5 files, each with its own record.
void check_packed_masks(RunVerifier& check, int k, bool is_configured) {
  const fs::path index = check.directory.mask_index(k);
  if (is_left_over(check, is_configured, MaskConfig::Format::hdf5)) {
    if (is_there(index)) {
      check.take(index);
      check.add(Kind::note, index, "of an earlier setting: mask.formats has no hdf5, and the next run removes it");
    }
    return note_left_over(check, {check.directory.packed_masks(k)}, MaskConfig::Format::hdf5);
  }
  std::optional<StageProvenance> wanted;
  if (is_configured && check.provenance) wanted = check.provenance->of(Stage::mask, k);
  std::vector<fs::path> missing;
  bool any = is_there(index);
  for (std::int64_t i = 0; i < check.shards; ++i) {
    const fs::path path = check.directory.packed_masks(k, {i});
    if (!is_there(path)) {
      missing.push_back(path);
      continue;
    }
    any = true;
    check.check_hdf5(path, "packed masks", wanted, ShardIndex{i});
  }
  const bool expected = is_expected(check, is_configured, MaskConfig::Format::hdf5, any);
  if (expected) {
    for (const fs::path& path : missing) check.add_missing(path);
  }
  if (is_there(index)) {
    check.check_hdf5(index, "mask indexes", wanted);
  } else if (expected && check.is_done) {
    check.add_missing(index);
  }
}

}  // namespace

void check_masks(RunVerifier& check, int k, bool is_configured) {
  check_mask_files(check, k, is_configured);
  check_packed_masks(check, k, is_configured);
}

}  // namespace datus
