// Frames of edgekit.h.
#pragma once

#include "api/structs.h"
#include "edgekit/edgekit.h"
#include "image/frame.h"

namespace edgekit::api {

[[nodiscard]] Result<Frame> read_frame(const ek_frame& given);

}  // namespace edgekit::api
