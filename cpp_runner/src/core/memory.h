// The allocator of the process.
#pragma once

#include "core/status.h"

namespace edgekit {

// Makes malloc keep freed memory for later runs, instead of returning it to the system and faulting it in again.
[[nodiscard]] Status keep_freed_memory();

}  // namespace edgekit
