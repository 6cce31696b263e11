// SPDX-License-Identifier: Apache-2.0
#include "io/images/webp_decoder.hpp"

#include "io/images/byte_view.hpp"

#include <cstddef>
#include <memory>

#include <webp/decode.h>
#include <webp/demux.h>

namespace datus::io_detail {
namespace {

std::string reason_of(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
      return "it is truncated";
    case VP8_STATUS_OUT_OF_MEMORY:
      return "there is no memory for it";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return "it uses what libwebp does not know";
    default:
      return "libwebp's status is " + std::to_string(static_cast<int>(status));
  }
}

[[noreturn]] void refuse(VP8StatusCode status) {
  throw FormatError("the WebP data is damaged: " + reason_of(status));
}

/// Decodes one picture into the upper left of `pixels`, whose rows have `stride` bytes.
void decode_into(std::span<const std::uint8_t> bytes, std::span<std::uint8_t> pixels, std::size_t stride) {
  WebPDecoderConfig config{};
  if (WebPInitDecoderConfig(&config) == 0) throw FormatError("the WebP decoder could not start");
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = pixels.data();
  config.output.u.RGBA.stride = static_cast<int>(stride);
  config.output.u.RGBA.size = pixels.size();
  const VP8StatusCode status = WebPDecode(bytes.data(), bytes.size(), &config);
  WebPFreeDecBuffer(&config.output);
  if (status != VP8_STATUS_OK) refuse(status);
}

/// The first frame of an animation. Its place on the canvas has even coordinates; libwebp has checked that it lies
/// there.
void decode_first_frame(std::span<const std::uint8_t> bytes, Image& canvas) {
  const WebPData data{bytes.data(), bytes.size()};
  const std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)> demuxer(WebPDemux(&data), WebPDemuxDelete);
  WebPIterator frame{};
  if (!demuxer || WebPDemuxGetFrame(demuxer.get(), 1, &frame) == 0) refuse(VP8_STATUS_BITSTREAM_ERROR);
  const std::unique_ptr<WebPIterator, decltype(&WebPDemuxReleaseIterator)> release(&frame, WebPDemuxReleaseIterator);
  if (frame.x_offset + frame.width > canvas.width || frame.y_offset + frame.height > canvas.height) {
    throw FormatError("the WebP data is damaged: its first frame lies outside of the picture");
  }
  const std::size_t stride = static_cast<std::size_t>(canvas.width) * 3;
  const std::size_t first =
      static_cast<std::size_t>(frame.y_offset) * stride + static_cast<std::size_t>(frame.x_offset) * 3;
  decode_into({frame.fragment.bytes, frame.fragment.size}, std::span(canvas.pixels).subspan(first), stride);
}

}  // namespace

std::string webp_library() {
  const auto version = static_cast<unsigned>(WebPGetDecoderVersion());
  return "libwebp " + std::to_string(version >> 16U) + "." + std::to_string(version >> 8U & 0xFFU) + "." +
         std::to_string(version & 0xFFU);
}

std::optional<StoredPicture> webp_picture(std::span<const std::uint8_t> bytes) {
  WebPBitstreamFeatures features{};
  const VP8StatusCode status = WebPGetFeatures(bytes.data(), bytes.size(), &features);
  if (status == VP8_STATUS_NOT_ENOUGH_DATA) return std::nullopt;
  if (status != VP8_STATUS_OK) refuse(status);
  return StoredPicture{.width = features.width, .height = features.height, .has_more = features.has_animation != 0};
}

Image decode_webp(std::span<const std::uint8_t> bytes, const ParsedHeader& header) {
  Image image(header.height, header.width);
  if (header.has_more) {
    decode_first_frame(bytes, image);
  } else {
    decode_into(bytes, image.pixels, static_cast<std::size_t>(image.width) * 3);
  }
  return image;
}

}  // namespace datus::io_detail
