// SPDX-License-Identifier: Apache-2.0
#include "datus/io/hdf5_writer.hpp"

#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"
#include "datus/io/deflated_dataset.hpp"
#include "io/hdf5/hdf5_attribute.hpp"
#include "io/hdf5/hdf5_dataset.hpp"
#include "io/hdf5/hdf5_hashes.hpp"
#include "io/hdf5/hdf5_library.hpp"
#include "io/hdf5/hdf5_virtual.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

namespace datus {
namespace {

using hdf5::Dataset;
using hdf5::File;
using hdf5::Handle;
using hdf5::LibraryLock;
using hdf5::StoredType;
using hdf5::Transfer;

/// The library cannot store larger pieces.
constexpr std::int64_t largest_chunk = (std::int64_t{1} << 32) - 1;

/// The disk begins to work each time that as many bytes are there for it, while the next ones are made.
constexpr std::int64_t writeback_bytes = std::int64_t{4} << 20;

/// Higher levels take several times as long, and save little of a mask.
constexpr unsigned deflate_level = 4;

/// Rows per chunk, or 0 for a dataset that is stored in one run of bytes.
std::int64_t chunk_rows(const Dataset& dataset, ChunkHint hint) {
  const std::int64_t row_bytes = dataset.row_elements() * static_cast<std::int64_t>(dataset.type.size);
  if (dataset.shape.empty() || dataset.rows() == 0 || row_bytes == 0) return 0;
  std::int64_t rows = dataset.rows();
  if (hint == ChunkHint::per_row) rows = 1;
  if (hint == ChunkHint::about_one_mib) {
    rows = std::clamp<std::int64_t>((std::int64_t{1} << 20) / row_bytes, 1, dataset.rows());
  }
  return rows > largest_chunk / row_bytes ? 0 : rows;
}

Handle stored_creation_properties(const File& file, const Dataset& dataset, ChunkHint hint) {
  Handle creation = file.creation_properties(H5P_DATASET_CREATE, dataset.name);
  const std::int64_t rows = chunk_rows(dataset, hint);
  // All rows get written, so only a last chunk that sticks out has bytes that are nobody's: zeros then. A dataset of
  // one chunk is filled too: HDF5 1.10 with these format bounds and no fill loses such a chunk when it exceeds 1 MiB.
  const bool sticks_out = rows > 0 && dataset.rows() % rows != 0;
  const bool one_chunk = rows > 0 && rows == dataset.rows();
  file.check(H5Pset_fill_time(creation.get(), sticks_out || one_chunk ? H5D_FILL_TIME_ALLOC : H5D_FILL_TIME_NEVER),
             "create", dataset.name);
  if (rows > 0) {
    std::vector<hsize_t> chunk(dataset.shape.begin(), dataset.shape.end());
    chunk.front() = static_cast<hsize_t>(rows);
    file.check(H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data()), "create", dataset.name);
    if (hint == ChunkHint::deflated) file.check(H5Pset_deflate(creation.get(), deflate_level), "create", dataset.name);
  }
  return creation;
}

/// How the library goes about the pieces of a dataset. A piece that is one row is written as a whole, straight from the
/// caller's memory: keeping it would cost a copy, and its errors would come late.
Handle access_properties(const File& file, const std::string& name, ChunkHint hint) {
  Handle access = file.own(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose, "create", name);
  if (hint == ChunkHint::per_row) {
    file.check(H5Pset_chunk_cache(access.get(), H5D_CHUNK_CACHE_NSLOTS_DEFAULT, 0, H5D_CHUNK_CACHE_W0_DEFAULT),
               "create", name);
  }
  return access;
}

/// Bytes that the pieces of a dataset take in the file.
std::int64_t stored_bytes(const Dataset& dataset, ChunkHint hint) {
  if (hint == ChunkHint::deflated) return 0;  // of which nobody knows more than that it is less
  const std::int64_t row_bytes = dataset.row_elements() * static_cast<std::int64_t>(dataset.type.size);
  const std::int64_t rows = std::max<std::int64_t>(chunk_rows(dataset, hint), 1);
  return (dataset.rows() + rows - 1) / rows * rows * row_bytes;
}

[[noreturn]] void refuse(const File& file, const std::string& name, const std::string& why) {
  throw SystemError("Cannot write " + name + " of " + file.path().string(), why, "Report this as a defect.");
}

}  // namespace

