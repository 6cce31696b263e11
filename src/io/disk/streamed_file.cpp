// SPDX-License-Identifier: Apache-2.0
#include "datus/io/streamed_file.hpp"

#include "io/disk/write_descriptor.hpp"

#include <span>

#include <fcntl.h>

namespace datus {

struct StreamedFile::Descriptor {
  io_detail::WriteDescriptor file;
};

namespace {

constexpr std::size_t written_at_once = std::size_t{1} << 20;

}  // namespace

StreamedFile::StreamedFile(const std::filesystem::path& path)
    : descriptor_(
          new Descriptor{{O_WRONLY | O_CREAT | O_TRUNC, {.problem = "Cannot write " + path.string(), .file = path}}}) {}

StreamedFile::~StreamedFile() = default;

void StreamedFile::append(std::string_view text) {
  waiting_ += text;
  if (waiting_.size() >= written_at_once) flush();
}

void StreamedFile::close() {
  flush();
  descriptor_->file.close();
}

void StreamedFile::flush() {
  descriptor_->file.write(std::as_bytes(std::span(waiting_)));
  waiting_.clear();
}

}  // namespace datus
