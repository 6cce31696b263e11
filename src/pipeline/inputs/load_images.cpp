// SPDX-License-Identifier: Apache-2.0
#include "pipeline/inputs/load_images.hpp"

#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/text.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace datus {

std::vector<LoadedImage> load_images(const std::vector<std::filesystem::path>& paths, Orientation orientation,
                                     const InputPreparation& preparation, int threads, const std::stop_token& stop,
                                     const std::function<void()>& after_each) {
  std::vector<LoadedImage> loaded(paths.size());
  parallel_for(std::ssize(paths), threads, [&](std::int64_t i) {
    if (stop.stop_requested()) return;
    auto& slot = loaded[static_cast<std::size_t>(i)];
    try {
      const auto [original, content] = read_hashed_image(paths[static_cast<std::size_t>(i)], orientation);
      slot.content = content;
      slot.width = original.width;
      slot.height = original.height;
      slot.input = preparation.prepare(original);
    } catch (const InputError& error) {
      slot.error = error.what();
    }
    if (after_each) after_each();
  });
  return loaded;
}

std::vector<InputImage> load_required_images(const std::vector<std::filesystem::path>& paths, Orientation orientation,
                                             const InputPreparation& preparation, int threads, const std::string& why,
                                             const std::function<void()>& after_each) {
  std::vector<InputImage> images;
  for (auto& loaded : load_images(paths, orientation, preparation, threads, {}, after_each)) {
    if (!loaded.input) throw InputError(loaded.error, why, "Repair it, then run again.");
    images.push_back(std::move(*loaded.input));
  }
  return images;
}

void log_further_pages(const std::vector<std::string>& names) {
  if (names.empty()) return;
  log::info(counted(std::ssize(names), "image") + (names.size() == 1 ? " has" : " have") +
            " further pages or frames: the first is taken (" + names.front() + (names.size() > 1 ? ", …)" : ")"));
}

}  // namespace datus
