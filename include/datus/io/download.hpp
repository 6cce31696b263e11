// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace datus {

struct Download {
  std::string url;             ///< http or https; redirects are followed, never from https to http
  std::filesystem::path file;  ///< its final name; what is there of an earlier try is `.NAME.part` beside it
  /// Sizes in bytes that the file may have; another one is an error.
  std::int64_t smallest = 1;
  std::int64_t largest = std::int64_t{1} << 62U;
  /// Told how many bytes are there and how many there will be (0: not known), at least once a second; `true` stops.
  std::function<bool(std::int64_t, std::int64_t)> progress = {};
};

/// Fetches a file. A cut connection is taken up again where it broke, three times, as is a part that an earlier call
/// left; a server that has another file by then, or cannot continue, gives the whole anew. The proxy is that of
/// https_proxy, http_proxy, all_proxy and no_proxy. The file is synced before it gets its final name.
///
/// Throws `SystemError` with address and reason: no connection, an HTTP error, a size that is not allowed, a web page
/// in place of a file, a disk that is full, or a build without libcurl; `InterruptedError` when `progress` stopped it.
void download(const Download& request);

/// Whether this build can download.
[[nodiscard]] bool can_download() noexcept;

/// The SHA-256 of a file, in lower-case hexadecimal. Throws `InputError` when it cannot be read, `SystemError` in a
/// build without libcrypto.
[[nodiscard]] std::string sha256_of_file(const std::filesystem::path& file);

}  // namespace datus
