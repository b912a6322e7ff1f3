#include "report/verdict.h"

#include <cmath>

namespace edgekit {
namespace {

using nlohmann::ordered_json;

template <typename T>
ordered_json or_null(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

// JSON has no number for NaN and infinities: those are words.
ordered_json number_or_word(double value) {
  if (std::isfinite(value)) return value;
  if (std::isnan(value)) return "nan";
  return value > 0 ? "inf" : "-inf";
}

ordered_json to_json(const Observed& observed) {
  if (const auto* number = std::get_if<double>(&observed)) return number_or_word(*number);
  if (const auto* integer = std::get_if<std::int64_t>(&observed)) return *integer;
  if (const auto* text = std::get_if<std::string>(&observed)) return *text;
  return nullptr;
}

}  // namespace

ordered_json verdict_row(const std::string& case_name, const Comparison& comparison) {
  return {{"case", case_name},
          {"output", comparison.output},
          {"passed", comparison.passed()},
          {"reason", comparison.passed() ? ordered_json() : ordered_json(comparison.reason)},
          {"norm_error", or_null(comparison.norm_error)},
          {"max_error", or_null(comparison.max_error)},
          {"cosine", or_null(comparison.cosine)},
          {"top1", or_null(comparison.top1)},
          {"worst_index", or_null(comparison.worst_index)},
          {"expected", to_json(comparison.expected)},
          {"actual", to_json(comparison.actual)}};
}

}  // namespace edgekit
