// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/weights.hpp"
#include "model/weights/pickle.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace datus {

/// What a checkpoint's pickle says about a storage, or about a part of one, which is a storage to
/// the tensors in it. Counts are in elements.
struct StorageDescription {
  std::string key;                  ///< of the storage in the file
  std::string_view class_name;      ///< torch's, for example "FloatStorage"
  std::uint64_t stored = 0;         ///< elements of the storage in the file
  std::uint64_t begin = 0;          ///< where the part begins, 0 for a whole storage
  std::uint64_t elements = 0;       ///< of the part
  std::optional<ElementType> type;  ///< nothing for a class that is not known
};

/// Reads torch's persistent id: ('storage', class, key, device, number of elements), in files of
/// torch.save before version 1.6 followed by None or (key, first element, number of elements) of a
/// part. Nothing when the value is no persistent id of a storage; throws `InputError` naming
/// `source` and `what` when it is one that torch does not write.
[[nodiscard]] std::optional<StorageDescription> describe_storage(const Pickle& pickle, Pickle::Id id,
                                                                 const std::string& what, const std::string& source);

/// The element type of torch.NAME, for example "float8_e5m2"; nothing for one that is not known.
[[nodiscard]] std::optional<ElementType> torch_dtype(std::string_view name);

}  // namespace datus
