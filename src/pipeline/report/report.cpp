// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/report.hpp"

#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/text.hpp"
#include "datus/core/version.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/pipeline/cluster_selection.hpp"
#include "datus/pipeline/report_limits.hpp"
#include "pipeline/files/kept_names.hpp"
#include "pipeline/report/collect.hpp"
#include "pipeline/report/html.hpp"
#include "pipeline/report/page.hpp"
#include "pipeline/report/painter.hpp"
#include "pipeline/session/progress.hpp"
#include "pipeline/session/segment_words.hpp"
#include "pipeline/shards/segment_totals.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// A file that says the same already is left alone, for each costs a wait for the disk.
void write_if_new(const fs::path& path, std::string_view text, const WriteOptions& options) {
  if (text_of_file(path) != text) write_text_atomically(path, text, options);
}

std::string_view as_text(const std::vector<std::uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The photo and a mask as files of their own, where the page does not hold them.
void write_stills(const RunContext& run, const ReportPicture& picture) {
  const fs::path file = Painter::file_of(run.directory, picture.image);
  write_if_new(fs::path(file).replace_extension(".jpg"), as_text(from_base64(picture.photo)), run.writing());
  write_if_new(fs::path(file).replace_extension(".png"), as_text(from_base64(picture.still)), run.writing());
}

/// COLLECTIVE. The pictures on rank 0, in the order of the requests; those of images that cannot be read are missing.
std::vector<ReportPicture> draw_pictures(const RunContext& run, const std::vector<PictureRequest>& requests,
                                         const Painter& painter, bool apart) {
  std::vector<std::optional<ReportPicture>> drawn(requests.size());
  collectively(run.comm, [&] {
    const std::int64_t mine = (std::ssize(requests) - run.comm.rank() + run.comm.size() - 1) / run.comm.size();
    Progress progress("report", mine, run.comm.rank() != 0);
    parallel_for(std::ssize(requests), run.threads, [&](std::int64_t i) {
      const auto place = static_cast<std::size_t>(i);
      if (i % run.comm.size() != run.comm.rank()) return;
      drawn[place] = painter.picture(requests[place]);
      if (apart && requests[place].is_shown && drawn[place]) write_stills(run, *drawn[place]);
      progress.add(1);
    });
  });
  // By the network, for another node may not see a new file yet. Each text ends where its length says.
  std::string mine;
  std::vector<ReportPicture> pictures;
  for (auto& picture : drawn) {
    if (!picture) continue;
    if (run.comm.rank() == 0) {
      pictures.push_back(std::move(*picture));
      continue;
    }
    const std::string text = to_text(*picture);
    mine += std::to_string(text.size()) + "\n" + text;
  }
  for (const auto& bytes : run.comm.gather(std::as_bytes(std::span(mine)), 0)) {
    std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    while (!rest.empty()) {
      const auto end = rest.find('\n');
      const std::size_t size = std::stoull(std::string(rest.substr(0, end)));
      auto picture = picture_from(std::string(rest.substr(end + 1, size)));
      if (picture) pictures.push_back(std::move(*picture));
      rest.remove_prefix(end + 1 + size);
    }
  }
  std::ranges::sort(pictures, {}, &ReportPicture::image);
  return pictures;
}

/// What is no picture of this report any more.
void remove_others(const RunContext& run, const ReportData& data) {
  std::set<fs::path> kept;
  for (const ReportPicture& picture : data.pictures) {
    const fs::path file = Painter::file_of(run.directory, picture.image);
    kept.insert(file);
    if (!data.pictures_apart || picture.photo.empty()) continue;
    for (const char* ending : {".jpg", ".png"}) kept.insert(fs::path(file).replace_extension(ending));
  }
  std::vector<fs::path> others;
  for (const auto& entry : fs::directory_iterator(Painter::file_of(run.directory, 0).parent_path())) {
    if (!kept.contains(entry.path())) others.push_back(entry.path());
  }
  for (const fs::path& path : others) {
    run.require_held();
    fs::remove_all(path);
  }
}

/// All values of K that were fitted here, in ascending order.
std::vector<ClusterSummary> collect_selection(const RunContext& run) {
  std::vector<ClusterSummary> selection;
  for (const int k : run.config.cluster.k) {
    if (fs::exists(run.directory.centroids(k))) selection.push_back(read_cluster_summary(run.directory.centroids(k)));
  }
  // Clusters that come from another run have been chosen there.
  if (std::ranges::none_of(selection, [](const ClusterSummary& value) { return value.iterations > 0; })) return {};
  std::ranges::sort(selection, {}, &ClusterSummary::k);
  return selection;
}

/// The K whose clusters a person named.
int k_of_names(const RunContext& run, const ReportRequest& request) {
  const std::vector<int>& values = run.config.cluster.k;
  if (!request.k && values.size() == 1) return values.front();
  if (request.k && std::ranges::find(values, *request.k) != values.end()) return *request.k;
  std::string there;
  for (const int value : values) there += (there.empty() ? "" : ", ") + std::to_string(value);
  throw UsageError(request.k ? "There are no clusters for K = " + std::to_string(*request.k)
                             : "It is not said which clusters " + request.names->string() + " names",
                   "the run has K = " + there, "Choose one of them with --k.");
}

/// COLLECTIVE. The names that a run is to forget.
void drop_names(const RunContext& run, const std::optional<int>& wanted) {
  on_root(run.comm, [&] {
    bool had_some = false;
    for (const int k : run.config.cluster.k) {
      const fs::path file = kept_names_file(run.directory, k);
      if ((wanted && *wanted != k) || !fs::exists(file)) continue;
      run.require_held();
      had_some = fs::remove(file);
      log::info("the names of K = " + std::to_string(k) + " are dropped: " + file.string());
    }
    if (!had_some) log::info("the run has no names to drop");
  });
}

void add_facts(const RunContext& run, ReportData& data) {
  const auto file = [](const std::optional<fs::path>& path) { return path ? path->filename().string() : "none"; };
  data.facts = {{"images", run.images_description()},
                {"data set", fs::path(run.config.dataset.kind.name).filename().string()},
                {"backbone", file(run.config.model.weights)},
                {"preset", run.config.preset},
                {"datus", version()},
                {"backend", run.provenance.inputs().backend}};
}

/// What lies beside the report, by relative addresses.
void add_links(const RunContext& run, ReportData& data) {
  const auto add = [&](const fs::path& path, const std::string& what) {
    if (!fs::exists(path)) return;
    data.links.emplace_back("../" + path.lexically_relative(run.directory.root()).generic_string(), what);
  };
  for (const int k : run.config.cluster.k) {
    for (const MaskConfig::Format format : run.config.mask.formats) {
      const std::string name = "masks, K = " + std::to_string(k);
      add(format == MaskConfig::Format::png ? run.directory.masks(k) : run.directory.mask_index(k), name);
    }
    add(run.directory.scores(k), "scores, K = " + std::to_string(k));
  }
  add(run.directory.config(), "config.yaml");
  add(run.directory.selection(), "selection.json");
  data.links.emplace_back("../summary.json", "summary.json");
  add(run.directory.unreadable(), "unreadable.tsv");
}

void add_warnings(const RunContext& run, const std::optional<SegmentTally>& tally, ReportData& data) {
  if (tally) {
    data.segmentation = tally_text(*tally);
    if (auto warning = tally_warning(*tally, run.config); !warning.empty()) data.warnings.push_back(std::move(warning));
  }
  if (const ReportResult* first = data.results.empty() ? nullptr : &data.results.front(); first && first->evaluation) {
    auto warning =
        truth_warning(first->evaluation->truth, first->evaluation->class_names, first->evaluation->void_value);
    if (!warning.empty()) data.warnings.push_back(std::move(warning));
  }
  for (const ReportResult& result : data.results) {
    for (const std::string& sentence : {result.left_out, result.names_left_out}) {
      if (!sentence.empty()) data.warnings.push_back(sentence);
    }
  }
  if (const auto table = text_of_file(run.directory.unreadable())) {
    const auto lines = std::ranges::count(*table, '\n');
    data.warnings.push_back(counted(lines, "image") + " could not be read (unreadable.tsv says why).");
  }
}

}  // namespace

