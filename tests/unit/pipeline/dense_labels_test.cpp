// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/dense_labels.hpp"

#include "datus/algo/pixel_classes.hpp"
#include "datus/algo/similarity.hpp"
#include "datus/comm/self_communicator.hpp"
#include "datus/core/error.hpp"
#include "datus/model/resize.hpp"
#include "pipeline/files/cluster_files.hpp"
#include "pipeline/stages/refined_labels.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace dense_labels_test {

std::vector<double> random_rows(int rows, int dim, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(0.2, 1.0);
  std::vector<double> values(static_cast<std::size_t>(rows) * static_cast<std::size_t>(dim));
  for (double& value : values) value = normal(generator);
  return values;
}

std::vector<float> as_floats(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

double cosine(const std::vector<double>& a, std::size_t i, const std::vector<double>& b, std::size_t j,
              std::size_t dim) {
  double product = 0;
  double first = 0;
  double second = 0;
  for (std::size_t d = 0; d < dim; ++d) {
    product += a[i * dim + d] * b[j * dim + d];
    first += a[i * dim + d] * a[i * dim + d];
    second += b[j * dim + d] * b[j * dim + d];
  }
  return product / std::sqrt(first * second);
}

TEST(DenseLabels, SimilarityIsTheLargestCosineOfACluster) {
  constexpr std::size_t dim = 19;
  const auto embeddings = random_rows(37, dim, 1);
  // The second joins the first one's centroids in another way, the third has its own.
  const std::vector<std::vector<double>> centroids = {random_rows(11, dim, 2), random_rows(11, dim, 2),
                                                      random_rows(6, dim, 3)};
  const std::vector<std::vector<std::int32_t>> cluster = {
      {0, 1, 2, 0, 1, 2, 0, 4, 4, 1, 0}, {0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0}, {2, 1, 0, 3, 1, 2}};
  const std::vector<int> clusters = {5, 2, 4};
  std::vector<ClusterCentroids> clusterings;
  for (std::size_t i = 0; i < 3; ++i) clusterings.push_back({centroids[i], cluster[i], clusters[i]});
  ClusterSimilarities similarities(clusterings, dim);
  const auto unit = compared_embeddings(as_floats(embeddings), dim, std::nullopt, {});
  const auto found = similarities.of(unit);
  ASSERT_EQ(found.size(), 37U * 11U);
  for (std::size_t row = 0; row < 37; ++row) {
    std::size_t at = row * 11;
    for (std::size_t i = 0; i < 3; ++i) {
      for (int k = 0; k < clusters[i]; ++k) {
        double wanted = -1;
        for (std::size_t c = 0; c < cluster[i].size(); ++c) {
          if (cluster[i][c] == k) wanted = std::max(wanted, cosine(embeddings, row, centroids[i], c, dim));
        }
        EXPECT_NEAR(static_cast<double>(found[at++]), wanted, 1e-6) << row << " " << i << " " << k;
      }
    }
  }
  // Images of any size follow each other.
  EXPECT_EQ(similarities.of(std::span(unit).first(3 * dim)), std::vector(found.begin(), found.begin() + 3 * 11));
  EXPECT_EQ(similarities.of(unit), found);
  for (const SimdPath path : supported_simd_paths())
    EXPECT_EQ(ClusterSimilarities(clusterings, dim, path).of(unit), found);
  EXPECT_THROW((void)similarities.of(std::span(unit).first(dim + 1)), InputError);
  EXPECT_THROW(ClusterSimilarities(clusterings, dim + 1), InputError);
  clusterings.front().clusters = 4;
  EXPECT_THROW(ClusterSimilarities(clusterings, dim), InputError);
}

TEST(DenseLabels, APixelHasTheLargestInterpolatedSimilarity) {
  const GridSize grid{3, 4};
  const auto values = as_floats(random_rows(12, 6, 3));
  const InputGeometry geometry(29, 50, 24, 32, 8, ResizeMode::squash);
  const LabelMap map = most_similar({values, grid, 6, 0, 6}, geometry.blend_original());
  ASSERT_EQ(map.height, 29);
  ASSERT_EQ(map.width, 50);
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) {
      const double row = std::clamp((y + 0.5) * 3 / 29 - 0.5, 0.0, 2.0);
      const double col = std::clamp((x + 0.5) * 4 / 50 - 0.5, 0.0, 3.0);
      std::vector<double> blended(6);
      for (int r = 0; r < 3; ++r) {
        for (int c = 0; c < 4; ++c) {
          const double share = std::max(0.0, 1 - std::abs(row - r)) * std::max(0.0, 1 - std::abs(col - c));
          for (int k = 0; k < 6; ++k) {
            blended[static_cast<std::size_t>(k)] +=
                share * static_cast<double>(values[static_cast<std::size_t>((r * 4 + c) * 6 + k)]);
          }
        }
      }
      const auto label = static_cast<std::size_t>(map.labels[static_cast<std::size_t>(y * map.width + x)]);
      EXPECT_NEAR(blended[label], *std::ranges::max_element(blended), 1e-5) << y << " " << x;
    }
  }
}

