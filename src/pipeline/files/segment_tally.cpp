// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/segment_tally.hpp"

#include <string>

namespace datus {

void SegmentTally::add(const SegmentTally& other) {
  for (const auto& [name, count] : counts()) this->*count += other.*count;
}

void SegmentTally::add_graph(std::int64_t image_patches, std::int64_t joined_pairs) {
  const std::int64_t all = image_patches * (image_patches - 1) / 2;
  if (all == 0) return;
  pairs += all;
  joined += joined_pairs;
  const double share = static_cast<double>(joined_pairs) / static_cast<double>(all);
  if (share >= most) ++nearly_complete;
  if (share <= fewest) ++nearly_empty;
}

double SegmentTally::unassigned_share() const {
  return patches == 0 ? 0 : static_cast<double>(unassigned) / static_cast<double>(patches);
}

std::optional<double> SegmentTally::joined_share() const {
  if (pairs == 0) return std::nullopt;
  return static_cast<double>(joined) / static_cast<double>(pairs);
}

void write_tally(Hdf5Writer& writer, const SegmentTally& tally) {
  for (const auto& [name, count] : SegmentTally::counts()) writer.attribute("/", name, tally.*count);
}

std::optional<SegmentTally> read_tally(const Hdf5Reader& reader) {
  SegmentTally tally;
  for (const auto& [name, count] : SegmentTally::counts()) {
    if (!reader.has_attribute("/", name)) return std::nullopt;
    tally.*count = reader.attribute<std::int64_t>("/", name);
  }
  return tally;
}

}  // namespace datus
