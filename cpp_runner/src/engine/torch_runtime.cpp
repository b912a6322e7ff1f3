// The version of this libtorch, and the operators that its lite interpreter can run.
#if __has_include(<torch/csrc/jit/mobile/compatibility/runtime_compatibility.h>)
#include <torch/csrc/jit/mobile/compatibility/runtime_compatibility.h>
#define EDGEKIT_LISTS_OPERATORS  // the libtorch of Debian lacks that header
#endif
#include <torch/version.h>

#include "engine/torch_bridge.h"

namespace edgekit {

std::string torch_version() {
  return std::string("torch ") + TORCH_VERSION;
}

#ifdef EDGEKIT_LISTS_OPERATORS
Result<std::vector<OperatorInfo>> torch_operators() {
  return catching(Code::kRuntime, "the operators cannot be listed", []() -> Result<std::vector<OperatorInfo>> {
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

}  // namespace edgekit
