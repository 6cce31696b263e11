// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/cluster/row_sources.hpp"

#include "datus/core/error.hpp"
#include "datus/core/types.hpp"
#include "datus/io/hdf5_types.hpp"

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// The HDF5 files of a folder, by their ending, in byte order of their names.
std::vector<fs::path> files_of_folder(const fs::path& folder) {
  std::vector<fs::path> files;
  try {
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (has_hdf5_extension(name) && !name.starts_with('.') && entry.is_regular_file()) files.push_back(entry.path());
    }
  } catch (const fs::filesystem_error& error) {
    throw InputError("Cannot list the folder " + folder.string(), error.code().message(),
                     "Check the path and its permissions.");
  }
  if (files.empty()) {
    throw InputError("The folder " + folder.string() + " holds no descriptors", "there is no file *.h5 or *.hdf5 in it",
                     "Give the folder that holds the files itself: folders in it are not searched.");
  }
  std::ranges::sort(files, {}, [](const fs::path& file) { return file.filename().string(); });
  return files;
}

std::vector<RowPlace> list_places(const std::vector<std::string>& texts, std::string_view default_dataset) {
  std::vector<RowPlace> places;
  for (const std::string& text : texts) {
    const DatasetPath place = parse_dataset_path(text, default_dataset);
    std::error_code ignored;
    if (!fs::is_directory(place.file, ignored)) {
      places.push_back({place.file, place.dataset, false});
      continue;
    }
    for (const fs::path& file : files_of_folder(place.file)) places.push_back({file, place.dataset, true});
  }
  return places;
}

/// Rows and columns. A matrix without rows has columns all the same.
Shape shape_of(const Hdf5Reader& reader, const RowPlace& place) {
  const Shape shape = reader.shape(place.dataset, 2);
  const bool is_empty_part = place.may_be_empty && shape[0] == 0 && shape[1] > 0;
  if (is_empty_part && is_floating(reader.dtype(place.dataset))) return shape;
  return reader.matrix_shape(place.dataset);
}

/// Of one place, in the numbers of all.
enum At : std::size_t { at_rows, at_width, at_is_precise, numbers };

/// COLLECTIVE. Rows, columns and whether it is f64 of every place, one after the other, each looked at by one rank.
std::vector<std::int64_t> agreed_shapes(const std::vector<RowPlace>& places,
                                        const std::function<void(std::size_t)>& check, Communicator& comm) {
  std::vector<std::int64_t> shapes(numbers * places.size(), 0);
  const auto ranks = static_cast<std::size_t>(comm.size());
  collectively(comm, [&] {
    std::set<fs::path> seen;
    for (std::size_t i = 0; i < places.size(); ++i) {
      // One file may be named for several of its datasets: who looks at the first of them verifies it.
      const bool is_first = seen.insert(places[i].file).second;
      if (i % ranks != static_cast<std::size_t>(comm.rank())) continue;
      if (check) check(i);
      const Hdf5Reader reader(places[i].file);
      if (is_first) reader.verify();
      const Shape shape = shape_of(reader, places[i]);
      shapes[numbers * i + at_rows] = shape[0];
      shapes[numbers * i + at_width] = shape[1];
      shapes[numbers * i + at_is_precise] = reader.dtype(places[i].dataset) == Dtype::f64 ? 1 : 0;
    }
  });
  comm.allreduce(shapes, ReduceOp::sum);
  return shapes;
}

}  // namespace

std::string RowSource::name() const {
  return dataset + " of " + file.string();
}

const RowSource& RowSources::of_row(std::int64_t row) const {
  const auto after = std::ranges::upper_bound(parts, row, {}, &RowSource::first);
  // Of several parts that begin at one row, only the last can have rows.
  return *std::prev(after);
}

std::string RowSources::description() const {
  if (parts.empty()) return "no file";
  const std::string first = parts.front().file.string();
  return parts.size() == 1 ? first : first + " and " + std::to_string(parts.size() - 1) + " more";
}

std::vector<RowPlace> find_row_places(const std::vector<std::string>& texts, std::string_view default_dataset,
                                      Communicator& comm) {
  // Listed once: a folder of a parallel file system may look different from another node. No path holds a zero byte.
  std::string listed;
  on_root(comm, [&] {
    for (const RowPlace& place : list_places(texts, default_dataset)) {
      listed += place.file.string() + '\0' + place.dataset + '\0' + (place.may_be_empty ? "1" : "0") + '\0';
    }
  });
  listed = broadcast_text(comm, listed);
  std::vector<RowPlace> places;
  std::size_t begin = 0;
  const auto next = [&] {
    const std::size_t end = listed.find('\0', begin);
    return listed.substr(std::exchange(begin, end + 1), end - begin);
  };
  while (begin < listed.size()) {
    std::string file = next();
    std::string dataset = next();
    places.push_back({std::move(file), std::move(dataset), next() == "1"});
  }
  return places;
}

RowSources open_row_sources(const std::vector<RowPlace>& places, Communicator& comm,
                            const std::function<void(std::size_t place)>& check) {
  const std::vector<std::int64_t> shapes = agreed_shapes(places, check, comm);
  RowSources sources;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const std::int64_t* const of_place = shapes.data() + numbers * i;
    const RowSource& part =
        sources.parts.emplace_back(places[i].file, places[i].dataset, sources.rows, of_place[at_rows]);
    const std::int64_t width = of_place[at_width];
    sources.is_precise |= of_place[at_is_precise] != 0;
    if (width != shapes[at_width]) {
      throw AgreedError(ExitCode::bad_input,
                        part.name() + " has rows of " + std::to_string(width) + " values, " +
                            sources.parts.front().name() + " of " + std::to_string(shapes[1]),
                        "the rows of all files are clustered together", "Give descriptors of one model.");
    }
    sources.rows += part.rows;
  }
  if (!places.empty()) sources.dim = checked_cast<int>(shapes[at_width], "The width of the rows");
  return sources;
}

void RowReader::open(const RowSource& part) {
  if (part_ == &part) return;
  part_ = nullptr;
  if (!reader_ || reader_->path() != part.file) reader_.emplace(part.file);
  const Shape shape = reader_->matrix_shape(part.dataset);
  if (shape != Shape{part.rows, sources_.dim}) {
    throw InputError(part.name() + " was changed while it was read",
                     "its shape is " + to_string(shape) + ", it was " + to_string({part.rows, sources_.dim}),
                     "Start again, with files that nobody writes.");
  }
  part_ = &part;
}

template <class T>
void RowReader::read(std::int64_t first, std::int64_t count, std::span<T> values) {
  while (count > 0) {
    const RowSource& part = sources_.of_row(first);
    open(part);
    const std::int64_t begin = first - part.first;
    const std::int64_t some = std::min(count, part.rows - begin);
    const auto size = static_cast<std::size_t>(some * sources_.dim);
    reader_->read_rows<T>(part.dataset, begin, some, values.first(size));
    values = values.subspan(size);
    first += some;
    count -= some;
  }
}
template void RowReader::read(std::int64_t, std::int64_t, std::span<float>);
template void RowReader::read(std::int64_t, std::int64_t, std::span<double>);

}  // namespace datus
