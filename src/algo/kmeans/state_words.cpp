// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/state_words.hpp"

#include <bit>
#include <cstddef>
#include <string>
#include <type_traits>

namespace datus::clustering {
namespace {

/// Calls visit(member) for all there is of a pair, in the order in which it is written and read.
template <class Pair, class Visit>
void for_each_member(Pair& pair, Visit& visit) {
  visit(pair.clusters);
  visit(pair.restart);
  visit(pair.phase);
  visit(pair.centroids);
  visit(pair.previous);
  visit(pair.precise);
  visit(pair.precise_since);
  visit(pair.inertia);
  visit(pair.final_inertia);
  visit(pair.converged);
  visit(pair.repairs);
  auto& batches = pair.mini_batch;
  visit(batches.weights);
  visit(batches.batches);
  visit(batches.smoothed);
  visit(batches.lowest);
  visit(batches.without_improvement);
}

class Writer {
 public:
  template <class T>
  void operator()(const T& value) {
    if constexpr (std::is_same_v<T, double>) {
      words_.push_back(std::bit_cast<std::int64_t>(value));
    } else {
      words_.push_back(static_cast<std::int64_t>(value));
    }
  }
  template <class T>
  void operator()(const std::vector<T>& values) {
    (*this)(values.size());
    for (const T& value : values) (*this)(value);
  }
  void operator()(const std::string& text) { (*this)(std::vector<char>(text.begin(), text.end())); }
  [[nodiscard]] std::vector<std::int64_t> take() { return std::move(words_); }

 private:
  std::vector<std::int64_t> words_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::int64_t> words) : rest_(words) {}
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  template <class T>
  void operator()(T& value) {
    if constexpr (std::is_same_v<T, double>) {
      value = std::bit_cast<double>(rest_.front());
    } else {
      value = static_cast<T>(rest_.front());
    }
    rest_ = rest_.subspan(1);
  }
  template <class T>
  void operator()(std::vector<T>& values) {
    std::size_t size = 0;
    (*this)(size);
    values.resize(size);
    for (T& value : values) (*this)(value);
  }
  void operator()(std::string& text) {
    std::vector<char> letters;
    (*this)(letters);
    text.assign(letters.begin(), letters.end());
  }

 private:
  std::span<const std::int64_t> rest_;
};

}  // namespace

std::vector<std::int64_t> words_of(const KMeansState& state) {
  Writer write;
  write(state.data);
  write(state.settings);
  write(state.pairs.size());
  for (const KMeansPair& pair : state.pairs) for_each_member(pair, write);
  return write.take();
}

std::vector<KMeansState> states_in(std::span<const std::int64_t> words) {
  std::vector<KMeansState> states;
  Reader read(words);
  while (!read.at_end()) {
    KMeansState& state = states.emplace_back();
    read(state.data);
    read(state.settings);
    std::size_t pairs = 0;
    read(pairs);
    state.pairs.resize(pairs);
    for (KMeansPair& pair : state.pairs) for_each_member(pair, read);
  }
  return states;
}

}  // namespace datus::clustering
