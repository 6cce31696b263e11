// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/labels.hpp"
#include "datus/io/deflated_dataset.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "datus/io/hdf5_writer.hpp"
#include "datus/io/palette.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace datus {

/// The dataset of the mask of the image at that place of a list: "/mask/000012".
[[nodiscard]] std::string packed_mask_name(std::int64_t position);

/// A mask of `clusters` as HDF5 files have it: [height, width], one deflated chunk, u8 with 255 for `no_label`, or i32
/// with 65535 from 256 clusters on. Throws `UsageError` for a label outside the range.
[[nodiscard]] DeflatedDataset packed_mask(const LabelMap& labels, int clusters);

/// Back again, compared with its content hash. Throws `InputError` for what is damaged, missing or no mask.
[[nodiscard]] Labels read_packed_mask(const Hdf5Reader& reader, std::int64_t position);

/// What a reader of such masks needs: attributes k and unassigned, /palette [clusters, 3].
void write_packing(Hdf5Writer& writer, int clusters);

/// /NAME [count, 3]: the colours of the labels 0 … count - 1.
void write_colours(Hdf5Writer& writer, const std::string& name, const Palette& palette, int count);

}  // namespace datus
