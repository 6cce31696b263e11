#include "model/weights/json_file.hpp"

#include "datus/core/error.hpp"

#include <array>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <type_traits>
#include <vector>

namespace datus {
namespace {

constexpr std::streamsize size_limit = std::streamsize{4} << 20U;

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(static_cast<std::size_t>(size_limit) + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.gcount() == 0 && !file.eof())) {
    throw InputError("cannot read " + path.string(), "the file cannot be opened", "Check its permissions.");
  }
  if (file.gcount() > size_limit) {
    throw InputError("cannot use " + path.string(), "it is larger than a description can be",
                     "Put the right file beside the weights, or remove this one.");
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

[[noreturn]] void fail_type(const std::string& key, const std::string& source, const std::string& found) {
  throw InputError("cannot use " + source, "its " + key + " is " + found.substr(0, 60),
                   "Put the right file beside the weights, or remove this one.");
}

/// Depth is limited: a file of a million brackets must not take the stack.
nlohmann::json parse(const std::string& text) {
  constexpr int deepest = 64;
  const auto limit = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > deepest) throw std::length_error("nested too deeply");
    return true;
  };
  return nlohmann::json::parse(text, limit);
}

}  // namespace

nlohmann::json read_json_object(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  const auto refuse = [&](const std::string& why) {
    throw InputError("cannot use " + path.string(), why, "Put the right file beside the weights, or remove this one.");
  };
  nlohmann::json object;
  try {
    object = parse(text);
  } catch (const std::exception& error) {
    refuse("it is no JSON: " + std::string(error.what()));
  }
  if (!object.is_object()) refuse("it holds no JSON object");
  return object;
}

template <class T>
std::optional<T> member_of(const nlohmann::json& object, const std::string& key, const std::string& source) {
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
  if (!fits) fail_type(key, source, found->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  return found->template get<T>();
}

template std::optional<int> member_of(const nlohmann::json&, const std::string&, const std::string&);
template std::optional<double> member_of(const nlohmann::json&, const std::string&, const std::string&);
template std::optional<std::string> member_of(const nlohmann::json&, const std::string&, const std::string&);
template std::optional<std::array<double, 3>> member_of(const nlohmann::json&, const std::string&, const std::string&);

}  // namespace datus
