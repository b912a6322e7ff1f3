// The one seam behind which models run. Implementations catch their library's exceptions; none leaves them.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "core/tensor.h"
#include "format/package.h"

namespace edgekit {

struct OperatorTime {
  std::string name;
  double total_ms = 0.0;
  std::size_t calls = 0;
};

// How many inputs a method takes, counting defaults.
struct Arity {
  std::size_t least = 0;
  std::size_t most = 0;
};

struct OperatorInfo {
  std::string name;
  std::optional<int> arguments;
};

// How many threads each of the two pools may use; never more than one in both.
struct ThreadPlan {
  int xnnpack = 1;
  int openmp = 1;
  bool operator==(const ThreadPlan&) const = default;
};

struct EngineOptions {
  ThreadPlan threads;
  bool optimize = true;
};

class Engine {
 public:
  virtual ~Engine() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] virtual std::vector<std::string> methods() const = 0;
  // Nothing where the file does not tell.
  [[nodiscard]] virtual std::optional<Arity> arity(const std::string& method) const = 0;
  // Not safe to call from two threads at once on one engine; fine on two engines.
  [[nodiscard]] virtual Result<Values> run(const std::string& method, std::span<const TensorView> inputs) = 0;
  // The time in each operator over `iterations` runs, longest first.
  [[nodiscard]] virtual Result<std::vector<OperatorTime>> profile(const std::string& method,
                                                                  std::span<const TensorView> inputs,
                                                                  std::size_t iterations) = 0;
};

// The engine for a package's kind.
[[nodiscard]] Result<std::unique_ptr<Engine>> make_engine(const Package& package, const EngineOptions& options);

// "torch 2.12.1", or "none" in a build without an engine.
[[nodiscard]] std::string runtime_version();
[[nodiscard]] Result<std::vector<OperatorInfo>> runtime_operators();

}  // namespace edgekit
