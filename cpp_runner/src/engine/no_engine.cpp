// The engine of a build with EDGEKIT_WITH_TORCH=OFF: everything works that does not run a model.
#include "engine/engine.h"

namespace edgekit {
namespace {

Status no_engine() {
  return runtime_error("this build of edgekit has no engine; configure it with EDGEKIT_WITH_TORCH=ON");
}

}  // namespace

Result<std::unique_ptr<Engine>> make_engine(const Package&, const EngineOptions&) {
  return no_engine();
}

std::string runtime_version() {
  return "none";
}

Result<std::vector<OperatorInfo>> runtime_operators() {
  return no_engine();
}

}  // namespace edgekit
