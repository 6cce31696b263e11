// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/protocol.hpp"

#include <stdexcept>

namespace datus {

ProtocolRules rules_of(Protocol protocol) {
  using Clusters = ProtocolRules::Clusters;
  switch (protocol) {
    case Protocol::strict:
      return {};
    case Protocol::datus_compat:
      return {.drops_unscored = true};
    case Protocol::stego:
    case Protocol::stego_crop:
      return {.drops_unscored = true, .crops = true, .clusters = Clusters::as_many_as_classes};
    case Protocol::many_to_one:
      return {.takes_majority = true};
    case Protocol::over_clustering:
      return {.takes_majority = true, .learns_on_half = true, .clusters = Clusters::more_than_classes};
  }
  throw std::logic_error("a protocol without a name");
}

std::string misfit(Protocol protocol, int clusters, int classes) {
  const std::string here = "here are " + std::to_string(clusters) + " and " + std::to_string(classes);
  switch (rules_of(protocol).clusters) {
    case ProtocolRules::Clusters::any:
      break;
    case ProtocolRules::Clusters::as_many_as_classes:
      return clusters == classes ? "" : "it needs as many clusters as classes, " + here;
    case ProtocolRules::Clusters::more_than_classes:
      return clusters > classes ? "" : "it needs more clusters than classes, " + here;
  }
  return {};
}

}  // namespace datus
