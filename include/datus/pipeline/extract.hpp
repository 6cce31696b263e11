#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/pipeline/backbone.hpp"
#include "datus/pipeline/input_preparation.hpp"
#include "datus/pipeline/plain_images.hpp"
#include "datus/pipeline/shard_files.hpp"

#include <filesystem>
#include <span>
#include <vector>

namespace datus {

/// How the configuration stores embeddings; `none` rounds like float16, so that a run without keys gives the same
/// masks.
[[nodiscard]] KeyType key_type(const StorageConfig& storage);

/// Stage extract: embeddings and CLS of images, rounded as stored. `names` are for messages. The caller fills `images`
/// of the result. Throws `InputError` naming the image when a value is not finite.
[[nodiscard]] KeysFile extract_keys(const std::vector<InputImage>& inputs, const Backbone& backbone, GridSize grid,
                                    KeyType type, const std::vector<std::string>& names, int threads);

/// `datus extract --images DIR|LIST --out FILE`: one process, one file. Images that cannot be read are left out and
/// returned. Throws `InputError` when none is left.
UnreadableImages extract_to_file(const Config& config, const std::filesystem::path& images,
                                 const std::filesystem::path& out, int threads);

}  // namespace datus
