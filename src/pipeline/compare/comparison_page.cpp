// SPDX-License-Identifier: Apache-2.0
#include "pipeline/compare/comparison_page.hpp"

#include "datus/core/text.hpp"
#include "pipeline/compare/comparison_text.hpp"
#include "pipeline/report/assets.hpp"
#include "pipeline/report/charts.hpp"
#include "pipeline/report/html.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

namespace datus {
namespace {

constexpr std::size_t most_bars = 40;

std::string html_of(const ComparisonTable& table, const char* kind = "all-numbers") {
  const auto line_of = [](const std::vector<std::string>& cells, bool is_head) {
    std::string line = "<tr>";
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string tag = is_head || i == 0 ? "th" : "td";
      if (is_head && i == 0 && cells[i].empty()) {
        line += "<td></td>";
        continue;
      }
      line += "<" + tag +
              (is_head  ? " scope=\"col\""
               : i == 0 ? " scope=\"row\""
                        : "") +
              ">" + escaped(cells[i]) + "</" + tag + ">";
    }
    return line + "</tr>\n";
  };
  std::string rows;
  for (const auto& row : table.rows) rows += line_of(row, false);
  return "<h3>" + escaped(table.title) + "</h3><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"" +
         escaped(table.title) + "\"><table class=\"numbers " + kind + "\"><thead>" + line_of(table.head, true) +
         "</thead><tbody>" + rows + "</tbody></table></div>\n";
}

std::string class_bars(const RunPair& pair, const RunComparison& comparison, const Palette& classes) {
  BarChart chart{.title = "IoU of each class", .series = {pair.runs[0].title, pair.runs[1].title}, .rows = {}};
  std::vector<std::size_t> order(comparison.class_pixels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater(), [&](std::size_t c) { return comparison.class_pixels[c]; });
  for (const std::size_t c : order) {
    const auto& first = comparison.scores[0].iou[c];
    const auto& second = comparison.scores[1].iou[c];
    if ((!first && !second) || chart.rows.size() == most_bars) continue;
    chart.rows.push_back({.label = comparison.class_name(c),
                          .colour = hex_colour(classes.of(static_cast<std::int32_t>(c))),
                          .values = {first, second}});
  }
  return "<figure class=\"chart\"><figcaption>IoU of each class, percent</figcaption><div class=\"scroll\" "
         "tabindex=\"0\" role=\"region\" aria-label=\"IoU of each class\">" +
         to_svg(chart) + "</div></figure>\n";
}

std::string overview(const RunPair& pair, const RunComparison& comparison) {
  std::string text = "<section id=\"overview\"><h2>Overview</h2>\n<p>" + counted(std::ssize(pair.images), "image") +
                     " of both runs. The masks agree: " + escaped(agreement_text(comparison.agreement)) + ".</p>\n";
  for (const auto* notes : {&pair.notes, &comparison.notes}) {
    for (const std::string& note : *notes) text += "<p class=\"note\">" + escaped(note) + "</p>\n";
  }
  if (comparison.is_scored()) {
    text += html_of(score_table_of(comparison)) +
            "<p class=\"note\">In brackets: the 95 % interval of the difference over other draws of images.</p>\n";
  }
  return text + html_of(settings_table(pair), "all-texts") + "</section>\n";
}

std::string classes_section(const RunPair& pair, const RunComparison& comparison, const Palette& classes) {
  if (!comparison.is_scored()) return {};
  return "<section id=\"classes\"><h2>Classes</h2><div class=\"charts\">" + class_bars(pair, comparison, classes) +
         "<div>" + html_of(class_table(comparison)) + "</div></div></section>\n";
}

std::string percent_sign(const std::optional<double>& value) {
  return percent(value) + (value ? " %" : "");
}

std::string caption(const ImageComparison& image) {
  std::string text;
  if (const auto gain = image.gain()) {
    text = percent_sign(image.accuracy[0]) + " → " + percent_sign(image.accuracy[1]) + " right (" +
           decimals("%+.1f", 100 * *gain) + "), mIoU " + percent(image.miou[0]) + " → " + percent(image.miou[1]) +
           " · ";
  }
  return text + "masks agree: " + percent_sign(image.agreement.matched) + ", NMI " + percent(image.agreement.nmi) +
         ", ARI " + percent(image.agreement.ari);
}

std::string card(const RunPair& pair, const RunComparison& comparison, const ComparisonPicture& picture) {
  const std::string& name = pair.images[picture.place].name;
  const ImageComparison& image = comparison.images[picture.place];
  const auto stage = [&](const std::string& type, const std::string& bytes, const std::string& what) {
    if (bytes.empty()) return std::string();
    return "<figure class=\"stage\"><img src=\"data:image/" + type + ";base64," + bytes + "\" width=\"" +
           std::to_string(picture.width) + "\" height=\"" + std::to_string(picture.height) + "\" alt=\"" +
           escaped(what + " of " + name) + "\"><figcaption>" + escaped(what) + "</figcaption></figure>";
  };
  return "<article class=\"card\" data-gain=\"" + decimals("%.6f", image.gain().value_or(0)) + "\" data-matched=\"" +
         decimals("%.6f", image.agreement.matched.value_or(0)) + "\" data-name=\"" + escaped(name) + "\"><h3>" +
         escaped(name) + "</h3><p class=\"note\">" + caption(image) + "</p><div class=\"stages\">" +
         stage("jpeg", picture.photo, "photo") + stage("png", picture.truth, "ground truth") +
         stage("png", picture.masks[0], pair.runs[0].title) + stage("png", picture.masks[1], pair.runs[1].title) +
         stage("png", picture.differences, "differences") + "</div></article>\n";
}

std::string toolbar(const RunComparison& comparison) {
  const std::string gains = comparison.is_scored() ? "<option value=\"gain\">gain, largest first</option>"
                                                     "<option value=\"loss\">loss, largest first</option>"
                                                   : "";
  return "<div class=\"toolbar scripted\" role=\"group\" aria-label=\"Order of the images\"><label>sort by <select "
         "id=\"sort\">" +
         gains + "<option value=\"matched\">least agreement</option><option value=\"name\">name</option></select>" +
         "</label></div>\n";
}

std::string strip(const std::vector<std::pair<std::string, Colour>>& entries) {
  std::string items;
  for (const auto& [name, colour] : entries) items += "<li>" + swatch(colour) + escaped(name) + "</li>";
  return items.empty() ? items : "<ul class=\"strip\">" + items + "</ul>\n";
}

std::string images_section(const RunPair& pair, const RunComparison& comparison, const ComparisonColours& colours,
                           const std::vector<ComparisonPicture>& pictures) {
  std::string cards;
  for (const ComparisonPicture& picture : pictures) cards += card(pair, comparison, picture);
  std::vector<std::pair<std::string, Colour>> kinds;
  for (const DifferenceKind& kind : difference_kinds(comparison)) kinds.emplace_back(kind.name, kind.colour);
  std::vector<std::pair<std::string, Colour>> classes;
  for (std::size_t c = 0; c < colours.classes.colours.size(); ++c) {
    classes.emplace_back(comparison.class_name(c), colours.classes.colours[c]);
  }
  return "<section id=\"images\"><h2>Images</h2>\n<p class=\"note\">" + std::to_string(pictures.size()) + " of " +
         counted(std::ssize(pair.images), "image") +
         (comparison.is_scored() ? ": those that gained most and those that lost most."
                                 : ": those whose masks agree least. A cluster of the second run has the colour of "
                                   "its partner in the first.") +
         "</p>\n" + strip(kinds) + strip(classes) + toolbar(comparison) +
         "<div class=\"cards rows compared\" id=\"cards\">\n" + cards + "</div></section>\n";
}

}  // namespace

