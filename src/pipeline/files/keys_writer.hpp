#pragma once

#include "datus/core/types.hpp"
#include "datus/io/atomic_hdf5.hpp"
#include "datus/io/hdf5_writer.hpp"
#include "pipeline/backbone/backbone.hpp"
#include "pipeline/files/shard_files.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace datus {

/// Writes a plain keys file part by part: /keys [n,P,D], /cls [n,D] where the model has such vectors for inputs of this
/// size, /name [n], and /valid [n,P] for padded inputs. The final name appears with `finish`.
class KeysWriter {
 public:
  KeysWriter(const std::filesystem::path& path, GridSize grid, const Backbone& backbone,
             const std::vector<std::string>& names, KeyType type, bool padded);
  /// The next images, in the order of the names.
  void append(const KeysFile& part);
  void finish();

 private:
  AtomicHdf5 file_;
  KeyType type_;
  bool padded_;
  std::int64_t patches_;
  int cls_dim_ = 0;
  std::int64_t next_ = 0;
};

/// Rows of keys in the stored type, from row `first` on.
void write_key_rows(Hdf5Writer& writer, std::int64_t first, const std::vector<float>& keys, KeyType type);

}  // namespace datus
