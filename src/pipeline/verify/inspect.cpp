// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/inspect.hpp"

#include "datus/core/printable.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "datus/model/weight_files.hpp"
#include "datus/model/weights_summary.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/backbone/backbone.hpp"
#include "pipeline/verify/run_overview.hpp"
#include "pipeline/verify/verify_run.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace datus {
namespace {

namespace fs = std::filesystem;

std::string text_of(const AttributeValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* real = std::get_if<double>(&value)) return std::to_string(*real);
  constexpr std::size_t longest = 1000;
  std::string text = std::get<std::string>(value);
  std::replace(text.begin(), text.end(), '\n', ';');
  return printable_line(text, longest);
}

/// Prints what a dataset is, and why its values cannot be read where that is so; false where it cannot be opened. It
/// does not keep others of the file from being listed.
bool print_dataset(const Hdf5Reader& reader, const std::string& name, const std::string& kind, std::ostream& out) {
  out << "  " << printable_line(name) << "  " << kind;
  try {
    out << to_string(reader.shape(name)) << " " << reader.type_name(name);
  } catch (const InputError& error) {
    out << "cannot be used: " << printable_line(error.what()) << "\n";
    return false;
  }
  try {
    reader.require_filters(name);
    out << "\n";
  } catch (const InputError& error) {
    out << ", but: " << printable_line(error.what()) << "\n";
  }
  return true;
}

ExitCode print_hdf5(const fs::path& path, bool verify, std::ostream& out) {
  const Hdf5Reader reader(path);
  out << printable_line(path.string()) << "\n";
  ExitCode code = ExitCode::done;
  for (const auto& name : reader.datasets()) {
    if (!print_dataset(reader, name, "", out)) code = ExitCode::bad_input;
  }
  for (const auto& name : reader.links()) {
    if (!print_dataset(reader, name, "link to ", out)) code = ExitCode::bad_input;
  }
  try {
    for (const auto& [name, value] : reader.attributes("/")) {
      out << "  @" << printable_line(name) << " = " << text_of(value) << "\n";
    }
  } catch (const InputError& error) {
    out << "  attributes are not shown: " << printable_line(error.what()) << "\n";
  }
  if (!verify) return code;
  const bool recorded = reader.verify() == VerifyResult::verified;
  out << (recorded ? "  verified: every content hash is right\n"
                   : "  no record: not written by datus, nothing to check\n");
  return code;
}

/// "0.485 0.456 0.406".
std::string three(const std::array<float, 3>& values) {
  std::ostringstream text;
  text << values[0] << " " << values[1] << " " << values[2];
  return text.str();
}

void print_architecture(const ViTArchitecture& it, std::ostream& out) {
  out << "  family " << it.family << "\n  patch " << it.patch << ", D " << it.dim << ", " << it.depth << " blocks, "
      << it.heads << " heads, MLP " << it.hidden << " (" << to_string(it.activation) << "), epsilon "
      << it.layer_norm_eps << "\n";
  if (it.is_rotary()) {
    out << "  rotary positions";
  } else {
    out << "  positions " << it.native_grid << "x" << it.native_grid << " (inputs of " << it.native_grid * it.patch
        << " pixels), other grids by rule " << to_string(it.position);
  }
  out << (it.has_cls ? ", CLS" : ", no CLS");
  if (!it.has_cls && it.image_vector_dim > 0)
    out << ", a head makes the image's vector of " << it.image_vector_dim << " values";
  if (it.registers > 0) out << ", " << it.registers << " registers";
  out << "\n  " << it.parameters << " parameters\n";
}

void print_weights(const fs::path& path, const ModelConfig& config, std::ostream& out) {
  const WeightsSummary it = summarise_weights(path, vit_options(config, {}, 1));
  out << printable_line(path.string()) << "\n";
  print_architecture(it.architecture, out);
  out << "  stored as";
  for (const auto& [type, count] : it.types) out << " " << type << " (" << count << " tensors)";
  if (!it.branch.empty()) out << ", under " << it.branch;
  out << "\n  pixels: mean " << three(it.preprocessing.mean) << ", std " << three(it.preprocessing.standard_deviation)
      << ", " << (it.preprocessing.resample == Resample::bicubic ? "bicubic" : "bilinear") << " (of "
      << it.preprocessing.source << ")\n";
  if (!it.preprocessing.doubt.empty()) out << "  but: " << it.preprocessing.doubt << "\n";
  for (std::size_t i = 1; i < it.files.size(); ++i) out << "  with " << it.files[i].string() << "\n";
  for (const auto& unused : it.unused)
    out << "  not used: " << printable_line(unused.names) << ": " << printable_line(unused.why) << "\n";
  out << "  hash " << it.hash.hex() << "\n";
}

