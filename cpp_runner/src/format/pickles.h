// Checks the pickles of a model before libtorch reads them: their cost, their classes and the storages of their
// tensors.
#pragma once

#include "core/status.h"
#include "format/package.h"

namespace edgekit {

// Follows the opcodes of each pickle as docs/format.md says under "Container". libtorch crashes on values that are
// nested too deep and reads beyond a storage that is shorter than its tensor.
[[nodiscard]] Status check_pickles(const Package& package);

}  // namespace edgekit
