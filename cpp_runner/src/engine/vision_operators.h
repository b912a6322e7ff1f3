// The operators of torchvision that detectors use.
#pragma once

#include <exception>

namespace edgekit {

// Whether libtorch refuses a file because an operator of torchvision is missing.
[[nodiscard]] bool lacks_vision_operators(const std::exception& error);

// Registers torchvision::nms and torchvision::roi_align, unless another library of the process did.
// libtorch can run a file with these operators from then on. Safe to call from several threads.
void register_vision_operators();

}  // namespace edgekit
