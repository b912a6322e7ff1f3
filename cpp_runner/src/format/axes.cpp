#include "format/axes.h"

#include <algorithm>
#include <map>
#include <utility>

namespace edgekit {
namespace {

std::string axis_text(const Axis& axis) {
  if (axis.kind == AxisKind::kAny) return "*";
  if (axis.kind == AxisKind::kFixed) return std::to_string(axis.min);
  return (axis.symbol.empty() ? "" : axis.symbol + "=") + std::to_string(axis.min) + ".." + std::to_string(axis.max) +
         (axis.multiple == 1 ? "" : " by " + std::to_string(axis.multiple));
}

}  // namespace

Axis fixed_axis(std::int64_t size) {
  return {AxisKind::kFixed, size, size, 1, ""};
}

bool accepts(std::span<const Axis> axes, std::span<const std::int64_t> sizes) {
  return std::equal(axes.begin(), axes.end(), sizes.begin(), sizes.end(),
                    [](const Axis& axis, std::int64_t size) { return axis.accepts(size); });
}

std::string shape_text(std::span<const Axis> axes) {
  std::string text = "[";
  for (const Axis& axis : axes) text += (text.size() > 1 ? ", " : "") + axis_text(axis);
  return text + "]";
}

std::string unequal(std::span<const SizedInput> inputs) {
  std::map<std::string_view, std::pair<std::string, std::int64_t>> seen;
  for (const SizedInput& input : inputs) {
    for (std::size_t i = 0; i < input.axes.size(); ++i) {
      if (input.axes[i].symbol.empty()) continue;
      const std::string here = "axis " + std::to_string(i) + " of " + std::string(input.name);
      const auto& [there, size] = seen.try_emplace(input.axes[i].symbol, here, input.sizes[i]).first->second;
      if (size == input.sizes[i]) continue;
      return there + " is " + std::to_string(size) + " and " + here + " is " + std::to_string(input.sizes[i]);
    }
  }
  return "";
}

}  // namespace edgekit