TEST(DenseLabels, WhatNoPatchShowsHasNoLabel) {
  const GridSize grid{4, 4};
  const auto values = as_floats(random_rows(16, 2, 4));
  const LabelMap cut_off =
      most_similar({values, grid, 2, 0, 2}, InputGeometry(60, 100, 32, 32, 8, ResizeMode::crop).blend_original());
  EXPECT_EQ(cut_off.labels[0], -1);
  EXPECT_GE(cut_off.labels[50], 0);
  const LabelMap padded =
      most_similar({values, grid, 2, 0, 2}, InputGeometry(60, 100, 32, 32, 8, ResizeMode::pad).blend_grid());
  EXPECT_GE(padded.labels[11], 0);
  EXPECT_EQ(padded.labels[12], -1);
}

/// Two colours with an upright edge in front of column `edge`.
Image two_colours(int height, int width, int edge) {
  Image image(height, width);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto pixel = image.row(y).subspan(static_cast<std::size_t>(3 * x), 3);
      pixel[0] = x < edge ? 200 : 30;
      pixel[1] = 80;
      pixel[2] = x < edge ? 40 : 180;
    }
  }
  return image;
}

/// Labels of an image whose patches say "left" and "right" with the border in the middle, refined.
LabelMap refined(const Image& image, MaskConfig::Refine refine,
                 ModelConfig::Resize resize = ModelConfig::Resize::squash) {
  ModelConfig model;
  model.input_size = {64, 64};
  model.resize = resize;
  const InputPreparation preparation(model, 16, Resample::bicubic);
  std::vector<float> similarities;
  for (int patch = 0; patch < 16; ++patch) {
    const bool is_left = patch % 4 < 2;
    similarities.insert(similarities.end(), {is_left ? 0.6F : 0.3F, is_left ? 0.3F : 0.6F, -0.2F});
  }
  RefinedLabels labels(preparation, refine);
  labels.look_at(image);
  LabelMap map;
  labels.labels(similarities, std::array{3}, [&](std::size_t, LabelMap one) { map = std::move(one); });
  return map;
}

void expect_border(const LabelMap& labels, int column, int tolerance) {
  for (int y = 0; y < labels.height; ++y) {
    for (int x = 0; x < labels.width; ++x) {
      if (std::abs(x - column) < tolerance) continue;
      ASSERT_EQ(labels.labels[static_cast<std::size_t>(y * labels.width + x)], x < column ? 0 : 1) << y << " " << x;
    }
  }
}

