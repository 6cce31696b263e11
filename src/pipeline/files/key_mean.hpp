// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/core/exact_sums.hpp"
#include "datus/core/hash.hpp"
#include "datus/io/atomic_file.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/files/provenance.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace datus {

/// The mean embedding of a whole data set, which affinity.center: dataset subtracts.
struct KeyMean {
  std::vector<float> values;  ///< [D]
  std::int64_t patches = 0;   ///< that it is of

  [[nodiscard]] Hash hash() const;
};

/// Sums of the embeddings of patches that are in their images. They are exact: order, threads and ranks do not matter.
class KeySums {
 public:
  /// Files of one width.
  void add(const KeysFile& file, int threads);
  /// COLLECTIVE. Those of all ranks.
  void allreduce(Communicator& comm);
  /// Zeros where there is no patch.
  [[nodiscard]] KeyMean mean();

 private:
  std::optional<ExactSums> sums_;  ///< none before the width is known
  std::int64_t dim_ = 0;
  std::int64_t patches_ = 0;
};

/// Of a plain file of embeddings. Throws `InputError` naming it.
[[nodiscard]] KeyMean mean_of_keys_file(const std::filesystem::path& keys, int threads);

/// RUN/keys/mean.h5: /mean [D] f32, and the number of patches as root attribute. The final name appears when the file
/// is complete, flushed and read back.
void write_key_mean(const std::filesystem::path& path, const KeyMean& mean, const StageProvenance& provenance,
                    const WriteOptions& options);
/// Opens as `open_verified` does, and throws as that does.
[[nodiscard]] KeyMean read_key_mean(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted);
/// Its hash; nothing where there is no such file, or none that can be used.
[[nodiscard]] std::optional<Hash> hash_of_key_mean(const std::filesystem::path& path);

}  // namespace datus
