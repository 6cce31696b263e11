#pragma once

#include "datus/io/dataset.hpp"

#include <filesystem>
#include <memory>

namespace datus::io_detail {

// One function per kind of data set; `open_dataset` describes what each does and throws. The
// options are those that the kind knows.

[[nodiscard]] std::unique_ptr<Dataset> open_folder(const DatasetOptions& options);
[[nodiscard]] std::unique_ptr<Dataset> open_list(const DatasetOptions& options);
[[nodiscard]] std::unique_ptr<Dataset> open_index_png(const DatasetOptions& options);
[[nodiscard]] std::unique_ptr<Dataset> open_suim(const DatasetOptions& options);
[[nodiscard]] std::unique_ptr<Dataset> open_coco_stuff(const DatasetOptions& options);

/// `options.truth`; throws `UsageError` when it is not given.
[[nodiscard]] const std::filesystem::path& require_truth(const DatasetOptions& options);

}  // namespace datus::io_detail
