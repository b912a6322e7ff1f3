// Checks of inputs before a runtime gets them, and of outputs before a caller gets them.
#pragma once

#include <span>

#include "core/status.h"
#include "core/tensor.h"
#include "format/manifest.h"

namespace edgekit {

// Compares number, dtype and sizes of the inputs with the manifest.
[[nodiscard]] Status check_inputs(const MethodSpec& method, std::span<const TensorView> inputs);
// Infinities are valid: attention masks have them.
[[nodiscard]] Status check_inputs_are_numbers(std::span<const TensorView> inputs);

// Compares names, structure, dtypes and shapes of the outputs with the manifest, unless they depend on the data.
[[nodiscard]] Status check_outputs(const MethodSpec& method, const Values& outputs);
[[nodiscard]] Status check_outputs_finite(const Values& outputs);

}  // namespace edgekit
