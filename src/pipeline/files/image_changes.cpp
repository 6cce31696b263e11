// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/image_changes.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <unordered_map>

namespace datus {
namespace {

/// The places of the images by their names.
std::unordered_map<std::string_view, std::size_t> places_in(const ImageList& list) {
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < list.images.size(); ++i) places.emplace(list.images[i].name, i);
  return places;
}

std::string state_of(const ListedImage& image) {
  return std::to_string(image.bytes) + " bytes and " + std::to_string(image.width) + "x" +
         std::to_string(image.height) + " pixels";
}

/// "1 THING (a.jpg)", "3 THING (a.jpg, …)"; empty for none.
std::string counted_names(const std::vector<std::string>& names, std::string_view one, std::string_view several) {
  if (names.empty()) return {};
  return std::to_string(names.size()) + " " + std::string(names.size() == 1 ? one : several) + " (" + names.front() +
         (names.size() == 1 ? ")" : ", …)");
}

}  // namespace

std::string ImageChanges::text() const {
  std::string text;
  for (const std::string& part :
       {counted_names(added, "is new", "are new"), counted_names(replaced, "was replaced", "were replaced"),
        counted_names(gone, "is gone", "are gone"), std::string(reordered ? "their order is another" : "")}) {
    if (!part.empty()) text += (text.empty() ? "" : ", ") + part;
  }
  return text;
}

ImageChanges changes_of(const ImageList& frozen, const ImageList& current,
                        const std::function<bool(std::int64_t)>& was_readable,
                        const std::vector<std::int64_t>& rewritten) {
  ImageChanges changes;
  const auto places = places_in(current);
  const auto add_lost = [&](std::size_t i, const std::string& what) {
    if (!frozen.images[i].is_readable()) return;
    if (!was_readable(static_cast<std::int64_t>(i))) return void(--changes.with_results);
    if (changes.lost++ == 0) changes.first_lost = frozen.images[i].name + what;
  };
  std::size_t last = 0;
  for (std::size_t i = 0; i < frozen.images.size(); ++i) {
    const ListedImage& before = frozen.images[i];
    if (before.is_readable()) ++changes.with_results;
    const auto found = places.find(before.name);
    if (found == places.end()) {
      changes.gone.push_back(before.name);
      add_lost(i, " is no longer there");
      continue;
    }
    const ListedImage& now = current.images[found->second];
    if (now != before) {
      changes.replaced.push_back(before.name);
      add_lost(i, " had " + state_of(before) + ", has " + state_of(now));
    } else if (std::ranges::binary_search(rewritten, static_cast<std::int64_t>(i))) {
      changes.replaced.push_back(before.name);
      add_lost(i, " has other content");
    }
    changes.reordered = changes.reordered || found->second < last;
    last = found->second;
  }
  const auto before = places_in(frozen);
  for (const ListedImage& image : current.images) {
    if (!before.contains(image.name)) changes.added.push_back(image.name);
  }
  return changes;
}

}  // namespace datus
