#include <algorithm>

#include "format/checks.h"
#include "format/compare.h"
#include "format/golden.h"
#include "report/context.h"
#include "report/reports.h"

namespace edgekit {
namespace {

using nlohmann::ordered_json;

template <typename T>
ordered_json or_null(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json to_row(const std::string& name, const Comparison& it) {
  const auto value = [](const std::string& text) { return text.empty() ? ordered_json() : ordered_json::parse(text); };
  return {{"case", name},
          {"output", it.output},
          {"passed", it.passed()},
          {"reason", it.passed() ? ordered_json() : ordered_json(it.reason)},
          {"norm_error", or_null(it.norm_error)},
          {"max_error", or_null(it.max_error)},
          {"cosine", or_null(it.cosine)},
          {"top1", or_null(it.top1)},
          {"worst_index", or_null(it.worst_index)},
          {"expected", value(it.expected)},
          {"actual", value(it.actual)}};
}

Result<Values> run_case(Model& model, const GoldenCase& golden) {
  std::vector<Tensor> inputs;
  std::vector<TensorView> views;
  for (const GeneratedInput& input : golden.inputs) {
    EK_ASSIGN(Tensor tensor, generate_input(input));
    inputs.push_back(std::move(tensor));
  }
  for (const Tensor& tensor : inputs) views.push_back(tensor.view());
  return model.run(golden.method, views, OutputCheck::kNone);
}

// A golden case that the manifest contradicts proves nothing of the device.
Status check_case(const Package& package, const GoldenCase& golden) {
  const MethodSpec* method = package.manifest->find_method(golden.method);
  const auto accepts = [](const GeneratedInput& given, const TensorSpec& spec) {
    return given.dtype == spec.dtype && fits(spec, given.shape);
  };
  if (method != nullptr &&
      std::equal(golden.inputs.begin(), golden.inputs.end(), method->inputs.begin(), method->inputs.end(), accepts)) {
    return {};
  }
  return package_error(package.path + ": golden case '" + golden.name + "' does not fit the manifest's method '" +
                       golden.method + "'; export the model again");
}

Comparison failed(std::string reason, const std::string& expected, const std::string& actual) {
  Comparison result;
  result.output = "*";
  result.reason = std::move(reason);
  result.expected = ordered_json(expected).dump();
  result.actual = ordered_json(actual).dump();
  return result;
}

std::vector<Comparison> compare_case(Model& model, const GoldenCase& golden) {
  const auto values = run_case(model, golden);
  if (!values.ok()) return {failed("error", "an answer", values.status().message())};
  const Manifest& manifest = *model.package().manifest;
  const MethodSpec* method = manifest.find_method(golden.method);
  if (values->structure != method->structure) return {failed("structure", method->structure, values->structure)};
  return compare_golden(golden.outputs, values->items, golden.tolerance.value_or(manifest.tolerance));
}

}  // namespace

Result<VerifyReport> verify_report(Model& model) {
  const Package& package = model.package();
  if (!package.manifest || package.golden_text.empty()) {
    return package_error(package.path + " has no golden cases; export it with edgekit to prove it on a device");
  }
  EK_ASSIGN(const auto cases, parse_golden(package.golden_text));
  if (cases.empty()) return package_error(package.path + " has an empty list of golden cases, which proves nothing");
  for (const GoldenCase& golden : cases) EK_RETURN_IF_ERROR(check_case(package, golden));
  ordered_json rows = ordered_json::array();
  bool passed = true;
  for (const GoldenCase& golden : cases) {
    for (const Comparison& comparison : compare_case(model, golden)) {
      passed = passed && comparison.passed();
      rows.push_back(to_row(golden.name, comparison));
    }
  }
  return VerifyReport{document(model_context(model), std::move(rows)), passed};
}

}  // namespace edgekit
