// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/codec.hpp"
#include "config/schema.hpp"

#include <vector>

namespace datus {

using Stages = std::vector<Stage>;

/// The keys so far, and a configuration to find members in.
struct Keys {
  std::vector<Key> list;
  Config sample;

  /// `member` is the value's place in `sample`.
  void add(const char* section, const char* name, const void* member, Codec codec, const Stages& stages,
           const char* help);
};

/// Adds the keys of one section, which is the member `in` of `Config`.
template <class SectionConfig>
class Adder {
 public:
  Adder(Keys& keys, const char* section, SectionConfig Config::*in)
      : keys_(keys), section_(section), members_(keys.sample.*in) {}

  template <class T>
  void operator()(const char* name, T SectionConfig::*member, const CodecOf<T>& codec, const Stages& stages,
                  const char* help) {
    keys_.add(section_, name, &(members_.*member), codec, stages, help);
  }

 private:
  Keys& keys_;
  const char* section_;
  const SectionConfig& members_;
};

/// The sections run, dataset and model.
void add_input_keys(Keys& keys);
/// The sections affinity, segment, descriptor, cluster, mask, evaluate and storage.
void add_method_keys(Keys& keys);

}  // namespace datus