TEST(RefinedLabels, FollowTheEdgeOfTheImage) {
  const Image image = two_colours(56, 60, 25);
  expect_border(refined(image, MaskConfig::Refine::none), 30, 1);
  expect_border(refined(image, MaskConfig::Refine::crf), 25, 1);
  expect_border(refined(image, MaskConfig::Refine::guided), 25, 2);
}

TEST(RefinedLabels, AnImageLargerThanTheInputIsRefinedSmaller) {
  const Image image = two_colours(200, 300, 130);
  const LabelMap labels = refined(image, MaskConfig::Refine::crf);
  ASSERT_EQ(labels.height, 200);
  ASSERT_EQ(labels.width, 300);
  expect_border(labels, 130, 5);
}

// Rows of the smaller image come in parts; each pixel of the larger one is interpolated between four of them.
TEST(LargestClasses, OfALargerImageAreThoseOfInterpolatedValues) {
  constexpr int classes = 21;
  const int small_height = 5;
  const int small_width = 7;
  std::mt19937 generator(5);
  AlignedVector<float> values(static_cast<std::size_t>(2 * small_height * small_width * class_group_size));
  for (float& value : values) value = std::uniform_real_distribution<float>(-1.0F, 1.0F)(generator);
  const auto value_of = [&](int k, int y, int x) {
    return values[static_cast<std::size_t>((k / class_group_size * small_height + y) * small_width + x) *
                      class_group_size +
                  static_cast<std::size_t>(k % class_group_size)];
  };
  for (const auto& [height, width] : {std::pair{5, 7}, {12, 7}, {5, 20}, {13, 16}}) {
    LargestClasses largest(height, width, small_height, small_width);
    for (const int first : {0, class_group_size}) {
      const int count = std::min(class_group_size, classes - first);
      for (int row = 0; row < small_height; row += 2) {
        const int rows = std::min(2, small_height - row);
        const auto pixel = static_cast<std::size_t>(row * small_width);
        const auto begin = (static_cast<std::size_t>(first / class_group_size * small_height * small_width) + pixel) *
                           class_group_size;
        largest.add({.begin = 0, .end = count, .first = first}, pixel,
                    std::span<const float>(values).subspan(
                        begin, static_cast<std::size_t>(rows * small_width * class_group_size)));
      }
    }
    const LabelMap map = std::move(largest).map();
    const auto rows = blend_lines(height, small_height);
    const auto cols = blend_lines(width, small_width);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const PatchBlend& row = rows[static_cast<std::size_t>(y)];
        const PatchBlend& col = cols[static_cast<std::size_t>(x)];
        std::vector<float> of_pixel;
        for (int k = 0; k < classes; ++k) {
          const auto between = [](float a, float b, float share) { return a + share * (b - a); };
          const auto at = [&](int column) {
            return between(value_of(k, row.first, column), value_of(k, row.second, column), row.weight);
          };
          of_pixel.push_back(between(at(col.first), at(col.second), col.weight));
        }
        ASSERT_EQ(map.labels[static_cast<std::size_t>(y * width + x)],
                  std::ranges::max_element(of_pixel) - of_pixel.begin())
            << height << " x " << width << ": " << y << " " << x;
      }
    }
  }
}

TEST(RefinedLabels, WhatIsCutOffStaysWithoutLabel) {
  const LabelMap labels = refined(two_colours(64, 128, 60), MaskConfig::Refine::crf, ModelConfig::Resize::crop);
  EXPECT_EQ(labels.labels[0], -1);
  EXPECT_EQ(labels.labels[31], -1);
  EXPECT_EQ(labels.labels[33], 0);
  EXPECT_EQ(labels.labels[94], 1);
  EXPECT_EQ(labels.labels[127], -1);
}

