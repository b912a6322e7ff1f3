// numpy's .npy files: the C-ordered, little-endian dtypes that models take.
#pragma once

#include <string>

#include "core/status.h"
#include "core/tensor.h"

namespace edgekit {

[[nodiscard]] Result<Tensor> read_npy(const std::string& path);
[[nodiscard]] Status write_npy(const std::string& path, const TensorView& tensor);

}  // namespace edgekit
