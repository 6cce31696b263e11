// SPDX-License-Identifier: Apache-2.0
#include "crash_states/history.hpp"

#include "crash_states/record_format.hpp"
#include "support/temp_folder.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include <sys/stat.h>

namespace datus::crash {
namespace {

namespace fs = std::filesystem;

std::uint64_t inode_of(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot look at " + path.string());
  }
  return status.st_ino;
}

std::string_view take(std::string_view& text, std::size_t size) {
  if (size > text.size()) throw std::runtime_error("the record of calls is cut off");
  const std::string_view part = text.substr(0, size);
  text.remove_prefix(size);
  return part;
}

const char* name_of(Call call) {
  static constexpr std::array names = {"create", "mkdir",  "write", "truncate", "fsync",
                                       "syncfs", "rename", "link",  "remove"};
  return names.at(static_cast<std::size_t>(call));
}

}  // namespace

void Tree::change(const Step& step) {
  std::string& content = bytes[step.node];
  const auto offset = static_cast<std::size_t>(step.offset);
  if (step.kind == Step::Kind::truncate) return content.resize(offset);
  content.resize(std::max(content.size(), offset + step.bytes.size()));
  std::ranges::copy(step.bytes, content.begin() + step.offset);
}

void Tree::change(const NameChange& change) {
  auto& folder = names[change.folder];
  if (change.node) {
    folder[change.name] = *change.node;
  } else {
    folder.erase(change.name);
  }
}

std::map<std::string, std::string> Tree::files() const {
  std::map<std::string, std::string> found;
  std::vector<std::pair<std::string, Node>> folders = {{"", root_node}};
  while (!folders.empty()) {
    const auto [path, folder] = folders.back();
    folders.pop_back();
    for (const auto& [name, node] : names.at(folder)) {
      if (is_folder(node)) {
        found[path + name + "/"] = "";
        folders.emplace_back(path + name + "/", node);
      } else {
        found[path + name] = bytes.at(node);
      }
    }
  }
  return found;
}

void Tree::write_to(const fs::path& folder) const {
  for (const auto& [name, content] : files()) {
    if (name.ends_with('/')) {
      fs::create_directories(folder / name);
    } else {
      test::write_bytes(folder / name, content);
    }
  }
}

History::History(const fs::path& root) : root_(root) {
  take_in(root, make_node(inode_of(root), true, beginning_));
  now_ = beginning_;
}

void History::take_in(const fs::path& folder, Node node) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const Node child = make_node(inode_of(entry.path()), entry.is_directory(), beginning_);
    beginning_.names[node][entry.path().filename()] = child;
    if (entry.is_directory()) {
      take_in(entry.path(), child);
    } else {
      beginning_.bytes[child] = test::bytes_of(entry.path());
    }
  }
}

Node History::make_node(std::uint64_t inode, bool is_folder, Tree& tree) {
  const Node node = next_++;
  by_inode_[inode] = node;
  if (is_folder) {
    tree.names[node] = {};
  } else {
    tree.bytes[node] = {};
  }
  return node;
}

History::Place History::place_of(const std::string& path) const {
  const fs::path relative = fs::path(path).lexically_normal().lexically_relative(root_);
  Place place{root_node, ""};
  for (const fs::path& part : relative) {
    if (part.empty()) continue;
    if (!place.name.empty()) place.folder = node_at(place);
    place.name = part;
    if (part == ".." || !now_.is_folder(place.folder)) throw std::runtime_error("there is no folder for " + path);
  }
  return place;
}

Node History::node_at(const Place& place) const {
  const auto& folder = now_.names.at(place.folder);
  const auto found = folder.find(place.name);
  if (found == folder.end())
    throw std::runtime_error("the record has a call on a file that is not there: " + place.name);
  return found->second;
}

Node History::node_of(std::uint64_t inode, const std::string& path) const {
  const auto found = by_inode_.find(inode);
  if (found == by_inode_.end()) throw std::runtime_error("nobody made the file of a call: " + path);
  return found->second;
}

void History::read(const fs::path& record) {
  const std::string all = test::bytes_of(record);
  for (std::string_view rest = all; !rest.empty();) {
    RecordHeader header;
    std::memcpy(&header, take(rest, sizeof header).data(), sizeof header);
    const std::string path(take(rest, header.path_size));
    const std::string other(take(rest, header.other_size));
    Step step{.offset = header.offset, .bytes = std::string(take(rest, header.data_size))};
    step.text = std::string(name_of(header.call)) + " " + path + (other.empty() ? "" : " to " + other);
    switch (header.call) {
      case Call::create:
      case Call::make_folder: {
        const Place place = place_of(path);
        const bool is_folder = header.call == Call::make_folder;
        const Node node = make_node(header.inode, is_folder, now_);
        (is_folder ? step.new_folder : step.new_file) = node;
        step.changes = {{place.folder, place.name, node}};
        break;
      }
      case Call::rename: {
        const Place from = place_of(path);
        const Place to = place_of(other);
        step.changes = {{to.folder, to.name, node_at(from)}, {from.folder, from.name, std::nullopt}};
        break;
      }
      case Call::link: {
        const Place to = place_of(other);
        step.changes = {{to.folder, to.name, node_at(place_of(path))}};
        break;
      }
      case Call::remove: {
        const Place place = place_of(path);
        step.changes = {{place.folder, place.name, std::nullopt}};
        break;
      }
      case Call::write:
      case Call::truncate:
        step.kind = header.call == Call::write ? Step::Kind::write : Step::Kind::truncate;
        step.node = node_of(header.inode, path);
        now_.change(step);
        break;
      case Call::sync:
        step.kind = Step::Kind::sync;
        step.node = node_of(header.inode, path);
        break;
      case Call::sync_all:
        step.kind = Step::Kind::sync_all;
        break;
    }
    for (const NameChange& change : step.changes) now_.change(change);
    steps_.push_back(std::move(step));
  }
}

}  // namespace datus::crash
