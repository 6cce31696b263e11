#include "io/datasets/file_listing.hpp"

#include "datus/core/error.hpp"
#include "datus/core/names.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <system_error>
#include <unordered_map>
#include <unordered_set>

namespace datus::io_detail {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> image_types = {".jpg", ".jpeg", ".png", ".bmp"};
constexpr std::array<std::string_view, 1> png_type = {".png"};
constexpr std::array<std::string_view, 1> bmp_type = {".bmp"};
constexpr std::array<std::string_view, 2> truth_types = {".png", ".bmp"};

[[noreturn]] void throw_unlistable(const fs::path& folder, const std::string& why) {
  throw InputError("Cannot list folder " + folder.string(), why, "Check the path and its permissions.");
}

/// Walks through one root. `around_` are the resolved folders from the root to the present one: a
/// link to one of them would never end.
class Walk {
 public:
  Walk(std::span<const std::string_view> extensions, Depth depth) : extensions_(extensions), depth_(depth) {}

  void enter(const fs::path& folder, const std::string& prefix) {
    std::error_code failure;
    const fs::path resolved = fs::canonical(folder, failure);
    if (failure) throw_unlistable(folder, failure.message());
    if (std::find(around_.begin(), around_.end(), resolved) != around_.end()) {
      throw_unlistable(folder, "it is a link to a folder around it");
    }
    around_.push_back(resolved);
    fs::directory_iterator entry(folder, failure);
    for (; !failure && entry != fs::directory_iterator(); entry.increment(failure)) visit(*entry, prefix);
    if (failure) throw_unlistable(folder, failure.message());
    around_.pop_back();
  }
  [[nodiscard]] std::vector<std::string> take_names() { return std::move(names_); }

 private:
  void visit(const fs::directory_entry& entry, const std::string& prefix) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.')) return;
    std::error_code unknown;
    if (entry.is_directory(unknown)) {
      if (depth_ == Depth::recursive) enter(entry.path(), prefix + name + "/");
    } else if (has_extension(name, extensions_)) {
      names_.push_back(prefix + name);
    }
  }

  std::span<const std::string_view> extensions_;
  Depth depth_;
  std::vector<fs::path> around_;
  std::vector<std::string> names_;
};

}  // namespace

std::span<const std::string_view> image_extensions() noexcept {
  return image_types;
}
std::span<const std::string_view> png_extension() noexcept {
  return png_type;
}
std::span<const std::string_view> bmp_extension() noexcept {
  return bmp_type;
}

bool has_extension(std::string_view name, std::span<const std::string_view> extensions) {
  const auto equals = [](char c, char lower) { return std::tolower(static_cast<unsigned char>(c)) == lower; };
  return std::any_of(extensions.begin(), extensions.end(), [&](std::string_view extension) {
    return name.size() > extension.size() && std::equal(extension.rbegin(), extension.rend(), name.rbegin(),
                                                        [&](char lower, char c) { return equals(c, lower); });
  });
}

std::vector<std::string> list_files(const fs::path& root, std::span<const std::string_view> extensions, Depth depth) {
  Walk walk(extensions, depth);
  walk.enter(root, "");
  auto names = walk.take_names();
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<DatasetItem> list_images(const fs::path& root, Depth depth) {
  std::vector<DatasetItem> items;
  for (auto& name : list_files(root, image_extensions(), depth)) {
    fs::path image = root / name;
    items.push_back({.name = std::move(name), .image = std::move(image), .truth_name = {}, .truth = {}});
  }
  if (items.empty()) {
    throw InputError("No image in " + root.string(), "there is no file named *.jpg, *.jpeg, *.png or *.bmp",
                     "Point dataset.images at the folder that holds the images.");
  }
  return items;
}

void pair_truth_by_stem(std::vector<DatasetItem>& items, const fs::path& root,
                        std::span<const std::string_view> extensions, Depth depth) {
  std::unordered_map<std::string, std::string> truth_of;
  for (const auto& name : list_files(root, extensions, depth)) {
    const auto [other, is_new] = truth_of.emplace(stem_of(name), name);
    if (!is_new) {
      throw InputError("Two ground-truth files for one image in " + root.string(), other->second + " and " + name,
                       "Remove one of them.");
    }
  }
  for (auto& item : items) {
    const auto found = truth_of.find(stem_of(item.name));
    if (found == truth_of.end()) {
      throw InputError("No ground truth for image " + item.name,
                       "there is no " + stem_of(item.name) + std::string(extensions.front()) + " in " + root.string(),
                       "Add the file, take the image out, or leave out dataset.truth.");
    }
    item.truth_name = found->second;
    item.truth = root / found->second;
  }
}

void require_no_extra_truth(const std::vector<DatasetItem>& items, const fs::path& root) {
  std::unordered_set<std::string> stems;
  for (const auto& item : items) stems.insert(stem_of(item.truth_name));
  for (const auto& name : list_files(root, truth_types, Depth::recursive)) {
    if (stems.contains(stem_of(name))) continue;
    throw InputError("Ground truth " + (root / name).string() + " has no prediction",
                     "files pair by their name without extension", "Add the prediction, or remove the file.");
  }
}

}  // namespace datus::io_detail
