#include "pipeline/files/text_of_file.hpp"

#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

namespace datus {

std::optional<std::string> text_of_file(const std::filesystem::path& path) {
  std::error_code problem;
  // A folder can be opened but not read, a pipe would wait for a writer.
  if (!std::filesystem::is_regular_file(path, problem)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  // Inserting nothing sets the state of a failure, so an empty file is told apart first.
  if (!file || (file.peek() != std::ifstream::traits_type::eof() && !(text << file.rdbuf())) || file.bad()) {
    return std::nullopt;
  }
  return std::move(text).str();
}

}  // namespace datus
