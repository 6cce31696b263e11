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
  int depth;          ///< of brackets within brackets: a file of a million must not take the stack
  bool strict_names;  ///< no key twice in an object (the JSON library would keep the last), none that garbles a message
};

/// Throws the error of a text that is refused, for the reason given.
using Refusal = std::function<void(const std::string& why)>;

/// Watches the parser, so that a text beyond the limits is refused before it takes memory or stack.
class Watch {
 public:
  Watch(const Limits& limits, const std::string& what, const Refusal& refuse)
      : limits_(limits), what_(what), refuse_(refuse) {}

  void see(int depth, json::parse_event_t event, const json& parsed) {
    if (depth > limits_.depth) refuse_(what_ + " is nested too deeply");
    if (!limits_.strict_names) return;
    if (event == json::parse_event_t::object_start) names_[static_cast<std::size_t>(depth) + 1].clear();
    if (event == json::parse_event_t::key) check_name(parsed.get_ref<const std::string&>(), depth);
  }

 private:
  void check_name(const std::string& name, int depth) {
    if (name.size() > longest_name) refuse_("a name in " + what_ + " is too long");
    if (std::ranges::any_of(name, is_control)) refuse_("a name in " + what_ + " holds control characters");
    if (!names_[static_cast<std::size_t>(depth)].insert(name).second) refuse_(what_ + " names " + name + " twice");
  }

  const Limits& limits_;
  const std::string& what_;
  const Refusal& refuse_;
  /// Of the object that is open at each depth.
  std::vector<std::set<std::string>> names_{static_cast<std::size_t>(limits_.depth) + 2};
};

/// Calls `refuse` with a reason that begins with `what` the bytes are.
json parse(std::span<const std::byte> bytes, const Limits& limits, const std::string& what, const Refusal& refuse) {
  if (bytes.size() > limits.bytes) refuse(what + " has " + std::to_string(bytes.size()) + " bytes");
  const auto* first = reinterpret_cast<const char*>(bytes.data());
  Watch watch(limits, what, refuse);
  const json::parser_callback_t see = [&](int depth, json::parse_event_t event, json& parsed) {
    watch.see(depth, event, parsed);
    return true;
  };
  try {
    return json::parse(first, first + bytes.size(), see);
  } catch (const json::exception& error) {
    refuse(what + " is not JSON: " + printable(error.what()));
    throw;
  }
}

[[noreturn]] void fail_type(const std::string& key, const std::string& source, const std::string& found) {
  throw InputError("cannot use " + source, "its " + key + " is " + found.substr(0, 60),
                   "Put the right file beside the weights, or remove this one.");
}

}  // namespace

nlohmann::json parse_weights_json(std::span<const std::byte> bytes, const std::string& what,
                                  const std::string& source) {
  constexpr Limits limits{.bytes = 16 * mebibyte, .depth = 4, .strict_names = true};
  return parse(bytes, limits, what, [&](const std::string& why) { throw_damaged(source, why); });
}

nlohmann::json read_json_object(const std::filesystem::path& path) {
  constexpr Limits limits{.bytes = 4 * mebibyte, .depth = 64, .strict_names = false};
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
