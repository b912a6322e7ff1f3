// The engines of this build. A new engine adds its row here, under the CMake option that builds it.
#include "engine/registry.h"

namespace edgekit {

EngineTable engines_of_build() {
  static const std::vector<EngineFactory> kEngines{
#ifdef EDGEKIT_WITH_TORCH
      lite_engine(),
      torchscript_engine(),
#endif
  };
  return kEngines;
}

}  // namespace edgekit
