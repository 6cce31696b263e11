// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/image_reader.hpp"
#include "pipeline/inputs/input_preparation.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace datus {

/// An image at the input size, or the reason why there is none.
struct LoadedImage {
  std::optional<InputImage> input;
  int width = 0;  ///< pixels of the original, as those of the next
  int height = 0;
  Hash content;  ///< of the bytes of the file
  std::string error;
};

/// Decodes files and brings them to the input size on `threads` threads, each of which has one original in memory; the
/// result is in the order of `paths`. A file that cannot be decoded gives a reason, not an exception: the caller
/// reports it. Once `stop` asks for it, the rest has neither.
[[nodiscard]] std::vector<LoadedImage> load_images(const std::vector<std::filesystem::path>& paths,
                                                   Orientation orientation, const InputPreparation& preparation,
                                                   int threads, const std::stop_token& stop,
                                                   const std::function<void()>& after_each = {});

/// The same of files that must all be readable; throws `InputError` with the reason of the first that is not, and `why`
/// it is needed. `after_each` is called when an image is there, on the threads.
[[nodiscard]] std::vector<InputImage> load_required_images(const std::vector<std::filesystem::path>& paths,
                                                           Orientation orientation, const InputPreparation& preparation,
                                                           int threads, const std::string& why,
                                                           const std::function<void()>& after_each);

/// Says in one line which files have further pages or frames, of which the first is taken; nothing for none.
void log_further_pages(const std::vector<std::string>& names);

}  // namespace datus
