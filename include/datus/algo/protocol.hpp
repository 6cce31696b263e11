// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace datus {

/// Which pixels count, and how clusters get their classes; docs/protocols.md compares them.
enum class Protocol {
  /// One-to-one matching. Every non-void pixel counts: an unassigned pixel, or one whose cluster has no class, is
  /// missed by its true class (FN). Means over the classes that occur in the truth.
  strict,
  /// One-to-one matching; unassigned pixels and those of clusters without a class are then dropped, as the DatUS
  /// authors do. Means over the classes that occur in the truth or in the prediction of the pixels left. NMI and ARI
  /// over all assigned pixels.
  datus_compat,
  /// As many clusters as classes, otherwise as `datus_compat`, over the pixels of a crop of each image: shorter side
  /// 320, then its centre. The model has seen that crop alone.
  stego,
  /// The same pixels, but the model has seen something else.
  stego_crop,
  /// Each cluster takes the class that it shares most pixels with (the lowest on ties; none if it has no non-void
  /// pixel); otherwise as `strict`.
  many_to_one,
  /// More clusters than classes: as `many_to_one`, with the classes learned on one half of the images, and the pixels
  /// of the other half.
  over_clustering,
};

/// What the protocols differ in.
struct ProtocolRules {
  enum class Clusters { any, as_many_as_classes, more_than_classes };

  bool takes_majority = false;  ///< a cluster's class; else clusters and classes are matched one to one
  bool drops_unscored = false;  ///< pixels without a class, which miss theirs otherwise
  bool crops = false;           ///< the pixels of STEGO's crop count, else all
  bool learns_on_half = false;  ///< of the images, and scores the other half
  Clusters clusters = Clusters::any;
};

[[nodiscard]] ProtocolRules rules_of(Protocol protocol);  ///< Those of its definition.

/// Why so many clusters cannot be scored by a protocol; empty where they can.
[[nodiscard]] std::string misfit(Protocol protocol, int clusters, int classes);

}  // namespace datus
