// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vit/timing.hpp"
#include "vit/vit_shape.hpp"

#include <memory>
#include <vector>

namespace datus::bench {

/// Who multiplies.
enum class GemmLibrary { torch, openblas };

/// The matrix products of a model's forward pass as plain, unscaled products of contiguous matrices without bias: what
/// its rate is compared with. Each thread works on an image's products by itself, with one thread in the library;
/// weights are shared between the threads.
class GemmSet {
 public:
  GemmSet(const ViTShape& shape, int threads);
  ~GemmSet();
  GemmSet(const GemmSet&) = delete;
  GemmSet& operator=(const GemmSet&) = delete;
  GemmSet(GemmSet&&) = delete;
  GemmSet& operator=(GemmSet&&) = delete;

  /// False where libopenblas.so.0 is not installed.
  [[nodiscard]] bool has(GemmLibrary library) const;

  /// The products of `images` images on every thread at the same time, one duration per kind.
  [[nodiscard]] std::vector<Duration> run(GemmLibrary library, int images) const;

 private:
  struct Operands;
  ViTShape shape_;
  int threads_;
  std::vector<Operands> operands_;  ///< one per product and thread
};

}  // namespace datus::bench
