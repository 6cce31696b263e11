// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5/hdf5_links.hpp"

#include "datus/core/environment.hpp"
#include "datus/core/regular_file.hpp"

#include <exception>
#include <filesystem>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace datus::hdf5 {
namespace {

namespace fs = std::filesystem;

/// All places where the library looks for the target of a link: the folders of HDF5_EXT_PREFIX, that of the file which
/// holds the link, where that one really is, and the current one.
std::vector<fs::path> places_of(const fs::path& holder, const fs::path& target) {
  std::vector<fs::path> places = {target};
  const fs::path name = target.is_absolute() ? target.filename() : target;
  std::error_code unknown;
  places.push_back(name);
  places.push_back(holder.parent_path() / name);
  places.push_back(fs::canonical(holder, unknown).parent_path() / name);
  std::istringstream list(environment_variable("HDF5_EXT_PREFIX"));
  for (std::string folder; std::getline(list, folder, ':');) places.push_back(fs::path(folder) / name);
  return places;
}

/// A folder, or nothing at all, the library passes over.
bool may_block(const fs::path& place) {
  std::error_code unknown;
  const fs::file_type type = fs::status(place, unknown).type();
  return type == fs::file_type::fifo || type == fs::file_type::socket || type == fs::file_type::character ||
         type == fs::file_type::block;
}

}  // namespace

herr_t refuse_links_into_devices(const char* holder_file, const char* /*holder_group*/, const char* target_file,
                                 const char* /*target*/, unsigned* /*flags*/, hid_t /*file_access*/,
                                 void* reason) noexcept {
  try {
    for (const fs::path& place : places_of(holder_file, target_file)) {
      if (!may_block(place)) continue;
      (void)RegularFile::open(place, *static_cast<std::string*>(reason));
      return -1;
    }
  } catch (const std::exception&) {
    return -1;
  }
  return 0;
}

}  // namespace datus::hdf5
