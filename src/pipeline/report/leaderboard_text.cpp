// SPDX-License-Identifier: Apache-2.0
#include "datus/core/text.hpp"
#include "datus/pipeline/leaderboard.hpp"
#include "pipeline/report/html.hpp"
#include "pipeline/report/text_table.hpp"

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>

namespace datus {
namespace {

constexpr std::size_t columns = LeaderboardScores::names.size();

std::string number(std::optional<double> fraction, const char* none = "-") {
  return fraction ? decimals("%.2f", 100 * *fraction) : none;
}

/// "27.10 ± 0.53".
std::string cell(const LeaderboardRow& row, std::size_t column, const std::string& plus_minus) {
  const auto deviation = row.scores.deviation.at(column);
  return number(row.scores.mean.at(column)) + (deviation ? plus_minus + number(deviation) : std::string());
}

bool is_published(const LeaderboardRow& row) {
  return !row.source.empty();
}

/// Whether it is the best of its column among several measured rows of its data set, protocol and K.
bool is_best(std::span<const LeaderboardRow> rows, const LeaderboardRow& row, std::size_t column) {
  if (is_published(row) || !row.scores.mean.at(column)) return false;
  int others = 0;
  for (const LeaderboardRow& other : rows) {
    const bool is_rival = &other != &row && !is_published(other) && other.dataset == row.dataset &&
                          other.protocol == row.protocol && other.k == row.k && other.scores.mean.at(column);
    if (!is_rival) continue;
    ++others;
    if (*other.scores.mean.at(column) > *row.scores.mean.at(column)) return false;
  }
  return others > 0;
}

using Cells = std::vector<std::string>;

/// How a format writes what it has to.
struct Style {
  std::string plus_minus;
  std::function<std::string(const std::string&)> escaped;
  std::function<std::string(const std::string&)> best;
};

Cells header() {
  Cells cells = {"data set", "protocol", "K", "backbone", "method", "seeds"};
  for (const std::string_view name : LeaderboardScores::names) cells.emplace_back(name);
  cells.emplace_back("source");
  return cells;
}

Cells cells_of(std::span<const LeaderboardRow> rows, const LeaderboardRow& row, const Style& style) {
  Cells cells = {
      style.escaped(row.dataset),  style.escaped(row.protocol), row.k == 0 ? "-" : std::to_string(row.k),
      style.escaped(row.backbone), style.escaped(row.method),   is_published(row) ? "-" : std::to_string(row.seeds)};
  for (std::size_t column = 0; column < columns; ++column) {
    const std::string text = cell(row, column, style.plus_minus);
    cells.push_back(is_best(rows, row, column) ? style.best(text) : text);
  }
  cells.push_back(style.escaped(is_published(row) ? row.source : "measured"));
  return cells;
}

std::string replaced(std::string text, const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const auto found = std::ranges::find_if(
        pairs, [&](const auto& pair) { return text.compare(at, pair.first.size(), pair.first) == 0; });
    result += found == pairs.end() ? text.substr(at, 1) : found->second;
    at += found == pairs.end() ? 1 : found->first.size();
  }
  return result;
}

std::string as_text(std::span<const LeaderboardRow> rows) {
  const Style style{" ± ", std::identity(), [](const std::string& text) { return "*" + text; }};
  std::vector<Cells> table = {header()};
  for (const LeaderboardRow& row : rows) table.push_back(cells_of(rows, row, style));
  const std::vector<std::size_t> widths = column_widths(table);
  std::string text;
  for (std::size_t line = 0; line < table.size(); ++line) {
    const bool begins_published = line > 1 && is_published(rows[line - 1]) && !is_published(rows[line - 2]);
    if (begins_published) text += "published:\n";
    for (std::size_t i = 0; i < table[line].size(); ++i) {
      const bool is_number = i == 2 || (i >= 5 && i + 1 < table[line].size());
      const std::string pad = padding(table[line][i], widths[i]);
      text += is_number ? pad + table[line][i] : table[line][i] + (i + 1 < table[line].size() ? pad : "");
      text += i + 1 < table[line].size() ? "  " : "\n";
    }
  }
  return text + "(percent; mean ± standard deviation over seeds; * the best of its data set, protocol and K)\n";
}

std::string as_csv(std::span<const LeaderboardRow> rows) {
  std::string text = "dataset,protocol,k,backbone,method,seeds";
  for (const std::string_view name : LeaderboardScores::names) {
    const std::string column = replaced(std::string(name), {{" ", "_"}});
    text += "," + column + "," + column + "_sd";
  }
  text += ",source\n";
  for (const LeaderboardRow& row : rows) {
    text += csv_quoted(row.dataset) + "," + csv_quoted(row.protocol) + "," + (row.k == 0 ? "" : std::to_string(row.k)) +
            "," + csv_quoted(row.backbone) + "," + csv_quoted(row.method) + "," + std::to_string(row.seeds);
    for (std::size_t column = 0; column < columns; ++column) {
      text += "," + number(row.scores.mean.at(column), "") + "," + number(row.scores.deviation.at(column), "");
    }
    text += "," + csv_quoted(is_published(row) ? row.source : "measured") + "\n";
  }
  return text;
}

std::string as_markdown(std::span<const LeaderboardRow> rows) {
  const Style style{" ± ",
                    [](const std::string& text) {
                      return replaced(text, {{"|", "\\|"}});
                    },
                    [](const std::string& text) { return "**" + text + "**"; }};
  std::string text = "|";
  std::string rule = "|";
  for (const std::string& name : header()) {
    text += " " + name + " |";
    rule += "---|";
  }
  text += "\n" + rule + "\n";
  for (const LeaderboardRow& row : rows) {
    text += "|";
    for (const std::string& value : cells_of(rows, row, style)) text += " " + value + " |";
    text += "\n";
  }
  return text;
}

std::string as_html(std::span<const LeaderboardRow> rows) {
  const Style style{" ± ", [](const std::string& text) { return escaped(text); },
                    [](const std::string& text) { return "<b>" + text + "</b>"; }};
  const auto line = [](const Cells& cells, const std::string& tag) {
    std::string text = "<tr>";
    for (const std::string& value : cells) text += "<" + tag + ">" + value + "</" + tag + ">";
    return text + "</tr>\n";
  };
  std::string text =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Leaderboard</title>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>:root{color-scheme:light dark}"
      "body{font:15px system-ui,sans-serif;margin:1rem}div{overflow-x:auto}table{border-collapse:collapse}"
      "td,th{padding:.25rem .6rem;text-align:left;white-space:nowrap;border-bottom:1px solid #8886}</style></head>\n"
      "<body><h1>Leaderboard</h1>\n<p>Percent; mean ± standard deviation over seeds; bold: the best of its data set, "
      "protocol and K.</p>\n<div tabindex=\"0\"><table>\n<thead>" +
      line(header(), "th") + "</thead><tbody>\n";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (is_published(rows[i]) && (i == 0 || !is_published(rows[i - 1]))) {
      text += "</tbody><tbody>\n<tr><th colspan=\"" + std::to_string(header().size()) + "\">Published</th></tr>\n";
    }
    text += line(cells_of(rows, rows[i], style), "td");
  }
  return text + "</tbody></table></div></body></html>\n";
}

