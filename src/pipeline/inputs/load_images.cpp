#include "pipeline/inputs/load_images.hpp"

#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/text.hpp"

#include <utility>

namespace datus {

std::vector<LoadedImage> load_images(const std::vector<std::filesystem::path>& paths, Orientation orientation,
                                     int threads) {
  std::vector<LoadedImage> loaded(paths.size());
  parallel_for(static_cast<std::int64_t>(paths.size()), threads, [&](std::int64_t i) {
    auto& slot = loaded[static_cast<std::size_t>(i)];
    try {
      slot.image = read_image(paths[static_cast<std::size_t>(i)], orientation);
    } catch (const InputError& error) {
      slot.error = error.what();
    }
  });
  return loaded;
}

std::vector<Image> load_required_images(const std::vector<std::filesystem::path>& paths, Orientation orientation,
                                        int threads, const std::string& why) {
  std::vector<Image> images;
  for (auto& loaded : load_images(paths, orientation, threads)) {
    if (!loaded.image) throw InputError(loaded.error, why, "Repair it, then run again.");
    images.push_back(std::move(*loaded.image));
  }
  return images;
}

void log_further_pages(const std::vector<std::string>& names) {
  if (names.empty()) return;
  log::info(counted(std::ssize(names), "image") + (names.size() == 1 ? " has" : " have") +
            " further pages or frames: the first is taken (" + names.front() + (names.size() > 1 ? ", …)" : ")"));
}

}  // namespace datus
