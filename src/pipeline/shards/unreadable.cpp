// SPDX-License-Identifier: Apache-2.0
#include "pipeline/shards/unreadable.hpp"

#include "datus/core/printable.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/image_reader.hpp"
#include "pipeline/files/unreadable_images.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace datus {
namespace {

std::string reason_of(const RunContext& run, std::int64_t image) {
  try {
    (void)read_image(run.image_path(image), run.orientation());
  } catch (const InputError& error) {
    return error.what();
  }
  return "it can be read now; run again";
}

/// A text for one column of one line, whatever the name of a file holds.
std::string quoted(const std::string& text) {
  std::string result;
  for (const char c : text) result.append(c == '\\' ? 2 : 1, c);
  return printable_line(result);
}

}  // namespace

std::int64_t report_unreadable(const RunContext& run) {
  const auto [begin, end] = share_of(run.list.shards(), run.comm);
  std::vector<std::int64_t> slice;
  for (std::int64_t shard = begin; shard < end; ++shard) {
    const auto images = unreadable_images(run.directory, {shard});
    slice.insert(slice.end(), images.begin(), images.end());
  }
  const auto all = allgather_values(run.comm, slice);
  on_root(run.comm, [&] {
    std::string text;
    for (const auto image : all) {
      const std::string& name = run.list.images[static_cast<std::size_t>(image)].name;
      text += quoted(name) + "\t" + quoted(reason_of(run, image)) + "\n";
    }
    if (text.empty()) {
      run.require_held();
      std::filesystem::remove(run.directory.unreadable());
    } else {
      write_text_atomically(run.directory.unreadable(), text, run.writing());
    }
  });
  return static_cast<std::int64_t>(all.size());
}

}  // namespace datus