std::string as_latex(std::span<const LeaderboardRow> rows) {
  const Style style{" $\\pm$ ",
                    [](const std::string& text) {
                      return replaced(text, {{"\\", "\\textbackslash{}"},
                                             {"&", "\\&"},
                                             {"%", "\\%"},
                                             {"_", "\\_"},
                                             {"#", "\\#"},
                                             {"$", "\\$"},
                                             {"{", "\\{"},
                                             {"}", "\\}"},
                                             {"²", "$^2$"}});
                    },
                    [](const std::string& text) { return "\\textbf{" + text + "}"; }};
  const auto line = [](const Cells& cells) {
    std::string text;
    for (const std::string& value : cells) text += (text.empty() ? "" : " & ") + value;
    return text + " \\\\\n";
  };
  std::string text = "% \\usepackage{booktabs}\n\\begin{tabular}{llrllr" + std::string(columns, 'r') +
                     "l}\n\\toprule\n" + line(header()) + "\\midrule\n";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i > 0 && is_published(rows[i]) && !is_published(rows[i - 1])) text += "\\midrule\n";
    text += line(cells_of(rows, rows[i], style));
  }
  return text + "\\bottomrule\n\\end{tabular}\n";
}

}  // namespace

std::string leaderboard_text(std::span<const LeaderboardRow> rows, TableFormat format) {
  switch (format) {
    case TableFormat::text:
      return as_text(rows);
    case TableFormat::csv:
      return as_csv(rows);
    case TableFormat::markdown:
      return as_markdown(rows);
    case TableFormat::html:
      return as_html(rows);
    case TableFormat::latex:
      return as_latex(rows);
  }
  return {};
}

}  // namespace datus
