// Lite interpreter files, zip and flatbuffer.
#include <torch/csrc/jit/mobile/import.h>
#include <torch/csrc/jit/mobile/module.h>

#include <map>

#include "engine/torch_bridge.h"

namespace edgekit {
namespace {

class LiteEngine : public TorchEngine {
 public:
  LiteEngine(torch::jit::mobile::Module module, ThreadPlan threads)
      : TorchEngine(threads, at::RecordScope::LITE_INTERPRETER), module_(std::move(module)) {
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

 private:
  c10::IValue call(const std::string& method, std::vector<c10::IValue> inputs) override {
    return methods_.at(method)(std::move(inputs));
  }

  torch::jit::mobile::Module module_;
  std::map<std::string, torch::jit::mobile::Method> methods_;
};

torch::jit::mobile::Module load(const Package& package) {
  if (package.kind == ModelKind::kLiteFlatbuffer) return torch::jit::_load_for_mobile(package.path, c10::kCPU);
  return torch::jit::_load_for_mobile(std::make_unique<MappedAdapter>(package.file), c10::kCPU);
}

}  // namespace

Result<std::unique_ptr<Engine>> make_lite_engine(const Package& package, const EngineOptions& options) {
  using Made = Result<std::unique_ptr<Engine>>;
  return catching(Code::kBadPackage, package.path + " cannot be loaded", [&]() -> Made {
    const ThreadLease lease(options.threads);
    return std::unique_ptr<Engine>(new LiteEngine(load(package), options.threads));
  });
}

}  // namespace edgekit
