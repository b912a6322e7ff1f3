// Masks as PNG files with a palette, and masks drawn over their pictures.
#pragma once

#include <array>
#include <string>

#include "core/status.h"
#include "core/tensor.h"

namespace edgekit {

using Colour = std::array<std::uint8_t, 3>;

// The colour of a class: those of PASCAL VOC, in which class 0 is black.
[[nodiscard]] Colour class_colour(std::uint8_t index);

// Writes a uint8 tensor [H, W, 3] as a PNG.
[[nodiscard]] Status write_picture_png(const std::string& path, const TensorView& picture);

// Writes a uint8 tensor [H, W] as a PNG whose palette indices are its elements: the classes.
[[nodiscard]] Status write_mask_png(const std::string& path, const TensorView& mask);

// Writes a picture [H, W, 3] with the colours of a mask [H, W], half and half. Class 0 leaves it as it is.
[[nodiscard]] Status write_overlay_png(const std::string& path, const TensorView& picture, const TensorView& mask);

}  // namespace edgekit
