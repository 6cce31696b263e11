// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace datus {

/// A text file that grows piece by piece and is never in memory as a whole. It is written where it is named: what must
/// not be seen half-written goes through an `AtomicFolder`. Every function throws `SystemError` naming the file when
/// the system refuses.
class StreamedFile {
 public:
  /// Makes the file, replacing what was there.
  explicit StreamedFile(const std::filesystem::path& path);
  ~StreamedFile();
  StreamedFile(const StreamedFile&) = delete;
  StreamedFile& operator=(const StreamedFile&) = delete;
  StreamedFile(StreamedFile&&) = delete;
  StreamedFile& operator=(StreamedFile&&) = delete;

  void append(std::string_view text);
  /// Writes what is left. Without it the file is not complete.
  void close();

 private:
  struct Descriptor;
  void flush();

  std::unique_ptr<Descriptor> descriptor_;
  std::string waiting_;
};

}  // namespace datus
