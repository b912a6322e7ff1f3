#include <algorithm>

#include "format/checks.h"
#include "format/golden.h"
#include "report/context.h"
#include "report/reports.h"
#include "report/verdict.h"

namespace edgekit {
namespace {

using nlohmann::ordered_json;

Result<Values> run_case(Model& model, const GoldenCase& golden, const RunLimits& limits) {
  EK_ASSIGN(const std::vector<Tensor> inputs, make_inputs(golden));
  std::vector<TensorView> views;
  for (const Tensor& tensor : inputs) views.push_back(tensor.view());
  return model.run(golden.method, views, limits, OutputCheck::kNone);
}

// A golden case that contradicts the manifest is an error of the package, not a verdict about the device.
Status check_case(const Package& package, const GoldenCase& golden) {
  const MethodSpec* method = package.manifest->find_method(golden.method);
  std::vector<SizedInput> sized;
  const auto fits = [&](const GoldenInput& given, const TensorSpec& spec) {
    sized.push_back({spec.name, spec.axes, given.shape});
    return given.dtype == spec.dtype && accepts(spec.axes, given.shape);
  };
  if (method != nullptr &&
      std::equal(golden.inputs.begin(), golden.inputs.end(), method->inputs.begin(), method->inputs.end(), fits) &&
      unequal(sized).empty()) {
    return {};
  }
  return package_error(package.path + ": golden case '" + golden.name + "' does not fit the manifest's method '" +
                       golden.method + "'; export the model again");
}

// Refuses bounds under which cases would pass on other weights.
Status check_bounds(const Package& package) {
  const auto tight = [&](const Tolerance& tolerance, const std::string& where) -> Status {
    if (tolerance.loosened || std::max({tolerance.norm, tolerance.max, tolerance.absolute}) <= kNoiseCap) return {};
    return package_error(package.path + ": " + where +
                         " has a tolerance above 1e-3 that is not marked as loosened; export the model again");
  };
  EK_RETURN_IF_ERROR(tight(package.manifest->tolerance, "the manifest"));
  for (const GoldenCase& golden : package.goldens) {
    if (golden.tolerance) EK_RETURN_IF_ERROR(tight(*golden.tolerance, "golden case '" + golden.name + "'"));
  }
  return {};
}

Comparison failed(std::string reason, const std::string& expected, const std::string& actual) {
  Comparison result;
  result.output = "*";
  result.reason = std::move(reason);
  result.expected = expected;
  result.actual = actual;
  return result;
}

std::vector<Comparison> compare_case(Model& model, const GoldenCase& golden, const RunLimits& limits) {
  const auto values = run_case(model, golden, limits);
  if (!values.ok()) return {failed("error", "outputs", values.status().message())};
  const Manifest& manifest = *model.package().manifest;
  const auto& structure = golden.structure ? golden.structure : manifest.find_method(golden.method)->structure;
  if (structure && values->structure != *structure) return {failed("structure", *structure, values->structure)};
  return compare_golden(golden.outputs, values->items, golden.tolerance.value_or(manifest.tolerance));
}

}  // namespace

Result<VerifyReport> verify_report(Model& model) {
  const Package& package = model.package();
  if (!package.manifest || package.goldens.empty()) {
    return package_error(package.path +
                         " has no golden cases, so there is nothing to verify; export the model with edgekit");
  }
  for (const GoldenCase& golden : package.goldens) EK_RETURN_IF_ERROR(check_case(package, golden));
  EK_RETURN_IF_ERROR(check_bounds(package));
  const RunLimits limits = model.limits();
  ordered_json rows = ordered_json::array();
  bool agrees = true;
  for (const GoldenCase& golden : package.goldens) {
    for (const Comparison& comparison : compare_case(model, golden, limits)) {
      agrees = agrees && comparison.passed();
      rows.push_back(verdict_row(golden.name, comparison));
    }
    EK_RETURN_IF_ERROR(limits.check("verify"));  // a stopped run is not a verdict
  }
  ordered_json context = model_context(model);
  const std::vector<std::string> unproven = package.manifest->unproven();
  context["passed"] = agrees && unproven.empty();
  context["unproven"] = unproven;
  return VerifyReport{document(std::move(context), std::move(rows)), agrees, unproven};
}

}  // namespace edgekit
