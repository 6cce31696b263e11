// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5/hdf5_dataset.hpp"

#include "datus/core/error.hpp"
#include "io/hdf5/hdf5_object_info.hpp"
#include "io/hdf5/hdf5_storage.hpp"

#include <algorithm>
#include <bit>
#include <new>
#include <optional>
#include <unordered_set>
#include <utility>

namespace datus::hdf5 {
namespace {

static_assert(std::endian::native == std::endian::little, "files are little-endian and memory is written as it is");

/// Deepest nesting of groups that is listed.
constexpr std::size_t deepest_group = 32;

struct Link {
  std::string name;
  bool is_hard = false;  ///< it leads to an object of this file
  std::string value;     ///< of any other, where it leads to
};

/// A C function: no exception may pass.
herr_t keep_link(hid_t group, const char* name, const H5L_info_t* info, void* links) noexcept {
  try {
    Link& link = static_cast<std::vector<Link>*>(links)->emplace_back(Link{name, info->type == H5L_TYPE_HARD, {}});
    if (link.is_hard) return 0;
    link.value.resize(info->u.val_size);
    return H5Lget_val(group, name, link.value.data(), link.value.size(), H5P_DEFAULT);
  } catch (const std::bad_alloc&) {
    return -1;
  }
}

/// Where the header of an object lies, which tells it from all others of the file.
haddr_t address_of(const File& file, const Handle& object, const std::string& name) {
  return object_info(file, {object.get(), name}, H5O_INFO_BASIC).addr;
}

/// A walk through all groups. A group that has several names is listed under the first: otherwise some kilobytes of
/// groups that name each other would have more members than anybody can wait for.
class Listing {
 public:
  explicit Listing(const File& file) : file_(file) {}

  [[nodiscard]] std::vector<Object> all() {
    objects_.push_back({"/", ObjectKind::group, {}});
    enter("/", file_.own(H5Oopen(file_.id(), "/", file_.links()), H5Oclose, "open", "/"));
    return std::move(objects_);
  }

 private:
  void enter(const std::string& group, const Handle& id) {
    const haddr_t address = address_of(file_, id, group);
    const bool is_around = std::ranges::find(around_, address) != around_.end();
    if (is_around || around_.size() > deepest_group) {
      throw InputError("Cannot list the groups of " + file_.path().string(),
                       group + (is_around ? " is a group that it lies in: a circle" : " is nested too deeply"),
                       "Write the file anew.");
    }
    if (!entered_.insert(address).second) return;
    around_.push_back(address);
    std::vector<Link> links;
    file_.check(H5Literate(id.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, keep_link, &links), "list the members of",
                group);
    for (Link& link : links) add(absolute_name(group == "/" ? link.name : group + "/" + link.name), link);
    around_.pop_back();
  }

  void add(const std::string& name, Link& link) {
    if (!link.is_hard) return objects_.push_back({name, ObjectKind::link, std::move(link.value)});
    const Handle object = file_.own(H5Oopen(file_.id(), name.c_str(), file_.links()), H5Oclose, "open", name);
    const H5I_type_t kind = H5Iget_type(object.get());
    const ObjectKind what = kind == H5I_GROUP     ? ObjectKind::group
                            : kind == H5I_DATASET ? ObjectKind::dataset
                                                  : ObjectKind::other;
    objects_.push_back({name, what, {}});
    if (kind == H5I_GROUP) enter(name, object);
  }

