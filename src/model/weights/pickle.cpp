// SPDX-License-Identifier: Apache-2.0
#include "model/weights/pickle.hpp"

#include "model/weights/damaged_file.hpp"
#include "model/weights/little_endian.hpp"
#include "model/weights/pickle_opcode.hpp"

#include <algorithm>
#include <bit>
#include <string>
#include <type_traits>
#include <unordered_map>

namespace datus {
namespace {

// A full checkpoint with an optimizer's state has some ten thousand values in about a megabyte.
constexpr std::size_t size_limit = std::size_t{32} << 20U;
constexpr std::size_t value_limit = std::size_t{1} << 20U;
constexpr std::size_t nesting_limit = 1000;

}  // namespace

/// The stack machine of a pickle, with every effect but the building of data left out.
class Unpickler {
 public:
  Unpickler(std::span<const std::byte> bytes, const std::string& source) : bytes_(bytes), source_(source) {}

  Pickle run() {
    while (step(static_cast<Opcode>(get<unsigned char>()))) {
    }
    pickle_.length_ = position_;
    return std::move(pickle_);
  }

 private:
  using Id = Pickle::Id;

  [[noreturn]] void fail(const std::string& why) const {
    throw_damaged(source_, "its pickle is not sound: " + why + " before byte " + std::to_string(position_));
  }

  std::span<const std::byte> take(std::uint64_t size) {
    if (size > bytes_.size() - position_) fail(bytes_.size() == size_limit ? "it is too large" : "it is cut off");
    const auto taken = bytes_.subspan(position_, size);
    position_ += size;
    return taken;
  }
  template <class T>
  T get() {
    return load_little_endian<T>(take(sizeof(T)), 0);
  }
  std::string_view take_text(std::uint64_t size) {
    const auto taken = take(size);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  std::string_view take_line() {
    const std::size_t begin = position_;
    while (get<char>() != '\n') {
    }
    return {reinterpret_cast<const char*>(bytes_.data()) + begin, position_ - begin - 1};
  }

  Id add(Pickle::Value value) {
    if (pickle_.values_.size() >= value_limit) fail("it has too many values");
    pickle_.values_.push_back(std::move(value));
    return static_cast<Id>(pickle_.values_.size() - 1);
  }
  void push(Pickle::Value value) { stack_.push_back(add(std::move(value))); }

  /// Entries above the last mark; only these may be taken.
  [[nodiscard]] std::size_t available() const noexcept { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }
  Id top() const {
    if (available() == 0) fail("its stack runs empty");
    return stack_.back();
  }
  Id pop() {
    const Id id = top();
    stack_.pop_back();
    return id;
  }
  std::vector<Id> pop_last(std::size_t count) {
    if (available() < count) fail("its stack runs empty");
    std::vector<Id> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }
  std::vector<Id> pop_to_mark() {
    if (marks_.empty()) fail("a mark is missing");
    std::vector<Id> items = pop_last(available());
    marks_.pop_back();
    return items;
  }

  void append(Id container, const std::vector<Id>& items) {
    if (auto* sequence = std::get_if<Pickle::Sequence>(&pickle_.values_[container])) {
      sequence->items.insert(sequence->items.end(), items.begin(), items.end());
    }
  }
  void set_items(Id container, const std::vector<Id>& items) {
    if (items.size() % 2 != 0) fail("a key has no value");
    auto& value = pickle_.values_[container];
    std::vector<std::pair<Id, Id>>* pairs = nullptr;
    if (auto* dictionary = std::get_if<Pickle::Dictionary>(&value)) pairs = &dictionary->items;
    if (auto* object = std::get_if<Pickle::Object>(&value)) pairs = &object->items;
    if (pairs == nullptr) fail("something that is no dictionary gets a key");
    for (std::size_t i = 0; i < items.size(); i += 2) pairs->emplace_back(items[i], items[i + 1]);
  }

  void push_object() {
    const Id arguments = pop();
    const Id callable = pop();
    push(Pickle::Object{callable, arguments, {}});
  }

  /// Integers beyond 64 bits (random states have them) are kept as their bytes.
  void push_long(std::uint64_t size) {
    const auto digits = take(size);
    if (size > 8) return push(Pickle::Bytes{digits});
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value |= std::to_integer<std::uint64_t>(digits[i]) << (8 * i);
    const auto unused = static_cast<unsigned>(64 - 8 * size);
    push(size == 0 ? std::int64_t{0} : static_cast<std::int64_t>(value << unused) >> unused);
  }

  void remember(std::uint64_t key) {
    if (memo_.size() >= value_limit) fail("it has too many values");
    memo_[key] = top();
  }
  void recall(std::uint64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) fail("it refers to a value that it has not defined");
    stack_.push_back(found->second);
  }

  void push_mark() {
    if (marks_.size() >= nesting_limit) fail("it is nested too deeply");
    marks_.push_back(stack_.size());
  }
  void push_stack_global() {
    const auto* name = pickle_.as<std::string_view>(pop());
    const auto* module = pickle_.as<std::string_view>(pop());
    if (name == nullptr || module == nullptr) fail("a class is not named by text");
    push(Pickle::Global{*module, *name});
  }

  bool step(Opcode opcode);
  bool step_atom(Opcode opcode);
  bool step_container(Opcode opcode);
  bool step_object(Opcode opcode);
  bool step_stack(Opcode opcode);