/// Refined all at once, of one clustering.
std::vector<std::int32_t> refined_at_once(const std::vector<float>& similarities, int clusters, const Image& image,
                                          const PatchBlends& blends, MaskConfig::Refine refine) {
  const bool is_crf = refine == MaskConfig::Refine::crf;
  std::vector<float> values;
  for (const PatchBlend& row : blends.rows) {
    for (const PatchBlend& col : blends.cols) {
      for (int k = 0; k < clusters; ++k) {
        const auto at = [&](int y, int x) {
          return similarities[static_cast<std::size_t>((y * 4 + x) * clusters + k)];
        };
        const auto between = [](float a, float b, float share) { return a + share * (b - a); };
        const float left = between(at(row.first, col.first), at(row.second, col.first), row.weight);
        const float right = between(at(row.first, col.second), at(row.second, col.second), row.weight);
        values.push_back((is_crf ? 20.0F : 1.0F) * between(left, right, col.weight));
      }
    }
  }
  if (is_crf) {
    DenseCrf().refine(image, values, clusters);
  } else {
    guided_filter(image, values, clusters);
  }
  return largest_classes(values, image.height, image.width, clusters).labels;
}

// More clusters than are refined at a time, and clusterings that share a group of classes.
TEST(RefinedLabels, AreTheLargestOfAllClustersRefinedAtOnce) {
  ModelConfig model;
  model.input_size = {64, 64};
  model.resize = ModelConfig::Resize::squash;
  const InputPreparation preparation(model, 16, Resample::bicubic);
  const Image image = two_colours(45, 60, 25);
  const PatchBlends blends = preparation.geometry(45, 60).blend_original();
  const std::vector<int> clusters = {37, 5, 3, 3, 16, 1, 20};
  std::vector<std::vector<float>> of_clusterings;
  for (const int count : clusters)
    of_clusterings.push_back(as_floats(random_rows(16, count, static_cast<unsigned>(count))));
  std::vector<float> together;
  for (std::size_t patch = 0; patch < 16; ++patch) {
    for (std::size_t i = 0; i < clusters.size(); ++i) {
      const auto first = of_clusterings[i].begin() + static_cast<std::ptrdiff_t>(patch) * clusters[i];
      together.insert(together.end(), first, first + clusters[i]);
    }
  }
  for (const auto refine : {MaskConfig::Refine::crf, MaskConfig::Refine::guided}) {
    RefinedLabels labels(preparation, refine);
    labels.look_at(image);
    std::size_t next = 0;
    labels.labels(together, clusters, [&](std::size_t i, const LabelMap& map) {
      ASSERT_EQ(i, next++);
      EXPECT_EQ(map.labels, refined_at_once(of_clusterings[i], clusters[i], image, blends, refine)) << clusters[i];
    });
    EXPECT_EQ(next, clusters.size());
  }
}

// Also of pixels that no patch shows, at the edges and in whole cells.
TEST(DenseLabels, ValuesOfCellsAreTheMeansOfThoseOfTheirPixels) {
  constexpr int all = 21;
  const std::vector<float> values = as_floats(random_rows(16, all, 3));
  const PatchSimilarities similarities{values, {4, 4}, all, 3, 13};
  for (const auto resize : {ModelConfig::Resize::squash, ModelConfig::Resize::crop, ModelConfig::Resize::pad}) {
    ModelConfig model;
    model.input_size = {64, 64};
    model.resize = resize;
    const PatchBlends blends = InputPreparation(model, 16, Resample::bicubic).geometry(37, 90).blend_original();
    std::vector<float> pixels(std::size_t{37} * 90 * class_group_size);
    give_pixels(similarities, blends, 1.0F, 0, pixels);
    for (const int step : {1, 4, 7, 50}) {
      const std::vector<CellBlend> rows = blend_cells(blends.rows, step);
      const std::vector<CellBlend> cols = blend_cells(blends.cols, step);
      ASSERT_EQ(std::ssize(rows), (36 / step) + 1);
      ASSERT_EQ(std::ssize(cols), (89 / step) + 1);
      std::vector<float> line(cols.size() * class_group_size);
      for (std::size_t y = 0; y < rows.size(); ++y) {
        give_cells(similarities, rows, cols, y * cols.size(), line);
        for (std::size_t i = 0; i < line.size(); ++i) {
          const auto cell = static_cast<int>(i / class_group_size);
          const int k = static_cast<int>(i % class_group_size);
          double sum = 0.0;
          int count = 0;
          for (int at_y = static_cast<int>(y) * step; at_y < std::min(37, (static_cast<int>(y) + 1) * step); ++at_y) {
            for (int at_x = cell * step; at_x < std::min(90, (cell + 1) * step); ++at_x, ++count) {
              sum += pixels[static_cast<std::size_t>((at_y * 90 + at_x) * class_group_size + k)];
            }
          }
          ASSERT_NEAR(line[i], sum / count, 1e-6) << step << " " << y << " " << cell << " " << k;
        }
      }
    }
  }
}

