// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/segment_words.hpp"

#include <array>
#include <cstdio>

namespace datus {
namespace {

std::string decimals(const char* format, double value) {
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

std::string gaps_text(const SegmentTally& tally) {
  return decimals("%.1f", 100 * tally.unassigned_share()) + " % of the patches in no segment, " +
         std::to_string(tally.without_segment) + " of " + std::to_string(tally.images) + " images without any";
}

/// The setting that decides how many pairs are joined, with its value.
std::string limit_of(const AffinityConfig& affinity) {
  if (affinity.quantile) return "affinity.quantile (" + decimals("%g", *affinity.quantile) + ")";
  return "affinity.threshold (" + decimals("%g", static_cast<double>(affinity.threshold)) + ")";
}

bool is_soft(const AffinityConfig& affinity) {
  return affinity.weights == AffinityConfig::Weights::soft;
}

std::string temperature_of(const AffinityConfig& affinity) {
  return "affinity.temperature (" + decimals("%g", affinity.temperature) + ")";
}

bool is_centred(const AffinityConfig& affinity) {
  switch (affinity.center) {
    case AffinityConfig::Center::none:
      return false;
    case AffinityConfig::Center::image:
    case AffinityConfig::Center::dataset:
      return true;
  }
  return false;
}

std::string advice_for_many_edges(const AffinityConfig& affinity) {
  if (is_soft(affinity)) return "lower " + temperature_of(affinity);
  return is_centred(affinity) || affinity.quantile ? "raise " + limit_of(affinity)
                                                   : "set affinity.center: image, or raise " + limit_of(affinity);
}

std::string advice_for_few_edges(const AffinityConfig& affinity) {
  if (is_soft(affinity)) return "raise " + temperature_of(affinity);
  return "lower " + limit_of(affinity) + (affinity.quantile ? "" : ", or set affinity.quantile: 0.8");
}

/// Why there are no segments, and the way out.
std::string advice(const SegmentTally& tally, const Config& config) {
  constexpr double many = 0.75;
  constexpr double few = 0.05;
  const auto share = tally.joined_share();
  const std::string smaller = "lower segment.min_patches (" + std::to_string(config.segment.min_patches) + ")";
  if (!share) return "Segments are too small: " + smaller + ".";
  const std::string found = " (edge share " + decimals("%.2f", *share) + ")";
  if (*share >= many || tally.nearly_complete > tally.nearly_empty) {
    return "With this backbone nearly all patches of an image are joined, so that no community gains anything" + found +
           ": " + advice_for_many_edges(config.affinity) + ". An image of one colour stays as it is.";
  }
  if (*share <= few || tally.nearly_empty > 0) {
    return "With this backbone hardly any patches of an image are joined" + found + ": " +
           advice_for_few_edges(config.affinity) + ".";
  }
  return "Communities fall into pieces that are too small" + found + ": " + smaller + ", or segment.resolution.";
}

}  // namespace

std::string tally_text(const SegmentTally& tally) {
  std::string text = gaps_text(tally);
  if (const auto share = tally.joined_share()) {
    text += "; edge share " + decimals("%.2f", *share);
    if (tally.nearly_complete > 0) text += ", " + std::to_string(tally.nearly_complete) + " graphs nearly complete";
    if (tally.nearly_empty > 0) text += ", " + std::to_string(tally.nearly_empty) + " graphs nearly empty";
  }
  return text;
}

std::string tally_warning(const SegmentTally& tally, const Config& config) {
  if (!tally.is_worth_a_warning()) return {};
  const std::string consequence =
      has_dense_labels(config.mask) ? ": clusters are made without them. " : ": the masks have no label there. ";
  return gaps_text(tally) + consequence + advice(tally, config);
}

}  // namespace datus
