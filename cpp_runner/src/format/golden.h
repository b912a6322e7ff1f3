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

// An input: a seed and a range for the generator, or a sample.
struct GoldenInput {
  std::string name;
  DType dtype = DType::kFloat32;
  Shape shape;
  std::uint32_t seed = 0;
  double low = 0.0;
  double high = 1.0;
  std::optional<Tensor> sample;
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
  std::vector<GoldenInput> inputs;
  std::vector<GoldenOutput> outputs;
  std::optional<Tolerance> tolerance;    // instead of the manifest's
  std::optional<std::string> structure;  // instead of the method's
};

[[nodiscard]] Result<std::vector<GoldenCase>> parse_golden(std::string_view text);
// The sample, or the numbers of the generator.
[[nodiscard]] Result<Tensor> make_input(const GoldenInput& input);
// The inputs of a case in order.
[[nodiscard]] Result<std::vector<Tensor>> make_inputs(const GoldenCase& golden);

}  // namespace edgekit
