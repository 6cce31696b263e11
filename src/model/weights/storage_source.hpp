// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace datus {

/// The storages of a checkpoint by key, wherever its kind of file keeps them. A storage is a run of
/// elements; tensors are views of it.
class StorageSource {
 public:
  StorageSource() = default;
  virtual ~StorageSource() = default;
  StorageSource(const StorageSource&) = delete;
  StorageSource& operator=(const StorageSource&) = delete;

  /// All bytes of a storage. Throws `InputError` when the file has none of that key, or when they
  /// are damaged.
  [[nodiscard]] virtual std::span<const std::byte> bytes(const std::string& key) = 0;
};

}  // namespace datus
