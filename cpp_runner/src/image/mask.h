// Masks as PNG files with a palette, and masks drawn over their pictures.
#pragma once

#include <string>

#include "core/status.h"
#include "core/tensor.h"

namespace edgekit {

// Writes a uint8 tensor [H, W] as a PNG whose palette indices are its elements: the classes. Their colours are those of
// PASCAL VOC, in which class 0 is black.
[[nodiscard]] Status write_mask_png(const std::string& path, const TensorView& mask);

// Writes a picture [H, W, 3] with the colours of a mask [H, W], half and half. Class 0 leaves it as it is.
[[nodiscard]] Status write_overlay_png(const std::string& path, const TensorView& picture, const TensorView& mask);

}  // namespace edgekit
