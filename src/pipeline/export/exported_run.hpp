// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/files/image_list.hpp"
#include "pipeline/files/mask_store.hpp"

#include <filesystem>
#include <memory>
#include <optional>

namespace datus {

/// A finished run whose masks of one K are read.
struct ExportedRun {
  RunDirectory directory;
  Config config;
  std::unique_ptr<const ImageList> list;
  std::unique_ptr<const MaskStore> masks;
  int k = 0;
};

/// The settings that a run was made with. Throws `InputError` for what is no run.
[[nodiscard]] Config config_of_run(const std::filesystem::path& run);

/// Opens it, with the only K that it has where none is given; changes nothing. Throws `InputError` for what is no run,
/// `UsageError` for a K that it does not have.
[[nodiscard]] ExportedRun open_exported_run(const std::filesystem::path& run, std::optional<int> k);

}  // namespace datus
