// SPDX-License-Identifier: Apache-2.0
#pragma once

// Valid weights of each kind, taken apart so that a mutation can reach behind checksums and lengths.

#include "support/golden.hpp"
#include "unit/model/weight_builders.hpp"

#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <vector>

namespace datus::test {

/// Parts by name. What a part is to the kind of file says `Specimen::files`.
using Parts = std::map<std::string, std::string>;

/// One kind of weights: its parts, and the files that they make.
struct WeightSpecimen {
  const char* name;
  Parts parts;
  /// Puts the parts together, lengths and checksums right: files by name, the one to open first.
  std::function<std::vector<std::pair<std::string, std::string>>(const Parts&)> files;
  bool is_model = true;  ///< whether a Vision Transformer can be made from it
};

/// For the messages of the test framework.
inline void PrintTo(const WeightSpecimen& specimen, std::ostream* stream) {
  *stream << specimen.name;
}

/// A small model that is sound: one block, D = 8, patches of 2 pixels, a grid of 2 x 2.
inline PlainTensors specimen_model() {
  PlainTensors model;
  std::mt19937 random(7);
  const auto add = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
    std::size_t count = 1;
    for (const auto size : shape) count *= static_cast<std::size_t>(size);
    std::vector<float> values(count);
    for (float& value : values) value = static_cast<float>(random() % 2001) / 1000.0F - 1.0F;
    model[name] = {shape, values};
  };
  const auto add_layer = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
    add(name + ".weight", shape);
    add(name + ".bias", {shape[0]});
  };
  add("cls_token", {1, 1, 8});
  add("pos_embed", {1, 5, 8});
  add_layer("patch_embed.proj", {8, 3, 2, 2});
  add_layer("blocks.0.norm1", {8});
  add_layer("blocks.0.attn.qkv", {24, 8});
  add_layer("blocks.0.attn.proj", {8, 8});
  add_layer("blocks.0.norm2", {8});
  add_layer("blocks.0.mlp.fc1", {16, 8});
  add_layer("blocks.0.mlp.fc2", {8, 16});
  add_layer("norm", {8});
  return model;
}

inline std::vector<std::int32_t> narrow(const std::vector<std::int64_t>& values) {
  return {values.begin(), values.end()};
}

/// The pickle of {"teacher": OrderedDict of the tensors, "args": Namespace, "epoch": 3}, all of storage "0", and its
/// values.
inline std::string specimen_pickle(const PlainTensors& model, std::vector<float>& storage) {
  std::int32_t total = 0;
  for (const auto& [name, tensor] : model) total += static_cast<std::int32_t>(tensor.values.size());
  std::string pickle = "}q\x01(" + pickle_text("teacher") + "ccollections\nOrderedDict\nq\x02)R(";
  for (const auto& [name, tensor] : model) {
    std::vector<std::int32_t> strides(tensor.shape.size(), 1);
    for (std::size_t d = strides.size(); d-- > 1;) {
      strides[d - 1] = strides[d] * static_cast<std::int32_t>(tensor.shape[d]);
    }
    pickle += pickle_text(name) +
              pickle_tensor("0", total, static_cast<std::int32_t>(storage.size()), narrow(tensor.shape), strides);
    storage.insert(storage.end(), tensor.values.begin(), tensor.values.end());
  }
  return pickle + "u" + pickle_text("args") + "cargparse\nNamespace\n)\x81}(" + pickle_text("lr") +
         std::string("G\x3F\xF8\0\0\0\0\0\0", 9) + pickle_text("names") + "](" + pickle_text("a") + "h\x01" + "eub" +
         pickle_text("epoch") + "K\x03u";
}

/// The length of the header of a .safetensors file.
inline std::size_t load_size(const std::string& file) {
  std::uint64_t size = 0;
  std::memcpy(&size, file.data(), sizeof(size));
  return size;
}

/// The header and the data of a .safetensors file.
inline Parts safetensors_parts(const std::string& file, const std::string& prefix = "") {
  const auto size = load_size(file);
  return {{prefix + "header", file.substr(8, size)}, {prefix + "data", file.substr(8 + size)}};
}

inline WeightSpecimen safetensors_specimen() {
  return {"Safetensors", safetensors_parts(safetensors_bytes(specimen_model())), [](const Parts& parts) {
            return std::vector<std::pair<std::string, std::string>>{
                {"model.safetensors", safetensors_bytes(parts.at("header"), parts.at("data"))}};
          }};
}

inline WeightSpecimen specimen_in_parts() {
  PlainTensors first;
  PlainTensors second = specimen_model();
  nlohmann::json map;
  const std::string first_name = "model-00001-of-00002.safetensors";
  const std::string second_name = "model-00002-of-00002.safetensors";
  while (first.size() < 8) first.insert(second.extract(second.begin()));
  for (const auto& [name, tensor] : first) map[name] = first_name;
  for (const auto& [name, tensor] : second) map[name] = second_name;
  Parts parts = safetensors_parts(safetensors_bytes(first), "first ");
  parts.merge(safetensors_parts(safetensors_bytes(second), "second "));
  parts["index"] = nlohmann::json{{"metadata", {{"total_size", 9000}}}, {"weight_map", map}}.dump(2);
  return {"Sharded", parts, [=](const Parts& p) {
            return std::vector<std::pair<std::string, std::string>>{
                {"model.safetensors.index.json", p.at("index")},
                {first_name, safetensors_bytes(p.at("first header"), p.at("first data"))},
                {second_name, safetensors_bytes(p.at("second header"), p.at("second data"))}};
          }};
}

inline WeightSpecimen checkpoint_specimen() {
  std::vector<float> storage;
  const std::string pickle = specimen_pickle(specimen_model(), storage);
  const std::string data(reinterpret_cast<const char*>(storage.data()), storage.size() * sizeof(float));
  return {"Checkpoint", {{"pickle", "\x80\x02" + pickle + "."}, {"storage", data}}, [](const Parts& parts) {
            return std::vector<std::pair<std::string, std::string>>{
                {"model.pth", zip_bytes({{"a/data.pkl", parts.at("pickle")}, {"a/data/0", parts.at("storage")}})}};
          }};
}

inline WeightSpecimen legacy_specimen() {
  std::vector<float> storage;
  const std::string pickle = specimen_pickle(specimen_model(), storage);
  const Parts parts{{"head", legacy_head()},
                    {"pickle", "\x80\x02" + pickle + "."},
                    {"keys", pickle_keys({"0"})},
                    {"storage", legacy_storage(storage)}};
  return {"Legacy", parts, [](const Parts& p) {
            return std::vector<std::pair<std::string, std::string>>{
                {"model.pth", p.at("head") + p.at("pickle") + p.at("keys") + p.at("storage")}};
          }};
}

/// A file as PyTorch wrote it, with its own layout, in one part.
inline WeightSpecimen file_specimen(const char* name, const std::string& file) {
  return {name,
          {{"file", bytes_of(data_path("weights/" + file))}},
          [=](const Parts& parts) {
            return std::vector<std::pair<std::string, std::string>>{{file, parts.at("file")}};
          },
          false};
}

inline std::vector<WeightSpecimen> weight_specimens() {
  return {safetensors_specimen(),
          specimen_in_parts(),
          checkpoint_specimen(),
          legacy_specimen(),
          file_specimen("TorchZip", "types.pth"),
          file_specimen("TorchLegacy", "types_legacy.pth"),
          file_specimen("TorchOld", "old.pth")};
}

}  // namespace datus::test
