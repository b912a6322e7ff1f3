// Chooses the engine, and says what this libtorch is and can do.
#if __has_include(<torch/csrc/jit/mobile/compatibility/runtime_compatibility.h>)
#include <torch/csrc/jit/mobile/compatibility/runtime_compatibility.h>
#define EDGEKIT_LISTS_OPERATORS  // Debian's libtorch comes without that header
#endif
#include <torch/version.h>

#include <algorithm>

#include "engine/torch_bridge.h"

namespace edgekit {

Result<std::unique_ptr<Engine>> make_engine(const Package& package, const EngineOptions& options) {
  if (package.kind == ModelKind::kTorchScript) return make_torchscript_engine(package, options);
  return make_lite_engine(package, options);
}

std::string runtime_version() {
  return std::string("torch ") + TORCH_VERSION;
}

#ifdef EDGEKIT_LISTS_OPERATORS
Result<std::vector<OperatorInfo>> runtime_operators() {
  return catching(Code::kRuntime, "the operators cannot be listed", []() -> Result<std::vector<OperatorInfo>> {
    std::vector<OperatorInfo> operators;
    for (const auto& [name, info] : torch::jit::_get_runtime_ops_and_info()) {
      operators.push_back({name, info.num_schema_args});
    }
    std::sort(operators.begin(), operators.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return operators;
  });
}
#else
Result<std::vector<OperatorInfo>> runtime_operators() {
  return runtime_error(runtime_version() + " was packaged without what lists its operators");
}
#endif

}  // namespace edgekit
