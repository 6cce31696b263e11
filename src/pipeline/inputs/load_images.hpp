#pragma once

#include "datus/core/image.hpp"
#include "datus/io/image_reader.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// An image or the reason why there is none.
struct LoadedImage {
  std::optional<Image> image;
  std::string error;
};

/// Decodes files on `threads` threads; the result is in the order of `paths`. A file that cannot be decoded gives a
/// reason, not an exception: the caller reports it.
[[nodiscard]] std::vector<LoadedImage> load_images(const std::vector<std::filesystem::path>& paths,
                                                   Orientation orientation, int threads);

/// Decodes files that must all be readable; throws `InputError` with the reason of the first that is not, and `why` it
/// is needed.
[[nodiscard]] std::vector<Image> load_required_images(const std::vector<std::filesystem::path>& paths,
                                                      Orientation orientation, int threads, const std::string& why);

/// Says in one line which files have further pages or frames, of which the first is taken; nothing for none.
void log_further_pages(const std::vector<std::string>& names);

}  // namespace datus
