// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/cuda/stream.hpp"

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

namespace datus::cuda {

/// Memory of the GPU that was in use when it was made, not initialised. `what` names it in errors.
template <class T>
requires std::is_trivially_copyable_v<T>
class DeviceArray {
 public:
  DeviceArray() = default;
  explicit DeviceArray(std::size_t size, const char* what = "memory") : size_(size) {
    if (size == 0) return;
    home_ = HomeGpu::in_use();
    check(cudaMalloc(reinterpret_cast<void**>(&data_), size * sizeof(T)), what);
  }
  DeviceArray(DeviceArray&& other) noexcept
      : home_(other.home_), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  DeviceArray& operator=(DeviceArray&& other) noexcept {
    std::swap(home_, other.home_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() {
    if (data_ == nullptr) return;
    home_.use();
    check_in_destructor(cudaFree(data_), "to take memory back");
  }

  [[nodiscard]] T* data() noexcept { return data_; }
  [[nodiscard]] const T* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

 private:
  HomeGpu home_;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Memory of the host that the GPU copies from and to by itself, not initialised.
template <class T>
requires std::is_trivially_copyable_v<T>
class PinnedArray {
 public:
  PinnedArray() = default;
  explicit PinnedArray(std::size_t size) : size_(size) {
    if (size == 0) return;
    home_ = HomeGpu::in_use();
    check(cudaMallocHost(reinterpret_cast<void**>(&data_), size * sizeof(T)), "pinned memory of the host");
  }
  PinnedArray(PinnedArray&& other) noexcept
      : home_(other.home_), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  PinnedArray& operator=(PinnedArray&& other) noexcept {
    std::swap(home_, other.home_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  PinnedArray(const PinnedArray&) = delete;
  PinnedArray& operator=(const PinnedArray&) = delete;
  ~PinnedArray() {
    if (data_ == nullptr) return;
    home_.use();
    check_in_destructor(cudaFreeHost(data_), "to take pinned memory back");
  }

  [[nodiscard]] std::span<T> span() noexcept { return {data_, size_}; }
  [[nodiscard]] std::span<const T> span() const noexcept { return {data_, size_}; }
  [[nodiscard]] T* data() noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  HomeGpu home_;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Copies `count` values between any two places, as work of the stream: both stay valid and untouched until it is done.
/// Only with pinned memory does the calling thread go on meanwhile.
template <class T>
void copy(T* to, const T* from, std::size_t count, const Stream& stream) {
  if (count > 0) check(cudaMemcpyAsync(to, from, count * sizeof(T), cudaMemcpyDefault, stream.get()), "a copy");
}

/// Fills with zeros, as work of the stream.
template <class T>
void clear(T* values, std::size_t count, const Stream& stream) {
  if (count > 0) check(cudaMemsetAsync(values, 0, count * sizeof(T), stream.get()), "to clear memory");
}

}  // namespace datus::cuda
