#include "io/datasets/file_listing.hpp"
#include "io/datasets/kinds.hpp"
#include "io/datasets/protocols.hpp"
#include "io/datasets/truth_reader.hpp"

#include <utility>

namespace datus::io_detail {
namespace {

/// Maps from the eight classes: to the six of the published protocol first, since that is the
/// default.
std::vector<BuiltInMap> suim_maps() {
  BuiltInMap six{"suim6", {}, {protocols::suim_6_classes.begin(), protocols::suim_6_classes.end()}};
  BuiltInMap eight{"suim8", {}, {protocols::suim_8_classes.begin(), protocols::suim_8_classes.end()}};
  for (std::size_t i = 0; i < protocols::suim_8_to_6.size(); ++i) {
    six.table.set(static_cast<std::int64_t>(i), protocols::suim_8_to_6[i]);
    eight.table.set(static_cast<std::int64_t>(i), static_cast<std::int32_t>(i));
  }
  std::vector<BuiltInMap> maps;
  maps.push_back(std::move(six));
  maps.push_back(std::move(eight));
  return maps;
}

}  // namespace

std::unique_ptr<Dataset> open_suim(const DatasetOptions& options) {
  auto items = list_images(options.images, Depth::recursive);
  // The mask folder also holds one folder of masks per class.
  pair_truth_by_stem(items, require_truth(options), bmp_extension(), Depth::top_level);
  Labelling labelling = make_labelling(options, suim_maps(), std::nullopt);
  return std::make_unique<Dataset>(std::move(items), std::move(labelling.classes),
                                   std::make_unique<SuimTruthReader>(std::move(labelling.table)));
}

}  // namespace datus::io_detail
