// SPDX-License-Identifier: Apache-2.0
#include "pipeline/export/photo_placer.hpp"

#include "datus/core/error.hpp"

namespace datus {

namespace fs = std::filesystem;

PhotoPlacer::PhotoPlacer(const ExportTask& task)
    : how_(task.images), folder_(task.folder), final_folder_(fs::weakly_canonical(task.final_folder)) {}

void PhotoPlacer::place(const fs::path& photo, const fs::path& name) const {
  const fs::path target = with_folders(folder_ / name);
  std::error_code problem;
  if (how_ == ExportedImages::copy) {
    fs::copy_file(photo, target, problem);
  } else {
    const fs::path from = (final_folder_ / name).parent_path();
    fs::create_symlink(fs::canonical(photo).lexically_relative(from), target, problem);
  }
  if (!problem) return;
  throw SystemError("Cannot bring " + photo.string() + " to " + target.string(), problem.message(),
                    how_ == ExportedImages::copy ? "Choose another place with --out."
                                                 : "Choose another place with --out, or take --images copy.");
}

}  // namespace datus
