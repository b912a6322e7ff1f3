#include "format/checks.h"

#include <string>

namespace edgekit {
namespace {

std::string describe(DType dtype, std::span<const std::int64_t> shape) {
  return std::string(dtype_name(dtype)) + " " + shape_text(shape);
}

std::string describe(const MethodSpec& method) {
  std::string text = "method " + method.name + "(";
  for (const TensorSpec& spec : method.inputs) {
    if (text.back() != '(') text += ", ";
    text += spec.name + ": " + describe(spec.dtype, spec.shape);
  }
  return text + ")";
}

Status check_input(const MethodSpec& method, const TensorSpec& spec, const TensorView& input) {
  const auto wrong = [&](const char* what) {
    return usage_error(describe(method) + ": input " + spec.name + " has the wrong " + what + ": expected " +
                       describe(spec.dtype, spec.shape) + ", got " + describe(input.dtype, input.shape));
  };
  if (input.dtype != spec.dtype) return wrong("dtype");
  if (!fits(spec, input.shape)) return wrong("shape");
  const auto count = element_count(input.shape, input.dtype);
  if (!count || *count * dtype_size(input.dtype) != input.bytes.size()) return wrong("number of bytes");
  if (*count == 0) return wrong("shape, which has no elements");
  return {};
}

}  // namespace

bool fits(const TensorSpec& spec, std::span<const std::int64_t> shape) {
  if (shape.size() != spec.shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (spec.shape[i] != kFreeAxis && spec.shape[i] != shape[i]) return false;
  }
  return true;
}

Status check_inputs(const MethodSpec& method, std::span<const TensorView> inputs) {
  if (inputs.size() != method.inputs.size()) {
    return usage_error(describe(method) + " takes " + std::to_string(method.inputs.size()) + " inputs, got " +
                       std::to_string(inputs.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    EK_RETURN_IF_ERROR(check_input(method, method.inputs[i], inputs[i]));
  }
  return {};
}

Status check_inputs_finite(std::span<const TensorView> inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!all_finite(inputs[i]))
      return usage_error("input " + std::to_string(i) +
                         " has a NaN or an infinity; the option allow_nonfinite permits them");
  }
  return {};
}

Status check_outputs(const MethodSpec& method, const Values& outputs) {
  if (outputs.structure != method.structure || outputs.items.size() != method.outputs.size()) {
    return runtime_error("method " + method.name + " returned the structure " + outputs.structure +
                         "; the manifest has " + method.structure);
  }
  for (std::size_t i = 0; i < method.outputs.size(); ++i) {
    const TensorSpec& spec = method.outputs[i];
    const auto& [name, tensor] = outputs.items[i];
    if (name == spec.name && tensor.dtype == spec.dtype && fits(spec, tensor.shape)) continue;
    return runtime_error("method " + method.name + ": output " + spec.name + " of the manifest is " +
                         describe(spec.dtype, spec.shape) + ", but the model returned " + name + ", " +
                         describe(tensor.dtype, tensor.shape));
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