std::string comparison_page(const RunPair& pair, const RunComparison& comparison,
                            const std::vector<ComparisonPicture>& pictures) {
  const ComparisonColours colours = colours_of(pair, comparison);
  const std::string title = pair.runs[0].title + " and " + pair.runs[1].title;
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
         "<meta name=\"color-scheme\" content=\"light dark\">\n<title>datus: " +
         escaped(title) + "</title>\n<style>\n" + std::string(report_style()) +
         "</style></head>\n<body>\n<header><h1>" + escaped(title) + "</h1><p>" +
         counted(std::ssize(pair.images), "image") + " · K = " + std::to_string(pair.runs[0].k) + " and " +
         std::to_string(pair.runs[1].k) +
         "</p></header>\n<nav class=\"bar\" aria-label=\"Parts of the page\"><a href=\"#overview\">Overview</a>" +
         (comparison.is_scored() ? "<a href=\"#classes\">Classes</a>" : "") +
         "<a href=\"#images\">Images</a><span class=\"space\"></span><button type=\"button\" class=\"scripted\" "
         "id=\"theme\" aria-label=\"Light or dark\">◐</button></nav>\n<main>\n" +
         overview(pair, comparison) + classes_section(pair, comparison, colours.classes) +
         images_section(pair, comparison, colours, pictures) + "</main>\n<script>\n" +
         std::string(comparison_script()) + "</script>\n</body>\n</html>\n";
}

}  // namespace datus
