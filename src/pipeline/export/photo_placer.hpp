// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/export/export_writer.hpp"

#include <filesystem>

namespace datus {

/// Brings photos into the folder of an export.
class PhotoPlacer {
 public:
  explicit PhotoPlacer(const ExportTask& task);

  /// Links or copies `photo` to `name` below the folder, making folders on the way. From any thread. Throws
  /// `SystemError` naming it.
  void place(const std::filesystem::path& photo, const std::filesystem::path& name) const;

 private:
  ExportedImages how_;
  std::filesystem::path folder_;
  std::filesystem::path final_folder_;  ///< without links: relative ones lead from where it really is
};

}  // namespace datus
