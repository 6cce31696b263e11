// SPDX-License-Identifier: Apache-2.0
#include "pipeline/compare/comparison_text.hpp"

#include "datus/core/text.hpp"
#include "pipeline/report/html.hpp"
#include "pipeline/report/text_table.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>

namespace datus {
namespace {

constexpr std::size_t most_listed = 5;  // images of each kind, on a terminal and in Markdown

using Value = std::optional<double>;

std::string number(const Value& fraction) {
  return fraction ? decimals("%.2f", 100 * *fraction) : "–";
}

std::string signed_number(double fraction) {
  return decimals("%+.2f", 100 * fraction);
}

Value difference_of(const Value& first, const Value& second) {
  return first && second ? Value(*second - *first) : std::nullopt;
}

std::string difference_text(const Value& first, const Value& second, const std::optional<Interval>& interval = {}) {
  const Value difference = difference_of(first, second);
  if (!difference) return "–";
  std::string text = signed_number(*difference);
  if (interval) text += " (" + signed_number(interval->low) + " to " + signed_number(interval->high) + ")";
  return text;
}

std::string aligned(const ComparisonTable& table) {
  std::vector<std::vector<std::string>> lines = {table.head};
  lines.insert(lines.end(), table.rows.begin(), table.rows.end());
  const std::vector<std::size_t> widths = column_widths(lines);
  std::string text = table.title + "\n";
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string space = padding(line[i], widths[i]);
      text += i == 0 ? "  " + line[i] + space : "  " + space + line[i];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n";
  }
  return text;
}

std::string in_markdown(std::string text) {
  for (std::size_t at = 0; (at = text.find_first_of("|<\\`*_[", at)) != std::string::npos; at += 2)
    text.insert(at, "\\");
  return text;
}

std::string markdown_of(const ComparisonTable& table) {
  const auto line_of = [](const std::vector<std::string>& cells) {
    std::string line = "|";
    for (const std::string& cell : cells) line += " " + in_markdown(cell) + " |";
    return line + "\n";
  };
  std::string text = "## " + in_markdown(table.title) + "\n\n" + line_of(table.head) + "|---|";
  for (std::size_t i = 1; i < table.head.size(); ++i) text += "---:|";
  text += "\n";
  for (const auto& row : table.rows) text += line_of(row);
  return text + "\n";
}

/// All that is said, in order, each part by `heading` (a line), `sentence` or `table`.
struct Writer {
  std::function<std::string(const std::string&)> sentence;
  std::function<std::string(const ComparisonTable&)> table;
};

std::string written(const RunPair& pair, const RunComparison& comparison, const Writer& writer) {
  std::string text = writer.table(settings_table(pair));
  text += writer.sentence(counted(std::ssize(pair.images), "image") +
                          " of both runs. The masks agree: " + agreement_text(comparison.agreement) + ".");
  for (const auto* notes : {&pair.notes, &comparison.notes}) {
    for (const std::string& note : *notes) text += writer.sentence(note);
  }
  if (comparison.is_scored()) text += writer.table(score_table_of(comparison)) + writer.table(class_table(comparison));
  for (const ComparisonTable& table : extreme_images(pair, comparison, most_listed)) text += writer.table(table);
  return text;
}

class Csv {
 public:
  void add(const std::string& scope, const std::string& name, const std::string& measure, const Value& first,
           const Value& second) {
    begin(scope, name, measure);
    text_ += "," + exact(first) + "," + exact(second) + "," + exact(difference_of(first, second)) + ",\n";
  }
  void add(const std::string& scope, const std::string& name, const std::string& measure, const Value& agreement) {
    begin(scope, name, measure);
    text_ += ",,,," + exact(agreement) + "\n";
  }
  void add(const std::string& scope, const std::string& name, const PartitionAgreement& agreement) {
    add(scope, name, "nmi", agreement.nmi);
    add(scope, name, "ari", agreement.ari);
    add(scope, name, "matched", agreement.matched);
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  static std::string exact(const Value& value) { return value ? decimals("%.17g", *value) : ""; }
  void begin(const std::string& scope, const std::string& name, const std::string& measure) {
    text_ += scope + "," + csv_quoted(name) + "," + measure;
  }

  std::string text_ = "scope,name,measure,first,second,difference,agreement\n";
};

}  // namespace

ComparisonTable settings_table(const RunPair& pair) {
  ComparisonTable table{"Runs", {"", "first", "second"}, {}};
  table.rows.push_back({"run", pair.runs[0].title, pair.runs[1].title});
  for (const auto& [key, first, second] : pair.settings) table.rows.push_back({key, first, second});
  return table;
}

ComparisonTable score_table_of(const RunComparison& comparison) {
  ComparisonTable table{"Scores by " + comparison.protocol + ", percent, of " + counted(comparison.scored, "image") +
                            " with ground truth",
                        {"", "first", "second", "difference (95 %)"},
                        {}};
  const auto add = [&](const std::string& name, Value Scores::*member, const std::optional<Interval>& interval = {}) {
    const Value& first = comparison.scores[0].*member;
    const Value& second = comparison.scores[1].*member;
    table.rows.push_back({name, number(first), number(second), difference_text(first, second, interval)});
  };
  add("mIoU", &Scores::miou, comparison.intervals.miou);
  add("pixel accuracy", &Scores::pixel_accuracy, comparison.intervals.pixel_accuracy);
  add("macro F1", &Scores::macro_f1);
  add("FWIoU", &Scores::fwiou);
  add("NMI", &Scores::nmi);
  add("ARI", &Scores::ari);
  return table;
}

ComparisonTable class_table(const RunComparison& comparison) {
  ComparisonTable table{
      "IoU of each class, percent", {"class", "share of pixels", "first", "second", "difference"}, {}};
  const auto all = static_cast<double>(
      std::accumulate(comparison.class_pixels.begin(), comparison.class_pixels.end(), std::int64_t{0}));
  std::vector<std::size_t> order(comparison.class_pixels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater(), [&](std::size_t c) { return comparison.class_pixels[c]; });
  for (const std::size_t c : order) {
    const Value& first = comparison.scores[0].iou[c];
    const Value& second = comparison.scores[1].iou[c];
    if (!first && !second) continue;
    table.rows.push_back({comparison.class_name(c),
                          number(static_cast<double>(comparison.class_pixels[c]) / std::max(1.0, all)), number(first),
                          number(second), difference_text(first, second)});
  }
  return table;
}

ComparisonTable image_table(const std::string& title, const RunPair& pair, const RunComparison& comparison,
                            const std::vector<std::size_t>& places) {
  ComparisonTable table{title, {"image"}, {}};
  if (comparison.is_scored()) table.head.insert(table.head.end(), {"first", "second", "difference"});
  table.head.insert(table.head.end(), {"matched", "NMI", "ARI"});
  for (const std::size_t place : places) {
    const ImageComparison& image = comparison.images[place];
    std::vector<std::string> row = {pair.images[place].name};
    if (comparison.is_scored()) {
      row.insert(row.end(), {number(image.accuracy[0]), number(image.accuracy[1]),
                             difference_text(image.accuracy[0], image.accuracy[1])});
    }
    row.insert(row.end(), {number(image.agreement.matched), number(image.agreement.nmi), number(image.agreement.ari)});
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string agreement_text(const PartitionAgreement& agreement) {
  return "NMI " + number(agreement.nmi) + ", ARI " + number(agreement.ari) + "; " + number(agreement.matched) +
         " % of the pixels agree where clusters are matched one to one";
}

std::vector<ComparisonTable> extreme_images(const RunPair& pair, const RunComparison& comparison, std::size_t most) {
  std::vector<std::size_t> order = by_difference(comparison);
  if (!comparison.is_scored()) {
    order.resize(std::min(order.size(), most));
    return {image_table("Images whose masks agree least, percent", pair, comparison, order)};
  }
  std::vector<std::size_t> gained;
  std::vector<std::size_t> lost;
  for (const std::size_t place : order) {
    const double gain = comparison.images[place].gain().value_or(0);
    if (gain > 0 && gained.size() < most) gained.push_back(place);
    if (gain < 0) lost.push_back(place);
  }
  std::ranges::reverse(lost);
  lost.resize(std::min(lost.size(), most));
  std::vector<ComparisonTable> tables;
  if (!gained.empty())
    tables.push_back(image_table("Images that gained most: pixel accuracy, percent", pair, comparison, gained));
  if (!lost.empty())
    tables.push_back(image_table("Images that lost most: pixel accuracy, percent", pair, comparison, lost));
  return tables;
}

std::string comparison_text(const RunPair& pair, const RunComparison& comparison) {
  return written(pair, comparison,
                 {.sentence = [](const std::string& text) { return text + "\n"; },
                  .table = [](const ComparisonTable& table) { return aligned(table) + "\n"; }});
}

std::string comparison_markdown(const RunPair& pair, const RunComparison& comparison) {
  return "# " + in_markdown(pair.runs[0].title) + " and " + in_markdown(pair.runs[1].title) + "\n\n" +
         written(
             pair, comparison,
             {.sentence = [](const std::string& text) { return in_markdown(text) + "\n\n"; }, .table = markdown_of});
}

std::string comparison_csv(const RunPair& pair, const RunComparison& comparison) {
  Csv csv;
  csv.add("all", "", comparison.agreement);
  if (comparison.is_scored()) {
    const auto& [first, second] = comparison.scores;
    csv.add("all", "", "miou", first.miou, second.miou);
    csv.add("all", "", "pixel_accuracy", first.pixel_accuracy, second.pixel_accuracy);
    csv.add("all", "", "macro_f1", first.macro_f1, second.macro_f1);
    csv.add("all", "", "fwiou", first.fwiou, second.fwiou);
    csv.add("all", "", "nmi_truth", first.nmi, second.nmi);
    csv.add("all", "", "ari_truth", first.ari, second.ari);
    for (std::size_t c = 0; c < comparison.class_pixels.size(); ++c) {
      csv.add("class", comparison.class_name(c), "iou", first.iou[c], second.iou[c]);
    }
  }
  for (std::size_t i = 0; i < comparison.images.size(); ++i) {
    const ImageComparison& image = comparison.images[i];
    const std::string& name = pair.images[i].name;
    if (comparison.is_scored()) {
      csv.add("image", name, "pixel_accuracy", image.accuracy[0], image.accuracy[1]);
      csv.add("image", name, "miou", image.miou[0], image.miou[1]);
    }
    csv.add("image", name, image.agreement);
  }
  return csv.text();
}

}  // namespace datus
