// SPDX-License-Identifier: Apache-2.0
#include "model/weights/checkpoint_tensors.hpp"

#include "datus/core/error.hpp"
#include "model/weights/damaged_file.hpp"
#include "model/weights/storage_description.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace datus {
namespace {

using Id = Pickle::Id;

/// The elements that the tensors of one storage are views of.
struct Storage {
  ElementType type;
  std::uint64_t elements;
  std::span<const std::byte> bytes;
};

/// A call of one of torch's functions that rebuild tensors, never made.
struct RebuildCall {
  std::string_view function;
  const std::vector<Id>* arguments;
};

/// Walks the pickle of one checkpoint and collects its tensors.
class TensorWalk {
 public:
  TensorWalk(const Pickle& pickle, StorageSource& storages, const std::string& source)
      : pickle_(pickle), storages_(storages), source_(source) {}

  std::vector<WeightTensor> run() {
    visit(pickle_.root(), "", 0);
    if (tensors_.empty()) refuse_empty();
    return std::move(tensors_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { throw_damaged(source_, why); }
  [[noreturn]] void refuse_empty() const;

  void visit(Id id, const std::string& name, int depth);
  void visit_entry(Id key, Id value, const std::string& name, int depth);
  [[nodiscard]] bool is_dictionary(const Pickle::Object& object) const;
  [[nodiscard]] std::optional<std::string> key_text(Id id) const;
  [[nodiscard]] std::optional<RebuildCall> rebuild_call(Id id) const;
  [[nodiscard]] std::optional<WeightTensor> tensor(Id id, const std::string& name) const;
  [[nodiscard]] std::optional<Storage> storage(const RebuildCall& call, const std::string& name) const;
  [[nodiscard]] std::vector<std::int64_t> natural_numbers(Id id, const std::string& name) const;
  void check_extent(const WeightTensor& tensor, std::uint64_t offset, const Storage& storage) const;

  const Pickle& pickle_;
  StorageSource& storages_;
  const std::string& source_;
  std::vector<WeightTensor> tensors_;
  std::size_t visited_ = 0;
};

void TensorWalk::refuse_empty() const {
  const std::string problem = "cannot read the weights file " + source_;
  for (Pickle::Id id = 0; id < pickle_.size(); ++id) {
    const auto* global = pickle_.as<Pickle::Global>(id);
    if (global == nullptr) continue;
    if (global->module.starts_with("numpy")) {
      throw InputError(problem, "it holds NumPy arrays and no tensors",
                       "Save tensors: torch.save({name: torch.from_numpy(array) for name, array in "
                       "torch.load(OLD, weights_only=False).items()}, NEW).");
    }
    if (global->module.starts_with("torch.distributed")) {
      throw InputError(problem, "it holds one rank's pieces of tensors (DTensor or ShardedTensor)",
                       "Save the whole state dict: torch.distributed.checkpoint.state_dict.get_model_state_dict with "
                       "full_state_dict=True.");
    }
  }
  const auto* object = pickle_.as<Pickle::Object>(pickle_.root());
  if (object == nullptr || is_dictionary(*object)) fail("it holds no tensors in dictionaries");
  throw InputError(problem, "a Python object, not a dictionary of weights",
                   "Save its weights: torch.save(model.state_dict(), NEW).");
}

/// Follows dictionaries only. Values may be shared, so the number of visits is limited too: a small
/// pickle can describe a tree with more leaves than any memory holds.
void TensorWalk::visit(Id id, const std::string& name, int depth) {
  constexpr int deepest = 8;
  constexpr std::size_t most_visits = std::size_t{1} << 17U;
  constexpr std::size_t longest_name = 512;
  if (++visited_ > most_visits) fail("its dictionaries have too many entries");
  if (name.size() > longest_name) fail("a name in its dictionaries is too long");
  if (auto found = tensor(id, name)) {
    tensors_.push_back(std::move(*found));
    return;
  }
  const auto* plain = pickle_.as<Pickle::Dictionary>(id);
  const auto* object = pickle_.as<Pickle::Object>(id);
  if (plain == nullptr && (object == nullptr || !is_dictionary(*object))) return;
  if (depth >= deepest) fail("its dictionaries are nested too deeply");
  for (const auto& [key, value] : plain != nullptr ? plain->items : object->items) {
    visit_entry(key, value, name, depth);
  }
  if (object == nullptr) return;
  // Python 2 hands an OrderedDict its entries as an argument: a list of [key, value].
  const auto* arguments = pickle_.as<Pickle::Sequence>(object->arguments);
  if (arguments == nullptr || arguments->items.size() != 1) return;
  const auto* pairs = pickle_.as<Pickle::Sequence>(arguments->items[0]);
  if (pairs == nullptr) return;
  for (const Id pair : pairs->items) {
    const auto* entry = pickle_.as<Pickle::Sequence>(pair);
    if (entry != nullptr && entry->items.size() == 2) visit_entry(entry->items[0], entry->items[1], name, depth);
  }
}

void TensorWalk::visit_entry(Id key, Id value, const std::string& name, int depth) {
  const auto text = key_text(key);
  if (text) visit(value, name.empty() ? *text : name + "." + *text, depth + 1);
}

bool TensorWalk::is_dictionary(const Pickle::Object& object) const {
  return pickle_.is_global(object.callable, "collections", "OrderedDict") ||
         pickle_.is_global(object.callable, "collections", "defaultdict");
}

/// The text of a key that names weights: text or a number. Control characters would garble every
/// message.
std::optional<std::string> TensorWalk::key_text(Id id) const {
  if (const auto* number = pickle_.as<std::int64_t>(id)) return std::to_string(*number);
  const auto* text = pickle_.as<std::string_view>(id);
  if (text == nullptr) return std::nullopt;
  for (const char c : *text) {
    if (static_cast<unsigned char>(c) < 0x20) fail("a key in its dictionaries holds control characters");
  }
  return std::string(*text);
}

/// The call that rebuilds the tensor itself, inside of those that make it a parameter or give it
/// attributes. Nothing when the value is something else.
std::optional<RebuildCall> TensorWalk::rebuild_call(Id id) const {
  const auto* object = pickle_.as<Pickle::Object>(id);
  if (object == nullptr) return std::nullopt;
  Id callable = object->callable;
  Id arguments = object->arguments;
  // Values precede what is made of them, or the pickle was made by hand; so `arguments` falls with each
  // step, and this ends.
  while (true) {
    const auto* function = pickle_.as<Pickle::Global>(callable);
    const auto* items = pickle_.as<Pickle::Sequence>(arguments);
    if (function == nullptr || items == nullptr) return std::nullopt;
    if (function->module == "torch._utils" && function->name.starts_with("_rebuild_parameter")) {
      object = items->items.empty() ? nullptr : pickle_.as<Pickle::Object>(items->items[0]);
      if (object == nullptr || object->arguments >= arguments) return std::nullopt;
      callable = object->callable;
      arguments = object->arguments;
    } else if (function->module == "torch._tensor" && function->name.starts_with("_rebuild_from_type")) {
      if (items->items.size() < 3 || items->items[2] >= arguments) return std::nullopt;
      callable = items->items[0];
      arguments = items->items[2];
    } else {
      if (function->module != "torch._utils") return std::nullopt;
      return RebuildCall{function->name, &items->items};
    }
  }
}

/// The tensor that the value stands for, or nothing when it is something else. A quantised one is that of its
/// integers, which nobody takes for weights; a sparse one is something else.
std::optional<WeightTensor> TensorWalk::tensor(Id id, const std::string& name) const {
  const auto call = rebuild_call(id);
  if (!call || (call->function != "_rebuild_tensor" && call->function != "_rebuild_tensor_v2" &&
                call->function != "_rebuild_tensor_v3" && call->function != "_rebuild_qtensor")) {
    return std::nullopt;
  }
  const std::vector<Id>& arguments = *call->arguments;
  if (arguments.size() < 4) fail("tensor " + name + " is not described fully");
  const auto stored = storage(*call, name);
  if (!stored) return std::nullopt;
  const auto* offset = pickle_.as<std::int64_t>(arguments[1]);
  if (offset == nullptr || *offset < 0) fail("tensor " + name + " has no valid offset");
  WeightTensor result;
  result.name = name;
  result.type = stored->type;
  result.shape = natural_numbers(arguments[2], name);
  result.strides = natural_numbers(arguments[3], name);
  check_extent(result, static_cast<std::uint64_t>(*offset), *stored);
  const std::uint64_t skipped = result.elements() == 0 ? 0 : static_cast<std::uint64_t>(*offset);
  result.data = stored->bytes.subspan(skipped * element_size(result.type));
  return result;
}

/// The storage that a tensor is rebuilt from; nothing when its elements are of a type that is not known.
std::optional<Storage> TensorWalk::storage(const RebuildCall& call, const std::string& name) const {
  const std::string what = "the storage of tensor " + name;
  const auto described = describe_storage(pickle_, call.arguments->front(), what, source_);
  if (!described) fail("tensor " + name + " has no storage");
  if (!described->type) return std::nullopt;
  const std::span<const std::byte> whole = storages_.bytes(described->key);
  const std::size_t size = element_size(*described->type);
  if (described->stored > whole.size() / size) {
    fail(what + " is shorter than its " + std::to_string(described->stored) + " elements");
  }
  const auto part = whole.subspan(described->begin * size, described->elements * size);
  if (call.function != "_rebuild_tensor_v3") return Storage{*described->type, described->elements, part};
  // Types that have no class of storage: bytes, and the type among the arguments.
  const auto* type_name = call.arguments->size() < 7 ? nullptr : pickle_.as<Pickle::Global>((*call.arguments)[6]);
  if (type_name == nullptr) fail("tensor " + name + " has no type");
  const auto type = torch_dtype(type_name->name);
  if (!type) return std::nullopt;
  return Storage{*type, part.size() / element_size(*type), part};
}

std::vector<std::int64_t> TensorWalk::natural_numbers(Id id, const std::string& name) const {
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
void TensorWalk::check_extent(const WeightTensor& tensor, std::uint64_t offset, const Storage& storage) const {
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

}  // namespace

std::vector<WeightTensor> collect_tensors(const Pickle& pickle, StorageSource& storages, const std::string& source) {
  return TensorWalk(pickle, storages, source).run();
}

}  // namespace datus
