// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/principal_axes.hpp"

#include "datus/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include <Eigen/Dense>

namespace datus {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The two leading axes as columns [dim, 2]; zero where the rows have fewer.
Matrix leading_axes(const Matrix& weighted, std::array<double, 2>& variances) {
  const bool by_rows = weighted.rows() < weighted.cols();
  const Matrix products = by_rows ? Matrix(weighted * weighted.transpose()) : Matrix(weighted.transpose() * weighted);
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(products);
  Matrix axes = Matrix::Zero(weighted.cols(), 2);
  for (Eigen::Index i = 0; i < std::min<Eigen::Index>(2, products.rows()); ++i) {
    const Eigen::Index column = products.rows() - 1 - i;  // eigenvalues ascend
    const double variance = solver.eigenvalues()(column);
    if (variance <= 1e-12 * products.trace()) continue;
    const Eigen::VectorXd vector = solver.eigenvectors().col(column);
    const Eigen::VectorXd axis = by_rows ? Eigen::VectorXd(weighted.transpose() * vector) : vector;
    axes.col(i) = axis / axis.norm();
    variances[static_cast<std::size_t>(i)] = variance;
  }
  return axes;
}

}  // namespace

std::array<double, 2> PrincipalPlane::place(std::span<const float> row) const {
  std::array<double, 2> result{};
  for (std::size_t i = 0; i < std::min(row.size(), mean.size()); ++i) {
    const double centred = static_cast<double>(row[i]) - mean[i];
    for (std::size_t axis = 0; axis < 2; ++axis) result[axis] += centred * axes[axis][i];
  }
  return result;
}

PrincipalPlane principal_plane(std::span<const double> rows, int dim, std::span<const std::int64_t> weights) {
  const auto count = static_cast<Eigen::Index>(weights.size());
  if (dim < 1 || rows.size() != weights.size() * static_cast<std::size_t>(dim)) {
    throw UsageError(
        "Cannot find principal axes",
        std::to_string(rows.size()) + " values are not " + std::to_string(count) + " rows of " + std::to_string(dim),
        "Pass a weight for each row.");
  }
  PrincipalPlane plane;
  if (count == 0) return plane;
  Eigen::VectorXd weight(count);
  for (Eigen::Index i = 0; i < count; ++i) {
    weight(i) = static_cast<double>(std::max<std::int64_t>(1, weights[static_cast<std::size_t>(i)]));
  }
  Matrix centred = Eigen::Map<const Matrix>(rows.data(), count, dim);
  const Eigen::RowVectorXd mean = weight.transpose() * centred / weight.sum();
  centred.rowwise() -= mean;
  const Matrix weighted = weight.cwiseSqrt().asDiagonal() * centred;
  const Matrix axes = leading_axes(weighted, plane.shares);
  const Matrix seen = centred * axes;
  plane.mean.assign(mean.data(), mean.data() + dim);
  const double all = weighted.squaredNorm();
  for (double& share : plane.shares) share = all > 0 ? share / all : 0;
  plane.points.resize(static_cast<std::size_t>(count));
  for (Eigen::Index axis = 0; axis < 2; ++axis) {
    Eigen::Index outermost = 0;
    seen.col(axis).cwiseAbs().maxCoeff(&outermost);
    const double sign = seen(outermost, axis) < 0 ? -1 : 1;
    for (Eigen::Index i = 0; i < count; ++i) {
      plane.points[static_cast<std::size_t>(i)][static_cast<std::size_t>(axis)] = sign * seen(i, axis);
    }
    for (Eigen::Index i = 0; i < dim; ++i) plane.axes[static_cast<std::size_t>(axis)].push_back(sign * axes(i, axis));
  }
  return plane;
}

}  // namespace datus
