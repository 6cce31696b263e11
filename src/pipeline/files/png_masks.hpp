// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/palette.hpp"
#include "pipeline/files/mask_store.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace datus {

/// mask.formats: png. RUN/masks/kK/NAME.png for each image, and a record of each shard's.
[[nodiscard]] std::unique_ptr<const MaskStore> make_png_mask_store(MaskedRun run);

/// Writes the mask ROOT/NAME.png and, where an image viewer would show black, its colours as ROOT-preview/NAME.png.
void write_mask_files(const std::filesystem::path& root, const std::string& name, const LabelMap& labels, int clusters,
                      const Palette& palette, const WriteOptions& options);

}  // namespace datus
