#include "datus/model/checkpoint.hpp"

#include "datus/core/error.hpp"
#include "datus/model/pickle.hpp"
#include "datus/model/zip_archive.hpp"
#include "model/damaged_file.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

namespace datus {
namespace {

/// torch's class of typed storage, and the element type that it stands for.
std::optional<ElementType> storage_type(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, ElementType>, 10> types{{{"DoubleStorage", ElementType::f64},
                                                                            {"FloatStorage", ElementType::f32},
                                                                            {"HalfStorage", ElementType::f16},
                                                                            {"BFloat16Storage", ElementType::bf16},
                                                                            {"LongStorage", ElementType::i64},
                                                                            {"IntStorage", ElementType::i32},
                                                                            {"ShortStorage", ElementType::i16},
                                                                            {"CharStorage", ElementType::i8},
                                                                            {"ByteStorage", ElementType::u8},
                                                                            {"BoolStorage", ElementType::boolean}}};
  for (const auto& [class_name, type] : types) {
    if (class_name == name) return type;
  }
  return std::nullopt;
}

/// A storage's bytes, checked against its number of elements.
struct Storage {
  ElementType type;
  std::uint64_t elements;
  std::span<const std::byte> bytes;
};

/// Walks the pickle of one checkpoint and collects its tensors.
class CheckpointReader {
 public:
  CheckpointReader(const ZipArchive& archive, std::string folder, const std::string& source)
      : archive_(archive),
        folder_(std::move(folder)),
        source_(source),
        pickle_(Pickle::read(archive.read(folder_ + "data.pkl"), source)) {}

  std::vector<WeightTensor> run() {
    visit(pickle_.root(), "", 0);
    if (tensors_.empty()) fail("it holds no tensors in dictionaries");
    return std::move(tensors_);
  }

 private:
  using Id = Pickle::Id;
  using Items = std::vector<std::pair<Id, Id>>;

  [[noreturn]] void fail(const std::string& why) const { throw_damaged(source_, why); }

  void visit(Id id, const std::string& name, int depth);
  [[nodiscard]] const Items* dictionary(Id id) const;
  [[nodiscard]] std::optional<std::string> key_text(Id id) const;
  [[nodiscard]] const Pickle::Sequence* call_arguments(Id id, std::string_view function) const;
  [[nodiscard]] std::optional<WeightTensor> tensor(Id id, const std::string& name) const;
  [[nodiscard]] std::optional<Storage> storage(Id id, const std::string& name) const;
  [[nodiscard]] std::vector<std::int64_t> natural_numbers(Id id, const std::string& name) const;
  void check_extent(const WeightTensor& tensor, std::uint64_t offset, const Storage& storage) const;

