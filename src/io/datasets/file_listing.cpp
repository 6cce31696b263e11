// SPDX-License-Identifier: Apache-2.0
#include "io/datasets/file_listing.hpp"

#include "datus/core/error.hpp"
#include "datus/core/names.hpp"
#include "datus/core/stop_signals.hpp"
#include "io/datasets/left_out.hpp"
#include "io/images/tiff_decoder.hpp"
#include "io/images/webp_decoder.hpp"

#include <algorithm>
#include <array>
#include <system_error>
#include <unordered_map>
#include <unordered_set>

namespace datus::io_detail {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 1> png_type = {".png"};
constexpr std::array<std::string_view, 2> truth_types = {".png", ".bmp"};
/// What file servers, Windows and archives of macOS put beside images: pictures of them under their names, images that
/// somebody deleted, and images as they were some days ago.
constexpr std::array<std::string_view, 8> system_folders = {"@eaDir",       "__MACOSX", "#recycle",   "@Recycle",
                                                            "$RECYCLE.BIN", "RECYCLER", "lost+found", "#snapshot"};

/// ".jpg, .png or .bmp"
std::string list_of(std::span<const std::string_view> extensions) {
  std::string text;
  for (const std::string_view extension : extensions) {
    if (!text.empty()) text += extension == extensions.back() ? " or " : ", ";
    text += extension;
  }
  return text;
}

[[noreturn]] void throw_unlistable(const fs::path& folder, const std::string& why) {
  throw InputError("Cannot list folder " + folder.string(), why, "Check the path and its permissions.");
}

std::string without_suffix(std::string stem, std::string_view suffix) {
  if (stem.ends_with(suffix)) stem.resize(stem.size() - suffix.size());
  return stem;
}

/// Walks through one root. `around_` are the resolved folders from the root to the present one: a
/// link to one of them would never end, and is left out.
class Walk {
 public:
  Walk(std::span<const std::string_view> extensions, Depth depth, FolderTest results_in = {})
      : extensions_(extensions), depth_(depth), results_in_(std::move(results_in)) {}

  void enter(const fs::path& folder, const std::string& prefix) {
    std::error_code failure;
    const fs::path resolved = fs::canonical(folder, failure);
    if (failure) throw_unlistable(folder, failure.message());
    if (std::ranges::find(around_, resolved) != around_.end()) return left_out_.add("looping link");
    around_.push_back(resolved);
    fs::directory_iterator entry(folder, failure);
    for (; !failure && entry != fs::directory_iterator(); entry.increment(failure)) visit(*entry, prefix);
    if (failure) throw_unlistable(folder, failure.message());
    around_.pop_back();
  }
  [[nodiscard]] std::vector<std::string> take_names() {
    std::sort(names_.begin(), names_.end());
    return std::move(names_);
  }
  [[nodiscard]] const LeftOut& left_out() const { return left_out_; }

 private:
  void visit(const fs::directory_entry& entry, const std::string& prefix) {
    give_up_when_asked("listing the images");
    const std::string name = entry.path().filename().string();
    std::error_code unknown;
    if (entry.is_directory(unknown)) {
      if (depth_ == Depth::recursive) visit_folder(entry.path(), name, prefix);
    } else if (name.starts_with('.')) {
      if (has_extension(name, extensions_)) left_out_.add("hidden image");
    } else if (has_extension(name, extensions_)) {
      names_.push_back(prefix + name);
    } else {
      left_out_.add_file(name);
    }
  }

  void visit_folder(const fs::path& folder, const std::string& name, const std::string& prefix) {
    if (name.starts_with('.')) {
      left_out_.add("hidden folder");
    } else if (std::ranges::find(system_folders, name) != system_folders.end()) {
      left_out_.add(name + " folder");
    } else if (const std::string results = results_in_ ? results_in_(folder) : ""; !results.empty()) {
      left_out_.add(results);
    } else {
      enter(folder, prefix + name + "/");
    }
  }

