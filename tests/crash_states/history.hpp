// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace datus::crash {

/// A file or a folder, whatever names it has; the first one is the folder that all others lie below.
using Node = std::size_t;
constexpr Node root_node = 0;

/// What a folder calls something from now on; nothing: the name is gone.
struct NameChange {
  Node folder = root_node;
  std::string name;
  std::optional<Node> node;
};

/// One call of a program.
struct Step {
  enum class Kind : std::uint8_t { names, write, truncate, sync, sync_all };
  Kind kind = Kind::names;
  std::vector<NameChange> changes = {};  ///< that happen together
  std::optional<Node> new_file = {};
  std::optional<Node> new_folder = {};
  Node node = root_node;    ///< that is written to or brought to disk
  std::int64_t offset = 0;  ///< of the bytes; of truncate the new size
  std::string bytes = {};
  std::string text = {};  ///< for people
};

/// Names and bytes of a file system below its root.
struct Tree {
  std::map<Node, std::map<std::string, Node>> names;  ///< of each folder
  std::map<Node, std::string> bytes;                  ///< of each file

  [[nodiscard]] bool is_folder(Node node) const { return names.contains(node); }
  /// Changes the bytes of a file as a write or a truncate does.
  void change(const Step& step);
  void change(const NameChange& change);
  /// Files by relative path, and folders, with a slash at the end, without bytes.
  [[nodiscard]] std::map<std::string, std::string> files() const;
  /// Makes all that has a name below `folder`, which is there.
  void write_to(const std::filesystem::path& folder) const;
};

/// What a job did to the files below a folder, call by call, as libdatus_recorder.so wrote it down.
class History {
 public:
  /// To be made before the job: takes what is there as the beginning.
  explicit History(const std::filesystem::path& root);
  /// After the job. Throws `std::runtime_error` where the record does not fit the beginning.
  void read(const std::filesystem::path& record);

  [[nodiscard]] const Tree& beginning() const { return beginning_; }
  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }
  /// What is there after all steps.
  [[nodiscard]] const Tree& end() const { return now_; }

 private:
  struct Place {
    Node folder;
    std::string name;
  };
  void take_in(const std::filesystem::path& folder, Node node);
  [[nodiscard]] Place place_of(const std::string& path) const;
  [[nodiscard]] Node node_at(const Place& place) const;
  [[nodiscard]] Node node_of(std::uint64_t inode, const std::string& path) const;
  Node make_node(std::uint64_t inode, bool is_folder, Tree& tree);

  std::filesystem::path root_;
  Tree beginning_;
  Tree now_;
  Node next_ = root_node;
  std::map<std::uint64_t, Node> by_inode_;  ///< inodes are used again: the last one
  std::vector<Step> steps_;
};

}  // namespace datus::crash