struct Hdf5Writer::Impl {
  /// A dataset some rows of which are still to come.
  struct Unfinished {
    Dataset dataset;
    Handle memory_type;
    Hasher hasher;
    std::int64_t rows_written = 0;
  };

  File file;
  std::set<std::string> groups{"/"};
  std::map<std::string, Unfinished> unfinished;
  std::int64_t bytes_since_writeback = 0;

  explicit Impl(const std::filesystem::path& path) : file(File::create(path)) {}

  void require_open() const {
    if (file.id() < 0) refuse(file, "anything", "the file was closed");
  }

  void make_group(const std::string& name) {
    if (groups.contains(name)) return;
    make_parents(name);
    const Handle creation = file.creation_properties(H5P_GROUP_CREATE, name);
    const Handle links = link_properties(name);
    const Handle group = file.own(H5Gcreate2(file.id(), name.c_str(), links.get(), creation.get(), H5P_DEFAULT),
                                  H5Gclose, "create", name);
    groups.insert(name);
  }

  void make_parents(const std::string& name) {
    const auto slash = name.rfind('/');
    make_group(slash == 0 ? "/" : name.substr(0, slash));
  }

  [[nodiscard]] Handle link_properties(const std::string& name) const {
    Handle links = file.own(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "create", name);
    file.check(H5Pset_char_encoding(links.get(), H5T_CSET_UTF8), "create", name);
    return links;
  }

  /// Makes the dataset in the file; `dataset` describes it.
  void make_dataset(Dataset& dataset, const Handle& type, const Handle& creation, ChunkHint hint) {
    make_parents(dataset.name);
    const std::vector<hsize_t> lengths(dataset.shape.begin(), dataset.shape.end());
    const Handle space = file.own(H5Screate_simple(static_cast<int>(lengths.size()), lengths.data(), nullptr), H5Sclose,
                                  "create", dataset.name);
    const Handle links = link_properties(dataset.name);
    const Handle access = access_properties(file, dataset.name, hint);
    dataset.id = file.own(
        H5Dcreate2(file.id(), dataset.name.c_str(), type.get(), space.get(), links.get(), creation.get(), access.get()),
        H5Dclose, "create", dataset.name);
  }

  /// Ends a dataset. What the library has kept of it is written by closing it, which may fail.
  void finish(Dataset& dataset, const Hash& hash) const {
    hdf5::write_attribute(file, {dataset.id.get(), dataset.name}, hdf5::content_hash_name, hash.hex());
    file.check(dataset.id.reset(), "write", dataset.name);
  }

  void start(const std::string& name, Handle type, const StoredType& stored, const Shape& shape, ChunkHint hint) {
    Dataset dataset{name, {}, shape, stored, false};
    const bool is_empty = element_count(shape) == 0;
    file.expect_bytes(stored_bytes(dataset, hint));
    make_dataset(dataset, type, stored_creation_properties(file, dataset, hint), hint);
    Hasher hasher = hdf5::content_hasher(dataset);
    if (is_empty) return finish(dataset, hasher.finish());
    unfinished.emplace(name, Unfinished{std::move(dataset), std::move(type), std::move(hasher)});
  }

  Unfinished& find_unfinished(const std::string& name) {
    const auto found = unfinished.find(name);
    if (found == unfinished.end()) refuse(file, name, "no dataset of this name waits for rows");
    return found->second;
  }

  /// Looks whether these are the next rows of the dataset; their number.
  std::int64_t require_next(const Unfinished& open, Dtype dtype, std::int64_t first_row, std::int64_t size) const {
    const Dataset& dataset = open.dataset;
    const std::int64_t row_bytes = dataset.row_elements() * static_cast<std::int64_t>(dataset.type.size);
    const std::int64_t count = size / row_bytes;
    if (dtype != dataset.type.dtype) {
      refuse(file, dataset.name,
             "its type is " + std::string(to_string(dataset.type.dtype)) + ", not " + std::string(to_string(dtype)));
    }
    if (first_row != open.rows_written || size % row_bytes != 0 || count > dataset.rows() - first_row) {
      refuse(file, dataset.name,
             std::to_string(size) + " bytes from row " + std::to_string(first_row) + " on, where row " +
                 std::to_string(open.rows_written) + " is next, do not fill the shape " + to_string(dataset.shape));
    }
    return count;
  }