  std::span<const std::string_view> extensions_;
  Depth depth_;
  FolderTest results_in_;
  std::vector<fs::path> around_;
  std::vector<std::string> names_;
  LeftOut left_out_;
};

}  // namespace

std::span<const std::string_view> image_extensions() {
  static const std::vector<std::string_view> extensions = [] {
    std::vector<std::string_view> known = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp"};
    if (!tiff_library().empty()) known.insert(known.end(), {".tif", ".tiff"});
    if (!webp_library().empty()) known.emplace_back(".webp");
    return known;
  }();
  return extensions;
}
std::span<const std::string_view> png_extension() noexcept {
  return png_type;
}

std::vector<std::string> list_files(const fs::path& root, std::span<const std::string_view> extensions, Depth depth) {
  Walk walk(extensions, depth);
  walk.enter(root, "");
  return walk.take_names();
}

bool is_image_file(const fs::path& path) {
  std::error_code unknown;
  return has_extension(path.filename().string(), image_extensions()) && fs::is_regular_file(path, unknown);
}

FoundImages one_image(const fs::path& file) {
  FoundImages found;
  found.items.push_back({.name = file.filename().string(), .image = file, .truth_name = {}, .truth = {}});
  return found;
}

FoundImages list_images(const fs::path& root, Depth depth, const FolderTest& results_in) {
  if (is_image_file(root)) return one_image(root);
  Walk walk(image_extensions(), depth, results_in);
  walk.enter(root, "");
  FoundImages found{.items = {}, .left_out = walk.left_out().text(/*all=*/false)};
  for (auto& name : walk.take_names()) {
    fs::path image = root / name;
    found.items.push_back({.name = std::move(name), .image = std::move(image), .truth_name = {}, .truth = {}});
  }
  if (found.items.empty()) {
    const std::string others = walk.left_out().text(/*all=*/true);
    throw InputError("No image in " + root.string(),
                     "there is no file whose name ends in " + list_of(image_extensions()) +
                         (others.empty() ? std::string() : ", but " + others),
                     "Point dataset.images at the folder that holds the images.");
  }
  return found;
}

void pair_truth_by_stem(std::vector<DatasetItem>& items, const fs::path& root,
                        std::span<const std::string_view> extensions, Depth depth, const StemSuffixes& suffixes) {
  std::unordered_map<std::string, std::string> truth_of;
  for (const auto& name : list_files(root, extensions, depth)) {
    if (!stem_of(name).ends_with(suffixes.truth)) continue;
    const auto [other, is_new] = truth_of.emplace(without_suffix(stem_of(name), suffixes.truth), name);
    if (!is_new) {
      throw InputError("Two ground-truth files for one image in " + root.string(), other->second + " and " + name,
                       "Remove one of them.");
    }
  }
  for (auto& item : items) {
    const auto found = truth_of.find(without_suffix(stem_of(item.name), suffixes.image));
    if (found == truth_of.end()) continue;
    item.truth_name = found->second;
    item.truth = root / found->second;
  }
  if (std::ranges::all_of(items, [](const DatasetItem& item) { return item.truth.empty(); })) {
    const std::string& name = items.front().name;
    throw InputError("No image has ground truth in " + root.string(),
                     "there is no " + without_suffix(stem_of(name), suffixes.image) + std::string(suffixes.truth) +
                         std::string(extensions.front()) + " for " + name +
                         ", and none for the others: files pair by their name without extension",
                     "Correct dataset.truth, or leave it out.");
  }
}

void require_no_extra_truth(const std::vector<DatasetItem>& items, const fs::path& root) {
  std::unordered_set<std::string> stems;
  for (const auto& item : items) stems.insert(stem_of(item.truth_name));
  for (const auto& name : list_files(root, truth_types, Depth::recursive)) {
    if (stems.contains(stem_of(name))) continue;
    throw InputError("Ground truth " + (root / name).string() + " has no prediction",
                     "files pair by their name without extension",
                     "Add the prediction, or name the images to score in a list (dataset.list, --list).");
  }
}

}  // namespace datus::io_detail
