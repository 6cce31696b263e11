// SPDX-License-Identifier: Apache-2.0
#include "model/weights/zip_archive.hpp"

#include "model/weights/damaged_file.hpp"
#include "model/weights/little_endian.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace datus {
namespace {

// Record signatures and sizes, APPNOTE 6.3.9 sections 4.3.7, 4.3.12 and 4.3.14 to 4.3.16.
constexpr std::uint32_t local_signature = 0x04034B50;
constexpr std::uint32_t central_signature = 0x02014B50;
constexpr std::uint32_t end_signature = 0x06054B50;
constexpr std::uint32_t end64_signature = 0x06064B50;
constexpr std::uint32_t locator64_signature = 0x07064B50;
constexpr std::size_t local_size = 30;
constexpr std::size_t central_size = 46;
constexpr std::size_t end_size = 22;
constexpr std::size_t end64_size = 56;
constexpr std::size_t locator64_size = 20;
constexpr std::uint32_t in_zip64 = 0xFFFFFFFFU;

struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t entries = 0;
  std::uint64_t end_record = 0;  ///< where the records after the directory begin
};

/// One entry of the central directory.
struct CentralEntry {
  std::string name;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  std::uint32_t crc = 0;
  std::uint64_t stored_size = 0;
  std::uint64_t size = 0;
  std::uint64_t local_offset = 0;

  [[nodiscard]] bool is_plain() const noexcept {
    constexpr std::uint16_t encrypted = 0x0001;
    return (flags & encrypted) == 0 && method == 0;
  }
};

/// Bounds-checked reads of one archive.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& source) : bytes_(bytes), source_(source) {}

  [[noreturn]] void fail(const std::string& why) const { throw_damaged(source_, why); }
  [[nodiscard]] std::uint64_t size() const noexcept { return bytes_.size(); }

  [[nodiscard]] std::span<const std::byte> slice(std::uint64_t offset, std::uint64_t size, const char* what) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) {
      fail(std::string(what) + " lies outside of the file: truncated");
    }
    return bytes_.subspan(offset, size);
  }
  template <class T>
  [[nodiscard]] T get(std::uint64_t offset) const {
    return load_little_endian<T>(slice(offset, sizeof(T), "a zip record"), 0);
  }
  [[nodiscard]] std::string text(std::uint64_t offset, std::uint64_t size) const {
    const auto bytes = slice(offset, size, "a file name in the zip directory");
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

 private:
  std::span<const std::byte> bytes_;
  const std::string& source_;
};

/// The end record is the last thing in the file but for a comment, whose length it tells.
std::uint64_t find_end_record(const Reader& reader) {
  constexpr std::uint64_t longest_comment = 0xFFFF;
  for (std::uint64_t comment = 0; comment <= longest_comment; ++comment) {
    if (reader.size() < end_size + comment) break;
    const std::uint64_t offset = reader.size() - end_size - comment;
    if (reader.get<std::uint32_t>(offset) == end_signature && reader.get<std::uint16_t>(offset + 20) == comment) {
      return offset;
    }
  }
  reader.fail("the zip directory at its end is missing: truncated");
}

/// The zip64 end record, if a locator for one stands before the end record.
std::optional<Directory> find_directory64(const Reader& reader, std::uint64_t end_record) {
  if (end_record < locator64_size) return std::nullopt;
  const std::uint64_t locator = end_record - locator64_size;
  if (reader.get<std::uint32_t>(locator) != locator64_signature) return std::nullopt;
  const auto record = reader.get<std::uint64_t>(locator + 8);
  if (record > locator || locator - record < end64_size || reader.get<std::uint32_t>(record) != end64_signature) {
    reader.fail("the zip64 end record is not where it should be");
  }
  return Directory{reader.get<std::uint64_t>(record + 48), reader.get<std::uint64_t>(record + 40),
                   reader.get<std::uint64_t>(record + 32), record};
}

