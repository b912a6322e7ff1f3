// .npy files of numpy, in C order and little-endian.
#pragma once

#include <string>

#include "core/status.h"
#include "core/tensor.h"

namespace edgekit {

[[nodiscard]] Result<Tensor> read_npy(const std::string& path);
[[nodiscard]] Status write_npy(const std::string& path, const TensorView& tensor);

}  // namespace edgekit
