#include "datus/pipeline/inspect.hpp"

#include "datus/io/hdf5_reader.hpp"
#include "datus/model/vision_transformer.hpp"
#include "datus/pipeline/run_directory.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace datus {
namespace {

namespace fs = std::filesystem;

std::string text_of(const AttributeValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* real = std::get_if<double>(&value)) return std::to_string(*real);
  std::string text = std::get<std::string>(value);
  std::replace(text.begin(), text.end(), '\n', ';');
  return text;
}

void print_hdf5(const fs::path& path, bool verify, std::ostream& out) {
  const Hdf5Reader reader(path);
  out << path.string() << "\n";
  for (const auto& name : reader.datasets()) {
    out << "  " << name << "  " << to_string(reader.shape(name)) << " " << to_string(reader.dtype(name)) << "\n";
  }
  for (const auto& [name, value] : reader.attributes("/")) out << "  @" << name << " = " << text_of(value) << "\n";
  if (!verify) return;
  const bool recorded = reader.verify() == VerifyResult::verified;
  out << (recorded ? "  verified: every content hash is right\n"
                   : "  no record: not written by datus, nothing to check\n");
}

void print_weights(const fs::path& path, std::ostream& out) {
  const auto model = VisionTransformer::load(path);
  const auto& it = model.architecture();
  out << path.string() << "\n  family " << it.family << "\n  patch " << it.patch << ", D " << it.dim << ", " << it.depth
      << " blocks, " << it.heads << " heads, MLP " << it.hidden << ", positions " << it.native_grid << "x"
      << it.native_grid << ", epsilon " << it.layer_norm_eps << "\n  hash " << model.weights_hash().hex() << "\n";
}

/// All HDF5 files below a run, in byte order.
std::vector<fs::path> files_of(const fs::path& run) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(run)) {
    if (entry.is_regular_file() && entry.path().extension() == ".h5") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

ExitCode inspect_run(const fs::path& path, bool verify, std::ostream& out) {
  const auto files = files_of(path);
  std::int64_t damaged = 0;
  for (const auto& file : files) {
    if (!verify) {
      out << fs::relative(file, path).string() << "  " << fs::file_size(file) << " bytes\n";
      continue;
    }
    try {
      require_verified(file);
    } catch (const Error& error) {
      ++damaged;
      out << "damaged: " << error.what() << "\n";
    }
  }
  out << files.size() << " HDF5 files";
  if (verify) out << ", " << damaged << " damaged";
  out << "\n";
  return damaged == 0 ? ExitCode::done : ExitCode::bad_input;
}

}  // namespace

ExitCode inspect(const fs::path& path, bool verify, std::ostream& out) {
  if (fs::is_directory(path)) {
    if (!fs::exists(RunDirectory(path).config())) {
      throw InputError(path.string() + " is not a run", "it has no config.yaml",
                       "Give the directory of a run, or a file.");
    }
    return inspect_run(path, verify, out);
  }
  if (path.extension() == ".h5" || path.extension() == ".hdf5") {
    print_hdf5(path, verify, out);
  } else {
    print_weights(path, out);
  }
  return ExitCode::done;
}

}  // namespace datus
