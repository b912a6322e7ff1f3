// Lite interpreter files, zip and flatbuffer.
#include <torch/csrc/jit/mobile/function.h>
#include <torch/csrc/jit/mobile/import.h>
#include <torch/csrc/jit/mobile/module.h>

#include <sstream>

#include "engine/registry.h"
#include "engine/torch_bridge.h"

namespace edgekit {
namespace {

class LiteEngine : public TorchEngine {
 public:
  LiteEngine(torch::jit::mobile::Module module, const ProcessSettings& process)
      : TorchEngine(process, at::RecordScope::LITE_INTERPRETER, signatures_of(module)), module_(std::move(module)) {
    for (const auto& function : module_.compilation_unit().methods()) check_limits_in(*function);
  }

 private:
  c10::IValue call(const std::string& method, std::vector<c10::IValue> inputs) override {
    return module_.get_method(method)(std::move(inputs));
  }

  // The interpreter calls its operators by a table, so the table is where a run can end. Exceptions of the callbacks
  // that libtorch offers would not end it.
  static void check_limits_in(torch::jit::mobile::Function& function) {
    function.initialize_operators(true);  // does nothing where loading did it
    for (auto& entry : function.get_code().operators_) {
      entry = [operate = std::move(entry)](torch::jit::mobile::Stack& stack) {
        check_limits();
        operate(stack);
      };
    }
  }

  torch::jit::mobile::Module module_;
};

torch::jit::mobile::Module load(const Package& package) {
  if (package.kind == ModelKind::kLiteFlatbuffer) {
    const auto bytes = package.file->bytes();
    std::istringstream stream(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    return torch::jit::_load_for_mobile(stream, c10::kCPU);
  }
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
