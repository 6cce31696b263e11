// SPDX-License-Identifier: Apache-2.0
#include "model/weights/checkpoint.hpp"

#include "datus/core/error.hpp"
#include "model/weights/checkpoint_tensors.hpp"
#include "model/weights/damaged_file.hpp"
#include "model/weights/pickle.hpp"
#include "model/weights/storage_source.hpp"
#include "model/weights/zip_archive.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace datus {
namespace {

/// One entry per storage. Each is checked once, however many tensors share it.
class ZipStorages : public StorageSource {
 public:
  ZipStorages(const ZipArchive& archive, std::string folder) : archive_(archive), folder_(std::move(folder)) {}

  [[nodiscard]] std::span<const std::byte> bytes(const std::string& key) override {
    auto found = checked_.find(key);
    if (found == checked_.end()) found = checked_.emplace(key, archive_.read(folder_ + "data/" + key)).first;
    return found->second;
  }

 private:
  const ZipArchive& archive_;
  std::string folder_;
  std::map<std::string, std::span<const std::byte>> checked_;
};

/// The folder inside the archive that holds data.pkl, with a slash at its end.
std::string find_folder(const ZipArchive& archive, const std::string& source) {
  constexpr std::string_view pickle_name = "data.pkl";
  for (const auto& [name, entry] : archive.entries()) {
    if (!name.ends_with(pickle_name)) continue;
    const std::string folder = name.substr(0, name.size() - pickle_name.size());
    if (folder.find('/') + 1 == folder.size() && folder.size() > 1) return folder;
  }
  const auto is_array = [](const auto& entry) { return entry.first.ends_with(".npy"); };
  if (std::ranges::any_of(archive.entries(), is_array)) {
    throw InputError("cannot read the weights file " + source, "a NumPy archive (.npz), not a checkpoint of torch.save",
                     "Save tensors: torch.save({name: torch.from_numpy(array) for name, array in "
                     "numpy.load(OLD).items()}, NEW).");
  }
  const auto is_program = [](const auto& entry) { return entry.first.ends_with("archive_format"); };
  if (std::ranges::any_of(archive.entries(), is_program)) {
    throw InputError("cannot read the weights file " + source, "a program of torch.export (.pt2)",
                     "Save its weights: torch.save(torch.export.load(OLD).state_dict, NEW).");
  }
  throw_damaged(source, "a zip archive, but not one of torch.save: it has no data.pkl");
}

}  // namespace

std::vector<WeightTensor> read_checkpoint(std::span<const std::byte> bytes, const std::string& source,
                                          const ReleaseBytes& release) {
  const ZipArchive archive(bytes, source, release);
  const std::string folder = find_folder(archive, source);
  if (archive.entries().contains(folder + "constants.pkl")) {
    throw InputError("cannot read the weights file " + source, "a TorchScript program, not a dictionary of weights",
                     "Save its weights: torch.save(torch.jit.load(OLD).state_dict(), NEW).");
  }
  const auto order = archive.entries().find(folder + "byteorder");
  if (order != archive.entries().end() && order->second.bytes.size() == 3) {
    throw_damaged(source, "it was saved on a big-endian machine");
  }
  const Pickle pickle = Pickle::read(archive.read(folder + "data.pkl"), source);
  ZipStorages storages(archive, folder);
  return collect_tensors(pickle, storages, source);
}

}  // namespace datus
