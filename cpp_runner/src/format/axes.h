// The axes of a tensor in a manifest: a fixed size, a proved range of sizes, or any size.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace edgekit {

inline constexpr std::int64_t kMostElements = std::int64_t{1} << 28;  // of one input or output

enum class AxisKind { kFixed, kRange, kAny };

// A run accepts the multiples of `multiple` from `min` to `max`, and equal sizes for equal symbols.
struct Axis {
  AxisKind kind = AxisKind::kAny;
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  std::int64_t multiple = 1;
  std::string symbol;  // empty if there is none

  [[nodiscard]] bool accepts(std::int64_t size) const { return size >= min && size <= max && size % multiple == 0; }
  // The only size; kFreeAxis where several are valid.
  [[nodiscard]] std::int64_t extent() const { return kind == AxisKind::kFixed ? min : kFreeAxis; }
};

[[nodiscard]] Axis fixed_axis(std::int64_t size);

[[nodiscard]] bool accepts(std::span<const Axis> axes, std::span<const std::int64_t> sizes);

// "[1..4, 3, h=32..512 by 32, *]"; "*" is an axis of any size, for which no range was proved.
[[nodiscard]] std::string shape_text(std::span<const Axis> axes);

// An input, and the sizes that a run gives it, which its axes accept.
struct SizedInput {
  std::string_view name;
  std::span<const Axis> axes;
  std::span<const std::int64_t> sizes;
};
// The first two axes that have one symbol and different sizes, as a text; empty if there are none.
[[nodiscard]] std::string unequal(std::span<const SizedInput> inputs);

}  // namespace edgekit
