#pragma once

#include "datus/config/config.hpp"
#include "datus/pipeline/backbone.hpp"
#include "datus/pipeline/extract.hpp"
#include "datus/pipeline/shard_files.hpp"

#include <filesystem>
#include <functional>
#include <span>
#include <vector>

namespace datus {

/// Stage describe: one unit-length vector for each valid segment of the images, in the order of the segments.
/// `inputs` are the images of `segments`, in its order. `keys` gives their embeddings as stored, and is called by the
/// kinds that average them only. Throws `InputError` naming image and segment for a descriptor of length 0 or not
/// finite.
[[nodiscard]] DescriptorsFile describe_segments(const std::vector<InputImage>& inputs, const SegmentsFile& segments,
                                                const Backbone& backbone, const Config& config, int threads,
                                                const std::function<const KeysFile&()>& keys);

/// `datus describe --images DIR --segments FILE --out FILE`. Every image of the file must be there and readable.
void describe_to_file(const Config& config, const std::filesystem::path& images, const std::filesystem::path& segments,
                      const std::filesystem::path& out, int threads);

}  // namespace datus
