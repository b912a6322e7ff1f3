// Full TorchScript files, optimized after loading (what optimize_for_inference makes cannot be saved).
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include "engine/torch_bridge.h"

namespace edgekit {
namespace {

class TorchScriptEngine : public TorchEngine {
 public:
  TorchScriptEngine(torch::jit::Module module, ThreadPlan threads)
      : TorchEngine(threads, at::RecordScope::FUNCTION), module_(std::move(module)) {}

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

 private:
  c10::IValue call(const std::string& method, std::vector<c10::IValue> inputs) override {
    return module_.get_method(method)(std::move(inputs));
  }

  torch::jit::Module module_;
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
    const ThreadLease lease(options.threads);
    return std::unique_ptr<Engine>(new TorchScriptEngine(load(package, options.optimize), options.threads));
  });
}

}  // namespace edgekit