  std::span<const std::byte> bytes_;
  const std::string& source_;
  std::size_t position_ = 0;
  std::vector<Id> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, Id> memo_;
  Pickle pickle_;
};

/// Executes one opcode; false after the last.
bool Unpickler::step(Opcode opcode) {
  if (opcode == Opcode::stop) {
    pickle_.root_ = pop();
    return false;
  }
  if (!step_atom(opcode) && !step_container(opcode) && !step_object(opcode) && !step_stack(opcode)) {
    fail("opcode " + std::to_string(static_cast<int>(opcode)) + " is not one that weights use");
  }
  return true;
}

/// Numbers, text and bytes. Each of these returns false for an opcode of another group.
bool Unpickler::step_atom(Opcode opcode) {
  switch (opcode) {
    case Opcode::none:
      push(Pickle::None{});
      return true;
    case Opcode::newtrue:
      push(true);
      return true;
    case Opcode::newfalse:
      push(false);
      return true;
    case Opcode::binint:
      push(std::int64_t{get<std::int32_t>()});
      return true;
    case Opcode::binint1:
      push(std::int64_t{get<std::uint8_t>()});
      return true;
    case Opcode::binint2:
      push(std::int64_t{get<std::uint16_t>()});
      return true;
    case Opcode::long1:
      push_long(get<std::uint8_t>());
      return true;
    case Opcode::long4:
      push_long(get<std::uint32_t>());
      return true;
    case Opcode::binfloat: {  // the one big-endian number of the format
      push(std::bit_cast<double>(__builtin_bswap64(get<std::uint64_t>())));
      return true;
    }
    case Opcode::short_binunicode:
    case Opcode::short_binstring:
      push(take_text(get<std::uint8_t>()));
      return true;
    case Opcode::binunicode:
    case Opcode::binstring:
      push(take_text(get<std::uint32_t>()));
      return true;
    case Opcode::binunicode8:
      push(take_text(get<std::uint64_t>()));
      return true;
    case Opcode::short_binbytes:
      push(Pickle::Bytes{take(get<std::uint8_t>())});
      return true;
    case Opcode::binbytes:
      push(Pickle::Bytes{take(get<std::uint32_t>())});
      return true;
    case Opcode::binbytes8:
    case Opcode::bytearray8:
      push(Pickle::Bytes{take(get<std::uint64_t>())});
      return true;
    default:
      return false;
  }
}

bool Unpickler::step_container(Opcode opcode) {
  switch (opcode) {
    case Opcode::empty_tuple:
    case Opcode::empty_list:
    case Opcode::empty_set:
      push(Pickle::Sequence{});
      return true;
    case Opcode::empty_dict:
      push(Pickle::Dictionary{});
      return true;
    case Opcode::tuple1:
      push(Pickle::Sequence{pop_last(1)});
      return true;
    case Opcode::tuple2:
      push(Pickle::Sequence{pop_last(2)});
      return true;
    case Opcode::tuple3:
      push(Pickle::Sequence{pop_last(3)});
      return true;
    case Opcode::tuple:
    case Opcode::list:
    case Opcode::frozenset:
      push(Pickle::Sequence{pop_to_mark()});
      return true;
    case Opcode::dict: {
      const auto items = pop_to_mark();
      push(Pickle::Dictionary{});
      set_items(top(), items);
      return true;
    }
    case Opcode::append: {
      const auto items = pop_last(1);
      append(top(), items);
      return true;
    }
    case Opcode::appends:
    case Opcode::additems: {
      const auto items = pop_to_mark();
      append(top(), items);
      return true;
    }
    case Opcode::setitem: {
      const auto items = pop_last(2);
      set_items(top(), items);
      return true;
    }
    case Opcode::setitems: {
      const auto items = pop_to_mark();
      set_items(top(), items);
      return true;
    }
    default:
      return false;
  }
}

/// What would import, call or build in Python becomes a name or an inert object here.
bool Unpickler::step_object(Opcode opcode) {
  switch (opcode) {
    case Opcode::global: {
      const auto module = take_line();
      push(Pickle::Global{module, take_line()});
      return true;
    }
    case Opcode::stack_global:
      push_stack_global();
      return true;
    case Opcode::reduce:
    case Opcode::newobj:
      push_object();
      return true;
    case Opcode::newobj_ex:
      pop();
      push_object();
      return true;  // the keyword arguments are of no use
    case Opcode::build:
      pop();
      top();
      return true;  // an object's state: nothing of it is read
    case Opcode::binpersid:
      push(Pickle::Persistent{pop()});
      return true;
    default:
      return false;
  }
}

bool Unpickler::step_stack(Opcode opcode) {
  switch (opcode) {
    case Opcode::proto:
      if (get<std::uint8_t>() > 5) fail("its protocol is newer than 5");
      return true;
    case Opcode::frame:
      get<std::uint64_t>();
      return true;  // a hint for buffered reading
    case Opcode::mark:
      push_mark();
      return true;
    case Opcode::pop:
      if (available() > 0) {
        pop();
      } else {
        pop_to_mark();
      }
      return true;
    case Opcode::pop_mark:
      pop_to_mark();
      return true;
    case Opcode::duplicate:
      stack_.push_back(top());
      return true;
    case Opcode::binput:
      remember(get<std::uint8_t>());
      return true;
    case Opcode::long_binput:
      remember(get<std::uint32_t>());
      return true;
    case Opcode::memoize:
      remember(memo_.size());
      return true;
    case Opcode::binget:
      recall(get<std::uint8_t>());
      return true;
    case Opcode::long_binget:
      recall(get<std::uint32_t>());
      return true;
    default:
      return false;
  }
}

Pickle Pickle::read(std::span<const std::byte> bytes, const std::string& source) {
  return Unpickler(bytes.first(std::min(bytes.size(), size_limit)), source).run();
}

bool Pickle::is_global(Id id, std::string_view module, std::string_view name) const {
  const auto* global = as<Global>(id);
  return global != nullptr && global->module == module && global->name == name;
}

}  // namespace datus