Directory find_directory(const Reader& reader) {
  const std::uint64_t end = find_end_record(reader);
  const auto directory64 = find_directory64(reader, end);
  const Directory directory = directory64
                                  ? *directory64
                                  : Directory{reader.get<std::uint32_t>(end + 16), reader.get<std::uint32_t>(end + 12),
                                              reader.get<std::uint16_t>(end + 10), end};
  if (directory.offset > directory.end_record || directory.size != directory.end_record - directory.offset) {
    reader.fail("the zip directory does not end where its end record begins");
  }
  if (directory.entries > directory.size / central_size) {
    reader.fail("the zip directory is too small for its number of entries");
  }
  return directory;
}

/// Takes 64-bit values from the zip64 extra field for those that do not fit in the entry itself.
void apply_zip64(const Reader& reader, std::uint64_t offset, std::uint64_t size, CentralEntry& entry) {
  constexpr std::uint16_t zip64_tag = 0x0001;
  const std::uint64_t end = offset + size;
  while (end - offset >= 4) {
    const auto tag = reader.get<std::uint16_t>(offset);
    const std::uint64_t field_size = reader.get<std::uint16_t>(offset + 2);
    offset += 4;
    if (field_size > end - offset) reader.fail("a damaged extra field of " + entry.name);
    if (tag == zip64_tag) {
      std::uint64_t at = offset;
      for (std::uint64_t* value : {&entry.size, &entry.stored_size, &entry.local_offset}) {
        if (*value != in_zip64) continue;
        if (offset + field_size - at < 8) reader.fail("a damaged zip64 field of " + entry.name);
        *value = reader.get<std::uint64_t>(at);
        at += 8;
      }
    }
    offset += field_size;
  }
}

/// Reads the entry at `offset` and moves `offset` behind it.
CentralEntry read_central(const Reader& reader, std::uint64_t& offset, std::uint64_t directory_end) {
  if (directory_end - offset < central_size || reader.get<std::uint32_t>(offset) != central_signature) {
    reader.fail("a damaged entry in the zip directory");
  }
  const std::uint64_t name_size = reader.get<std::uint16_t>(offset + 28);
  const std::uint64_t extra_size = reader.get<std::uint16_t>(offset + 30);
  const std::uint64_t comment_size = reader.get<std::uint16_t>(offset + 32);
  if (directory_end - offset - central_size < name_size + extra_size + comment_size) {
    reader.fail("an entry in the zip directory is cut off");
  }
  CentralEntry entry;
  entry.name = reader.text(offset + central_size, name_size);
  entry.flags = reader.get<std::uint16_t>(offset + 8);
  entry.method = reader.get<std::uint16_t>(offset + 10);
  entry.crc = reader.get<std::uint32_t>(offset + 16);
  entry.stored_size = reader.get<std::uint32_t>(offset + 20);
  entry.size = reader.get<std::uint32_t>(offset + 24);
  entry.local_offset = reader.get<std::uint32_t>(offset + 42);
  apply_zip64(reader, offset + central_size + name_size, extra_size, entry);
  offset += central_size + name_size + extra_size + comment_size;
  return entry;
}

/// Where the entry's bytes begin, after checking the local header against the directory. `data_end`
/// is the start of the directory: no entry reaches into it.
std::uint64_t locate_data(const Reader& reader, const CentralEntry& entry, std::uint64_t data_end) {
  constexpr std::uint16_t sizes_follow_data = 0x0008;
  if (entry.is_plain() && entry.size != entry.stored_size) {
    reader.fail("zip entry " + entry.name + " is not compressed, but its sizes do not agree");
  }
  if (entry.local_offset > data_end || data_end - entry.local_offset < local_size ||
      reader.get<std::uint32_t>(entry.local_offset) != local_signature) {
    reader.fail("zip entry " + entry.name + " is not where the directory says");
  }
  const std::uint64_t name_size = reader.get<std::uint16_t>(entry.local_offset + 26);
  const std::uint64_t extra_size = reader.get<std::uint16_t>(entry.local_offset + 28);
  if (reader.text(entry.local_offset + local_size, name_size) != entry.name) {
    reader.fail("zip entry " + entry.name + " has another name in its own header");
  }
  const auto local_stored_size = reader.get<std::uint32_t>(entry.local_offset + 18);
  if ((reader.get<std::uint16_t>(entry.local_offset + 6) & sizes_follow_data) == 0 && local_stored_size != in_zip64 &&
      local_stored_size != entry.stored_size) {
    reader.fail("zip entry " + entry.name + " has another size in its own header");
  }
  const std::uint64_t begin = entry.local_offset + local_size + name_size + extra_size;
  if (begin > data_end || entry.stored_size > data_end - begin) reader.fail("zip entry " + entry.name + " is cut off");
  return begin;
}

