// Tensors as the conformance files write them.
#pragma once

#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace edgekit::testing {

// JSON has no number for NaN and infinities: those are words.
inline double read_real(const nlohmann::json& value) {
  if (!value.is_string()) return value.get<double>();
  if (value == "nan") return std::numeric_limits<double>::quiet_NaN();
  return value == "inf" ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
}

inline NamedTensor read_tensor(const nlohmann::json& node) {
  const DType dtype = *parse_dtype(node.at("dtype").get<std::string>());
  auto made = allocate_tensor(dtype, node.at("shape").get<Shape>());
  dispatch_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    for (std::size_t i = 0; i < node.at("values").size(); ++i) {
      const nlohmann::json& number = node.at("values")[i];
      const T value =
          std::is_floating_point_v<T> ? static_cast<T>(read_real(number)) : static_cast<T>(number.get<std::int64_t>());
      std::memcpy(made->mutable_bytes.data() + i * sizeof(T), &value, sizeof(T));
    }
  });
  return {node.at("name"), made->tensor};
}

inline std::vector<NamedTensor> read_tensors(const nlohmann::json& nodes) {
  std::vector<NamedTensor> tensors;
  for (const nlohmann::json& node : nodes) tensors.push_back(read_tensor(node));
  return tensors;
}

}  // namespace edgekit::testing
