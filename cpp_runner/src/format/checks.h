// Checks of inputs before a runtime gets them, and of outputs before a caller gets them.
#pragma once

#include <span>

#include "core/status.h"
#include "core/tensor.h"
#include "format/manifest.h"

namespace edgekit {

// Whether a shape has the spec's rank and fixed extents.
[[nodiscard]] bool fits(const TensorSpec& spec, std::span<const std::int64_t> shape);

// Compares number, dtype, rank and fixed extents of the inputs with the manifest.
[[nodiscard]] Status check_inputs(const MethodSpec& method, std::span<const TensorView> inputs);
[[nodiscard]] Status check_inputs_finite(std::span<const TensorView> inputs);

// Compares names, structure, dtypes and shapes of the outputs with the manifest.
[[nodiscard]] Status check_outputs(const MethodSpec& method, const Values& outputs);
[[nodiscard]] Status check_outputs_finite(const Values& outputs);

}  // namespace edgekit
