// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/verified_file.hpp"

#include "datus/core/error.hpp"

#include <system_error>

namespace datus {
namespace {

/// Throws unless there is an ordinary file, or a link to one. Opening a pipe would wait for a writer.
void require_ordinary_file(const std::filesystem::path& path) {
  std::error_code problem;
  const std::filesystem::file_type type = std::filesystem::status(path, problem).type();
  if (type == std::filesystem::file_type::regular) return;
  const std::string why = problem                                         ? problem.message()
                          : type == std::filesystem::file_type::directory ? "it is a folder"
                                                                          : "it is not an ordinary file";
  throw InputError("Cannot open " + path.string(), why, "Remove what is there and make the file again.");
}

/// What the records of a file say against its use; nothing when they are those wanted. They are small: the rest of a
/// file of other settings need not be read.
std::string record_problem(const Hdf5Reader& reader, const StageProvenance& wanted) {
  if (!reader.has_attribute("/", "done")) return "it is not complete";
  if (has_provenance(reader, wanted)) return {};
  const std::string difference = describe_difference(reader, wanted);
  return difference.empty() ? "its record is damaged" : difference;
}

}  // namespace

Hdf5Reader open_verified(const std::filesystem::path& path, const std::optional<StageProvenance>& wanted) {
  std::error_code problem;
  if (wanted && std::filesystem::status(path, problem).type() == std::filesystem::file_type::not_found) {
    throw InputError(path.string() + " is missing", "the stage '" + wanted->stage + "' has not made it",
                     "Run that stage first, or 'datus run'.");
  }
  require_ordinary_file(path);
  Hdf5Reader reader(path);
  const std::string difference = wanted ? record_problem(reader, *wanted) : "";
  if (!difference.empty()) {
    throw InputError(path.string() + " is not of this run", difference, "Run the stage '" + wanted->stage + "' first.");
  }
  reader.verify();
  return reader;
}

bool is_current(const std::filesystem::path& path, const StageProvenance& wanted, std::string* why) {
  std::error_code problem;
  if (std::filesystem::status(path, problem).type() == std::filesystem::file_type::not_found) return false;
  try {
    require_ordinary_file(path);
    const Hdf5Reader reader(path);
    const std::string difference = record_problem(reader, wanted);
    if (difference.empty()) {
      reader.verify();
      return true;
    }
    *why = difference;
  } catch (const Error& error) {
    *why = error.what();
  }
  return false;
}

}  // namespace datus
