// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/leaderboard.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace leaderboard_test {

LeaderboardRow row(const std::string& backbone, double miou, std::optional<double> deviation, int k = 27) {
  LeaderboardRow made{"reef", backbone, "best", k, "strict", 3, {}, {}};
  made.scores.mean[0] = miou;
  made.scores.deviation[0] = deviation;
  return made;
}

std::vector<LeaderboardRow> rows() {
  std::vector<LeaderboardRow> table = {row("a_b", 0.25, 0.01), row("c<d", 0.2, {}), row("alone", 0.1, {}, 8)};
  table.push_back(row("theirs", 0.9, {}));
  table.back().source = "A & B, \"table\"";
  return table;
}

TEST(Leaderboard, TextMarksTheBestOfSeveralMeasuredRows) {
  const std::string text = leaderboard_text(rows(), TableFormat::text);
  EXPECT_NE(text.find("*25.00 ± 1.00"), std::string::npos) << text;
  EXPECT_NE(text.find(" 20.00"), std::string::npos) << text;
  EXPECT_EQ(text.find("*10.00"), std::string::npos) << "nothing to compare with: " << text;
  EXPECT_EQ(text.find("*90.00"), std::string::npos) << "published: " << text;
  EXPECT_LT(text.find("published:"), text.find("theirs"));
  EXPECT_GT(text.find("published:"), text.find("alone"));
}

TEST(Leaderboard, FormatsEscapeWhatTheirLanguagesRead) {
  const std::string html = leaderboard_text(rows(), TableFormat::html);
  EXPECT_NE(html.find("<td>c&lt;d</td>"), std::string::npos) << html;
  EXPECT_NE(html.find("<td><b>25.00 ± 1.00</b></td>"), std::string::npos) << html;
  EXPECT_NE(html.find("A &amp; B, &quot;table&quot;"), std::string::npos) << html;
  const std::string latex = leaderboard_text(rows(), TableFormat::latex);
  EXPECT_NE(latex.find("a\\_b"), std::string::npos) << latex;
  EXPECT_NE(latex.find("\\textbf{25.00 $\\pm$ 1.00}"), std::string::npos) << latex;
  EXPECT_NE(latex.find("A \\& B"), std::string::npos) << latex;
  const std::string csv = leaderboard_text(rows(), TableFormat::csv);
  EXPECT_NE(csv.find("\"reef\",\"strict\",27,\"a_b\",\"best\",3,25.00,1.00,,"), std::string::npos) << csv;
  EXPECT_NE(csv.find("\"A & B, \"\"table\"\"\""), std::string::npos) << csv;
  const std::string markdown = leaderboard_text(rows(), TableFormat::markdown);
  EXPECT_NE(markdown.find("| **25.00 ± 1.00** |"), std::string::npos) << markdown;
}

}  // namespace leaderboard_test
}  // namespace datus::test
