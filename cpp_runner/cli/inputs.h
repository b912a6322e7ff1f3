// What a user says about inputs: a .npy file, or a shape such as 1x3x224x224:float32[-2,2] for generated numbers.
#pragma once

#include <string>
#include <vector>

#include "common.h"

namespace runner {

class Inputs {
 public:
  explicit Inputs(const std::vector<std::string>& arguments);
  [[nodiscard]] const std::vector<ek_tensor>& tensors() const { return tensors_; }

 private:
  std::vector<ValuesPtr> owners_;
  std::vector<ek_tensor> tensors_;
};

[[nodiscard]] const char* dtype_text(ek_dtype dtype);
[[nodiscard]] std::string shape_text(const ek_tensor& tensor);

}  // namespace runner