void check_overlap(std::vector<std::pair<std::uint64_t, std::uint64_t>> extents, const Reader& reader) {
  std::ranges::sort(extents);
  for (std::size_t i = 1; i < extents.size(); ++i) {
    if (extents[i].first < extents[i - 1].second) reader.fail("entries of the zip archive overlap");
  }
}

/// Tables for eight bytes per step: table[k][b] is the checksum of byte b followed by k zero bytes.
constexpr auto crc_tables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t value = b;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? 0xEDB88320U : 0U);
    tables[0][b] = value;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t b = 0; b < 256; ++b) {
      const std::uint32_t previous = tables[k - 1][b];
      tables[k][b] = (previous >> 8U) ^ tables[0][previous & 0xFFU];
    }
  }
  return tables;
}();

}  // namespace

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t previous) noexcept {
  std::uint32_t crc = ~previous;
  std::size_t i = 0;
  for (; bytes.size() - i >= 8; i += 8) {
    const std::uint64_t word = load_little_endian<std::uint64_t>(bytes, i) ^ crc;
    crc = 0;
    for (std::size_t k = 0; k < 8; ++k) crc ^= crc_tables[7 - k][(word >> (8 * k)) & 0xFFU];
  }
  for (; i < bytes.size(); ++i) {
    crc = (crc >> 8U) ^ crc_tables[0][(crc ^ std::to_integer<std::uint32_t>(bytes[i])) & 0xFFU];
  }
  return ~crc;
}

ZipArchive::ZipArchive(std::span<const std::byte> bytes, std::string source, ReleaseBytes release)
    : source_(std::move(source)), release_(std::move(release)) {
  const Reader reader(bytes, source_);
  const Directory directory = find_directory(reader);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> extents;
  std::uint64_t offset = directory.offset;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    const CentralEntry entry = read_central(reader, offset, directory.end_record);
    const std::uint64_t begin = locate_data(reader, entry, directory.offset);
    extents.emplace_back(entry.local_offset, begin + entry.stored_size);
    const Entry stored{bytes.subspan(begin, entry.stored_size), entry.crc, entry.is_plain()};
    if (!entries_.emplace(entry.name, stored).second) {
      reader.fail("two zip entries are named " + entry.name);
    }
  }
  if (offset != directory.end_record) reader.fail("the zip directory has bytes after its last entry");
  check_overlap(std::move(extents), reader);
}

std::span<const std::byte> ZipArchive::read(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) throw_damaged(source_, "the zip archive has no entry " + name);
  if (!found->second.is_plain) throw_damaged(source_, "zip entry " + name + " is compressed or encrypted");
  constexpr std::size_t block = std::size_t{1} << 24U;
  std::uint32_t crc = 0;
  for (auto rest = found->second.bytes; !rest.empty(); rest = rest.subspan(std::min(block, rest.size()))) {
    const auto part = rest.first(std::min(block, rest.size()));
    crc = crc32(part, crc);
    if (release_) release_(part);
  }
  if (crc != found->second.crc) {
    throw_damaged(source_, "the checksum of zip entry " + name + " does not match its bytes");
  }
  return found->second.bytes;
}

}  // namespace datus
