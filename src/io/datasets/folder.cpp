#include "io/datasets/file_listing.hpp"
#include "io/datasets/kinds.hpp"
#include "io/datasets/truth_reader.hpp"

#include <utility>

namespace datus::io_detail {

std::unique_ptr<Dataset> open_folder(const DatasetOptions& options) {
  auto items = list_images(options.images, Depth::recursive);
  Labelling labelling = make_labelling(options, {}, options.void_value);
  std::unique_ptr<TruthReader> reader;
  if (options.truth) {
    pair_truth_by_stem(items, *options.truth, png_extension(), Depth::recursive);
    reader = std::make_unique<IndexTruthReader>(std::move(labelling.table));
  }
  return std::make_unique<Dataset>(std::move(items), std::move(labelling.classes), std::move(reader));
}

std::unique_ptr<Dataset> open_index_png(const DatasetOptions& options) {
  (void)require_truth(options);
  return open_folder(options);
}

}  // namespace datus::io_detail
