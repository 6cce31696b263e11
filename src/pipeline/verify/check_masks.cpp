// SPDX-License-Identifier: Apache-2.0
#include "datus/core/names.hpp"
#include "datus/core/text.hpp"
#include "datus/io/atomic_file.hpp"
#include "pipeline/files/mask_record.hpp"
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

}  // namespace

void check_masks(RunVerifier& check, int k, bool is_configured) {
  MaskCheck masks(check, k, is_configured);
  std::vector<fs::path> records;
  std::vector<bool> is_missing;
  for (std::int64_t i = 0; i < check.shards; ++i) {
    records.push_back(check.directory.mask_record(k, {i}));
    is_missing.push_back(!is_there(records.back()));
  }
  const bool any = std::ranges::find(is_missing, false) != is_missing.end();
  const bool is_expected = is_configured && (any || check.is_done);
  for (std::int64_t i = 0; i < check.shards; ++i) {
    const auto index = static_cast<std::size_t>(i);
    if (!is_missing[index]) {
      masks.check_shard({i}, records[index]);
      continue;
    }
    if (is_expected) check.add_missing(records[index]);
    masks.leave_shard({i});
  }
  masks.check_rest();
}

}  // namespace datus