  /// The library tells where the bytes go; it is not held while they are brought there and hashed.
  void add_rows(const std::string& name, Dtype dtype, std::int64_t first_row, std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    Unfinished* open = nullptr;
    std::vector<Transfer> transfers;
    bool begins_writeback = false;
    {
      const LibraryLock lock;
      require_open();
      open = &find_unfinished(name);
      const std::int64_t count = require_next(*open, dtype, first_row, std::ssize(bytes));
      transfers = file.note_transfers(bytes, [&] {
        hdf5::write_rows(file, open->dataset, first_row, count, open->memory_type.get(), bytes.data());
      });
      open->rows_written += count;
      begins_writeback = is_writeback_due(std::ssize(bytes));
    }
    file.write(transfers, bytes, name);
    open->hasher.add_bytes(bytes);
    if (begins_writeback) file.start_writeback();
    if (open->rows_written < open->dataset.rows()) return;
    const LibraryLock lock;
    finish(open->dataset, open->hasher.finish());
    unfinished.erase(name);
  }

  /// The chunk goes to the file as it is.
  void write_chunk(const std::string& name, const DeflatedDataset& deflated) {
    const StoredType stored{deflated.dtype, static_cast<std::size_t>(size_of(deflated.dtype)), false};
    Dataset dataset{name, {}, deflated.shape, stored, false};
    if (chunk_rows(dataset, ChunkHint::deflated) == 0) refuse(file, name, "it is too large for one piece, or empty");
    const auto bytes = std::ssize(deflated.chunk);
    file.expect_bytes(bytes);
    make_dataset(dataset, hdf5::number_type(file, deflated.dtype),
                 stored_creation_properties(file, dataset, ChunkHint::deflated), ChunkHint::deflated);
    const std::vector<hsize_t> first(deflated.shape.size(), 0);
    file.check(
        H5Dwrite_chunk(dataset.id.get(), H5P_DEFAULT, 0, first.data(), deflated.chunk.size(), deflated.chunk.data()),
        "write", name);
    if (is_writeback_due(bytes)) file.start_writeback();
    finish(dataset, deflated.content);
  }

  /// Whether it is time for that, with these bytes written.
  bool is_writeback_due(std::int64_t bytes) {
    bytes_since_writeback += bytes;
    if (bytes_since_writeback < writeback_bytes) return false;
    bytes_since_writeback = 0;
    return true;
  }

  /// Makes a dataset and writes all of it.
  template <class MakeType>
  void write_all(const std::string& name, const MakeType& type, const StoredType& stored,
                 std::span<const std::byte> bytes, const Shape& shape, ChunkHint hint) {
    {
      const LibraryLock lock;
      require_open();
      const std::int64_t expected = element_count(shape) * static_cast<std::int64_t>(stored.size);
      if (std::ssize(bytes) != expected) {
        refuse(file, name, std::to_string(bytes.size()) + " bytes do not fill the shape " + to_string(shape));
      }
      start(name, type(), stored, shape, hint);
    }
    add_rows(name, stored.dtype, 0, bytes);
  }
};

Hdf5Writer::Hdf5Writer(const std::filesystem::path& path) {
  const LibraryLock lock;
  impl_ = std::make_unique<Impl>(path);
}

Hdf5Writer::~Hdf5Writer() {
  const LibraryLock lock;
  impl_.reset();
}

Hdf5Writer::Hdf5Writer(Hdf5Writer&&) noexcept = default;

Hdf5Writer& Hdf5Writer::operator=(Hdf5Writer&& other) noexcept {
  const LibraryLock lock;
  impl_ = std::move(other.impl_);
  return *this;
}

void Hdf5Writer::create_dataset(std::string_view name, Dtype dtype, const Shape& shape, ChunkHint chunk) {
  const LibraryLock lock;
  impl_->require_open();
  const StoredType stored{dtype, static_cast<std::size_t>(size_of(dtype)), false};
  impl_->start(hdf5::absolute_name(name), hdf5::number_type(impl_->file, dtype), stored, shape, chunk);
}

void Hdf5Writer::write_row_bytes(std::string_view name, Dtype dtype, std::int64_t first_row,
                                 std::span<const std::byte> bytes) {
  impl_->add_rows(hdf5::absolute_name(name), dtype, first_row, bytes);
}

void Hdf5Writer::write_bytes(std::string_view name, Dtype dtype, std::span<const std::byte> bytes, const Shape& shape,
                             ChunkHint chunk) {
  const StoredType stored{dtype, static_cast<std::size_t>(size_of(dtype)), false};
  const auto type = [&] { return hdf5::number_type(impl_->file, dtype); };
  impl_->write_all(hdf5::absolute_name(name), type, stored, bytes, shape, chunk);
}

