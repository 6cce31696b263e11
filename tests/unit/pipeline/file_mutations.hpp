// SPDX-License-Identifier: Apache-2.0
#pragma once

// Damage to HDF5 files: what lies where in a file, and changes drawn from a seed that reach every part of it.

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <hdf5.h>

namespace datus::test {

/// Bytes [begin, end) of a file.
struct ByteRange {
  std::size_t begin = 0;
  std::size_t end = 0;
  [[nodiscard]] std::size_t size() const { return end - begin; }
};

/// Where the parts of an HDF5 file are, by kind: "values" (raw data), "superblock", "OHDR" (object headers) and the
/// other signatures of the file format, "unused" (runs of zeros outside values). All parts but the unused ones are
/// disjoint; those of the library's structures reach up to what comes next.
using FileParts = std::map<std::string, std::vector<ByteRange>>;

namespace mutation {

inline void add_values(hid_t dataset, std::vector<ByteRange>& ranges) {
  const hid_t space = H5Dget_space(dataset);
  const hid_t creation = H5Dget_create_plist(dataset);
  if (H5Pget_layout(creation) == H5D_CHUNKED) {
    hsize_t chunks = 0;
    EXPECT_GE(H5Dget_num_chunks(dataset, space, &chunks), 0);
    for (hsize_t i = 0; i < chunks; ++i) {
      std::array<hsize_t, 8> place{};
      unsigned filters = 0;
      haddr_t address = 0;
      hsize_t size = 0;
      EXPECT_GE(H5Dget_chunk_info(dataset, space, i, place.data(), &filters, &address, &size), 0);
      ranges.push_back({address, address + size});
    }
  } else if (H5Dget_offset(dataset) != HADDR_UNDEF) {
    const haddr_t address = H5Dget_offset(dataset);
    ranges.push_back({address, address + H5Dget_storage_size(dataset)});
  }
  H5Pclose(creation);
  H5Sclose(space);
}

inline herr_t visit(hid_t file, const char* name, const H5O_info_t* info, void* ranges) {
  if (info->type != H5O_TYPE_DATASET) return 0;
  const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
  add_values(dataset, *static_cast<std::vector<ByteRange>*>(ranges));
  H5Dclose(dataset);
  return 0;
}

inline std::vector<ByteRange> find_values(const std::filesystem::path& path) {
  std::vector<ByteRange> ranges;
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  EXPECT_GE(file, 0);
  EXPECT_GE(H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, visit, &ranges), 0);
  H5Fclose(file);
  std::ranges::sort(ranges, {}, &ByteRange::begin);
  return ranges;
}

/// "" where no structure of the library begins.
inline std::string signature_at(std::string_view bytes, std::size_t at) {
  constexpr std::array<std::string_view, 18> signatures = {"OHDR", "OCHK", "FRHP", "FHDB", "FHIB", "FSHD",
                                                           "FSSE", "BTHD", "BTIN", "BTLF", "FAHD", "FADB",
                                                           "EAHD", "EAIB", "TREE", "SNOD", "HEAP", "GCOL"};
  if (at == 0) return "superblock";
  const auto found = std::ranges::find(signatures, bytes.substr(at, 4));
  return found == signatures.end() ? "" : std::string(*found);
}

/// Cuts a stretch without values where structures begin.
inline void add_structures(std::string_view bytes, ByteRange stretch, FileParts& parts) {
  ByteRange* open = nullptr;
  for (std::size_t at = stretch.begin; at < stretch.end; ++at) {
    const std::string signature = signature_at(bytes, at);
    if (signature.empty()) continue;
    if (open != nullptr) open->end = at;
    open = &parts[signature].emplace_back(ByteRange{at, stretch.end});
  }
  constexpr std::size_t shortest_run = 24;
  for (std::size_t at = stretch.begin; at < stretch.end;) {
    const std::size_t end = std::min(bytes.find_first_not_of('\0', at), stretch.end);
    if (end - at >= shortest_run) parts["unused"].push_back({at, end});
    at = end + 1;
  }
}

}  // namespace mutation

inline FileParts find_parts(const std::filesystem::path& path, std::string_view bytes) {
  FileParts parts;
  std::size_t at = 0;
  for (const ByteRange& values : mutation::find_values(path)) {
    if (values.begin > at) mutation::add_structures(bytes, {at, values.begin}, parts);
    if (values.size() > 0) parts["values"].push_back(values);
    at = std::max(at, values.end);
  }
  if (at < bytes.size()) mutation::add_structures(bytes, {at, bytes.size()}, parts);
  return parts;
}

/// What mutations of a file draw from.
struct MutationSource {
  std::string bytes;                   ///< the file
  std::string other;                   ///< the same file of another shard
  bool other_is_refused = false;       ///< whether a reader can tell that it is of another shard
  std::vector<std::string> strangers;  ///< files of other kinds
  FileParts parts;
};

