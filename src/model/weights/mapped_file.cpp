// SPDX-License-Identifier: Apache-2.0
#include "model/weights/mapped_file.hpp"

#include "datus/core/error.hpp"
#include "datus/core/regular_file.hpp"

#include <cerrno>
#include <functional>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

namespace datus {
namespace {

[[noreturn]] void throw_unreadable(const std::filesystem::path& path, const std::string& why) {
  throw InputError("cannot read the weights file " + path.string(), why, "Check the path in model.weights.");
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) {
  std::string why;
  const auto file = RegularFile::open(path, why);
  if (!file) throw_unreadable(path, why);
  if (file->bytes() == 0) throw_unreadable(path, "the file is empty");
  const auto size = static_cast<std::size_t>(file->bytes());
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file->descriptor(), 0);
  if (address == MAP_FAILED) throw_unreadable(path, errno_text(errno));
  bytes_ = {static_cast<const std::byte*>(address), size};
}

MappedFile::~MappedFile() {
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

bool MappedFile::holds(std::span<const std::byte> part) const noexcept {
  const std::less_equal<const std::byte*> before;  // a total order, also for unrelated pointers
  return before(bytes_.data(), part.data()) && before(part.data() + part.size(), bytes_.data() + bytes_.size());
}

void MappedFile::release(std::span<const std::byte> part) const noexcept {
  static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  if (!holds(part)) return;
  const auto offset = static_cast<std::size_t>(part.data() - bytes_.data());
  const std::size_t begin = (offset + page - 1) / page * page;
  const std::size_t end = (offset + part.size()) / page * page;
  if (begin >= end) return;
  // Only a hint: when it is refused the pages stay, and nothing else changes. The mapping is never
  // written to, so nothing is lost with them.
  (void)::madvise(const_cast<std::byte*>(bytes_.data()) + begin, end - begin, MADV_DONTNEED);
}

}  // namespace datus
