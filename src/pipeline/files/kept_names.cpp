// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/kept_names.hpp"

#include "datus/core/text.hpp"

#include <string_view>

namespace datus {
namespace {

constexpr std::string_view mark = "# of the clusters ";

}  // namespace

std::filesystem::path kept_names_file(const RunDirectory& run, int k) {
  return run.clusters(k) / "names.yaml";
}

void keep_names(const RunDirectory& run, int k, const StageProvenance& clusters, const std::filesystem::path& given,
                const WriteOptions& options) {
  std::string text = text_of_file(given).value_or("");
  // Given back as it was kept.
  if (text.starts_with(mark)) text.erase(0, text.find('\n') + 1);
  const std::string kept = std::string(mark) + clusters.hash().hex() + "\n" + text;
  const auto file = kept_names_file(run, k);
  if (text_of_file(file) != kept) write_text_atomically(file, kept, options);
}

std::optional<std::filesystem::path> kept_names(const RunDirectory& run, int k, const StageProvenance& clusters,
                                                std::string& why) {
  const auto file = kept_names_file(run, k);
  const auto text = text_of_file(file);
  if (!text) return std::nullopt;
  // Without the line, it is a person's own, and meant.
  const bool is_current =
      !text->starts_with(mark) || text->substr(mark.size()).starts_with(clusters.hash().hex() + "\n");
  if (is_current) return file;
  why = "The names in " + file.string() + " are of other clusters than the run has now, and are not shown.";
  return std::nullopt;
}

}  // namespace datus
