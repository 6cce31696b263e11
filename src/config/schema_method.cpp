// SPDX-License-Identifier: Apache-2.0
#include "config/key_adder.hpp"

namespace datus {
namespace {

void add_affinity(Keys& keys) {
  using A = AffinityConfig;
  const Stages segment = {Stage::segment};
  Adder add(keys, "affinity", &Config::affinity);
  add("metric", &A::metric, choice<A::Metric>({{"dot", A::Metric::dot}, {"cosine", A::Metric::cosine}}), segment,
      "Affinity of two embeddings.");
  add("weights", &A::weights,
      choice<A::Weights>({{"sign", A::Weights::sign}, {"value", A::Weights::value}, {"soft", A::Weights::soft}}),
      segment,
      "Weight of an edge: 1, or its affinity; or, without a threshold, exp((affinity - 1) / temperature), which needs "
      "the metric `cosine`.");
  add("temperature", &A::temperature, positive_number(), segment,
      "With soft weights: smaller joins only what is more alike.");
  add("center", &A::center,
      choice<A::Center>({{"none", A::Center::none}, {"image", A::Center::image}, {"dataset", A::Center::dataset}}),
      segment, "Whether the mean embedding is subtracted first: of the image, or of the whole data set.");
  add("threshold", &A::threshold, any_number<float>(), segment,
      "Patches are joined if their affinity is more than this.");
  add("quantile", &A::quantile,
      word_or("null", number<double>("number from 0 to 1", [](double value) { return value >= 0 && value <= 1; })),
      segment, "Instead of a threshold: this quantile of the image's affinities.");
}

void add_segment(Keys& keys) {
  using S = SegmentConfig;
  const Stages segment = {Stage::segment};
  Adder add(keys, "segment", &Config::segment);
  add("method", &S::method, choice<S::Method>({{"louvain", S::Method::louvain}, {"none", S::Method::none}}), segment,
      "Louvain's communities; or none: every patch is a valid segment, and the other keys of this "
      "section and of "
      "affinity have no effect.");
  add("resolution", &S::resolution, positive_number(), segment,
      "Resolution of the modularity; larger gives more communities.");
  add("min_patches", &S::min_patches, integer<int>(0), segment, "A segment is valid if it has more patches than this.");
  const auto connectivity = number<int>("4 or 8", [](int value) { return value == 4 || value == 8; });
  add("connectivity", &S::connectivity, connectivity, segment, "Neighbours of a patch within a segment.");
}

CodecOf<DescriptorConfig::Kind> descriptor_kind() {
  std::vector<std::pair<std::string, int>> names;
  for (const DescriptorTraits& traits : descriptor_kinds)
    names.emplace_back(traits.name, static_cast<int>(traits.kind));
  return {choice_of_numbers(std::move(names))};
}

void add_descriptor(Keys& keys) {
  using D = DescriptorConfig;
  const Stages describe = {Stage::describe};
  Adder add(keys, "descriptor", &Config::descriptor);
  add("kind", &D::kind, descriptor_kind(), describe,
      "The CLS of the segment's crop; the CLS that attends to the segment only; or the mean of its "
      "patches.");
  add("source", &D::source, choice<D::Source>({{"input", D::Source::input}}), describe,
      "What crops are cut from: the model's input.");
  add("crop_resize", &D::crop_resize, integer<int>(1), describe, "Shorter side of a crop after its resize, in pixels.");
  add("crop_size", &D::crop_size, integer<int>(1), describe, "Side of the square cut from its centre, in pixels.");
  add("weights", &D::weights, word_or("same", weights_path()), {},
      "Weights of another model for `masked_crop`; `same`: those of the model section.");
  add("smoothing", &D::smoothing, word_or("null", positive_number()), {Stage::describe, Stage::mask},
      "For `mean_key`: embeddings are first averaged over their image, with weights exp((cosine - 1) / smoothing), "
      "where "
      "the cosine is that of two embeddings minus the image's mean; also for dense masks.");
}

void add_cluster(Keys& keys) {
  using C = ClusterConfig;
  const Stages cluster = {Stage::cluster};
  Adder add(keys, "cluster", &Config::cluster);
  add("k", &C::k, ascending(list_of(integer<int>(1, 65535))), cluster, "Number of clusters; a list computes each.");
  add("fine", &C::fine, word_or("null", integer<int>(2, 4096)), cluster,
      "So many clusters are fitted first, but at most one for five descriptors; a tree over them (average linkage of "
      "affinities) is then cut at each k. `null`: k-means with k clusters itself.");
  add("init", &C::init,
      choice<C::Init>({{"k-means++", C::Init::kmeans_plus_plus},
                       {"k-means||", C::Init::kmeans_parallel},
                       {"random", C::Init::random},
                       {"file", C::Init::file}}),
      cluster,
      "First centroids. `k-means||` is like `k-means++`, but in few passes: for large K. `file` takes them from "
      "`cluster.centroids`.");
  add("algorithm", &C::algorithm,
      choice<C::Algorithm>({{"lloyd", C::Algorithm::lloyd}, {"mini-batch", C::Algorithm::mini_batch}}), cluster,
      "All descriptors in each iteration; or batches of them: approximate, for few passes over many descriptors.");
  add("mode", &C::mode, choice<C::Mode>({{"exact", C::Mode::exact}, {"fast", C::Mode::fast}}), cluster,
      "Both give the same result. `fast` keeps bounds on distances for few clusters, too, to pass over descriptors "
      "whose "
      "cluster cannot have changed: 8 bytes more for each descriptor, K and restart.");
  add("max_iterations", &C::max_iterations, integer<int>(1), cluster, "Limit of the iterations of `lloyd`.");
  add("tolerance", &C::tolerance, number<double>("number of at least 0", [](double value) { return value >= 0; }),
      cluster, "Stop `lloyd` when the inertia falls by no more than this fraction of itself.");
  add("restarts", &C::restarts, integer<int>(1), cluster,
      "Independent starts, of which the best is kept. With `fine` the tree is the one that all of them agree on.");
  add("batch_size", &C::batch_size, integer<std::int64_t>(1), cluster, "Descriptors per mini-batch.");
  add("epochs", &C::epochs, integer<int>(1), cluster,
      "Largest number of passes over the descriptors with mini-batches.");
  add("centroids", &C::centroids, word_or("null", hdf5_dataset()), {}, "First centroids, with `init: file`.");
  add("memory", &C::memory, word_or("auto", byte_count()), {},
      "Memory of a rank, the program itself included; descriptors that do not fit are read again in each pass. `auto`: "
      "half of what is free on the node, shared by its ranks. No effect on results.");
  add("checkpoint_every", &C::checkpoint_every, word_or("auto", integer<int>(1)), {},
      "Passes between checkpoints. `auto`: 10, but for checkpoints that would take more than a twentieth of the time.");
  add("groups", &C::groups, word_or("auto", integer<int>(1)), {},
      "Groups of ranks, each with all descriptors and a part of the pairs of k and restart, but no more than ranks or "
      "pairs. `auto`: as many as take the least time by the model of docs/performance.md, most often 1. No effect on "
      "results.");
  add("device", &C::device, word_or("auto", choice<C::Device>({{"cpu", C::Device::cpu}, {"cuda", C::Device::cuda}})),
      {}, "Where rows are assigned to centroids. `auto`: on GPUs where every rank has one. No effect on results.");
  add("comm", &C::comm, word_or("auto", choice<C::Comm>({{"mpi", C::Comm::mpi}, {"nccl", C::Comm::nccl}})), {},
      "How GPUs add up. `auto`: NCCL where every rank has a GPU of its own; `mpi` goes through the host's memory, and "
      "lets ranks share a GPU. No effect on results.");
}

void add_outputs(Keys& keys) {
  using M = MaskConfig;
  Adder mask(keys, "mask", &Config::mask);
  mask("labels", &M::labels, choice<M::Labels>({{"segment", M::Labels::segment}, {"dense", M::Labels::dense}}),
       {Stage::mask},
       "A patch has the cluster of its segment, and none without one; or every pixel the cluster most similar to the "
       "embeddings around it.");
  mask(
      "refine", &M::refine,
      choice<M::Refine>({{"none", M::Refine::none}, {"crf", M::Refine::crf}, {"guided", M::Refine::guided}}),
      {Stage::mask},
      "Dense masks follow the edges of the image: by a fully connected CRF, about as much work as the model's own on a "
      "CPU; or by the guided filter, for a tenth of that.");
  mask("resolution", &M::resolution,
       choice<M::Resolution>(
           {{"original", M::Resolution::original}, {"input", M::Resolution::input}, {"grid", M::Resolution::grid}}),
       {Stage::mask}, "Size of the label maps: of the image, of the model's input, or a pixel per patch.");
  mask(
      "formats", &M::formats, list_of(choice<M::Format>({{"png", M::Format::png}, {"hdf5", M::Format::hdf5}})),
      {Stage::mask},
      "Files that hold the masks of a run: `png`, one for each image; `hdf5`, one for each shard, where many files are "
      "a burden. A change makes only what is missing, and removes the others.");
  using E = EvaluateConfig;
  Adder evaluate(keys, "evaluate", &Config::evaluate);
  evaluate("protocols", &E::protocols,
           list_of(choice<E::Protocol>({{"strict", E::Protocol::strict},
                                        {"datus-compat", E::Protocol::datus_compat},
                                        {"stego", E::Protocol::stego},
                                        {"stego-crop", E::Protocol::stego_crop},
                                        {"many_to_one", E::Protocol::many_to_one},
                                        {"over-clustering", E::Protocol::over_clustering}})),
           {Stage::evaluate}, "Ways to match clusters with classes and to score them: docs/protocols.md.");
  evaluate("mapping", &E::mapping, word_or("null", file_path()), {},
           "Scores file whose mapping of clusters to classes is taken instead of a new matching.");
  evaluate(
      "matching", &E::matching, choice<E::Matching>({{"given", E::Matching::given}, {"own", E::Matching::own}}),
      {Stage::evaluate},
      "Classes of the clusters: as given by `mapping` or, in `datus apply`, by the scores of the fitted run, where "
      "there are such; or matched anew on the images that are scored.");
  evaluate("bootstrap", &E::bootstrap, integer<int>(0), {Stage::evaluate},
           "Data sets drawn from the images for the 95 % intervals of the scores; 0: no intervals.");
  using S = StorageConfig;
  Adder storage(keys, "storage", &Config::storage);
  storage(
      "embeddings", &S::embeddings,
      choice<S::Embeddings>(
          {{"float16", S::Embeddings::float16}, {"float32", S::Embeddings::float32}, {"none", S::Embeddings::none}}),
      {Stage::extract}, "Type of the stored embeddings; `none` rounds to float16 as well but writes no file.");
  storage("compression", &S::compression, choice<S::Compression>({{"none", S::Compression::none}}), {},
          "Compression of the stored embeddings.");
}

}  // namespace

void add_method_keys(Keys& keys) {
  add_affinity(keys);
  add_segment(keys);
  add_descriptor(keys);
  add_cluster(keys);
  add_outputs(keys);
}

}  // namespace datus
