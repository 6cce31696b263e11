// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/hdf5_reader.hpp"
#include "datus/io/hdf5_writer.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

namespace datus {

/// What became of the patches of some images, counted. Kept with their segments, in root attributes.
struct SegmentTally {
  std::int64_t images = 0;
  std::int64_t without_segment = 0;  ///< images of which no patch is in a segment
  std::int64_t patches = 0;          ///< of the images; padding does not count
  std::int64_t unassigned = 0;       ///< patches in no segment
  std::int64_t pairs = 0;            ///< of patches of one image; 0 where there are no graphs (segment.method: none)
  std::int64_t joined = 0;           ///< pairs that the graphs join
  std::int64_t nearly_complete = 0;  ///< images whose graph joins `SegmentTally::most` of the pairs or more
  std::int64_t nearly_empty = 0;     ///< images whose graph joins `SegmentTally::fewest` of the pairs or fewer

  /// Shares of the pairs at which graphs tell communities from each other no longer.
  static constexpr double most = 0.95;
  static constexpr double fewest = 0.02;

  void add(const SegmentTally& other);
  /// Of one image whose graph joins `joined_pairs` of its patches' pairs.
  void add_graph(std::int64_t image_patches, std::int64_t joined_pairs);
  [[nodiscard]] double unassigned_share() const;
  /// The edge share of the graphs; nothing without graphs.
  [[nodiscard]] std::optional<double> joined_share() const;
  /// Whether masks have gaps that someone should know of: images without a segment, or more than a fifth of the patches
  /// in none.
  [[nodiscard]] bool is_worth_a_warning() const { return without_segment > 0 || unassigned_share() > 0.2; }

  /// The counts, by the names of their attributes.
  static constexpr std::array<std::pair<const char*, std::int64_t SegmentTally::*>, 8> counts() {
    return {{{"images", &SegmentTally::images},
             {"images_without_segment", &SegmentTally::without_segment},
             {"patches", &SegmentTally::patches},
             {"unassigned_patches", &SegmentTally::unassigned},
             {"pairs", &SegmentTally::pairs},
             {"joined_pairs", &SegmentTally::joined},
             {"nearly_complete_graphs", &SegmentTally::nearly_complete},
             {"nearly_empty_graphs", &SegmentTally::nearly_empty}}};
  }
  friend bool operator==(const SegmentTally&, const SegmentTally&) = default;
};

void write_tally(Hdf5Writer& writer, const SegmentTally& tally);

/// Nothing for a file without one (segments from elsewhere).
[[nodiscard]] std::optional<SegmentTally> read_tally(const Hdf5Reader& reader);

}  // namespace datus