/// Whether a folder is one that model.weights could name.
bool holds_weights(const fs::path& folder) {
  try {
    (void)weight_files(folder);
    return true;
  } catch (const InputError&) {
    return false;
  }
}

/// One line for each kind of finding, and what to do.
void print_counts(const RunVerification& found, std::ostream& out) {
  using Kind = RunFinding::Kind;
  std::string fine;
  for (const auto& [kind, count] : found.fine) fine += (fine.empty() ? "" : ", ") + std::to_string(count) + " " + kind;
  out << "fine: " << (fine.empty() ? "nothing" : fine) << "\n";
  if (found.unchecked > 0) out << "not checked: " << found.unchecked << " files whose record is not there\n";
  if (found.is_fine()) return;
  const std::string separator = ", ";
  for (const Kind kind : {Kind::damaged, Kind::missing, Kind::stale, Kind::foreign}) {
    out << (kind == Kind::damaged ? "" : separator) << found.count(kind) << " " << to_string(kind);
  }
  out << "\n";
  if (found.count(Kind::foreign) > 0) out << "next: move the foreign files elsewhere\n";
  if (found.count(Kind::foreign) < std::ssize(found.findings) - found.count(Kind::note)) {
    out << "next: run the same command again, it makes these anew\n";
  }
}

/// Whether two findings can share a line. Damaged files are never put together: each is named.
bool is_alike(const RunFinding& one, const RunFinding& other) {
  return one.kind == other.kind && one.kind != RunFinding::Kind::damaged && one.reason == other.reason &&
         fs::path(one.file).parent_path() == fs::path(other.file).parent_path();
}

/// A line for each finding; for a long row of files with the same fate one line with the first and the last, so that a
/// run whose settings changed stays readable.
void print_findings(const std::vector<RunFinding>& findings, std::ostream& out) {
  constexpr std::ptrdiff_t long_row = 6;
  for (auto first = findings.begin(); first != findings.end();) {
    auto end = std::find_if_not(first, findings.end(), [&](const RunFinding& next) { return is_alike(*first, next); });
    if (end - first < long_row) end = first + 1;
    out << to_string(first->kind) << "  " << printable_line(first->file);
    if (end - first > 1) out << " ... " << printable_line(std::prev(end)->file) << "  (" << end - first << " files)";
    out << "  " << printable_line(first->reason) << "\n";
    first = end;
  }
}

ExitCode print_verification(const fs::path& path, std::ostream& out) {
  const RunVerification found = verify_run(RunDirectory(path));
  print_findings(found.findings, out);
  print_counts(found, out);
  return found.is_fine() ? ExitCode::done : ExitCode::bad_input;
}

}  // namespace

ExitCode inspect(const fs::path& path, bool verify, const ModelConfig& config, std::ostream& out) {
  if (!fs::exists(path)) {
    throw InputError("There is no " + path.string(), "no file or folder has this name",
                     "Give a run directory, an HDF5 file or a file of weights.");
  }
  if (fs::is_directory(path)) {
    const RunDirectory run(path);
    // A run that lost one of the two is a damaged run.
    if (!fs::exists(run.config()) && !fs::exists(run.image_list())) {
      const bool is_distributed = fs::exists(path / ".metadata");  // a checkpoint in pieces: the error says so
      if (holds_weights(path) || is_distributed) {
        print_weights(path, config, out);
        return ExitCode::done;
      }
      throw InputError(path.string() + " is not a run", "it has neither config.yaml nor images.h5",
                       "Give the directory of a run, or a file.");
    }
    if (verify) return print_verification(path, out);
    print_run_overview(run, out);
    return ExitCode::done;
  }
  if (has_hdf5_extension(path)) return print_hdf5(path, verify, out);
  print_weights(path, config, out);
  return ExitCode::done;
}

}  // namespace datus
