// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

namespace datus {

/// Memory of a GPU for the keys of some images, where a model that runs there leaves them for the graphs that are made
/// there (`GpuAffinity::stage`).
class GpuKeys {
 public:
  struct Shape {
    std::size_t images = 0;
    std::size_t values = 0;  ///< of each
    bool halves = false;     ///< they are float16, otherwise float32

    [[nodiscard]] std::size_t image_bytes() const { return values * (halves ? 2 : 4); }
    friend bool operator==(const Shape&, const Shape&) = default;
  };

  /// On GPU `gpu` as `survey_gpus` counts them, not initialised. Throws `DeviceMemoryError` when its memory does not
  /// suffice; `SystemError` in a build without CUDA.
  GpuKeys(int gpu, const Shape& shape);
  GpuKeys(GpuKeys&& other) noexcept;
  GpuKeys& operator=(GpuKeys&& other) noexcept;
  GpuKeys(const GpuKeys&) = delete;
  GpuKeys& operator=(const GpuKeys&) = delete;
  /// Waits for what the GPU has been given.
  ~GpuKeys();

  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
  /// Of the first image, on the GPU: nothing for the host to read or write.
  [[nodiscard]] std::byte* address() const noexcept;

 private:
  struct Memory;
  Shape shape_;
  std::unique_ptr<Memory> memory_;
};

}  // namespace datus
