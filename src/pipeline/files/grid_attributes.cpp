// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/grid_attributes.hpp"

#include "datus/core/error.hpp"
#include "pipeline/files/dataset_checks.hpp"

#include <cmath>
#include <limits>
#include <string>

namespace datus {

void write_grid_attributes(Hdf5Writer& writer, GridSize grid, int patch) {
  writer.attribute("/", "rows", grid.rows);
  writer.attribute("/", "cols", grid.cols);
  if (patch > 0) writer.attribute("/", "patch", patch);
}

GridSize read_grid_attributes(const Hdf5Reader& reader, std::int64_t patches) {
  const std::string file = reader.path().string();
  if (reader.has_attribute("/", "rows") != reader.has_attribute("/", "cols")) {
    throw InputError("Only one of the attributes rows and cols is in " + file, "the patch grid needs both",
                     "Write both as root attributes.");
  }
  if (patches < 1 || patches > std::numeric_limits<int>::max()) {
    throw InputError("An image of " + file + " has " + std::to_string(patches) + " patches", "there is no such grid",
                     "Make the file again.");
  }
  GridSize grid;
  if (reader.has_attribute("/", "rows")) {
    grid.rows = int_attribute(reader, "/", "rows", 1);
    grid.cols = int_attribute(reader, "/", "cols", 1);
  } else {
    grid.rows = grid.cols = static_cast<int>(std::lround(std::sqrt(static_cast<double>(patches))));
  }
  if (std::int64_t{grid.rows} * grid.cols != patches) {
    throw InputError("The patch grid " + std::to_string(grid.rows) + "x" + std::to_string(grid.cols) + " of " + file +
                         " does not have its " + std::to_string(patches) + " patches",
                     "the attributes rows and cols, or a square without them",
                     "Write rows and cols as root attributes.");
  }
  return grid;
}

}  // namespace datus
