// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "datus/io/dataset.hpp"
#include "datus/io/input_guard.hpp"

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace datus {

/// A file of this name tells that a folder holds masks of `datus mask`.
inline constexpr const char* mask_folder_mark = ".datus-masks";

/// Says in one line what was left out of the folder of the images, when anything was.
void log_left_out(const Dataset& dataset, const std::filesystem::path& images);

/// The images of `--images`: a folder, without the runs and masks in it, or a text file with one path per line.
/// Throws `UsageError` for a run, a part of one, or masks.
[[nodiscard]] std::unique_ptr<Dataset> open_plain_images(const std::filesystem::path& images);

/// Of the images that `--images` names, each of them too, and of other inputs.
[[nodiscard]] InputGuard guard_of_images(const std::filesystem::path& images, const Dataset& dataset,
                                         std::initializer_list<std::filesystem::path> others);

/// The classes of the configuration as `DatasetOptions::classes` takes them.
[[nodiscard]] std::optional<std::filesystem::path> classes_of(const DatasetConfig& config);

/// The data set of the configuration's dataset section, without the runs and masks in its folder. Throws `UsageError`
/// when `dataset.images` is missing, a run, a part of one, or masks.
[[nodiscard]] std::unique_ptr<Dataset> open_configured_dataset(const DatasetConfig& config);

/// The items of `dataset` with these names, in the order of `names`. Throws `InputError` naming the first that is
/// missing; with `exact`, also the first image that `names` does not list. Without names (`names` empty) the order of
/// the data set is taken, which must have `count` images, and this is said.
[[nodiscard]] std::vector<DatasetItem> join_by_name(const Dataset& dataset, const std::vector<std::string>& names,
                                                    std::int64_t count, const std::string& what);

}  // namespace datus
