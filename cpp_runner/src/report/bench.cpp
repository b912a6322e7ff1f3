#include <algorithm>

#include "core/clock.h"
#include "core/stats.h"
#include "format/golden.h"
#include "report/context.h"
#include "report/reports.h"

namespace edgekit {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMostProfiledRuns = 10;

Result<std::vector<Tensor>> golden_inputs(const Package& package, const std::string& method) {
  const auto remedy = [&](const std::string& why) { return usage_error(package.path + why + "; pass inputs"); };
  const auto& cases = package.goldens;
  if (cases.empty()) return remedy(" has no golden cases to take inputs from");
  const auto found = std::find_if(cases.begin(), cases.end(), [&](const auto& it) { return it.method == method; });
  if (found == cases.end()) return remedy(" has no golden case for method '" + method + "'");
  return make_inputs(*found);
}

Result<std::vector<double>> time_runs(Model& model, const BenchOptions& options, std::span<const TensorView> inputs,
                                      const RunLimits& limits) {
  std::vector<double> samples;
  const Stopwatch total;
  while (samples.size() < options.iterations || total.elapsed_ms() < options.min_seconds * 1000.0) {
    const Stopwatch watch;
    const auto outputs = model.run(options.method, inputs, limits);
    samples.push_back(watch.elapsed_ms());
    EK_RETURN_IF_ERROR(outputs.status());
  }
  return samples;
}

ordered_json operator_table(const std::vector<OperatorTime>& operators, std::size_t runs) {
  double total = 0.0, so_far = 0.0;
  for (const OperatorTime& it : operators) total += it.total_ms;
  ordered_json rows = ordered_json::array();
  for (const OperatorTime& it : operators) {
    so_far += it.total_ms;
    rows.push_back({{"name", it.name},
                    {"ms", it.total_ms / static_cast<double>(runs)},
                    {"percent", 100.0 * it.total_ms / total},
                    {"cumulative_percent", 100.0 * so_far / total},
                    {"calls", it.calls / runs}});
  }
  return rows;
}

ordered_json to_result(const Model& model, const BenchOptions& options, const Summary& summary) {
  return {{"method", options.method},   {"load_ms", model.load_ms()},    {"first_ms", *model.first_ms()},
          {"min_ms", summary.min},      {"p50_ms", summary.p50},         {"p90_ms", summary.p90},
          {"p99_ms", summary.p99},      {"mean_ms", summary.mean},       {"iterations", summary.count},
          {"threads", model.threads()}, {"engine", model.engine_name()}, {"peak_rss_bytes", peak_rss_bytes()}};
}

}  // namespace

Result<std::string> bench_report(Model& model, const BenchOptions& options, std::span<const TensorView> inputs) {
  if (options.iterations == 0) return usage_error("iterations is 0; expected at least 1");
  if (!(options.min_seconds >= 0.0))
    return usage_error("min_seconds is " + std::to_string(options.min_seconds) + "; expected at least 0");
  const RunLimits limits = model.limits();
  std::vector<Tensor> generated;
  std::vector<TensorView> views(inputs.begin(), inputs.end());
  if (views.empty()) {
    EK_ASSIGN(generated, golden_inputs(model.package(), options.method));
    for (const Tensor& tensor : generated) views.push_back(tensor.view());
  }
  for (std::size_t i = 0; i <= options.warmup; ++i) {  // the first run, and the warm-up
    EK_RETURN_IF_ERROR(model.run(options.method, views, limits).status());
  }
  EK_ASSIGN(auto samples, time_runs(model, options, views, limits));
  ordered_json result = to_result(model, options, summarize(samples));
  if (options.per_operator) {
    const std::size_t runs = std::min(options.iterations, kMostProfiledRuns);
    EK_ASSIGN(const auto operators, model.profile(options.method, views, runs, limits));
    result["operators"] = operator_table(operators, runs);
  }
  result["samples_ms"] = std::move(samples);
  return document(model_context(model), ordered_json::array({std::move(result)}));
}

}  // namespace edgekit