  const File& file_;
  std::vector<Object> objects_;
  std::vector<haddr_t> around_;
  std::unordered_set<haddr_t> entered_;
};

/// Where a soft or external link leads; the text is empty for the place of an object in its own group.
struct LinkTarget {
  std::string text;
  bool is_outside = false;  ///< in another file
};

LinkTarget link_target(const File& file, const std::string& name) {
  H5L_info_t info{};
  file.check(H5Lget_info(file.id(), name.c_str(), &info, file.links()), "look up", name);
  if (info.type == H5L_TYPE_HARD) return {};
  std::vector<char> value(info.u.val_size + 1, '\0');
  file.check(H5Lget_val(file.id(), name.c_str(), value.data(), info.u.val_size, file.links()), "look up", name);
  if (info.type == H5L_TYPE_SOFT) return {value.data(), false};
  const char* target_file = "";
  const char* target = "";
  if (info.type != H5L_TYPE_EXTERNAL ||
      H5Lunpack_elink_val(value.data(), info.u.val_size, nullptr, &target_file, &target) < 0) {
    return {"a place of its own kind", true};
  }
  return {std::string(target) + " of " + target_file, true};
}

[[noreturn]] void fail_link(const File& file, const std::string& name, const LinkTarget& target) {
  // Only following it tells the reason.
  const Handle object(H5Oopen(file.id(), name.c_str(), file.links()), H5Oclose);
  const std::string refused = file.refused_link();
  throw InputError("Cannot follow the link " + name + " of " + file.path().string(),
                   "it leads to " + target.text + ": " + (refused.empty() ? library_failure().text : refused),
                   "Bring that to its place, or name another dataset.");
}

/// The first name on the way to an object, from the root on, that is not there; nothing when the object exists.
std::optional<std::string> missing_step(const File& file, const std::string& name) {
  // The library asks for every step of the way to be tested.
  for (auto end = name.find('/', 1); name != "/"; end = name.find('/', end + 1)) {
    const std::string step = name.substr(0, end);
    if (file.check(H5Lexists(file.id(), step.c_str(), file.links()), "look up", step) == 0) return step;
    const LinkTarget target = link_target(file, step);
    const htri_t exists = H5Oexists_by_name(file.id(), step.c_str(), file.links());
    if (exists <= 0 && (target.is_outside || (exists < 0 && !target.text.empty()))) fail_link(file, step, target);
    if (file.check(exists, "look up", step) == 0) return step;
    if (end == std::string::npos) break;
    const Handle object = file.own(H5Oopen(file.id(), step.c_str(), file.links()), H5Oclose, "open", step);
    if (H5Iget_type(object.get()) != H5I_GROUP) return step;
  }
  return std::nullopt;
}

[[noreturn]] void fail_missing(const File& file, const std::string& name, const std::string& step) {
  if (H5Lexists(file.id(), step.c_str(), file.links()) > 0 &&
      H5Oexists_by_name(file.id(), step.c_str(), file.links()) == 0) {
    fail_link(file, step, link_target(file, step));
  }
  constexpr std::size_t most_listed = 20;
  std::string held;
  std::size_t count = 0;
  for (const Object& object : list_objects(file)) {
    const bool may_be_one = object.kind == ObjectKind::dataset || object.kind == ObjectKind::link;
    if (!may_be_one || ++count > most_listed) continue;
    held += (held.empty() ? "" : ", ") + object.name;
  }
  if (count > most_listed) held += " and " + std::to_string(count - most_listed) + " more";
  throw InputError(file.path().string() + " holds no " + name,
                   held.empty() ? "it holds no dataset at all" : "its datasets are " + held,
                   "Name one as FILE.h5:/DATASET, or give another file.");
}

/// The selections of some rows, in memory and in the file. Both have the same shape: the library is slow otherwise.
struct RowSelection {
  Handle memory;
  Handle stored;
};

RowSelection select_rows(const File& file, const Dataset& dataset, std::int64_t first, std::int64_t count) {
  if (dataset.shape.empty()) return {};
  std::vector<hsize_t> start(dataset.shape.size(), 0);
  std::vector<hsize_t> lengths(dataset.shape.begin(), dataset.shape.end());
  start.front() = static_cast<hsize_t>(first);
  lengths.front() = static_cast<hsize_t>(count);
  const int rank = static_cast<int>(lengths.size());
  RowSelection rows{file.own(H5Screate_simple(rank, lengths.data(), nullptr), H5Sclose, "select rows of", dataset.name),
                    file.own(H5Dget_space(dataset.id.get()), H5Sclose, "select rows of", dataset.name)};
  file.check(H5Sselect_hyperslab(rows.stored.get(), H5S_SELECT_SET, start.data(), nullptr, lengths.data(), nullptr),
             "select rows of", dataset.name);
  return rows;
}

/// Opens the dataset once more, for the size of its cache is given then.
void open_with_cache(const File& file, Dataset& dataset, std::size_t bytes) {
  const Handle access = file.own(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose, "open", dataset.name);
  file.check(H5Pset_chunk_cache(access.get(), H5D_CHUNK_CACHE_NSLOTS_DEFAULT, bytes, H5D_CHUNK_CACHE_W0_DEFAULT),
             "open", dataset.name);
  file.guard_links(access);
  dataset.id.reset();
  dataset.id = file.own(H5Dopen2(file.id(), dataset.name.c_str(), access.get()), H5Dclose, "open", dataset.name);
}

/// The identifier of a selection; that of a scalar, which has no rows to select, is everything.
hid_t space_or_all(const Handle& space) {
  return space.get() >= 0 ? space.get() : H5S_ALL;
}

}  // namespace

std::string absolute_name(std::string_view name) {
  std::string result(name.starts_with('/') ? "" : "/");
  result += name;
  while (result.size() > 1 && result.back() == '/') result.pop_back();
  return result;
}

std::int64_t Dataset::row_elements() const {
  return shape.empty() ? 1 : element_count(Shape(shape.begin() + 1, shape.end()));
}

std::vector<Object> list_objects(const File& file) {
  return Listing(file).all();
}

bool has_object(const File& file, const std::string& name) {
  return !missing_step(file, name);
}

Handle open_object(const File& file, const std::string& name) {
  if (const auto step = missing_step(file, name)) fail_missing(file, name, *step);
  return file.own(H5Oopen(file.id(), name.c_str(), file.links()), H5Oclose, "open", name);
}

Dataset open_dataset(const File& file, const std::string& name) {
  Dataset dataset{name, open_object(file, name), {}, {}, false};
  const std::string where = name + " of " + file.path().string();
  if (H5Iget_type(dataset.id.get()) != H5I_DATASET) {
    throw InputError(where + " is not a dataset", "it is a group or a type", "Name a dataset in it.");
  }
  const Handle space = file.own(H5Dget_space(dataset.id.get()), H5Sclose, "read the shape of", name);
  if (H5Sget_simple_extent_type(space.get()) == H5S_NULL) {
    throw InputError(where + " is empty", "it has a type but no values", "Give a dataset with values.");
  }
  const int rank = file.check(H5Sget_simple_extent_ndims(space.get()), "read the shape of", name);
  std::vector<hsize_t> lengths(static_cast<std::size_t>(rank));
  file.check(H5Sget_simple_extent_dims(space.get(), lengths.data(), nullptr), "read the shape of", name);
  dataset.shape.assign(lengths.begin(), lengths.end());
  const Handle type = file.own(H5Dget_type(dataset.id.get()), H5Tclose, "read the type of", name);
  dataset.type = stored_type(type.get());
  const Handle creation = file.own(H5Dget_create_plist(dataset.id.get()), H5Pclose, "read the layout of", name);
  dataset.is_virtual = file.check(H5Pget_layout(creation.get()), "read the layout of", name) == H5D_VIRTUAL;
  if (dataset.is_virtual) return dataset;
  require_stored(file, dataset);
  if (const auto bytes = chunk_cache_bytes(file, dataset)) open_with_cache(file, dataset, *bytes);
  return dataset;
}

void read_rows(const File& file, const Dataset& dataset, std::int64_t first, std::int64_t count, hid_t memory_type,
               void* values) {
  if (count * dataset.row_elements() == 0) return;
  const RowSelection rows = select_rows(file, dataset, first, count);
  file.check(
      H5Dread(dataset.id.get(), memory_type, space_or_all(rows.memory), space_or_all(rows.stored), H5P_DEFAULT, values),
      "read", dataset.name);
}

void write_rows(const File& file, const Dataset& dataset, std::int64_t first, std::int64_t count, hid_t memory_type,
                const void* values) {
  if (count * dataset.row_elements() == 0) return;
  const RowSelection rows = select_rows(file, dataset, first, count);
  file.check(H5Dwrite(dataset.id.get(), memory_type, space_or_all(rows.memory), space_or_all(rows.stored), H5P_DEFAULT,
                      values),
             "write", dataset.name);
}

}  // namespace datus::hdf5
