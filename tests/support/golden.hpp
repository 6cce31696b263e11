// SPDX-License-Identifier: Apache-2.0
#pragma once

// A tiny reader for the golden .safetensors files, on purpose independent of the program's own reader.

#include "support/places.hpp"
#include "support/temp_folder.hpp"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace datus::test {

inline nlohmann::json read_json(const std::string& relative) {
  std::ifstream file(data_path(relative));
  if (!file) throw std::runtime_error("cannot open " + data_path(relative));
  return nlohmann::json::parse(file);
}

struct GoldenTensor {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;

  /// The elements as T; the caller names the type that is stored.
  template <class T>
  [[nodiscard]] std::vector<T> as() const {
    if (bytes.size() % sizeof(T) != 0) throw std::runtime_error("golden tensor of type " + dtype + " read as another");
    std::vector<T> values(bytes.size() / sizeof(T));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
};

/// All tensors of tests/data/RELATIVE.
inline std::map<std::string, GoldenTensor> read_golden(const std::string& relative) {
  const std::string all = bytes_of(data_path(relative));
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, all.data(), 8);
  const auto header =
      nlohmann::json::parse(all.begin() + 8, all.begin() + 8 + static_cast<std::ptrdiff_t>(header_size));
  std::map<std::string, GoldenTensor> tensors;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    GoldenTensor tensor{entry["dtype"], entry["shape"], {}};
    const std::size_t begin = entry["data_offsets"][0];
    const std::size_t end = entry["data_offsets"][1];
    tensor.bytes.resize(end - begin);
    std::memcpy(tensor.bytes.data(), all.data() + 8 + header_size + begin, end - begin);
    tensors.emplace(name, std::move(tensor));
  }
  return tensors;
}

}  // namespace datus::test
