#include "datus/io/image_reader.hpp"
#include "io/datasets/file_listing.hpp"
#include "io/datasets/kinds.hpp"
#include "io/datasets/protocols.hpp"

namespace datus::io_detail {
namespace {

/// The eight classes: each channel is binarised above one half (the files carry JPEG-like noise), and the three bits
/// name the class.
IndexImage read_colour_mask(const std::filesystem::path& path) {
  constexpr unsigned half = 127;
  const Image mask = read_image(path);
  IndexImage classes{.height = mask.height, .width = mask.width, .values = {}};
  classes.values.reserve(mask.pixels.size() / 3);
  for (std::size_t i = 0; i < mask.pixels.size(); i += 3) {
    const std::uint8_t* colour = &mask.pixels[i];
    const unsigned bits = (colour[0] > half ? 4U : 0U) | (colour[1] > half ? 2U : 0U) | (colour[2] > half ? 1U : 0U);
    classes.values.push_back(static_cast<std::uint16_t>(protocols::suim_colour_to_8[bits]));
  }
  return classes;
}

}  // namespace

DatasetKind suim_kind() {
  const auto& six = protocols::suim_8_to_6;
  return {
      .name = "suim",
      .takes_list = true,
      .needs_truth = true,
      .has_own_truth = true,
      .has_void = false,
      .find_images = images_of_folder_and_list,
      // The mask folder also holds one folder of masks per class.
      .pair_truth =
          [](std::vector<DatasetItem>& items, const DatasetOptions& options) {
            pair_truth_by_stem(items, *options.truth, bmp_extension(), Depth::top_level);
          },
      .read_truth = read_colour_mask,
      .read_truth_header = [](const std::filesystem::path& path) { return read_image_header(path); },
      // To the six classes of the published protocol first, since that is the default.
      .label_maps = {{"suim6", {six.begin(), six.end()}, names_of(protocols::suim_6_classes)},
                     {"suim8", {0, 1, 2, 3, 4, 5, 6, 7}, names_of(protocols::suim_8_classes)}},
  };
}

}  // namespace datus::io_detail
