// SPDX-License-Identifier: Apache-2.0
// A GPU whose memory does not suffice for k-means, on all ranks or on one, and memory that is given back.
#include "gpu/algo/kmeans_on_gpu.hpp"

#include <string>

#include <cuda_runtime.h>

namespace datus::test {
namespace {

/// Takes memory away, and gives it back.
class SmallMemory {
 public:
  explicit SmallMemory(std::size_t bytes) { cuda_emulation::machine().memory = bytes; }
  ~SmallMemory() { cuda_emulation::machine().memory = before_; }
  SmallMemory(const SmallMemory&) = delete;
  SmallMemory& operator=(const SmallMemory&) = delete;
  SmallMemory(SmallMemory&&) = delete;
  SmallMemory& operator=(SmallMemory&&) = delete;

 private:
  std::size_t before_ = cuda_emulation::machine().memory;
};

Case wide_case(KMeansOptions::Mode mode) {
  Case c;
  c.seed = 4;
  c.rows = 200;
  c.dim = 100;
  c.options.clusters = {3, 64};
  c.options.mode = mode;
  c.options.max_iterations = 2;
  return c;
}

TEST(GpuKMeansMemory, NamesWhatItWasFor) {
  const Case c = wide_case(KMeansOptions::Mode::exact);
  const Matrix rows = rows_of(c);
  const Layout layout{{150, 0, 50}, 1, best_simd_path()};
  {
    const SmallMemory memory(20'000);
    const std::string error = outcome_on_gpu(rows, c.options, {}, layout).error;
    EXPECT_NE(error.find("memory for the rows of k-means"), std::string::npos) << error;
  }
  {
    // The rows' 80 kB, but no more.
    const SmallMemory memory(85'000);
    const std::string error = outcome_on_gpu(rows, c.options, {}, layout).error;
    EXPECT_NE(error.find("memory for"), std::string::npos) << error;
  }
  EXPECT_EQ(cuda_emulation::memory_in_use(), 0U);
}

// 80 kB of rows and 51 kB of their products with 64 centroids.
TEST(GpuKMeansMemory, FewRowsTakeLittle) {
  const Case c = wide_case(KMeansOptions::Mode::exact);
  const SmallMemory memory(800'000);
  EXPECT_NO_THROW(require_cpu_bits(rows_of(c), c.options, {}, {{150, 50}}, 0));
}

TEST(GpuKMeansMemory, WithoutALimitRowsTakeWhatIsFree) {
  for (const auto mode : {KMeansOptions::Mode::exact, KMeansOptions::Mode::fast}) {
    const Case c = wide_case(mode);
    EXPECT_NO_THROW(require_cpu_bits(rows_of(c), c.options, {}, {{150, 50}}, 0));
  }
  EXPECT_EQ(cuda_emulation::memory_in_use(), 0U);
}

}  // namespace
}  // namespace datus::test
