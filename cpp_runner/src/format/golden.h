// Golden cases and the generator of their inputs, which makes the same bits in Python, C++ and Kotlin.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "core/tensor.h"
#include "format/manifest.h"

namespace edgekit {

struct GeneratedInput {
  std::string name;
  DType dtype = DType::kFloat32;
  Shape shape;
  std::uint32_t seed = 0;
  double low = 0.0;
  double high = 1.0;
};

// An expected output. Element i is at the flat position indices[i], or at i where there are no indices.
struct GoldenOutput {
  std::string name;
  DType dtype = DType::kFloat32;
  Shape shape;
  std::optional<std::vector<std::size_t>> indices;
  std::vector<double> reals;           // for float dtypes
  std::vector<std::int64_t> integers;  // for the others

  [[nodiscard]] std::size_t count() const { return dtype_is_float(dtype) ? reals.size() : integers.size(); }
  [[nodiscard]] std::size_t position(std::size_t i) const { return indices ? (*indices)[i] : i; }
};

struct GoldenCase {
  std::string name;
  std::string method;
  std::vector<GeneratedInput> inputs;
  std::vector<GoldenOutput> outputs;
  std::optional<Tolerance> tolerance;  // instead of the manifest's
};

[[nodiscard]] Result<std::vector<GoldenCase>> parse_golden(std::string_view text);
[[nodiscard]] Result<Tensor> generate_input(const GeneratedInput& input);

}  // namespace edgekit
