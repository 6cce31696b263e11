// SPDX-License-Identifier: Apache-2.0
#include "datus/model/weight_files.hpp"

#include "datus/core/error.hpp"
#include "model/weights/damaged_file.hpp"
#include "model/weights/mapped_file.hpp"
#include "model/weights/weight_parts.hpp"

#include <array>
#include <set>
#include <string_view>
#include <system_error>

namespace datus {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view index_extension = ".index.json";

/// A checkpoint of torch.distributed.checkpoint is a folder: .metadata, and files of each rank.
[[noreturn]] void refuse_distributed(const fs::path& path, const fs::path& folder) {
  throw InputError(
      "cannot read the weights in " + path.string(),
      "a distributed checkpoint of PyTorch (.metadata and *.distcp), in which tensors lie in pieces",
      "Convert it: python -m torch.distributed.checkpoint.format_utils dcp_to_torch " + folder.string() + " NEW.pth");
}

/// The file in a folder that holds or describes the weights, in the order of Hugging Face's loader.
fs::path find_in_folder(const fs::path& folder) {
  constexpr std::array<std::string_view, 4> names{"model.safetensors", "model.safetensors.index.json",
                                                  "pytorch_model.bin", "pytorch_model.bin.index.json"};
  for (const std::string_view name : names) {
    std::error_code unknown;
    if (fs::exists(folder / name, unknown)) return folder / name;
  }
  std::error_code unreadable;
  for (const auto& entry : fs::directory_iterator(folder, unreadable)) {
    const fs::path& file = entry.path();
    if (file.extension() == ".distcp" || file.filename() == ".metadata") refuse_distributed(folder, folder);
  }
  throw InputError("cannot read the weights in the folder " + folder.string(),
                   "it holds neither model.safetensors nor pytorch_model.bin, nor an index of one",
                   "Set model.weights to the file itself.");
}

/// One part is not the model. The index has the name that the parts have without their numbers.
void refuse_part(const fs::path& path) {
  const auto part = parse_part_name(path.filename().string());
  if (!part || part->count == 1) return;
  const fs::path index = path.parent_path() / (part->stem + part->extension + std::string(index_extension));
  std::error_code unknown;
  const bool is_there = fs::exists(index, unknown);
  throw InputError("cannot read the weights file " + path.string(),
                   "it is one of " + std::to_string(part->count) + " parts of a model",
                   is_there ? "Set model.weights to their index, " + index.string() + "."
                            : "Put their index, " + index.filename().string() +
                                  ", and all parts into its folder and set model.weights to the index.");
}

WeightFiles read_index(const fs::path& path, std::span<const std::byte> bytes) {
  const std::map<std::string, std::string> part_of = read_parts_index(bytes, path.string());
  std::map<std::string, std::string> first_tensor;
  for (const auto& [tensor, name] : part_of) first_tensor.emplace(name, tensor);
  WeightFiles files;
  files.index = path;
  std::map<std::string, std::size_t> numbers;
  for (const auto& [name, tensor] : first_tensor) {
    const fs::path part = path.parent_path() / name;
    std::error_code unknown;
    if (!fs::exists(part, unknown)) {
      throw InputError("cannot read the weights file " + part.string(),
                       "No such file, but " + path.string() + " puts tensor " + tensor + " into it",
                       "Put all parts of the model beside the index.");
    }
    numbers.emplace(name, files.parts.size());
    files.parts.push_back(part);
  }
  for (const auto& [tensor, name] : part_of) files.part_of.emplace(tensor, numbers.at(name));
  return files;
}

}  // namespace

WeightFiles weight_files(const fs::path& path) {
  std::error_code unknown;
  const fs::path file = fs::is_directory(path, unknown) ? find_in_folder(path) : path;
  refuse_part(file);
  if (file.extension() == ".distcp" || file.filename() == ".metadata") refuse_distributed(file, file.parent_path());
  const MappedFile mapped(file);
  if (looks_like_parts_index(mapped.bytes())) return read_index(file, mapped.bytes());
  if (file.string().ends_with(index_extension)) throw_damaged(file.string(), "it is not JSON, as an index is");
  return {std::nullopt, {file}, {}};
}

}  // namespace datus
