// Full TorchScript files, optimized after loading (what optimize_for_inference makes cannot be saved).
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include "torch_bridge.h"

namespace edgekit {
namespace {

class TorchScriptEngine : public Engine {
 public:
  TorchScriptEngine(torch::jit::Module module, ThreadPlan threads) : module_(std::move(module)), threads_(threads) {}

  std::string_view name() const override { return "torchscript"; }

  std::vector<std::string> methods() const override {
    std::vector<std::string> names;
    for (const auto& method : module_.get_methods()) names.push_back(method.name());
    return names;
  }

  std::optional<Arity> arity(const std::string& method) const override {
    const auto found = module_.find_method(method);
    return found ? arity_of(found->function().getSchema()) : std::nullopt;
  }

  Result<Values> run(const std::string& method, std::span<const TensorView> inputs) override {
    return catching(Code::kRuntime, "method " + method + " failed", [&]() -> Result<Values> {
      const auto threads = enter_threads(threads_);
      const c10::InferenceMode inference;
      return from_ivalue(module_.get_method(method)(to_ivalues(inputs)));
    });
  }

  Result<std::vector<OperatorTime>> profile(const std::string& method, std::span<const TensorView> inputs,
                                            std::size_t iterations) override {
    using Times = Result<std::vector<OperatorTime>>;
    return catching(Code::kRuntime, "method " + method + " failed", [&]() -> Times {
      const auto threads = enter_threads(threads_);
      const c10::InferenceMode inference;
      return time_operators(at::RecordScope::FUNCTION, iterations,
                            [&] { module_.get_method(method)(to_ivalues(inputs)); });
    });
  }

 private:
  torch::jit::Module module_;
  ThreadPlan threads_;
};

// Freezing keeps `forward` alone, so a module with other methods stays as it is.
torch::jit::Module load(const Package& package, bool optimize) {
  torch::jit::Module module = torch::jit::load(std::make_unique<MappedAdapter>(package.file), c10::kCPU);
  module.eval();
  if (!optimize || module.get_methods().size() != 1) return module;
  return torch::jit::optimize_for_inference(module);
}

}  // namespace

Result<std::unique_ptr<Engine>> make_torchscript_engine(const Package& package, const EngineOptions& options) {
  using Made = Result<std::unique_ptr<Engine>>;
  return catching(Code::kBadPackage, package.path + " cannot be loaded", [&]() -> Made {
    const auto threads = enter_threads(options.threads);
    return std::unique_ptr<Engine>(new TorchScriptEngine(load(package, options.optimize), options.threads));
  });
}

}  // namespace edgekit
