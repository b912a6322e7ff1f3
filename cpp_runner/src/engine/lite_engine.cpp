// Lite interpreter files, zip and flatbuffer.
#include <torch/csrc/jit/mobile/import.h>
#include <torch/csrc/jit/mobile/module.h>

#include "engine/registry.h"
#include "engine/torch_bridge.h"

namespace edgekit {
namespace {

class LiteEngine : public TorchEngine {
 public:
  LiteEngine(torch::jit::mobile::Module module, const ProcessSettings& process)
      : TorchEngine(process, at::RecordScope::LITE_INTERPRETER, signatures_of(module)), module_(std::move(module)) {}

 private:
  c10::IValue call(const std::string& method, std::vector<c10::IValue> inputs) override {
    return module_.get_method(method)(std::move(inputs));
  }

  torch::jit::mobile::Module module_;
};

torch::jit::mobile::Module load(const Package& package) {
  if (package.kind == ModelKind::kLiteFlatbuffer) return torch::jit::_load_for_mobile(package.path, c10::kCPU);
  return torch::jit::_load_for_mobile(std::make_unique<MappedAdapter>(package.file), c10::kCPU);
}

Result<std::unique_ptr<Engine>> make(const Package& package, const EngineOptions& options) {
  return make_torch_engine<LiteEngine>(package, options, [&] { return load(package); });
}

}  // namespace

EngineFactory lite_engine() {
  return {"lite",
          {ModelKind::kLiteZip, ModelKind::kLiteFlatbuffer},
          make,
          torch_version,
          torch_operators,
          torch_quantized_engines};
}

}  // namespace edgekit
