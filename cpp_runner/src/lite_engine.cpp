// Lite interpreter files, zip and flatbuffer.
#include <torch/csrc/jit/mobile/import.h>
#include <torch/csrc/jit/mobile/module.h>

#include <map>

#include "torch_bridge.h"

namespace edgekit {
namespace {

class LiteEngine : public Engine {
 public:
  LiteEngine(torch::jit::mobile::Module module, ThreadPlan threads) : module_(std::move(module)), threads_(threads) {
    for (const auto& method : module_.get_methods()) methods_.emplace(method.name(), method);
  }

  std::string_view name() const override { return "lite"; }

  std::vector<std::string> methods() const override {
    std::vector<std::string> names;
    for (const auto& [name, method] : methods_) names.push_back(name);
    return names;
  }

  std::optional<Arity> arity(const std::string& method) const override {
    const auto found = methods_.find(method);
    return found == methods_.end() ? std::nullopt : arity_of(found->second.function().getSchema());
  }

  Result<Values> run(const std::string& method, std::span<const TensorView> inputs) override {
    return catching(Code::kRuntime, "method " + method + " failed", [&]() -> Result<Values> {
      const auto threads = enter_threads(threads_);
      const c10::InferenceMode inference;
      return from_ivalue(methods_.at(method)(to_ivalues(inputs)));
    });
  }

  Result<std::vector<OperatorTime>> profile(const std::string& method, std::span<const TensorView> inputs,
                                            std::size_t iterations) override {
    using Times = Result<std::vector<OperatorTime>>;
    return catching(Code::kRuntime, "method " + method + " failed", [&]() -> Times {
      const auto threads = enter_threads(threads_);
      const c10::InferenceMode inference;
      return time_operators(at::RecordScope::LITE_INTERPRETER, iterations,
                            [&] { methods_.at(method)(to_ivalues(inputs)); });
    });
  }

 private:
  torch::jit::mobile::Module module_;
  std::map<std::string, torch::jit::mobile::Method> methods_;
  ThreadPlan threads_;
};

torch::jit::mobile::Module load(const Package& package) {
  if (package.kind == ModelKind::kLiteFlatbuffer) return torch::jit::_load_for_mobile(package.path, c10::kCPU);
  return torch::jit::_load_for_mobile(std::make_unique<MappedAdapter>(package.file), c10::kCPU);
}

}  // namespace

Result<std::unique_ptr<Engine>> make_lite_engine(const Package& package, const EngineOptions& options) {
  using Made = Result<std::unique_ptr<Engine>>;
  return catching(Code::kBadPackage, package.path + " cannot be loaded", [&]() -> Made {
    const auto threads = enter_threads(options.threads);
    return std::unique_ptr<Engine>(new LiteEngine(load(package), options.threads));
  });
}

}  // namespace edgekit
