// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "datus/core/regular_file.hpp"
#include "datus/io/download.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include <openssl/evp.h>

namespace datus {
namespace {

void require(int status, const std::filesystem::path& file) {
  if (status == 1) return;
  throw SystemError("Cannot compute the SHA-256 of " + file.string(), "libcrypto refuses it",
                    "Check the installation of OpenSSL.");
}

}  // namespace

std::string sha256_of_file(const std::filesystem::path& file) {
  constexpr std::size_t piece = std::size_t{1} << 20U;
  RegularFile opened(file);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  require(context != nullptr ? EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) : 0, file);
  std::vector<std::byte> bytes(piece);
  for (std::size_t count = opened.read(bytes); count > 0; count = opened.read(bytes)) {
    require(EVP_DigestUpdate(context.get(), bytes.data(), count), file);
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  require(EVP_DigestFinal_ex(context.get(), digest.data(), &length), file);
  std::string text;
  for (unsigned int i = 0; i < length; ++i) {
    constexpr const char* digits = "0123456789abcdef";
    text += digits[digest[i] >> 4U];
    text += digits[digest[i] & 15U];
  }
  return text;
}

}  // namespace datus