void Hdf5Writer::write_names(std::string_view name, std::span<const std::string> names) {
  const std::string object = hdf5::absolute_name(name);
  std::size_t longest = 1;
  for (const std::string& text : names) {
    if (text.find('\0') != std::string::npos) refuse(impl_->file, object, "a name holds a zero byte");
    longest = std::max(longest, text.size());
  }
  std::vector<char> padded(names.size() * longest, '\0');
  for (std::size_t i = 0; i < names.size(); ++i) std::ranges::copy(names[i], padded.begin() + i * longest);
  impl_->write_all(
      object, [&] { return hdf5::text_type(impl_->file, longest); }, {Dtype::text, longest, false},
      std::as_bytes(std::span(padded)), {std::ssize(names)}, ChunkHint::whole);
}

void Hdf5Writer::write_virtual(std::string_view name, Dtype dtype, const Shape& row_shape,
                               std::span<const VirtualSource> sources) {
  const LibraryLock lock;
  impl_->require_open();
  const File& file = impl_->file;
  Dataset dataset{hdf5::absolute_name(name), {}, {0}, {dtype, static_cast<std::size_t>(size_of(dtype)), false}, true};
  dataset.shape.insert(dataset.shape.end(), row_shape.begin(), row_shape.end());
  for (const VirtualSource& source : sources) {
    if (std::filesystem::path(source.file).is_absolute() || source.file.empty() || source.rows < 0) {
      refuse(file, dataset.name, "the source \"" + source.file + "\" is not a relative path with rows");
    }
    dataset.shape.front() += source.rows;
  }
  Handle type = hdf5::number_type(file, dtype);
  // A dataset without elements can have no mapping.
  if (element_count(dataset.shape) == 0) {
    return impl_->start(dataset.name, std::move(type), dataset.type, dataset.shape, ChunkHint::whole);
  }
  const Handle creation = file.creation_properties(H5P_DATASET_CREATE, dataset.name);
  hdf5::map_sources(file, creation, dataset.name, dataset.shape, sources);
  impl_->make_dataset(dataset, type, creation, ChunkHint::whole);
  impl_->finish(dataset, hdf5::virtual_content_hash(dataset, sources));
}

void Hdf5Writer::write_deflated(std::string_view name, const DeflatedDataset& dataset) {
  const LibraryLock lock;
  impl_->require_open();
  impl_->write_chunk(hdf5::absolute_name(name), dataset);
}

void Hdf5Writer::link(std::string_view name, const std::filesystem::path& file, std::string_view object) {
  const LibraryLock lock;
  impl_->require_open();
  const std::string link = hdf5::absolute_name(name);
  if (file.empty() || file.is_absolute()) refuse(impl_->file, link, "the path " + file.string() + " is not relative");
  impl_->make_parents(link);
  const Handle links = impl_->link_properties(link);
  impl_->file.check(H5Lcreate_external(file.generic_string().c_str(), hdf5::absolute_name(object).c_str(),
                                       impl_->file.id(), link.c_str(), links.get(), H5P_DEFAULT),
                    "create", link);
}

void Hdf5Writer::group(std::string_view name) {
  const LibraryLock lock;
  impl_->require_open();
  impl_->make_group(hdf5::absolute_name(name));
}

void Hdf5Writer::attribute(std::string_view object, std::string_view name, const AttributeValue& value) {
  const LibraryLock lock;
  impl_->require_open();
  const std::string owner = hdf5::absolute_name(object);
  if (name == hdf5::content_hash_name || name == hdf5::done_name) {
    refuse(impl_->file, owner, "the attribute name " + std::string(name) + " is reserved");
  }
  const Handle id = impl_->file.own(H5Oopen(impl_->file.id(), owner.c_str(), H5P_DEFAULT), H5Oclose, "open", owner);
  hdf5::write_attribute(impl_->file, {id.get(), owner}, std::string(name), value);
}

void Hdf5Writer::close() {
  const LibraryLock lock;
  impl_->require_open();
  if (!impl_->unfinished.empty()) {
    const auto& [name, open] = *impl_->unfinished.begin();
    refuse(impl_->file, name,
           "only " + std::to_string(open.rows_written) + " of its " + std::to_string(open.dataset.rows()) +
               " rows were written");
  }
  const Hash record = hdf5::record_hash(impl_->file);
  hdf5::write_attribute(impl_->file, {impl_->file.id(), "/"}, hdf5::done_name, record.hex());
  impl_->file.close();
}

}  // namespace datus
