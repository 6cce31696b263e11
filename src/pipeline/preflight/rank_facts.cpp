// SPDX-License-Identifier: Apache-2.0
#include "pipeline/preflight/rank_facts.hpp"

#include "datus/comm/gpu_choice.hpp"
#include "datus/core/text.hpp"
#include "pipeline/pending/run_size.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <sstream>
#include <utility>

#include <nlohmann/json.hpp>

namespace datus::preflight_detail {
namespace {

using Json = nlohmann::json;
using Names = std::vector<std::string>;

template <class T>
Json json_of(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

template <class T>
std::optional<T> optional_in(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional(json.get<T>());
}

Json json_of(const FolderView& folder) {
  return {{"path", folder.path}, {"free", folder.free_bytes}, {"token", json_of(folder.sees_token)}};
}

FolderView folder_in(const Json& json) {
  return {.path = json.at("path"), .free_bytes = json.at("free"), .sees_token = optional_in<bool>(json.at("token"))};
}

Json json_of(const CardView& card) {
  return {{"name", card.name}, {"uuid", card.uuid}, {"slot", card.slot}, {"shareable", card.shareable}};
}

CardView card_in(const Json& json) {
  return {.name = json.at("name"), .uuid = json.at("uuid"), .slot = json.at("slot"), .shareable = json.at("shareable")};
}

ExitCode code_in(const Json& json) {
  return static_cast<ExitCode>(json.get<int>());
}

/// "n1, n2, n3, n4 and 12 more".
std::string text_of(const Names& nodes) {
  constexpr std::size_t most = 4;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, nodes.size()); ++i) text += (i == 0 ? "" : ", ") + nodes[i];
  return nodes.size() > most ? text + " and " + std::to_string(nodes.size() - most) + " more" : text;
}

/// The number of ranks on each node, in the order of the ranks.
std::vector<std::pair<std::string, int>> ranks_by_node(const std::vector<RankFacts>& facts) {
  std::vector<std::pair<std::string, int>> counts;
  for (const RankFacts& rank : facts) {
    const auto known = std::ranges::find(counts, rank.node, &std::pair<std::string, int>::first);
    if (known == counts.end()) {
      counts.emplace_back(rank.node, 1);
    } else {
      ++known->second;
    }
  }
  return counts;
}

/// Collects findings; what several nodes, or ranks of one, have in common becomes one.
class Findings {
 public:
  void add(const std::string& node, ExitCode code, const std::string& text) {
    const auto same = std::ranges::find(list_, text, &Finding::text);
    if (same == list_.end()) {
      list_.push_back({{node}, code, text});
    } else if (std::ranges::find(same->nodes, node) == same->nodes.end()) {
      same->nodes.push_back(node);
    }
  }
  [[nodiscard]] std::vector<Finding> take() { return std::move(list_); }

 private:
  std::vector<Finding> list_;
};

void find_missing_ranks(const std::vector<RankFacts>& facts, std::optional<int> wanted, Findings& findings) {
  if (!wanted || std::cmp_equal(*wanted, facts.size())) return;
  const auto counts = ranks_by_node(facts);
  constexpr std::size_t most = 8;
  std::string where;
  for (std::size_t i = 0; i < std::min(most, counts.size()); ++i) {
    where += (i == 0 ? "" : ", ") + std::to_string(counts[i].second) + " on " + counts[i].first;
  }
  if (counts.size() > most) where += " and so on";
  const std::string text =
      message_text(counted(std::ssize(facts), "rank") + " started, but " + std::to_string(*wanted) + " were asked for",
                   where, "Check the number of tasks of srun or mpirun.");
  for (const auto& [node, ranks] : counts) findings.add(node, ExitCode::usage, text);
}

/// Without its indentation, and not too long.
std::string shortened(const std::string& line) {
  constexpr std::size_t longest = 120;
  const std::string text = line.substr(std::min(line.find_first_not_of(' '), line.size()));
  return text.size() <= longest ? text : text.substr(0, longest) + "...";
}

/// The first lines that differ of two different texts.
std::pair<std::string, std::string> first_difference(const std::string& mine, const std::string& other) {
  std::istringstream my_lines(mine);
  std::istringstream other_lines(other);
  std::string my_line;
  std::string other_line;
  do {
    my_line.clear();
    other_line.clear();
    std::getline(my_lines, my_line);
    std::getline(other_lines, other_line);
  } while (my_line == other_line && (my_lines || other_lines));
  return {shortened(my_line), shortened(other_line)};
}

void find_differences(const std::vector<RankFacts>& facts, Findings& findings) {
  std::map<std::string, std::pair<const RankFacts*, const Shared*>> first_of;
  for (const RankFacts& rank : facts) {
    for (const Shared& here : rank.shared) {
      const auto& [first, there] = first_of.try_emplace(here.what, &rank, &here).first->second;
      if (here.value == there->value) continue;
      const auto [mine, other] = first_difference(here.value, there->value);
      const std::string where = first->node == rank.node ? "another rank there" : first->node;
      findings.add(rank.node, here.code,
                   message_text(here.what + " not the same as on " + where, mine + " against " + other, here.advice));
    }
  }
}

void find_folder_problems(const std::vector<RankFacts>& facts, Findings& findings) {
  for (const RankFacts& rank : facts) {
    if (!rank.folder) continue;
    if (rank.folder->free_bytes < least_free_bytes) {
      findings.add(
          rank.node, ExitCode::failure,
          message_text("too little room for the run directory in " + rank.folder->path,
                       size_text(rank.folder->free_bytes) + " are free, less than " + size_text(least_free_bytes),
                       "Free some space, or choose another folder with --run or run.directory."));
    }
    if (!rank.folder->sees_token.value_or(true)) {
      const std::string& first = facts.front().node;
      const std::string there = facts.front().folder ? facts.front().folder->path : "?";
      findings.add(
          rank.node, ExitCode::failure,
          message_text("the run directory is not the folder that " + first + " has",
                       "a file that " + first + " made in " + there + " does not appear in " + rank.folder->path,
                       "Choose a folder on a file system that all nodes share, with --run or run.directory."));
    }
  }
}

void find_own_problems(const std::vector<RankFacts>& facts, Findings& findings) {
  for (const RankFacts& rank : facts) {
    for (const Problem& problem : rank.problems) findings.add(rank.node, problem.code, problem.text);
  }
}

void find_shared_cards(const std::vector<RankFacts>& facts, Findings& findings) {
  std::vector<RankCard> cards;
  for (const RankFacts& rank : facts) {
    const bool is_alone = rank.card && !rank.card->shareable;
    cards.push_back(is_alone ? RankCard{rank.node, rank.card->name, rank.card->uuid, rank.card->slot} : RankCard{});
  }
  const auto problem = card_sharing_problem(cards);
  if (problem) findings.add(cards[problem->ranks.front()].node, ExitCode::usage, problem->text);
}

/// "NVIDIA H100" where all ranks have that, "a GPU" where they differ, empty where one has none.
std::string cards_text(const std::vector<RankFacts>& facts) {
  if (!std::ranges::all_of(facts, [](const RankFacts& rank) { return rank.card.has_value(); })) return {};
  const std::string& name = facts.front().card->name;
  const bool same = std::ranges::all_of(facts, [&](const RankFacts& rank) { return rank.card->name == name; });
  return same ? name : "a GPU";
}

void find_crowded_cores(const std::vector<RankFacts>& facts, Findings& findings) {
  for (const RankFacts& rank : facts) {
    if (rank.share >= rank.granted_cores.value_or(1)) continue;
    const std::string granted = std::to_string(*rank.granted_cores);
    findings.add(rank.node, ExitCode::done,
                 message_text("warning: a rank has " + counted(rank.share, "core") + " to itself, not the " + granted +
                                  " of SLURM_CPUS_PER_TASK",
                              "others may run on the same ones, or it is bound to fewer",
                              "Give srun --cpus-per-task=" + granted +
                                  ", which it does not take from sbatch, and --cpu-bind=cores."));
  }
}

}  // namespace

