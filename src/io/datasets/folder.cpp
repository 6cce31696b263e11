// SPDX-License-Identifier: Apache-2.0
#include "io/datasets/file_listing.hpp"
#include "io/datasets/kinds.hpp"

namespace datus::io_detail {

void pair_png_truth(std::vector<DatasetItem>& items, const DatasetOptions& options) {
  pair_truth_by_stem(items, *options.truth, png_extension(), Depth::recursive);
  if (options.images_are_predictions && !options.list) require_no_extra_truth(items, *options.truth);
}

DatasetKind folder_kind() {
  return {.name = "folder",
          .find_images =
              [](const DatasetOptions& options) {
                return list_images(options.images, Depth::recursive, options.results_in);
              },
          .pair_truth = pair_png_truth};
}

DatasetKind index_png_kind() {
  DatasetKind kind = folder_kind();
  kind.name = "index_png";
  kind.takes_list = true;
  kind.find_images = images_of_folder_and_list;
  kind.needs_truth = true;
  return kind;
}

}  // namespace datus::io_detail