void write_report(const RunContext& run, const ReportRequest& request, const std::string& evaluation_failure) {
  ReportData data;
  std::vector<PictureRequest> requests;
  std::optional<Painter> painter;
  std::optional<NamesOfClusters> names;
  if (request.drops_names) drop_names(run, request.k);
  collectively(run.comm, [&] {
    if (request.names) names = NamesOfClusters{.file = *request.names, .k = k_of_names(run, request)};
    data.results = collect_results(run, names);
    const ReportClasses classes = classes_of(run, data.results);
    data.classes = classes.count;
    data.class_palette = classes.palette();
    data.class_names = run.dataset->classes();
    for (const ReportResult& result : data.results) {
      if (!result.class_names.empty()) data.class_names = result.class_names;
    }
    requests = choose_pictures(run, data.results, request.max_images);
    const auto shown = std::ranges::count_if(requests, &PictureRequest::is_shown);
    data.pictures_apart = shown > report_images;
    const int maps = 1 + (run.dataset->has_truth() ? 1 : 0) + static_cast<int>(data.results.size());
    painter.emplace(run, data.results, classes,
                    report_picture_pixels(std::min<std::int64_t>(shown, report_images), maps));
  });
  on_root(run.comm, [&] {
    make_folders(Painter::file_of(run.directory, 0).parent_path());
    if (!names) return;
    keep_names(run.directory, names->k, run.provenance.of(Stage::cluster, names->k), names->file, run.writing());
    log::info("the run keeps the names in " + kept_names_file(run.directory, names->k).string() +
              ", for later reports too; 'datus report RUN --names none' drops them");
  });
  data.pictures = draw_pictures(run, requests, *painter, data.pictures_apart);
  const auto tally = tally_of_run(run);
  on_root(run.comm, [&] {
    describe_clusters(run, data.results);
    data.title = run.directory.root().filename().string();
    data.image_count = run.list.size();
    for (const ListedImage& listed : run.list.images) data.names.push_back(listed.name);
    data.has_truth = run.dataset->has_truth();
    data.evaluation_failure = evaluation_failure;
    data.selection = collect_selection(run);
    data.settings = dump_config(run.config, false);
    add_facts(run, data);
    add_links(run, data);
    add_warnings(run, tally, data);
    remove_others(run, data);
    write_if_new(run.directory.report(), report_page(data), run.writing());
  });
}

}  // namespace datus
