// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/compare.hpp"

#include "datus/algo/protocol.hpp"
#include "datus/comm/rank_threads.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/input_guard.hpp"
#include "pipeline/compare/comparison_page.hpp"
#include "pipeline/compare/comparison_text.hpp"
#include "pipeline/inputs/options_of_config.hpp"

#include <algorithm>
#include <ostream>
#include <set>
#include <string>
#include <utility>

namespace datus {
namespace {

namespace fs = std::filesystem;

const std::set<std::string>& endings() {
  static const std::set<std::string> all = {".csv", ".md", ".html"};
  return all;
}

bool is_one_file(const fs::path& out) {
  return endings().contains(out.extension().string()) && !fs::is_directory(out);
}

/// Before any work is done.
void require_comparable(const CompareRequest& request) {
  const ProtocolRules rules = rules_of(protocol_of(request.protocol));
  if (rules.crops || rules.learns_on_half) {
    throw UsageError("Runs are not compared by protocol " + protocol_name(request.protocol),
                     "it counts a part of the images or of their pixels", "Use strict, datus-compat or many_to_one.");
  }
  if (!request.out) return;
  const bool is_there = fs::exists(*request.out);
  if (is_there && !fs::is_directory(*request.out) && !is_one_file(*request.out)) {
    throw UsageError(request.out->string() + " cannot take a comparison", "it is a file",
                     "Name a folder, or a file that ends with .csv, .md or .html.");
  }
  InputGuard({request.runs[0], request.runs[1]}).check(*request.out);
}

/// Of those by their difference, from both ends: the largest gains and the largest losses.
std::vector<std::size_t> shown_places(const RunComparison& comparison, int most_images) {
  std::vector<std::size_t> places = by_difference(comparison);
  const auto most = static_cast<std::size_t>(most_images);
  if (places.size() <= most) return places;
  const std::size_t at_end = comparison.is_scored() ? most / 2 : 0;
  places.erase(places.begin() + static_cast<std::ptrdiff_t>(most - at_end),
               places.end() - static_cast<std::ptrdiff_t>(at_end));
  return places;
}

std::string content_of(const std::string& ending, const RunPair& pair, const RunComparison& comparison,
                       const CompareRequest& request, int threads) {
  if (ending == ".csv") return comparison_csv(pair, comparison);
  if (ending == ".md") return comparison_markdown(pair, comparison);
  const auto places = shown_places(comparison, request.max_images);
  return comparison_page(pair, comparison, draw_comparison(pair, comparison, places, threads));
}

}  // namespace

ExitCode compare_runs(const CompareRequest& request, std::ostream& out, Communicator& comm) {
  require_comparable(request);
  const int threads = threads_per_rank(comm);
  const RunPair pair = open_pair(request);
  const RunComparison comparison = compare_masks(pair, request.protocol, threads, comm);
  out << comparison_text(pair, comparison) << std::flush;
  if (!request.out) return ExitCode::done;
  if (is_one_file(*request.out)) {
    write_text_atomically(*request.out, content_of(request.out->extension(), pair, comparison, request, threads));
    out << request.out->string() << std::endl;
    return ExitCode::done;
  }
  make_folders(*request.out);
  for (const std::string& ending : endings()) {
    const fs::path file = *request.out / ("compare" + ending);
    write_text_atomically(file, content_of(ending, pair, comparison, request, threads));
    out << file.string() << std::endl;
  }
  return ExitCode::done;
}

}  // namespace datus
