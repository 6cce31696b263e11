// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/affinity.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace datus::affinity {

/// In place, the length in f64 in index order; a row of zeros stays.
void scale_to_unit_length(std::span<float> values);
/// Each row of [n, dim].
void scale_rows_to_unit_length(std::span<float> rows, int dim);

/// The keys of an image after centring and scaling, one at a time.
class PreparedKeys {
 public:
  /// `keys` [nodes, dim] must outlive it.
  PreparedKeys(std::span<const float> keys, int dim, const AffinityOptions& options,
               std::span<const std::uint8_t> valid);
  /// That of a patch into `key` [dim].
  void copy(std::size_t node, std::span<float> key) const;

 private:
  std::span<const float> keys_;
  std::vector<float> mean_;  ///< of the valid patches; empty without centring
  bool scales_;
};

}  // namespace datus::affinity
