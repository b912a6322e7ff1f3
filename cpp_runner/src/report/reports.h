// The JSON documents of docs/format.md and of the tools: schema_version, context, results.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/status.h"
#include "core/tensor.h"
#include "engine/model.h"

namespace edgekit {

// What a file contains; the model is not loaded.
[[nodiscard]] Result<std::string> inspect_report(const std::string& path);

// The operators that this build can run.
[[nodiscard]] Result<std::string> operators_report();

// Replays the golden cases. The document is complete also when they fail. A package with unproven outputs never passes.
struct VerifyReport {
  std::string json;
  bool agrees = false;
  std::vector<std::string> unproven;

  [[nodiscard]] bool passed() const { return agrees && unproven.empty(); }
};
[[nodiscard]] Result<VerifyReport> verify_report(Model& model);

struct BenchOptions {
  std::string method = "forward";
  std::size_t iterations = 30;
  double min_seconds = 1.0;
  std::size_t warmup = 3;
  bool per_operator = false;
};
// Without inputs it takes those of the method's first golden case.
[[nodiscard]] Result<std::string> bench_report(Model& model, const BenchOptions& options,
                                               std::span<const TensorView> inputs);

}  // namespace edgekit
