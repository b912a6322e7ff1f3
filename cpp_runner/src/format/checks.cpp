#include "format/checks.h"

#include <string>

namespace edgekit {
namespace {

std::string describe(DType dtype, std::span<const std::int64_t> shape) {
  return std::string(dtype_name(dtype)) + " " + shape_text(shape);
}

Status check_input(const std::string& what, const TensorSpec& spec, const TensorView& input) {
  const std::string given = what + " is " + describe(input.dtype, input.shape);
  if (input.dtype != spec.dtype || !accepts(spec.axes, input.shape)) {
    return usage_error(given + "; expected " + describe(spec) + ". Convert or reshape it.");
  }
  const auto count = element_count(input.shape, input.dtype);
  if (count && *count * dtype_size(input.dtype) == input.bytes.size()) return {};
  return usage_error(given + " in " + std::to_string(input.bytes.size()) +
                     " bytes; expected row-major bytes of the shape.");
}

}  // namespace

Status check_inputs(const MethodSpec& method, std::span<const TensorView> inputs) {
  if (inputs.size() != method.inputs.size()) {
    return usage_error(method.name + " got " + std::to_string(inputs.size()) + " inputs; expected " + describe(method) +
                       ".");
  }
  std::vector<SizedInput> sized;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorSpec& spec = method.inputs[i];
    EK_RETURN_IF_ERROR(check_input(method.name + " input " + std::to_string(i), spec, inputs[i]));
    sized.push_back({spec.name, spec.axes, inputs[i].shape});
  }
  const std::string found = unequal(sized);
  return found.empty() ? Status()
                       : usage_error(method.name + ": " + found + "; expected equal sizes. Pad or cut the inputs.");
}

Status check_inputs_are_numbers(std::span<const TensorView> inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!has_nan(inputs[i])) continue;
    return usage_error("input " + std::to_string(i) +
                       " has NaN elements; expected numbers. Replace them, or use the option allow_nonfinite.");
  }
  return {};
}

Status check_outputs(const MethodSpec& method, const Values& outputs) {
  if (!method.structure) return {};
  if (outputs.structure != *method.structure || outputs.items.size() != method.outputs.size()) {
    return runtime_error("method " + method.name + " returned the structure " + outputs.structure +
                         "; the manifest has " + *method.structure);
  }
  for (std::size_t i = 0; i < method.outputs.size(); ++i) {
    const TensorSpec& spec = method.outputs[i];
    const auto& [name, tensor] = outputs.items[i];
    if (name == spec.name && tensor.dtype == spec.dtype && accepts(spec.axes, tensor.shape)) continue;
    return runtime_error("method " + method.name + ": the manifest has the output " + describe(spec) +
                         ", but the model returned " + name + ", " + describe(tensor.dtype, tensor.shape));
  }
  return {};
}

Status check_outputs_finite(const Values& outputs) {
  for (const auto& [name, tensor] : outputs.items) {
    if (all_finite(tensor.view())) continue;
    return runtime_error("output " + name + " has a NaN or an infinity; the option allow_nonfinite permits them");
  }
  return {};
}

}  // namespace edgekit
