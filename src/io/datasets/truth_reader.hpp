#pragma once

#include "datus/core/image.hpp"
#include "io/datasets/label_table.hpp"

#include <filesystem>
#include <utility>

namespace datus {

class TruthReader {
 public:
  TruthReader() = default;
  TruthReader(const TruthReader&) = delete;
  TruthReader& operator=(const TruthReader&) = delete;
  virtual ~TruthReader() = default;

  /// As `Dataset::read_truth`.
  [[nodiscard]] virtual LabelMap read(const std::filesystem::path& path) const = 0;
};

namespace io_detail {

/// Palette or grey PNGs whose value a table turns into the class.
class IndexTruthReader final : public TruthReader {
 public:
  explicit IndexTruthReader(LabelTable table) : table_(std::move(table)) {}
  [[nodiscard]] LabelMap read(const std::filesystem::path& path) const override;

 private:
  LabelTable table_;
};

/// SUIM's colour masks: each channel is binarised above one half (the files carry JPEG-like noise),
/// the three bits name one of eight classes, and a table maps those on.
class SuimTruthReader final : public TruthReader {
 public:
  explicit SuimTruthReader(LabelTable table) : table_(std::move(table)) {}
  [[nodiscard]] LabelMap read(const std::filesystem::path& path) const override;

 private:
  LabelTable table_;
};

}  // namespace io_detail
}  // namespace datus
