#pragma once

#include "config/codec.hpp"
#include "config/schema.hpp"

#include <string>
#include <utility>
#include <vector>

namespace datus {

using Keys = std::vector<Key>;
using Stages = std::vector<Stage>;

/// Adds the keys of one section, which is the member `in` of `Config`.
template <class SectionConfig>
class Adder {
 public:
  Adder(Keys& keys, std::string section, SectionConfig Config::*in)
      : keys_(keys), section_(std::move(section)), in_(in) {}

  template <class T>
  void operator()(std::string name, T SectionConfig::*member, Codec<T> codec, Stages stages, std::string help) {
    const auto in = in_;
    Key key{section_, std::move(name), std::move(help), codec.allowed, std::move(stages), {}, {}, {}};
    key.read = [in, member, parse = codec.parse](Config& config, const RawValue& raw) {
      auto value = parse(raw);
      if (value) (config.*in).*member = *std::move(value);
      return value.has_value();
    };
    key.write = [in, member, print = codec.print](const Config& config) { return print((config.*in).*member); };
    key.canonical = [in, member, print = codec.canonical](const Config& config) { return print((config.*in).*member); };
    keys_.push_back(std::move(key));
  }

 private:
  Keys& keys_;
  std::string section_;
  SectionConfig Config::*in_;
};

/// The sections run, dataset and model.
void add_input_keys(Keys& keys);
/// The sections affinity, segment, descriptor, cluster, mask, evaluate and storage.
void add_method_keys(Keys& keys);

}  // namespace datus
