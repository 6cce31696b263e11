// SPDX-License-Identifier: Apache-2.0
#include "model/weights/legacy_checkpoint.hpp"

#include "datus/core/error.hpp"
#include "model/weights/checkpoint_tensors.hpp"
#include "model/weights/damaged_file.hpp"
#include "model/weights/little_endian.hpp"
#include "model/weights/pickle.hpp"
#include "model/weights/storage_description.hpp"
#include "model/weights/storage_source.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string_view>

namespace datus {
namespace {

/// 0x1950a86a20f9469cfc6c as a pickle writes it: LONG1 of ten bytes.
constexpr std::string_view magic_number("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12);
constexpr std::int64_t format_version = 1001;

/// Takes one piece of the file after the other.
class LegacyFile {
 public:
  LegacyFile(std::span<const std::byte> bytes, const std::string& source) : rest_(bytes), source_(source) {}

  [[nodiscard]] Pickle take_pickle() {
    Pickle pickle = Pickle::read(rest_, source_);
    rest_ = rest_.subspan(pickle.length());
    return pickle;
  }

  /// The elements of one storage, which must be as many as the checkpoint's pickle says.
  [[nodiscard]] std::span<const std::byte> take_storage(const StorageDescription& expected) {
    if (rest_.size() < sizeof(std::uint64_t)) fail("it ends before storage " + expected.key + ": truncated");
    const auto count = load_little_endian<std::uint64_t>(rest_, 0);
    rest_ = rest_.subspan(sizeof(std::uint64_t));
    if (count != expected.stored) {
      fail("storage " + expected.key + " has " + std::to_string(count) + " elements, not the " +
           std::to_string(expected.stored) + " that its tensors need");
    }
    const std::size_t size = element_size(*expected.type);
    if (count > rest_.size() / size) fail("it ends inside of storage " + expected.key + ": truncated");
    const auto elements = rest_.first(count * size);
    rest_ = rest_.subspan(elements.size());
    return elements;
  }

  void expect_end() const {
    if (!rest_.empty()) fail("bytes follow the last storage");
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { throw_damaged(source_, why); }

  std::span<const std::byte> rest_;
  const std::string& source_;
};

class LegacyStorages : public StorageSource {
 public:
  LegacyStorages(std::map<std::string, std::span<const std::byte>> storages, const std::string& source)
      : storages_(std::move(storages)), source_(source) {}

  [[nodiscard]] std::span<const std::byte> bytes(const std::string& key) override {
    const auto found = storages_.find(key);
    if (found == storages_.end()) throw_damaged(source_, "it has no storage " + key);
    return found->second;
  }

 private:
  std::map<std::string, std::span<const std::byte>> storages_;
  const std::string& source_;
};

/// The format's version, and the byte order of the machine that wrote the file.
void check_head(const Pickle& version, const Pickle& system, const std::string& source) {
  const auto* number = version.as<std::int64_t>(version.root());
  if (number == nullptr || *number != format_version) {
    throw_damaged(source, "a checkpoint in another version of the format of torch.save before 1.6");
  }
  const auto* facts = system.as<Pickle::Dictionary>(system.root());
  if (facts == nullptr) throw_damaged(source, "it does not say what system it was saved on");
  for (const auto& [key, value] : facts->items) {
    const auto* name = system.as<std::string_view>(key);
    const auto* is_little = system.as<bool>(value);
    if (name == nullptr || *name != "little_endian") continue;
    if (is_little == nullptr || !*is_little) throw_damaged(source, "it was saved on a big-endian machine");
  }
}

/// All storages that the checkpoint's pickle mentions, in its tensors or elsewhere: their sizes say
/// where each one lies. Mentions of one storage must agree.
std::map<std::string, StorageDescription> find_storages(const Pickle& pickle, const std::string& source) {
  std::map<std::string, StorageDescription> found;
  for (Pickle::Id id = 0; id < pickle.size(); ++id) {
    const auto storage = describe_storage(pickle, id, "a storage", source);
    if (!storage) continue;
    const StorageDescription& first = found.emplace(storage->key, *storage).first->second;
    if (first.stored != storage->stored || first.type != storage->type) {
      throw_damaged(source, "storage " + storage->key + " is described in two ways");
    }
  }
  return found;
}

std::map<std::string, std::span<const std::byte>> take_storages(LegacyFile& file, const Pickle& keys,
                                                                const std::map<std::string, StorageDescription>& known,
                                                                const std::string& source) {
  const auto* list = keys.as<Pickle::Sequence>(keys.root());
  if (list == nullptr) throw_damaged(source, "it has no list of its storages");
  std::map<std::string, std::span<const std::byte>> storages;
  for (const Pickle::Id id : list->items) {
    const auto* key = keys.as<std::string_view>(id);
    const auto described = key == nullptr ? known.end() : known.find(std::string(*key));
    if (described == known.end()) throw_damaged(source, "its list of storages does not fit its tensors");
    const StorageDescription& storage = described->second;
    if (!storage.type) {
      throw InputError(
          "cannot read the weights file " + source,
          printable("storage " + storage.key + " is of the unknown class " + std::string(storage.class_name)),
          "Save its weights alone, as float32.");
    }
    if (!storages.emplace(storage.key, file.take_storage(storage)).second) {
      throw_damaged(source, "its list of storages names " + storage.key + " twice");
    }
  }
  return storages;
}

}  // namespace

bool looks_like_legacy_checkpoint(std::span<const std::byte> bytes) noexcept {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  // The first pickle is only that number; a frame of nine bytes may stand before it.
  constexpr std::size_t first_bytes = 32;
  return text.starts_with('\x80') && text.substr(0, first_bytes).find(magic_number) != std::string_view::npos;
}

std::vector<WeightTensor> read_legacy_checkpoint(std::span<const std::byte> bytes, const std::string& source) {
  LegacyFile file(bytes, source);
  (void)file.take_pickle();  // the magic number
  const Pickle version = file.take_pickle();
  const Pickle system = file.take_pickle();
  check_head(version, system, source);
  const Pickle pickle = file.take_pickle();
  const Pickle keys = file.take_pickle();
  LegacyStorages storages(take_storages(file, keys, find_storages(pickle, source), source), source);
  file.expect_end();
  return collect_tensors(pickle, storages, source);
}

}  // namespace datus
