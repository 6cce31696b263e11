#pragma once

#include "algo/refine/kernels.hpp"
#include "algo/refine/lattice.hpp"
#include "datus/algo/aligned_vector.hpp"

#include <cstdint>
#include <span>

namespace datus::refine_detail {

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
    normalise();
  }

  /// sums = base + factor * filtered values, of a group of classes: [pixels][group_size] each, at cache lines; `sums`
  /// may be `base`.
  void add(const float* values, float factor, const float* base, float* sums);

 private:
  void normalise();
  [[nodiscard]] Corners corners() const;

  Kernel kernel_;
  Lattice lattice_;
  AlignedVector<float> points_;
};

}  // namespace datus::refine_detail
