// SPDX-License-Identifier: Apache-2.0
#include "pipeline/compare/run_pair.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"
#include "pipeline/export/exported_run.hpp"
#include "pipeline/inputs/plain_images.hpp"
#include "pipeline/report/run_settings.hpp"
#include "pipeline/report/thumbnails.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace datus {
namespace {

namespace fs = std::filesystem;

std::string list_of(const std::vector<int>& values) {
  std::string text;
  for (const int value : values) text += (text.empty() ? "" : ", ") + std::to_string(value);
  return text;
}

/// The K of each run.
std::array<int, 2> chosen_k(const CompareRequest& request, const std::array<Config, 2>& configs, RunPair& pair) {
  if (request.k.size() > 2) {
    throw UsageError("--k has " + std::to_string(request.k.size()) + " values", "two runs are compared",
                     "Give one value for both, or one for each.");
  }
  if (!request.k.empty()) return {request.k.front(), request.k.back()};
  const auto& first = configs[0].cluster.k;
  const auto& second = configs[1].cluster.k;
  std::vector<int> common;
  std::ranges::copy_if(first, std::back_inserter(common),
                       [&](int k) { return std::ranges::find(second, k) != second.end(); });
  if (common.size() > 1) {
    pair.notes.push_back("Compared at K = " + std::to_string(common.front()) +
                         "; both runs have K = " + list_of(common) + " (--k).");
  }
  if (!common.empty()) return {common.front(), common.front()};
  if (first.size() == 1 && second.size() == 1) return {first.front(), second.front()};
  throw UsageError(
      "The runs have no K in common", "the first has " + list_of(first) + ", the second " + list_of(second),
      "Give one for each: --k " + std::to_string(first.front()) + "," + std::to_string(second.front()) + ".");
}

/// Places of the images that a run has masks of, by name.
std::map<std::string, std::int64_t> places_of(const ExportedRun& run) {
  std::map<std::string, std::int64_t> places;
  for (std::int64_t shard = 0; shard < run.list->shards(); ++shard) {
    const auto masks = run.masks->open(run.k, {shard});
    for (const std::int64_t image : masks->images()) {
      places[run.list->images[static_cast<std::size_t>(image)].name] = image;
    }
  }
  return places;
}

/// What images there are, and why others are left out.
void join_images(const std::array<ExportedRun, 2>& runs, RunPair& pair) {
  const auto first = places_of(runs[0]);
  const auto second = places_of(runs[1]);
  std::int64_t resized = 0;
  std::int64_t other_bytes = 0;
  std::int64_t common = 0;
  for (const auto& [name, place] : first) {
    const auto found = second.find(name);
    if (found == second.end()) continue;
    ++common;
    const ListedImage& one = runs[0].list->images[static_cast<std::size_t>(place)];
    const ListedImage& other = runs[1].list->images[static_cast<std::size_t>(found->second)];
    if (one.height != other.height || one.width != other.width) {
      ++resized;
      continue;
    }
    other_bytes += one.bytes == other.bytes ? 0 : 1;
    pair.images.push_back(
        {.name = name, .place = {place, found->second}, .height = one.height, .width = one.width, .item = {}});
  }
  std::ranges::sort(pair.images, {}, [](const CommonImage& image) { return image.place[0]; });
  const std::int64_t alone[] = {std::ssize(first) - common, std::ssize(second) - common};
  for (std::size_t run = 0; run < 2; ++run) {
    if (alone[run] == 0) continue;
    pair.notes.push_back(counted(alone[run], "image") + " of the " + (run == 0 ? "first" : "second") +
                         " run alone: left out.");
  }
  if (resized > 0) {
    pair.notes.push_back(counted(resized, "image") + " of the same name but another size in the second run: left out.");
  }
  if (other_bytes > 0) {
    pair.notes.push_back(counted(other_bytes, "image") +
                         " of the same name and size but with other bytes in the second run: compared all the same.");
  }
  if (!pair.images.empty()) return;
  throw InputError("The runs have no image in common",
                   "the first has " + counted(std::ssize(first), "image") + ", the second " +
                       std::to_string(std::ssize(second)) +
                       (resized > 0 ? ", of which " + std::to_string(resized) + " have its names but other sizes"
                                    : ", of which none has its names"),
                   "Compare runs of the same images; names are relative to dataset.images.");
}

std::unique_ptr<const Dataset> open_images(const ComparedRun& run, RunPair& pair) {
  try {
    return open_configured_dataset(run.config.dataset);
  } catch (const Error& error) {
    pair.notes.push_back("The images of " + run.title + " are not found: " + error.what());
    return nullptr;
  }
}

/// The data set of the first run that has ground truth, or else of any that is there.
void find_dataset(RunPair& pair) {
  std::unique_ptr<const Dataset> first = open_images(pair.runs[0], pair);
  if (first == nullptr || !first->has_truth()) {
    auto second = open_images(pair.runs[1], pair);
    if (second != nullptr && (first == nullptr || second->has_truth())) {
      if (second->has_truth()) pair.notes.push_back("The ground truth is that of the second run.");
      first = std::move(second);
    }
  }
  pair.dataset = std::move(first);
  if (!pair.has_truth())
    pair.notes.emplace_back("There is no ground truth: the masks are compared with each other alone.");
  if (pair.dataset == nullptr) return;
  std::map<std::string, const DatasetItem*> items;
  for (const DatasetItem& item : pair.dataset->items()) items[item.name] = &item;
  std::int64_t without = 0;
  for (CommonImage& image : pair.images) {
    if (const auto found = items.find(image.name); found != items.end()) image.item = *found->second;
    without += image.item.truth.empty() ? 1 : 0;
  }
  if (pair.has_truth() && without > 0) {
    pair.notes.push_back(counted(without, "image") + " without ground truth: not in the scores.");
  }
}

std::vector<std::array<std::string, 3>> settings_of(const std::array<ComparedRun, 2>& runs) {
  std::vector<std::array<std::string, 3>> rows = {
      {"data set", dataset_name(runs[0].config.dataset), dataset_name(runs[1].config.dataset)},
      {"backbone", backbone_name(runs[0].config), backbone_name(runs[1].config)},
      {"preset", runs[0].config.preset, runs[1].config.preset},
      {"K", std::to_string(runs[0].k), std::to_string(runs[1].k)}};
  const auto first = method_settings(runs[0].config);
  const auto second = method_settings(runs[1].config);
  std::set<std::string> keys;
  for (const auto* of_run : {&first, &second}) {
    for (const auto& [key, value] : *of_run) keys.insert(key);
  }
  const auto value_of = [](const MethodSettings& settings, const std::string& key) {
    const auto found = settings.find(key);
    return found == settings.end() ? std::string("–") : found->second;
  };
  for (const std::string& key : keys) {
    if (value_of(first, key) != value_of(second, key))
      rows.push_back({key, value_of(first, key), value_of(second, key)});
  }
  return rows;
}

std::string title_of(const fs::path& run) {
  const fs::path path = run.lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

std::array<std::string, 2> titles_of(const CompareRequest& request, const std::array<int, 2>& k) {
  std::array titles = {title_of(request.runs[0]), title_of(request.runs[1])};
  if (titles[0] != titles[1] && !titles[0].empty() && !titles[1].empty()) return titles;
  titles = {request.runs[0].string(), request.runs[1].string()};
  if (titles[0] != titles[1]) return titles;
  for (std::size_t run = 0; run < 2; ++run)
    titles[run] = title_of(request.runs[run]) + ", K = " + std::to_string(k[run]);
  return titles;
}

}  // namespace

LabelMap RunPair::mask(std::size_t run, const CommonImage& image) const {
  const LabelMap mask = widened(runs[run].masks->read(runs[run].k, image.place[run]));
  return at_size(mask, image.height, image.width);
}

RunPair open_pair(const CompareRequest& request) {
  RunPair pair;
  const std::array configs = {config_of_run(request.runs[0]), config_of_run(request.runs[1])};
  const auto k = chosen_k(request, configs, pair);
  std::array exported = {open_exported_run(request.runs[0], k[0]), open_exported_run(request.runs[1], k[1])};
  join_images(exported, pair);
  const auto titles = titles_of(request, k);
  for (std::size_t run = 0; run < 2; ++run) {
    auto masks = std::make_unique<const RunMasks>(std::move(exported[run].masks), exported[run].list->shard_size);
    pair.runs[run] = {titles[run], exported[run].directory,       configs[run],
                      k[run],      std::move(exported[run].list), std::move(masks)};
  }
  find_dataset(pair);
  pair.settings = settings_of(pair.runs);
  return pair;
}

}  // namespace datus
