// The verdict on outputs: the metric of docs/format.md.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/tensor.h"
#include "format/golden.h"
#include "format/manifest.h"

namespace edgekit {

// One side of a comparison at the worst position: the number there (an integer for integers and booleans), a
// description where no number exists, or nothing.
using Observed = std::variant<std::monostate, double, std::int64_t, std::string>;

// The verdict on one output. Errors are absent where they are undefined; `reason` is empty where it passed.
struct Comparison {
  std::string output;
  std::string reason;
  std::optional<double> norm_error;
  std::optional<double> max_error;
  std::optional<double> cosine;
  std::optional<bool> top1;
  std::optional<Shape> worst_index;
  Observed expected;
  Observed actual;

  [[nodiscard]] bool passed() const { return reason.empty(); }
};

// One Comparison for each output that either side has.
[[nodiscard]] std::vector<Comparison> compare_golden(const std::vector<GoldenOutput>& expected,
                                                     const std::vector<NamedTensor>& actual,
                                                     const Tolerance& tolerance);

}  // namespace edgekit
