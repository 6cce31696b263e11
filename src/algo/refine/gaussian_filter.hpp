// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/refine/kernels.hpp"
#include "algo/refine/lattice.hpp"
#include "datus/algo/aligned_vector.hpp"

#include <cstdint>
#include <span>

namespace datus::refine_detail {

/// Scales the weights of the lattice's corners so that spreading, blurring and gathering are D^-1/2 K D^-1/2, with K
/// what they were and D the sums of its rows.
void normalise(Lattice& lattice);

/// A Gaussian of standard deviation 1 over all pairs of pixels, by a lattice, with symmetric normalisation: the matrix
/// D^-1/2 K D^-1/2 with D the sums of K's rows (NORMALIZE_SYMMETRIC of pydensecrf). The lattice's constant factor
/// cancels.
///
/// Memory is kept from one `build` to the next. Not for several threads at once.
class GaussianFilter {
 public:
  explicit GaussianFilter(const Kernel& kernel) : kernel_(kernel) {}

  /// places: see `Lattice::build`.
  template <int dim>
  void build(std::span<const float> places) {
    lattice_.build<dim>(places);
    normalise(lattice_);
  }

  // Filtering values of a group of classes, [pixels][group_size] at cache lines: `clear`, `spread` for all pixels, from
  // the first on, a few at a time, `blur`, and `gather`.
  void clear();
  void spread(std::int64_t first, std::int64_t count, const float* values);
  void blur();
  /// sums = base + factor * filtered values, of those pixels alone; `sums` may be `base`. All are of all pixels.
  void gather(std::int64_t first, std::int64_t count, float factor, const float* base, float* sums) const;

 private:
  [[nodiscard]] Corners corners(std::int64_t first, std::int64_t count) const;

  Kernel kernel_;
  Lattice lattice_;
  AlignedVector<float> points_;
};

}  // namespace datus::refine_detail
