// The version of this libtorch, the operators that its lite interpreter can run, and its quantized engines.
#include <ATen/Context.h>
#include <c10/core/QEngine.h>

#include <algorithm>
#include <cctype>
#if __has_include(<torch/csrc/jit/mobile/compatibility/runtime_compatibility.h>)
#include <torch/csrc/jit/mobile/compatibility/runtime_compatibility.h>
#define EDGEKIT_LISTS_OPERATORS  // the libtorch of Debian lacks that header
#endif
#include <torch/version.h>

#include "engine/torch_bridge.h"
#include "engine/vision_operators.h"

namespace edgekit {
namespace {

// "fbgemm", as docs/format.md writes it.
std::string quantized_engine_name(at::QEngine engine) {
  std::string name = c10::toString(engine);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

}  // namespace

std::string torch_version() {
  return std::string("torch ") + TORCH_VERSION;
}

#ifdef EDGEKIT_LISTS_OPERATORS
Result<std::vector<OperatorInfo>> torch_operators() {
  return catching(Code::kRuntime, "the operators cannot be listed", []() -> Result<std::vector<OperatorInfo>> {
    register_vision_operators();
    std::vector<OperatorInfo> operators;
    for (const auto& [name, info] : torch::jit::_get_runtime_ops_and_info()) {
      operators.push_back({name, info.num_schema_args});
    }
    return operators;
  });
}
#else
Result<std::vector<OperatorInfo>> torch_operators() {
  return runtime_error(torch_version() +
                       " cannot list its operators: this package of libtorch lacks the header runtime_compatibility.h");
}
#endif

std::vector<std::string> torch_quantized_engines() {
  std::vector<std::string> names;
  for (const at::QEngine engine : at::Context::supportedQEngines()) {
    if (engine != at::QEngine::NoQEngine) names.push_back(quantized_engine_name(engine));
  }
  return names;
}

void set_torch_quantized_engine(const std::string& name) {
  for (const at::QEngine engine : at::Context::supportedQEngines()) {
    if (quantized_engine_name(engine) == name) at::globalContext().setQEngine(engine);
  }
}

}  // namespace edgekit
