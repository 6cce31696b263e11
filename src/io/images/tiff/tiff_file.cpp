// SPDX-License-Identifier: Apache-2.0
#include "io/images/tiff/tiff_file.hpp"

#include "io/images/byte_view.hpp"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

namespace datus::io_detail {
namespace {

/// libtiff's own buffers, which a damaged file would make as large as it likes.
constexpr tmsize_t most_memory = tmsize_t{1} << 30;

std::string text_of(const char* format, va_list arguments) {
  std::array<char, 256> text{};
  (void)std::vsnprintf(text.data(), text.size(), format, arguments);
  return text.data();
}

}  // namespace

TiffFile::TiffFile(std::span<const std::uint8_t> bytes) : bytes_(bytes) {
  const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(TIFFOpenOptionsAlloc(),
                                                                                 TIFFOpenOptionsFree);
  if (!options) throw FormatError("the TIFF decoder could not start");
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), most_memory);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, this);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, this);
  // "m": not mapped, since it is in memory already.
  tiff_ = TIFFClientOpenExt("image", "rm", this, on_read, on_write, on_seek, on_close, on_size, nullptr, nullptr,
                            options.get());
  if (tiff_ == nullptr) refuse();
}

void TiffFile::refuse() const {
  throw FormatError("the TIFF data is damaged or truncated: " +
                    (complaint_.empty() ? "(no reason given)" : complaint_));
}

void TiffFile::require_sound_pixels() const {
  if (!doubt_.empty()) throw FormatError("the TIFF data is damaged: " + doubt_);
}

tmsize_t TiffFile::on_read(thandle_t handle, void* to, tmsize_t count) {
  auto& self = *static_cast<TiffFile*>(handle);
  const std::size_t rest = self.bytes_.size() - std::min(self.at_, self.bytes_.size());
  const std::size_t size = std::min(rest, static_cast<std::size_t>(std::max<tmsize_t>(count, 0)));
  if (size > 0) std::memcpy(to, self.bytes_.data() + self.at_, size);
  self.at_ += size;
  return static_cast<tmsize_t>(size);
}

tmsize_t TiffFile::on_write(thandle_t /*handle*/, void* /*from*/, tmsize_t /*count*/) {
  return -1;
}

toff_t TiffFile::on_seek(thandle_t handle, toff_t offset, int whence) {
  auto& self = *static_cast<TiffFile*>(handle);
  const std::size_t base = whence == SEEK_CUR ? self.at_ : whence == SEEK_END ? self.bytes_.size() : 0;
  self.at_ = base + static_cast<std::size_t>(offset);
  return self.at_;
}

int TiffFile::on_close(thandle_t /*handle*/) {
  return 0;
}

toff_t TiffFile::on_size(thandle_t handle) {
  return static_cast<TiffFile*>(handle)->bytes_.size();
}

int TiffFile::on_error(TIFF* /*tiff*/, void* self, const char* /*module*/, const char* format, va_list arguments) {
  auto& complaint = static_cast<TiffFile*>(self)->complaint_;
  if (complaint.empty()) complaint = text_of(format, arguments);
  return 1;
}

/// Others are of tags that are not used here.
int TiffFile::on_warning(TIFF* /*tiff*/, void* self, const char* module, const char* format, va_list arguments) {
  auto& doubt = static_cast<TiffFile*>(self)->doubt_;
  const bool is_of_jpeg = module != nullptr && std::string_view(module) == "JPEGLib";
  if (is_of_jpeg && doubt.empty()) doubt = text_of(format, arguments);
  return 1;
}

}  // namespace datus::io_detail
