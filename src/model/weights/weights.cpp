// SPDX-License-Identifier: Apache-2.0
#include "datus/model/weights.hpp"

#include "datus/core/error.hpp"
#include "datus/model/weight_files.hpp"
#include "model/weights/checkpoint.hpp"
#include "model/weights/damaged_file.hpp"
#include "model/weights/legacy_checkpoint.hpp"
#include "model/weights/mapped_file.hpp"
#include "model/weights/safetensors.hpp"
#include "model/weights/weight_parts.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace datus {
namespace {

/// Recognises files that people mistake for weights, so that the message can say what happened.
[[noreturn]] void refuse_stranger(std::span<const std::byte> bytes, const std::string& source) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("version https://git-lfs")) {
    throw_damaged(source, "it is a Git LFS pointer, not the file that it points to");
  }
  if (text.starts_with("<!DOCTYPE") || text.starts_with("<!doctype") || text.starts_with("<html")) {
    throw_damaged(source, "it is a web page, not a weights file");
  }
  constexpr std::array<std::pair<std::string_view, const char*>, 3> others{{{"\x93NUMPY", "one NumPy array (.npy)"},
                                                                            {"\x89HDF", "HDF5, as Keras saves models"},
                                                                            {"GGUF", "GGUF, a quantised model"}}};
  for (const auto& [magic, kind] : others) {
    if (!text.starts_with(magic)) continue;
    throw InputError("cannot read the weights file " + source, std::string("it is ") + kind,
                     "Give the weights as PyTorch or Hugging Face publish them, .safetensors or .pth.");
  }
  constexpr std::size_t tar_magic = 257;
  if (text.size() > tar_magic && text.substr(tar_magic).starts_with("ustar")) {
    throw InputError("cannot read the weights file " + source, "a tar archive: PyTorch before 0.1.10 saved so",
                     "Unpack it, or convert it: torch.save(torch.load(OLD, map_location='cpu'), NEW).");
  }
  if (text.starts_with('\x80')) {
    throw InputError("cannot read the weights file " + source, "a Python pickle that torch.save did not write",
                     "Save its weights with torch.save.");
  }
  throw InputError("cannot read the weights file " + source, "neither .safetensors nor a checkpoint of torch.save",
                   "Give a file of one of these kinds.");
}

std::vector<WeightTensor> read_any(std::span<const std::byte> bytes, const std::string& source,
                                   const ReleaseBytes& release) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("PK\x03\x04")) return read_checkpoint(bytes, source, release);
  if (looks_like_parts_index(bytes)) {
    throw InputError("cannot read the weights file " + source, "an index of parts inside of another file's bytes",
                     "Give the index itself as model.weights.");
  }
  if (looks_like_safetensors(bytes)) return read_safetensors(bytes, source);
  if (looks_like_legacy_checkpoint(bytes)) return read_legacy_checkpoint(bytes, source);
  refuse_stranger(bytes, source);
}

/// One mapped file.
struct Part {
  explicit Part(const std::filesystem::path& path) : source(path.string()), file(path) {}

  std::string source;
  MappedFile file;
  std::vector<WeightTensor> tensors;
};
using Parts = std::vector<std::unique_ptr<Part>>;

/// The parts and their index must tell the same: each tensor lies where the index says, and only there.
void check_against_index(const WeightFiles& files, const Parts& parts) {
  const std::string index = files.index->string();
  std::map<std::string_view, std::size_t> found;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    for (const WeightTensor& tensor : parts[p]->tensors) {
      const auto [other, is_first] = found.emplace(tensor.name, p);
      if (is_first) continue;
      throw_damaged(parts[p]->source, "tensor " + tensor.name + " lies in " + parts[other->second]->source + " too");
    }
  }
  for (const auto& [name, p] : found) {
    const auto wanted = files.part_of.find(std::string(name));
    if (wanted != files.part_of.end() && wanted->second == p) continue;
    throw_damaged(
        parts[p]->source,
        "it holds tensor " + std::string(name) + ", which " + index +
            (wanted == files.part_of.end() ? " does not name" : " puts into " + parts[wanted->second]->source));
  }
  for (const auto& [name, p] : files.part_of) {
    if (!found.contains(name))
      throw_damaged(parts[p]->source, "it has no tensor " + name + ", which " + index + " puts into it");
  }
}

}  // namespace

std::vector<WeightTensor> read_weights(std::span<const std::byte> bytes, const std::string& source,
                                       const ReleaseBytes& release) {
  std::vector<WeightTensor> tensors = read_any(bytes, source, release);
  std::set<std::string_view> names;
  for (const WeightTensor& tensor : tensors) {
    if (!names.insert(tensor.name).second) throw_damaged(source, "two tensors are named " + tensor.name);
  }
  return tensors;
}

struct WeightFile::State {
  explicit State(const WeightFiles& files)
      : source(files.index ? files.index->string() : files.parts.front().string()) {
    for (const auto& path : files.parts) {
      Part& part = *parts.emplace_back(std::make_unique<Part>(path));
      const auto release = [&](std::span<const std::byte> bytes) { part.file.release(bytes); };
      part.tensors = read_weights(part.file.bytes(), part.source, release);
    }
    if (files.index) check_against_index(files, parts);
    for (const auto& part : parts) std::ranges::move(part->tensors, std::back_inserter(tensors));
  }

  [[nodiscard]] const Part& part_of(const WeightTensor& tensor) const {
    const auto holds = [&](const auto& part) { return part->file.holds(tensor.data); };
    const auto found = std::ranges::find_if(parts, holds);
    return found == parts.end() ? *parts.front() : **found;
  }

  std::string source;
  Parts parts;
  std::vector<WeightTensor> tensors;
};

WeightFile WeightFile::open(const std::filesystem::path& path) {
  return WeightFile(std::make_unique<State>(weight_files(path)));
}

WeightFile::WeightFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
WeightFile::~WeightFile() = default;
WeightFile::WeightFile(WeightFile&&) noexcept = default;
WeightFile& WeightFile::operator=(WeightFile&&) noexcept = default;

const std::string& WeightFile::source() const noexcept {
  return state_->source;
}
std::span<const WeightTensor> WeightFile::tensors() const noexcept {
  return state_->tensors;
}

void WeightFile::read(const WeightTensor& tensor, std::span<float> to) const {
  const Part& part = state_->part_of(tensor);
  to_floats(tensor, to, part.source);
  part.file.release(tensor.data);
}

}  // namespace datus
