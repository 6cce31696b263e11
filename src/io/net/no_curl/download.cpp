// SPDX-License-Identifier: Apache-2.0
#include "datus/io/download.hpp"

#include "datus/core/error.hpp"

namespace datus {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw SystemError("Cannot " + what, "this build of datus has no libcurl and libcrypto",
                    "Build it where they are installed, or fetch the file by other means.");
}

}  // namespace

void download(const Download& request) {
  refuse("download " + request.url);
}

bool can_download() noexcept {
  return false;
}

std::string sha256_of_file(const std::filesystem::path& file) {
  refuse("check " + file.string());
}

}  // namespace datus
