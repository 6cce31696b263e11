// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/hdf5_reader.hpp"
#include "pipeline/files/provenance.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace datus {

/// Opens a finished file and verifies all of it: every content hash the file has, and the record of the whole. With
/// `wanted`, the file must be complete, of that provenance and, where that names a shard, of that shard. Throws
/// `InputError` naming the file for anything else, whatever is in its place.
[[nodiscard]] Hdf5Reader open_verified(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted);

/// Whether `path` is a finished, undamaged file of that provenance and, where that names a shard, of that shard. The
/// whole file is read, unless its records differ already. When not, and there is something at `path`, `why` says what
/// is wrong with it; without anything there, `why` is left as it is. Throws nothing for what it finds at `path`.
[[nodiscard]] bool is_current(const std::filesystem::path& path, const StageProvenance& wanted, std::string* why);

}  // namespace datus
