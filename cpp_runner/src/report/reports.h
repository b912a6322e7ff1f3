// The JSON documents of docs/format.md and of the tools: schema_version, context, results.
#pragma once

#include <span>
#include <string>

#include "core/status.h"
#include "core/tensor.h"
#include "engine/model.h"

namespace edgekit {

// What is known of a file without loading it.
[[nodiscard]] Result<std::string> inspect_report(const std::string& path);

// The operators of this runtime.
[[nodiscard]] Result<std::string> operators_report();

// Replays the golden cases. The document is complete whether they passed or not.
struct SelftestReport {
  std::string json;
  bool passed = false;
};
[[nodiscard]] Result<SelftestReport> selftest_report(Model& model);

struct BenchOptions {
  std::string method = "forward";
  std::size_t iterations = 30;
  double min_seconds = 1.0;
  std::size_t warmup = 3;
  bool per_operator = false;
};
// Without inputs, those of the method's first golden case.
[[nodiscard]] Result<std::string> bench_report(Model& model, const BenchOptions& options,
                                               std::span<const TensorView> inputs);

}  // namespace edgekit
