// The interface behind which models run. Implementations catch the exceptions of their library. registry.h lists them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/status.h"
#include "core/tensor.h"
#include "engine/limits.h"

namespace edgekit {

struct OperatorTime {
  std::string name;
  double total_ms = 0.0;
  std::size_t calls = 0;
};

struct Parameter {
  std::string name;
  std::string type;  // in TorchScript, for example Tensor or List[int]
  bool required = true;
};

struct OperatorInfo {
  std::string name;
  std::optional<int> arguments;
};

// The number of threads of each pool. At least one of the two is 1.
struct ThreadPlan {
  int xnnpack = 1;
  int openmp = 1;
  bool operator==(const ThreadPlan&) const = default;
};

// The settings of the process that a run needs.
struct ProcessSettings {
  ThreadPlan threads;
  std::string quantized_engine;  // empty where no quantized weights need one
};

struct EngineOptions {
  ProcessSettings process;
  bool optimize = true;
};

class Engine {
 public:
  virtual ~Engine() = default;
  [[nodiscard]] virtual std::vector<std::string> methods() const = 0;
  // Nothing where the file does not contain them.
  [[nodiscard]] virtual std::optional<std::vector<Parameter>> parameters(const std::string& method) const = 0;
  // One call at a time on one engine; different engines may run at the same time. Once a limit is reached, a call ends
  // before its next operator with the error of the limits, and the engine runs again.
  [[nodiscard]] virtual Result<Values> run(const std::string& method, std::span<const TensorView> inputs,
                                           const RunLimits& limits) = 0;
  // The time in each operator over `iterations` runs, longest first.
  [[nodiscard]] virtual Result<std::vector<OperatorTime>> profile(const std::string& method,
                                                                  std::span<const TensorView> inputs,
                                                                  std::size_t iterations, const RunLimits& limits) = 0;
};

}  // namespace edgekit
