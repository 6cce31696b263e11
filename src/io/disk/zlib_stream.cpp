// SPDX-License-Identifier: Apache-2.0
#include "io/disk/zlib_stream.hpp"

#include "datus/core/error.hpp"

#include <memory>

#include <libdeflate.h>

namespace datus::io_detail {

std::optional<std::size_t> inflate(std::span<const std::byte> bytes, std::span<std::byte> to) {
  struct Free {
    void operator()(libdeflate_decompressor* decompressor) const { libdeflate_free_decompressor(decompressor); }
  };
  const std::unique_ptr<libdeflate_decompressor, Free> decompressor(libdeflate_alloc_decompressor());
  if (!decompressor) throw SystemError("Cannot decompress", "there is no memory", "");
  std::size_t length = 0;
  const auto result = libdeflate_zlib_decompress_ex(decompressor.get(), bytes.data(), bytes.size(), to.data(),
                                                    to.size(), &length, nullptr);
  if (result != LIBDEFLATE_SUCCESS) return std::nullopt;
  return length;
}

}  // namespace datus::io_detail
