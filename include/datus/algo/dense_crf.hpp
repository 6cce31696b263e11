// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/class_groups.hpp"
#include "datus/core/image.hpp"
#include "datus/core/simd_path.hpp"

#include <memory>
#include <span>

namespace datus {

/// Settings of the fully connected CRF; the defaults are those that STEGO's published scores use (its src/crf.py, which
/// has them from DeepLab v2: pos_w 3, pos_xy_std 1, bi_w 4, bi_xy_std 67, bi_rgb_std 3).
struct DenseCrfOptions {
  /// Mean-field iterations, from 0 (the softmax alone) upwards.
  int iterations = 10;
  /// Weight of the kernel over positions, at least 0, and its standard deviation in pixels.
  float position_weight = 3.0F;
  float position_std = 1.0F;
  /// Weight of the kernel over positions and colours, at least 0, with its standard deviations in pixels and in levels
  /// of 0 to 255.
  float bilateral_weight = 4.0F;
  float bilateral_position_std = 67.0F;
  float bilateral_colour_std = 3.0F;

  friend bool operator==(const DenseCrfOptions&, const DenseCrfOptions&) = default;
};

/// Refines the class probabilities of an image's pixels by its edges: a fully connected CRF with Gaussian kernels and
/// Potts compatibility, solved by mean field (Kraehenbuehl and Koltun 2011), the Gaussians over all pairs of pixels by
/// permutohedral lattices (Adams, Baek and Davis 2010) with symmetric normalisation. The same model, lattice and
/// defaults as pydensecrf's DenseCRF2D: on photos the labels are the same, marginals within 1e-4.
///
/// The same bits on every path and machine. It keeps its memory from image to image, and what depends on the image's
/// size alone: for each pixel 128 bytes for each 16 classes, and that of the lattices, which does not depend on the
/// number of classes (on photos about 200 bytes a pixel). One object for each thread, not for several at once.
class DenseCrf {
 public:
  /// Throws `UsageError` for an option out of range (standard deviations are at least 0.5) or a path that this CPU
  /// lacks.
  explicit DenseCrf(const DenseCrfOptions& options = {}, SimdPath path = best_simd_path());
  ~DenseCrf();
  DenseCrf(DenseCrf&&) noexcept;
  DenseCrf& operator=(DenseCrf&&) noexcept;

  /// Makes what the kernels need of an image, for all calls of `refine` that follow. Throws `InputError` for one
  /// without pixels, or with sides above 65,535.
  void look_at(const Image& image);

  /// Refines classes of that image's pixels: `give` gives logits (log probabilities, or anything that differs from them
  /// by a constant for each pixel, for example a scaled similarity), `take` is given marginals.
  ///
  /// Not collective, one thread. Throws `InputError` when no image was looked at, there is no class, or a logit is not
  /// finite.
  void refine(int classes, const GiveClasses& give, const TakeClasses& take);

  /// Both at once, for values [pixels][classes] f32, row-major, pixel y * width + x: logits on entry, marginals on
  /// return; `largest_classes` makes labels of them. Throws `InputError` also when the sizes do not agree.
  void refine(const Image& image, std::span<float> values, int classes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace datus
