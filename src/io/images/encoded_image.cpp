// SPDX-License-Identifier: Apache-2.0
#include "datus/io/encoded_image.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"
#include "datus/io/mask_file.hpp"
#include "io/images/png_encoder.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>

#include <turbojpeg.h>

namespace datus {
namespace {

struct DestroyEncoder {
  void operator()(void* encoder) const noexcept { tjDestroy(encoder); }
};
using Encoder = std::unique_ptr<std::remove_pointer_t<tjhandle>, DestroyEncoder>;

struct FreeBytes {
  void operator()(unsigned char* bytes) const noexcept { tjFree(bytes); }
};

[[noreturn]] void throw_cannot_encode(const Image& image, const char* why) {
  throw SystemError("Cannot make a JPEG of " + dimensions_text(image.height, image.width) + " pixels", why,
                    "Pass an image of 1 to 65500 pixels on each side.");
}

void check_labels(const LabelMap& map, int labels) {
  const auto is_none = [&](std::int32_t label) { return label < no_label || label >= labels; };
  const auto found = std::ranges::find_if(map.labels, is_none);
  if (found == map.labels.end()) return;
  throw UsageError("Cannot make a PNG of labels",
                   "label " + std::to_string(*found) + " at pixel " + std::to_string(found - map.labels.begin()) +
                       " is none of " + std::to_string(labels),
                   "Pass the number of labels.");
}

}  // namespace

std::vector<std::uint8_t> jpeg_bytes(const Image& image, int quality) {
  const Encoder encoder(tjInitCompress());
  if (!encoder) throw_cannot_encode(image, tjGetErrorStr2(nullptr));
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const int status = tjCompress2(encoder.get(), image.pixels.data(), image.width, image.width * 3, image.height,
                                 TJPF_RGB, &bytes, &size, TJSAMP_420, quality, TJFLAG_ACCURATEDCT);
  const std::unique_ptr<unsigned char, FreeBytes> owner(bytes);
  if (status != 0) throw_cannot_encode(image, tjGetErrorStr2(encoder.get()));
  return {bytes, bytes + size};
}

std::vector<std::uint8_t> label_png_bytes(const LabelMap& map, int labels, const Palette& palette) {
  check_labels(map, labels);
  const bool is_wide = labels > max_palette_clusters;
  const std::int32_t unassigned = is_wide ? 65535 : labels;
  std::vector<std::uint8_t> samples(map.labels.size() * (is_wide ? 2 : 1));
  std::uint8_t* to = samples.data();
  for (const std::int32_t label : map.labels) {
    const std::int32_t value = label != no_label ? label : unassigned;
    if (is_wide) *to++ = static_cast<std::uint8_t>(value >> 8U);
    *to++ = static_cast<std::uint8_t>(value);
  }
  std::vector<Colour> entries;
  for (int label = 0; !is_wide && label < labels; ++label) entries.push_back(palette.of(label));
  if (!is_wide) entries.push_back(palette.unassigned);
  return io_detail::encode_png({.kind = is_wide ? io_detail::PngKind::grey16 : io_detail::PngKind::palette8,
                                .height = map.height,
                                .width = map.width,
                                .samples = samples,
                                .palette = entries});
}

std::vector<std::uint8_t> png_bytes(const Image& image) {
  return io_detail::encode_png({.kind = io_detail::PngKind::rgb8,
                                .height = image.height,
                                .width = image.width,
                                .samples = image.pixels,
                                .palette = {}});
}

}  // namespace datus
