// Full TorchScript files. They are optimized after loading, since the result of optimize_for_inference cannot be saved.
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/library.h>

#include <nlohmann/json.hpp>

#include "engine/registry.h"
#include "engine/torch_bridge.h"

namespace edgekit {
namespace {

constexpr const char* kServerRecord = "edgekit/server.json";

// The interpreter hands its operators to libtorch's dispatcher. Where this key, which no tensor has, is switched on,
// the dispatcher calls `ask` first. Operators inside another one, and those of fused groups, are not seen.
constexpr c10::DispatchKey kAskKey = c10::DispatchKey::TESTING_ONLY_GenericMode;

void ask(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  check_limits();
  const c10::impl::ExcludeDispatchKeyGuard once(kAskKey);
  op.callBoxed(stack);
}

// Changes the dispatcher of the process, so only the first file of this kind does it.
void register_ask() {
  static const torch::Library library = [] {
    torch::Library made(torch::Library::IMPL, "_", kAskKey, __FILE__, __LINE__);
    made.fallback(torch::CppFunction::makeFromBoxedFunction<&ask>());
    return made;
  }();
}

class TorchScriptEngine : public TorchEngine {
 public:
  TorchScriptEngine(torch::jit::Module module, const ProcessSettings& process)
      : TorchEngine(process, at::RecordScope::FUNCTION, signatures_of(module)), module_(std::move(module)) {
    register_ask();
  }

 private:
  c10::IValue call(const std::string& method, std::vector<c10::IValue> inputs) override {
    const c10::impl::IncludeDispatchKeyGuard asks(kAskKey);
    return module_.get_method(method)(std::move(inputs));
  }

  torch::jit::Module module_;
};

// Whether the exporter found that optimize_for_inference breaks the answers of this file (docs/format.md).
bool forbids_optimizing(const std::string& extra) {
  const nlohmann::json document = nlohmann::json::parse(extra, nullptr, false);
  return document.is_object() && document.value("optimize_for_inference", nlohmann::json(true)) == false;
}

// Freezing keeps only `forward`, so a module with more methods is not optimized.
torch::jit::Module load(const Package& package, bool optimize) {
  torch::jit::ExtraFilesMap extra{{kServerRecord, ""}};
  torch::jit::Module module = torch::jit::load(std::make_unique<MappedAdapter>(package.file), c10::kCPU, extra);
  module.eval();
  if (!optimize || module.get_methods().size() != 1 || forbids_optimizing(extra[kServerRecord])) return module;
  return torch::jit::optimize_for_inference(module);
}

Result<std::unique_ptr<Engine>> make(const Package& package, const EngineOptions& options) {
  return make_torch_engine<TorchScriptEngine>(package, options, [&] { return load(package, options.optimize); });
}

}  // namespace

EngineFactory torchscript_engine() {
  // The row of the lite engine already lists the operators of libtorch.
  return {"torchscript", {ModelKind::kTorchScript}, make, torch_version, nullptr, torch_quantized_engines};
}

}  // namespace edgekit
