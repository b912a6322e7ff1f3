// Inputs from the command line: [NAME=]FILE.npy, or a shape such as 1x3x224x224:float32[-2,2] for generated numbers.
#pragma once

#include <string>
#include <vector>

#include "common.h"

namespace runner {

class Inputs {
 public:
  explicit Inputs(const std::vector<std::string>& arguments);
  // In the order of the method's inputs if they have names, else in the given order.
  [[nodiscard]] std::vector<ek_tensor> in_order(const ek_model* model, const std::string& method) const;

 private:
  [[nodiscard]] const ek_tensor& find(const std::string& name) const;

  std::vector<std::string> names_;
  std::vector<ValuesPtr> owners_;
  std::vector<ek_tensor> tensors_;
};

[[nodiscard]] const char* dtype_text(ek_dtype dtype);
[[nodiscard]] std::string shape_text(const ek_tensor& tensor);

}  // namespace runner
