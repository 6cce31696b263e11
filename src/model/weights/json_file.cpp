// SPDX-License-Identifier: Apache-2.0
#include "model/weights/json_file.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"
#include "model/weights/damaged_file.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <system_error>
#include <type_traits>
#include <vector>

namespace datus {
namespace {

using nlohmann::json;

constexpr std::size_t mebibyte = std::size_t{1} << 20U;
constexpr std::size_t longest_name = 512;

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

/// What JSON of a file that may be damaged or hostile may be.
struct Limits {
  std::size_t bytes;
  std::size_t depth;         ///< of brackets within brackets: a file of a million must not take the stack
  std::size_t array_values;  ///< each takes many times its text in memory
  bool strict_names;  ///< no key twice in an object (the JSON library would keep the last), none that garbles a message
};

/// Throws the error of a text that is refused, for the reason given.
using Refusal = std::function<void(const std::string& why)>;

/// A first reading, which keeps nothing but names: a text beyond the limits is refused before it takes memory or stack.
/// (The library's own callback looks at all earlier members of an object at the end of each one.)
class Check final : public nlohmann::json_sax<json> {
 public:
  Check(const Limits& limits, const std::string& what, const Refusal& refuse)
      : limits_(limits), what_(what), refuse_(refuse) {}

  bool null() override { return value(); }
  bool boolean(bool /*value*/) override { return value(); }
  bool number_integer(number_integer_t /*value*/) override { return value(); }
  bool number_unsigned(number_unsigned_t /*value*/) override { return value(); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return value(); }
  bool string(string_t& /*value*/) override { return value(); }
  bool binary(binary_t& /*value*/) override { return value(); }
  bool start_object(std::size_t /*size*/) override { return open(false); }
  bool start_array(std::size_t /*size*/) override { return open(true); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (limits_.strict_names) check_name(name);
    return true;
  }
  bool parse_error(std::size_t /*place*/, const std::string& /*token*/, const json::exception& error) override {
    refuse_(what_ + " is not JSON: " + printable(error.what()));
    return false;
  }

 private:
  /// Something that is open.
  struct Level {
    bool is_array = false;
    std::size_t values = 0;
    std::set<std::string> names = {};
  };

  bool value() {
    if (levels_.empty() || !levels_.back().is_array) return true;
    if (++levels_.back().values > limits_.array_values) refuse_("an array in " + what_ + " is too long");
    return true;
  }
  bool open(bool is_array) {
    value();
    if (levels_.size() == limits_.depth) refuse_(what_ + " is nested too deeply");
    levels_.push_back({.is_array = is_array});
    return true;
  }
  bool close() {
    levels_.pop_back();
    return true;
  }
  void check_name(const std::string& name) {
    if (name.size() > longest_name) refuse_("a name in " + what_ + " is too long");
    if (std::ranges::any_of(name, is_control)) refuse_("a name in " + what_ + " holds control characters");
    if (!levels_.back().names.insert(name).second) refuse_(what_ + " names " + name + " twice");
  }

  const Limits& limits_;
  const std::string& what_;
  const Refusal& refuse_;
  std::vector<Level> levels_;
};

/// Calls `refuse` with a reason that begins with `what` the bytes are.
json parse(std::span<const std::byte> bytes, const Limits& limits, const std::string& what, const Refusal& refuse) {
  if (bytes.size() > limits.bytes) refuse(what + " has " + std::to_string(bytes.size()) + " bytes");
  const auto* first = reinterpret_cast<const char*>(bytes.data());
  Check check(limits, what, refuse);
  (void)json::sax_parse(first, first + bytes.size(), &check);
  return json::parse(first, first + bytes.size());
}

[[noreturn]] void fail_type(const std::string& key, const std::string& source, const std::string& found) {
  throw InputError("cannot use " + source, "its " + key + " is " + found.substr(0, 60),
                   "Put the right file beside the weights, or remove this one.");
}

}  // namespace

nlohmann::json parse_weights_json(std::span<const std::byte> bytes, const std::string& what,
                                  const std::string& source) {
  constexpr Limits limits{.bytes = 16 * mebibyte, .depth = 4, .array_values = 64, .strict_names = true};
  return parse(bytes, limits, what, [&](const std::string& why) { throw_damaged(source, why); });
}

nlohmann::json read_json_object(const std::filesystem::path& path) {
  constexpr Limits limits{.bytes = 4 * mebibyte, .depth = 64, .array_values = 1 << 20, .strict_names = false};
  const Refusal refuse = [&](const std::string& why) {
    throw InputError("cannot use " + path.string(), why, "Put the right file beside the weights, or remove this one.");
  };
  std::error_code problem;
  const std::uintmax_t size = std::filesystem::file_size(path, problem);
  if (!problem && size > limits.bytes) refuse("it is larger than a description can be");
  const auto text = text_of_file(path);
  if (!text) {
    throw InputError("cannot read " + path.string(), "the file cannot be opened", "Check its permissions.");
  }
  json object = parse(std::as_bytes(std::span(*text)), limits, "it", refuse);
  if (!object.is_object()) refuse("it holds no JSON object");
  return object;
}

template <class T>
std::optional<T> member_of(const json& object, const std::string& key, const std::string& source) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::nullopt;
  bool fits = false;
  if constexpr (std::is_same_v<T, std::string>) {
    fits = found->is_string();
  } else if constexpr (std::is_same_v<T, int>) {
    fits = found->is_number_integer() && *found >= 0 && *found <= (1 << 30);
  } else if constexpr (std::is_same_v<T, double>) {
    fits = found->is_number();
  } else {
    fits = found->is_array() && found->size() == std::tuple_size_v<T>;
    for (std::size_t i = 0; fits && i < found->size(); ++i) fits = (*found)[i].is_number();
  }
  if (!fits) fail_type(key, source, found->dump(-1, ' ', false, json::error_handler_t::replace));
  return found->template get<T>();
}

template std::optional<int> member_of(const json&, const std::string&, const std::string&);
template std::optional<double> member_of(const json&, const std::string&, const std::string&);
template std::optional<std::string> member_of(const json&, const std::string&, const std::string&);
template std::optional<std::array<double, 3>> member_of(const json&, const std::string&, const std::string&);

}  // namespace datus
