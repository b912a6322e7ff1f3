// A made-up engine for tests: it gives twice its float32 input.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "engine/registry.h"

namespace edgekit::testing {

class DoublingEngine : public Engine {
 public:
  std::vector<std::string> methods() const override { return {"forward"}; }
  std::optional<std::vector<Parameter>> parameters(const std::string&) const override {
    return std::vector<Parameter>{{"x", "Tensor"}};
  }
  Result<Values> run(const std::string&, std::span<const TensorView> inputs, const RunLimits&) override {
    const TensorView& input = inputs[0];
    EK_ASSIGN(Allocation made, allocate_tensor(DType::kFloat32, Shape(input.shape.begin(), input.shape.end())));
    for (std::size_t at = 0; at < input.bytes.size(); at += sizeof(float)) {
      const auto value = static_cast<float>(2.0 * element_as_double(input, at / sizeof(float)));
      std::memcpy(made.mutable_bytes.data() + at, &value, sizeof(float));
    }
    return Values{"*", {{"0", std::move(made.tensor)}}};
  }
  Result<std::vector<OperatorTime>> profile(const std::string&, std::span<const TensorView>, std::size_t iterations,
                                            const RunLimits&) override {
    return std::vector<OperatorTime>{{"double", 1.0, iterations}};
  }
};

inline EngineFactory doubling_engine() {
  return {"doubling",
          {ModelKind::kLiteZip},
          [](const Package&, const EngineOptions&) -> Result<std::unique_ptr<Engine>> {
            return std::unique_ptr<Engine>(new DoublingEngine());
          },
          []() -> std::string { return "doubling 1.0"; },
          []() -> Result<std::vector<OperatorInfo>> {
            return std::vector<OperatorInfo>{{"double", 1}};
          },
          nullptr};
}

}  // namespace edgekit::testing