struct Mutation {
  std::string bytes;
  std::string what;  ///< for people: kind and places
};

/// Draws a mutation of one file. The same seed and number give the same one on every machine.
class Mutator {
 public:
  Mutator(const MutationSource& source, std::uint64_t seed) : source_(source), random_(seed) {}

  /// A file that differs from the original. The first mutations by number, one for each part, are of one bit.
  Mutation draw(std::int64_t number) {
    Mutation mutation{source_.bytes, ""};
    for (const auto& [kind, ranges] : source_.parts) {
      if (number < std::ssize(ranges)) {
        const ByteRange range = ranges[static_cast<std::size_t>(number)];
        mutation.what = "one bit in " + kind;
        flip_bit(mutation, range.begin + below(std::min<std::size_t>(range.size(), 64)));
        return mutation;
      }
      number -= std::ssize(ranges);
    }
    const auto is_other = [&] { return !source_.other_is_refused && mutation.bytes == source_.other; };
    while (mutation.bytes == source_.bytes || is_other()) {
      mutation = {source_.bytes, ""};
      (this->*kinds[below(kinds.size())])(mutation);
    }
    return mutation;
  }

 private:
  using Kind = void (Mutator::*)(Mutation&);

  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }

  /// Lengths of all orders of magnitude, from 1 to `most`.
  std::size_t length_up_to(std::size_t most) {
    std::size_t bits = 0;
    while ((most >> bits) > 1) ++bits;
    return std::min(most, 1 + below(std::size_t{1} << below(bits + 1)));
  }

  /// A part of any kind, all kinds equally often: raw data and the structures have very different sizes.
  ByteRange part(std::string& what) {
    auto kind = source_.parts.begin();
    std::advance(kind, below(source_.parts.size()));
    what += " in " + kind->first;
    return kind->second[below(kind->second.size())];
  }

  /// A place in a part; the fields at the start of a structure get a larger share.
  std::size_t place(std::string& what, std::size_t alignment = 1) {
    const ByteRange range = part(what);
    const std::size_t within = below(2) == 0 ? range.size() : std::min<std::size_t>(range.size(), 64);
    const std::size_t at = (range.begin + below(within)) / alignment * alignment;
    what += " at " + std::to_string(at);
    return at;
  }

  ByteRange stretch(std::string& what, std::size_t limit) {
    const std::size_t at = std::min(place(what), limit - 1);
    const ByteRange range{at, at + length_up_to(limit - at)};
    what += " to " + std::to_string(range.end);
    return range;
  }

  void flip_bit(Mutation& mutation, std::size_t at) {
    const std::size_t bit = below(8);
    mutation.what += ", bit " + std::to_string(bit) + " of byte " + std::to_string(at);
    mutation.bytes[at] = static_cast<char>(mutation.bytes[at] ^ (1 << bit));
  }

  void flip_any_bit(Mutation& mutation) {
    mutation.what = "one bit";
    flip_bit(mutation, place(mutation.what));
  }

  void change_bytes(Mutation& mutation) {
    mutation.what = "random bytes";
    const std::size_t at = place(mutation.what);
    const std::size_t end = std::min(mutation.bytes.size(), at + 1 + below(8));
    for (std::size_t i = at; i < end; ++i) mutation.bytes[i] = static_cast<char>(below(256));
  }

  /// Two words of the same part.
  void swap_words(Mutation& mutation) {
    const std::size_t width = below(2) == 0 ? 2 : 4;
    mutation.what = "swapped words of " + std::to_string(width);
    const ByteRange range = part(mutation.what);
    if (range.size() < 2 * width) return;
    const std::size_t words = range.size() / width;
    const std::size_t one = range.begin + below(words) * width;
    const std::size_t other = range.begin + below(words) * width;
    mutation.what += " at " + std::to_string(one) + " and " + std::to_string(other);
    for (std::size_t i = 0; i < width; ++i) std::swap(mutation.bytes[one + i], mutation.bytes[other + i]);
  }

  /// The words that fletcher32 takes for the same: 0x0000 becomes 0xFFFF or the other way round, two at once if
  /// possible.
  void exchange_zeros(Mutation& mutation) {
    mutation.what = "0x0000 and 0xFFFF";
    const std::size_t start = place(mutation.what, 2);
    constexpr std::string_view zero("\0\0", 2);
    constexpr std::string_view ones("\xFF\xFF", 2);
    std::size_t changed = 0;
    std::string_view wanted;
    for (std::size_t at = start; at + 2 <= mutation.bytes.size() && changed < 2; at += 2) {
      const std::string_view word = std::string_view(source_.bytes).substr(at, 2);
      if (word != zero && word != ones) continue;
      if (!wanted.empty() && word != wanted) continue;
      wanted = word == zero ? ones : zero;
      mutation.bytes.replace(at, 2, wanted);
      mutation.what += " at " + std::to_string(at);
      ++changed;
    }
  }

  void fill(Mutation& mutation) {
    const bool zero = below(4) != 0;
    mutation.what = zero ? "zeros" : "ones";
    const ByteRange range = stretch(mutation.what, mutation.bytes.size());
    std::fill(mutation.bytes.begin() + static_cast<std::ptrdiff_t>(range.begin),
              mutation.bytes.begin() + static_cast<std::ptrdiff_t>(range.end), zero ? '\0' : '\xFF');
  }

  void copy_from_elsewhere(Mutation& mutation) {
    mutation.what = "bytes from elsewhere";
    const ByteRange range = stretch(mutation.what, mutation.bytes.size());
    std::string ignored;
    const std::size_t from = std::min(place(ignored), mutation.bytes.size() - range.size());
    mutation.what += " of " + std::to_string(from);
    mutation.bytes.replace(range.begin, range.size(), source_.bytes, from, range.size());
  }

  void copy_from_other_shard(Mutation& mutation) {
    mutation.what = "bytes of another shard";
    const ByteRange range = stretch(mutation.what, std::min(mutation.bytes.size(), source_.other.size()));
    mutation.bytes.replace(range.begin, range.size(), source_.other, range.begin, range.size());
  }

  /// A write that was lost: the sector holds what another file had there.
  void copy_sector(Mutation& mutation) {
    const std::size_t sector = below(2) == 0 ? 512 : 4096;
    mutation.what = "a sector of another shard";
    const std::size_t at = place(mutation.what, sector);
    if (at >= source_.other.size()) return;
    const std::size_t size = std::min({sector, source_.other.size() - at, mutation.bytes.size() - at});
    mutation.bytes.replace(at, size, source_.other, at, size);
  }

  /// A whole structure with a checksum that is right: from another place of the file, or from another shard.
  void copy_structure(Mutation& mutation) {
    mutation.what = "a structure";
    const ByteRange to = part(mutation.what);
    ByteRange from = to;
    const bool of_other = below(2) == 0;
    if (!of_other) from = part(mutation.what);
    mutation.what += " at " + std::to_string(to.begin) + (of_other ? " of another shard" : " from ") +
                     (of_other ? "" : std::to_string(from.begin));
    const std::string& bytes = of_other ? source_.other : source_.bytes;
    if (from.begin >= bytes.size()) return;
    const std::size_t size = std::min(from.size(), mutation.bytes.size() - to.begin);
    const std::string piece = bytes.substr(from.begin, size);
    mutation.bytes.replace(to.begin, piece.size(), piece);
  }

  void truncate(Mutation& mutation) {
    mutation.what = "truncated";
    std::size_t at = place(mutation.what);
    if (below(4) == 0) at = mutation.bytes.size() - length_up_to(std::min<std::size_t>(mutation.bytes.size(), 64));
    mutation.what += " to " + std::to_string(at);
    mutation.bytes.resize(at);
  }

  void extend(Mutation& mutation) {
    const std::size_t count = length_up_to(8192);
    const bool zeros = below(4) == 0;
    mutation.what = std::to_string(count) + " more bytes" + (zeros ? ", zeros" : "");
    for (std::size_t i = 0; i < count; ++i) mutation.bytes.push_back(zeros ? '\0' : static_cast<char>(below(256)));
  }

  /// Bytes lost or repeated: all that follows is in another place.
  void shift(Mutation& mutation) {
    const bool lost = below(2) == 0;
    mutation.what = lost ? "bytes lost" : "bytes repeated";
    const ByteRange range = stretch(mutation.what, mutation.bytes.size());
    if (lost) {
      mutation.bytes.erase(range.begin, range.size());
    } else {
      mutation.bytes.insert(range.end, source_.bytes, range.begin, range.size());
    }
  }

  void replace(Mutation& mutation) {
    const std::size_t which = below(source_.strangers.size() + 1);
    const bool by_other = which == source_.strangers.size();
    mutation.what = by_other ? "the file of another shard" : "a file of another kind, " + std::to_string(which);
    mutation.bytes = by_other ? source_.other : source_.strangers[which];
  }

  static constexpr std::array<Kind, 13> kinds = {&Mutator::flip_any_bit,
                                                 &Mutator::change_bytes,
                                                 &Mutator::swap_words,
                                                 &Mutator::exchange_zeros,
                                                 &Mutator::fill,
                                                 &Mutator::copy_sector,
                                                 &Mutator::copy_from_elsewhere,
                                                 &Mutator::copy_from_other_shard,
                                                 &Mutator::copy_structure,
                                                 &Mutator::truncate,
                                                 &Mutator::extend,
                                                 &Mutator::shift,
                                                 &Mutator::replace};

  const MutationSource& source_;
  std::mt19937_64 random_;
};

}  // namespace datus::test
