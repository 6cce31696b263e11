// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "pipeline/backbone/backbone.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/inputs/input_preparation.hpp"

#include <cstddef>
#include <future>
#include <string>
#include <vector>

namespace datus {

/// How the configuration stores embeddings; `none` rounds like float16, so that a run without keys gives the same
/// masks.
[[nodiscard]] KeyType key_type(const StorageConfig& storage);

/// All of their file but for the images.
[[nodiscard]] KeysFile keys_of_no_image(const Backbone& backbone, GridSize grid, KeyType type);

/// Stage extract: embeddings and CLS of images, rounded as stored. `names` are for messages. The caller fills `images`
/// of the result. The embeddings stay at `kept_on_gpu` too, as `Backbone::begin_embed` says. It begins as
/// `VisionTransformer::begin_forward` does; `get` throws `InputError` naming the image when a value is not finite (also
/// after rounding).
[[nodiscard]] std::future<KeysFile> begin_keys(const std::vector<InputImage>& inputs, const Backbone& backbone,
                                               GridSize grid, KeyType type, const std::vector<std::string>& names,
                                               int threads, std::byte* kept_on_gpu = nullptr);

/// Images of one file that share batches with those of others.
struct KeysPart {
  const std::vector<InputImage>* inputs;
  std::size_t place;               ///< of the first of them, counted from the first place of the first batch
  std::vector<std::string> names;  ///< of all of them
  std::byte* kept_on_gpu;          ///< as in `begin_keys`; null unless the part is alone, from the first place on
};

/// `begin_keys` of several files, whose images go into the same batches, each at its place; places are computed in vain
/// where nobody is. `parts`: by place, not on top of each other.
[[nodiscard]] std::vector<std::future<KeysFile>> begin_keys_together(const std::vector<KeysPart>& parts,
                                                                     const Backbone& backbone, GridSize grid,
                                                                     KeyType type, int threads);

}  // namespace datus
