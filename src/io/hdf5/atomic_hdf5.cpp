// SPDX-License-Identifier: Apache-2.0
#include "datus/io/atomic_hdf5.hpp"

#include <utility>

namespace datus {

AtomicHdf5::AtomicHdf5(std::filesystem::path final_path, WriteOptions options)
    : file_(std::move(final_path), std::move(options)), writer_(file_.path()) {}

const std::filesystem::path& AtomicHdf5::close() {
  if (writer_) {
    writer_->close();
    writer_.reset();
  }
  return file_.path();
}

void AtomicHdf5::commit(SourceCheck sources) {
  close();
  file_.commit([sources](const std::filesystem::path& written) { require_verified(written, sources); });
}

}  // namespace datus