  const ZipArchive& archive_;
  std::string folder_;
  const std::string& source_;
  Pickle pickle_;
  std::vector<WeightTensor> tensors_;
  std::size_t visited_ = 0;
  mutable std::map<std::string, std::span<const std::byte>> storages_;
};

/// Follows dictionaries only. Values may be shared, so the number of visits is limited too: a small
/// pickle can describe a tree with more leaves than any memory holds.
void CheckpointReader::visit(Id id, const std::string& name, int depth) {
  constexpr int deepest = 8;
  constexpr std::size_t most_visits = std::size_t{1} << 17U;
  constexpr std::size_t longest_name = 512;
  if (++visited_ > most_visits) fail("its dictionaries have too many entries");
  if (name.size() > longest_name) fail("a name in its dictionaries is too long");
  if (auto found = tensor(id, name)) {
    tensors_.push_back(std::move(*found));
    return;
  }
  const Items* items = dictionary(id);
  if (items == nullptr) return;
  if (depth >= deepest) fail("its dictionaries are nested too deeply");
  for (const auto& [key, value] : *items) {
    const auto text = key_text(key);
    if (text) visit(value, name.empty() ? *text : name + "." + *text, depth + 1);
  }
}

const CheckpointReader::Items* CheckpointReader::dictionary(Id id) const {
  if (const auto* plain = pickle_.as<Pickle::Dictionary>(id)) return &plain->items;
  const auto* object = pickle_.as<Pickle::Object>(id);
  if (object == nullptr) return nullptr;
  const bool is_dictionary = pickle_.is_global(object->callable, "collections", "OrderedDict") ||
                             pickle_.is_global(object->callable, "collections", "defaultdict");
  return is_dictionary ? &object->items : nullptr;
}

/// The text of a key that names weights: text or a number. Control characters would garble every
/// message.
std::optional<std::string> CheckpointReader::key_text(Id id) const {
  if (const auto* number = pickle_.as<std::int64_t>(id)) return std::to_string(*number);
  const auto* text = pickle_.as<std::string_view>(id);
  if (text == nullptr) return std::nullopt;
  for (const char c : *text) {
    if (static_cast<unsigned char>(c) < 0x20) fail("a key in its dictionaries holds control characters");
  }
  return std::string(*text);
}

/// The arguments of a call of torch._utils.FUNCTION, or nothing when the value is something else.
const Pickle::Sequence* CheckpointReader::call_arguments(Id id, std::string_view function) const {
  const auto* object = pickle_.as<Pickle::Object>(id);
  if (object == nullptr || !pickle_.is_global(object->callable, "torch._utils", function)) return nullptr;
  return pickle_.as<Pickle::Sequence>(object->arguments);
}

/// The tensor that the value stands for, or nothing when it is something else. A tensor of a kind
/// that is not read (quantised, sparse) is something else, too.
std::optional<WeightTensor> CheckpointReader::tensor(Id id, const std::string& name) const {
  const auto* arguments = call_arguments(id, "_rebuild_parameter");
  while (arguments != nullptr && !arguments->items.empty() && arguments->items[0] < id) {
    id = arguments->items[0];  // values precede what is made of them, so this ends
    arguments = call_arguments(id, "_rebuild_parameter");
  }
  arguments = call_arguments(id, "_rebuild_tensor_v2");
  if (arguments == nullptr) return std::nullopt;
  if (arguments->items.size() < 4) fail("tensor " + name + " is not described fully");
  const auto stored = storage(arguments->items[0], name);
  if (!stored) return std::nullopt;
  const auto* offset = pickle_.as<std::int64_t>(arguments->items[1]);
  if (offset == nullptr || *offset < 0) fail("tensor " + name + " has no valid offset");
  WeightTensor result;
  result.name = name;
  result.type = stored->type;
  result.shape = natural_numbers(arguments->items[2], name);
  result.strides = natural_numbers(arguments->items[3], name);
  check_extent(result, static_cast<std::uint64_t>(*offset), *stored);
  const std::uint64_t skipped = result.elements() == 0 ? 0 : static_cast<std::uint64_t>(*offset);
  result.data = stored->bytes.subspan(skipped * element_size(result.type));
  return result;
}

/// torch's persistent id: ('storage', class, key, device, number of elements).
std::optional<Storage> CheckpointReader::storage(Id id, const std::string& name) const {
  const auto* persistent = pickle_.as<Pickle::Persistent>(id);
  const auto* fields = persistent == nullptr ? nullptr : pickle_.as<Pickle::Sequence>(persistent->key);
  if (fields == nullptr || fields->items.size() < 5) fail("tensor " + name + " has no storage");
  const auto* tag = pickle_.as<std::string_view>(fields->items[0]);
  const auto* storage_class = pickle_.as<Pickle::Global>(fields->items[1]);
  const auto* key = pickle_.as<std::string_view>(fields->items[2]);
  const auto* elements = pickle_.as<std::int64_t>(fields->items[4]);
  if (tag == nullptr || *tag != "storage" || storage_class == nullptr || key == nullptr || elements == nullptr ||
      *elements < 0) {
    fail("the storage of tensor " + name + " is not described as torch does");
  }
  const auto type = storage_type(storage_class->name);
  if (!type) return std::nullopt;
  auto found = storages_.find(std::string(*key));
  if (found == storages_.end()) {
    const std::string entry_name = folder_ + "data/" + std::string(*key);
    found = storages_.emplace(std::string(*key), archive_.read(entry_name)).first;
  }
  const auto count = static_cast<std::uint64_t>(*elements);
  if (count > found->second.size() / element_size(*type)) {
    fail("the storage of tensor " + name + " is shorter than its " + std::to_string(count) + " elements");
  }
  return Storage{*type, count, found->second.first(count * element_size(*type))};
}

std::vector<std::int64_t> CheckpointReader::natural_numbers(Id id, const std::string& name) const {
  constexpr std::size_t most_dimensions = 8;
  const auto* sequence = pickle_.as<Pickle::Sequence>(id);
  if (sequence == nullptr || sequence->items.size() > most_dimensions) fail("tensor " + name + " has no valid shape");
  std::vector<std::int64_t> numbers;
  for (const Id item : sequence->items) {
    const auto* number = pickle_.as<std::int64_t>(item);
    if (number == nullptr || *number < 0) fail("tensor " + name + " has no valid shape");
    numbers.push_back(*number);
  }
  return numbers;
}

/// Every index lies inside the storage, and a tensor is not larger than its storage (a stride of 0
/// could make it so, and a small file ask for all memory).
void CheckpointReader::check_extent(const WeightTensor& tensor, std::uint64_t offset, const Storage& storage) const {
  const std::string problem = "tensor " + tensor.name + " of shape " + shape_text(tensor.shape);
  if (tensor.strides.size() != tensor.shape.size()) fail(problem + " has another number of strides");
  if (std::ranges::find(tensor.shape, 0) != tensor.shape.end()) return;
  std::uint64_t elements = 1;
  for (const std::int64_t size : tensor.shape) {
    if (static_cast<std::uint64_t>(size) > storage.elements / elements) fail(problem + " is larger than its storage");
    elements *= static_cast<std::uint64_t>(size);
  }
  if (offset >= storage.elements) fail(problem + " lies outside of its storage");
  std::uint64_t room = storage.elements - 1 - offset;
  for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
    const auto steps = static_cast<std::uint64_t>(tensor.shape[d]) - 1;
    const auto stride = static_cast<std::uint64_t>(tensor.strides[d]);
    if (steps > 0 && stride > room / steps) fail(problem + " lies outside of its storage");
    room -= steps * stride;
  }
}

/// The folder inside the archive that holds data.pkl, with a slash at its end.
std::string find_folder(const ZipArchive& archive, const std::string& source) {
  constexpr std::string_view pickle_name = "data.pkl";
  for (const auto& [name, entry] : archive.entries()) {
    if (!name.ends_with(pickle_name)) continue;
    const std::string folder = name.substr(0, name.size() - pickle_name.size());
    if (folder.find('/') + 1 == folder.size() && folder.size() > 1) return folder;
  }
  throw_damaged(source, "a zip archive, but not one of torch.save: it has no data.pkl");
}

}  // namespace

std::vector<WeightTensor> read_checkpoint(std::span<const std::byte> bytes, const std::string& source) {
  const ZipArchive archive(bytes, source);
  const std::string folder = find_folder(archive, source);
  if (archive.entries().contains(folder + "constants.pkl")) {
    throw InputError("cannot read the weights file " + source, "a TorchScript program, not a dictionary of weights",
                     "Save its weights: torch.save(model.state_dict(), NEW).");
  }
  const auto order = archive.entries().find(folder + "byteorder");
  if (order != archive.entries().end() && order->second.bytes.size() == 3) {
    throw_damaged(source, "it was saved on a big-endian machine");
  }
  return CheckpointReader(archive, folder, source).run();
}

}  // namespace datus
