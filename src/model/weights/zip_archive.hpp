// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/weights.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

namespace datus {

/// The table of contents of a zip archive in memory, as torch.save writes it: entries stored
/// without compression, with or without the zip64 extension (APPNOTE 6.3.9). Archives of other programs have other
/// entries too, whose names tell what they are. The archive refers to the bytes that it was made from.
class ZipArchive {
 public:
  struct Entry {
    std::span<const std::byte> bytes;
    std::uint32_t crc = 0;
    bool is_plain = true;  ///< neither compressed nor encrypted
  };

  /// Checks the directory, every local header against it, and that entries lie inside the file
  /// without overlap. Throws `InputError` naming `source` and the reason. `release` is told of every part of an entry
  /// whose checksum was computed.
  ZipArchive(std::span<const std::byte> bytes, std::string source, ReleaseBytes release = {});

  /// All entries by name.
  [[nodiscard]] const std::map<std::string, Entry>& entries() const noexcept { return entries_; }

  /// The content of an entry, its checksum verified. Throws `InputError` when there is no such
  /// entry, or when it is compressed, encrypted or damaged.
  [[nodiscard]] std::span<const std::byte> read(const std::string& name) const;

 private:
  std::string source_;
  ReleaseBytes release_;
  std::map<std::string, Entry> entries_;
};

/// CRC-32 as zip uses it (polynomial 0xEDB88320), of bytes that follow others whose checksum is
/// `previous`.
[[nodiscard]] std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t previous = 0) noexcept;

}  // namespace datus