std::string to_text(const RankFacts& facts) {
  Json json = {{"node", facts.node},
               {"threads", facts.threads},
               {"share", facts.share},
               {"granted", json_of(facts.granted_cores)},
               {"folder", facts.folder ? json_of(*facts.folder) : Json()},
               {"card", facts.card ? json_of(*facts.card) : Json()},
               {"shared", Json::array()},
               {"problems", Json::array()}};
  for (const Shared& one : facts.shared) {
    json["shared"].push_back({one.what, one.value, one.advice, static_cast<int>(one.code)});
  }
  for (const Problem& one : facts.problems) json["problems"].push_back({static_cast<int>(one.code), one.text});
  // Paths are any bytes; what is no UTF-8 is replaced.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

RankFacts facts_from_text(const std::string& text) {
  const Json json = Json::parse(text);
  RankFacts facts{.node = json.at("node"),
                  .threads = json.at("threads"),
                  .share = json.at("share"),
                  .granted_cores = optional_in<int>(json.at("granted"))};
  if (!json.at("folder").is_null()) facts.folder = folder_in(json.at("folder"));
  if (!json.at("card").is_null()) facts.card = card_in(json.at("card"));
  for (const Json& one : json.at("shared")) {
    facts.shared.push_back({.what = one.at(0), .value = one.at(1), .advice = one.at(2), .code = code_in(one.at(3))});
  }
  for (const Json& one : json.at("problems")) facts.problems.push_back({.code = code_in(one.at(0)), .text = one.at(1)});
  return facts;
}

std::string Finding::line() const {
  std::string whole = "preflight: " + text_of(nodes) + ": " + text;
  std::ranges::replace(whole, '\n', ' ');
  return whole;
}

std::vector<Finding> findings_in(const std::vector<RankFacts>& facts, std::optional<int> wanted_ranks) {
  Findings findings;
  find_missing_ranks(facts, wanted_ranks, findings);
  find_differences(facts, findings);
  find_own_problems(facts, findings);
  find_shared_cards(facts, findings);
  find_folder_problems(facts, findings);
  find_crowded_cores(facts, findings);
  return findings.take();
}

std::string summary_of(const std::vector<RankFacts>& facts) {
  const auto [fewest, most] = std::ranges::minmax_element(facts, {}, &RankFacts::threads);
  const std::string threads = fewest->threads == most->threads ? counted(most->threads, "thread")
                                                               : std::to_string(fewest->threads) + " to " +
                                                                     std::to_string(most->threads) + " threads";
  const std::string cards = cards_text(facts);
  std::string text = counted(std::ssize(facts), "rank") + " on " + counted(ranks_by_node(facts).size(), "node") + ", " +
                     threads + (cards.empty() ? "" : " and " + cards) + " each";
  const auto& folder = facts.front().folder;
  if (folder) text += ", " + size_text(folder->free_bytes) + " free in " + folder->path;
  return text;
}

}  // namespace datus::preflight_detail