FineClusters sample_fine() {
  FineClusters fine{.centroids = random_rows(9, 5, 8), .dim = 5, .rows = {3, 1, 4, 1, 5, 9, 2, 6, 5}, .tree = {}};
  fine.tree = average_linkage(fine.centroids, fine.dim, fine.rows);
  return fine;
}

TEST(FineClusters, AreReadBackAsTheyWere) {
  const TempFolder folder;
  const FineClusters fine = sample_fine();
  {
    Hdf5Writer writer(folder / "a.h5");
    writer.group("/k004");
    write_centroid_matrix(writer, "/k004/centroids", random_rows(4, 5, 1), 4, 5);
    write_fine_clusters(writer, "/k004", fine, 4);
    writer.close();
  }
  const Hdf5Reader reader(folder / "a.h5");
  EXPECT_EQ(read_fine_clusters(reader, "/k004"), fine);
  EXPECT_EQ(reader.read<std::int32_t>("/k004/cluster_of_fine"), cut_tree(fine.tree, 4, fine.rows));
  EXPECT_EQ(read_fine_clusters(reader, "/k005"), std::nullopt);
  const DenseClusters dense = read_dense_clusters(reader, "/k004");
  EXPECT_EQ(dense.clusters, 4);
  EXPECT_EQ(dense.cluster, cut_tree(fine.tree, 4, fine.rows));
}

TEST(FineClusters, ATreeThatIsNoneIsRefused) {
  const TempFolder folder;
  const auto refused = [&](FineClusters fine, const std::string& message) {
    {
      Hdf5Writer writer(folder / "a.h5");
      const auto leaves = static_cast<std::int64_t>(fine.rows.size());
      std::vector<std::int32_t> joined;
      std::vector<double> heights;
      for (const auto& merge : fine.tree.merges) {
        joined.insert(joined.end(), {merge.first, merge.second});
        heights.push_back(merge.height);
      }
      write_centroid_matrix(writer, "/fine_centroids", fine.centroids, static_cast<int>(fine.centroids.size()) / 5, 5);
      writer.write<std::int64_t>("/fine_rows", fine.rows, {leaves});
      writer.attribute("/", "fine_inertia", 1.0);
      writer.write<std::int32_t>("/tree_merge", joined, {static_cast<std::int64_t>(heights.size()), 2});
      writer.write<double>("/tree_height", heights, {static_cast<std::int64_t>(heights.size())});
      writer.close();
    }
    const Hdf5Reader reader(folder / "a.h5");
    expect_error<InputError>([&] { (void)read_fine_clusters(reader, ""); }, {"a.h5", message});
  };
  FineClusters twice = sample_fine();
  twice.tree.merges[1] = twice.tree.merges[0];
  refused(twice, "tree_merge joins what is not there, in row 1");
  FineClusters later = sample_fine();
  later.tree.merges[0].second = 12;
  refused(later, "in row 0");
  FineClusters fewer = sample_fine();
  fewer.rows.pop_back();
  refused(fewer, "another number of clusters");
}

}  // namespace dense_labels_test
}  // namespace datus::test
