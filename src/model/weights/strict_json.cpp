#include "model/weights/strict_json.hpp"

#include "model/weights/damaged_file.hpp"

#include <algorithm>
#include <set>
#include <vector>

namespace datus {
namespace {

using nlohmann::json;

constexpr std::size_t size_limit = std::size_t{16} << 20U;
constexpr int deepest = 4;
constexpr std::size_t longest_key = 512;

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

/// Watches the parser.
class Watch {
 public:
  Watch(const std::string& what, const std::string& source) : what_(what), source_(source) {}

  bool operator()(int depth, json::parse_event_t event, const json& parsed) {
    if (depth > deepest) throw_damaged(source_, what_ + " is nested too deeply");
    if (event == json::parse_event_t::object_start) keys_[static_cast<std::size_t>(depth) + 1].clear();
    if (event == json::parse_event_t::key) check_key(parsed.get_ref<const std::string&>(), depth);
    return true;
  }

 private:
  void check_key(const std::string& key, int depth) {
    if (key.size() > longest_key) throw_damaged(source_, "a name in " + what_ + " is too long");
    if (std::ranges::any_of(key, is_control))
      throw_damaged(source_, "a name in " + what_ + " holds control characters");
    if (!keys_[static_cast<std::size_t>(depth)].insert(key).second) {
      throw_damaged(source_, what_ + " names " + key + " twice");
    }
  }

  const std::string& what_;
  const std::string& source_;
  std::vector<std::set<std::string>> keys_{deepest + 2};  ///< of the object that is open at each depth
};

}  // namespace

nlohmann::json parse_strict_json(std::span<const std::byte> bytes, const std::string& what, const std::string& source) {
  if (bytes.size() > size_limit) throw_damaged(source, what + " has " + std::to_string(bytes.size()) + " bytes");
  const auto* first = reinterpret_cast<const char*>(bytes.data());
  Watch watch(what, source);
  const json::parser_callback_t check = [&](int depth, json::parse_event_t event, json& parsed) {
    return watch(depth, event, parsed);
  };
  try {
    return json::parse(first, first + bytes.size(), check);
  } catch (const json::exception& error) {
    throw_damaged(source, what + " is not JSON: " + printable(error.what()));
  }
}

}  // namespace datus
