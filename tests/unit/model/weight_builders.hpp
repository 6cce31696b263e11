// SPDX-License-Identifier: Apache-2.0
#pragma once

// Builds weights files in memory, sound or damaged on purpose.

#include "datus/model/weights.hpp"
#include "model/weights/zip_archive.hpp"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace datus::test {

inline std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

template <class T>
std::string little_endian(T value) {
  std::string text(sizeof(T), '\0');
  std::memcpy(text.data(), &value, sizeof(T));
  return text;
}

/// A float32 tensor to store.
struct PlainTensor {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};
using PlainTensors = std::map<std::string, PlainTensor>;

/// The tensors of a file as float32.
inline PlainTensors load_plain(const std::string& path) {
  const WeightFile file = WeightFile::open(path);
  PlainTensors result;
  for (const auto& tensor : file.tensors()) result[tensor.name] = {tensor.shape, to_floats(tensor, path)};
  return result;
}

inline std::string safetensors_bytes(const std::string& header, const std::string& data) {
  return little_endian(std::uint64_t{header.size()}) + header + data;
}

inline std::string safetensors_bytes(const PlainTensors& tensors) {
  nlohmann::json header = nlohmann::json::object();
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    const std::size_t begin = data.size();
    data.append(reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size() * sizeof(float));
    header[name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
  }
  return safetensors_bytes(header.dump(), data);
}

/// A zip archive of stored entries without zip64.
inline std::string zip_bytes(const std::map<std::string, std::string>& entries) {
  std::string file;
  std::string directory;
  for (const auto& [name, content] : entries) {
    const auto size = little_endian(static_cast<std::uint32_t>(content.size()));
    const auto fixed = little_endian(std::uint32_t{0}) + little_endian(std::uint32_t{0}) +  // flags, method, time, date
                       little_endian(crc32(as_bytes(content))) + size + size +
                       little_endian(static_cast<std::uint16_t>(name.size())) + little_endian(std::uint16_t{0});
    directory += "PK\x01\x02" + little_endian(std::uint32_t{0x00140014}).substr(0, 4) + fixed + std::string(10, '\0') +
                 little_endian(static_cast<std::uint32_t>(file.size())) + name;
    file += "PK\x03\x04" + little_endian(std::uint16_t{20}) + fixed + name + content;
  }
  const auto count = little_endian(static_cast<std::uint16_t>(entries.size()));
  return file + directory + "PK\x05\x06" + std::string(4, '\0') + count + count +
         little_endian(static_cast<std::uint32_t>(directory.size())) +
         little_endian(static_cast<std::uint32_t>(file.size())) + std::string(2, '\0');
}

inline std::string pickle_text(const std::string& text) {
  return std::string("X") + little_endian(static_cast<std::uint32_t>(text.size())) + text;
}
inline std::string pickle_number(std::int32_t value) {
  return std::string("J") + little_endian(value);
}
inline std::string pickle_numbers(const std::vector<std::int32_t>& values) {
  std::string text = "(";
  for (const auto value : values) text += pickle_number(value);
  return text + "t";
}

/// The pickle of torch._utils._rebuild_tensor_v2 for float32 elements of storage `key`.
inline std::string pickle_tensor(const std::string& key, std::int32_t storage_elements, std::int32_t offset,
                                 const std::vector<std::int32_t>& shape, const std::vector<std::int32_t>& strides) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + pickle_text("storage") + "ctorch\nFloatStorage\n" +
         pickle_text(key) + pickle_text("cpu") + pickle_number(storage_elements) + "tQ" + pickle_number(offset) +
         pickle_numbers(shape) + pickle_numbers(strides) + "\x89" + "ccollections\nOrderedDict\n)RtR";
}

/// A checkpoint whose pickle is `pickle` (without protocol and stop) and whose storage "0" holds `values`.
inline std::string checkpoint_bytes(const std::string& pickle, const std::vector<float>& values) {
  const std::string storage(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return zip_bytes({{"a/data.pkl", "\x80\x02" + pickle + "."}, {"a/data/0", storage}});
}

/// The pickles before the checkpoint's in a file of torch.save before version 1.6: magic number, version, system.
inline std::string legacy_head(std::int32_t version = 1001, bool little_endian_machine = true) {
  return std::string("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15) + "\x80\x02" +
         pickle_number(version) + ".\x80\x02}" + pickle_text("little_endian") +
         (little_endian_machine ? "\x88" : "\x89") + "s.";
}
/// A list of storage keys as that file has it.
inline std::string pickle_keys(const std::vector<std::string>& keys) {
  std::string text = "\x80\x02](";
  for (const auto& key : keys) text += pickle_text(key);
  return text + "e.";
}
/// One storage of such a file.
inline std::string legacy_storage(const std::vector<float>& values) {
  return little_endian(std::uint64_t{values.size()}) +
         std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}
/// Such a file whose pickle is `pickle` (without protocol and stop) and whose storage "0" holds `values`.
inline std::string legacy_bytes(const std::string& pickle, const std::vector<float>& values) {
  return legacy_head() + "\x80\x02" + pickle + "." + pickle_keys({"0"}) + legacy_storage(values);
}

/// A file that exists as long as this object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) {
    std::random_device random;
    path_ = std::filesystem::temp_directory_path() /
            ("datus_weights_" + std::to_string(random()) + std::to_string(random()));
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace datus::test
