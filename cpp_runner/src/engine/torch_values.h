// Tensors and nested values on their way into libtorch and out of it. Only engine files include this.
#pragma once

#include <ATen/core/ivalue.h>

#include <span>
#include <vector>

#include "core/status.h"
#include "core/tensor.h"

namespace edgekit {

// The tensors share the bytes of the inputs.
[[nodiscard]] std::vector<c10::IValue> to_ivalues(std::span<const TensorView> inputs);

// Flattens what a method returned as docs/format.md says. Bytes that belong to an input are copied.
[[nodiscard]] Result<Values> from_ivalue(const c10::IValue& value, std::span<const TensorView> inputs);

}  // namespace edgekit
