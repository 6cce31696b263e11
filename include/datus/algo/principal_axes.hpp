// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace datus {

/// Rows seen along the two directions in which they differ most.
struct PrincipalPlane {
  std::vector<std::array<double, 2>> points;  ///< [rows]; on each axis the outermost point is positive
  std::array<double, 2> shares{};             ///< of the variance along each axis; 0 where all rows are equal
  std::vector<double> mean;                   ///< [dim] of the rows
  std::array<std::vector<double>, 2> axes;    ///< [dim] each

  /// Where another row of the same dim lies in the plane.
  [[nodiscard]] std::array<double, 2> place(std::span<const float> row) const;
};

/// Principal component analysis (exact, by the eigenvectors of the smaller of covariance and Gram matrix), in f64: the
/// same bits for the same input. `rows` [n, dim], row-major; `weights` [n], how often each counts (0 counts as 1). Not
/// collective; O(min(n, dim)^2 max(n, dim)) time. Throws `UsageError` for sizes that do not agree.
[[nodiscard]] PrincipalPlane principal_plane(std::span<const double> rows, int dim,
                                             std::span<const std::int64_t> weights);

}  // namespace datus
