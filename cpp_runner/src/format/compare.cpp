#include "format/compare.h"

#include <algorithm>
#include <cmath>

namespace edgekit {
namespace {

// A reference whose largest element is smaller counts as zero: the absolute error decides.
constexpr double kZeroBelow = 1e-6;

struct Errors {
  std::string reason;
  std::optional<double> norm_error;
  std::optional<double> max_error;
  std::size_t worst = 0;
};

std::string describe(DType dtype, const Shape& shape) {
  return std::string(dtype_name(dtype)) + " " + shape_text(shape);
}

double largest_magnitude(const std::vector<double>& values) {
  double largest = 0.0;
  for (const double value : values) largest = std::max(largest, std::fabs(value));
  return largest;
}

// A NaN is never the largest. Of equal values the first is taken.
std::size_t arg_max(const std::vector<double>& values) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (values[i] > values[best] || (std::isnan(values[best]) && !std::isnan(values[i]))) best = i;
  }
  return best;
}

std::optional<double> cosine(const std::vector<double>& a, const std::vector<double>& b) {
  const double scale = std::max(largest_magnitude(a), largest_magnitude(b));
  double dot = 0.0, aa = 0.0, bb = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += a[i] / scale * (b[i] / scale);
    aa += a[i] / scale * (a[i] / scale);
    bb += b[i] / scale * (b[i] / scale);
  }
  const double product = std::sqrt(aa) * std::sqrt(bb);
  if (!std::isfinite(dot) || !(product > 0.0)) return std::nullopt;
  return dot / product;
}

bool same_nonfinite(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

// Dividing by the scale first keeps the squares of float64 outputs from overflowing.
Errors relative_errors(const std::vector<double>& expected, const std::vector<double>& actual, double scale,
                       const Tolerance& tolerance) {
  double difference2 = 0.0, reference2 = 0.0, largest = -1.0;
  Errors errors;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!std::isfinite(expected[i])) continue;
    const double difference = std::fabs(actual[i] - expected[i]);
    difference2 += difference / scale * (difference / scale);
    reference2 += expected[i] / scale * (expected[i] / scale);
    if (difference > largest) {
      largest = difference;
      errors.worst = i;
    }
  }
  if (largest < 0.0) return {"", 0.0, 0.0, 0};  // no element is finite, and both sides are the same
  const bool is_zero = scale < kZeroBelow;
  errors.norm_error = is_zero ? largest : std::sqrt(difference2) / std::sqrt(reference2);
  errors.max_error = is_zero ? largest : largest / scale;
  if (is_zero) {
    if (largest > tolerance.absolute) errors.reason = "absolute";
  } else if (*errors.norm_error > tolerance.norm) {
    errors.reason = "norm";
  } else if (*errors.max_error > tolerance.max) {
    errors.reason = "max";
  }
  return errors;
}

Errors float_errors(const std::vector<double>& expected, const std::vector<double>& actual,
                    const Tolerance& tolerance) {
  double scale = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const bool finite = std::isfinite(expected[i]) && std::isfinite(actual[i]);
    if (!finite && !same_nonfinite(expected[i], actual[i])) return {"nonfinite", std::nullopt, std::nullopt, i};
    if (finite) scale = std::max(scale, std::fabs(expected[i]));
  }
  return relative_errors(expected, actual, scale, tolerance);
}

Errors exact_errors(const GoldenOutput& expected, const TensorView& actual) {
  for (std::size_t i = 0; i < expected.integers.size(); ++i) {
    if (expected.integers[i] != element_as_int(actual, expected.position(i))) {
      return {"exact", std::nullopt, std::nullopt, i};
    }
  }
  return {"", 0.0, 0.0, 0};
}

// The expected values as the output's dtype has them, in float64.
std::vector<double> expected_values(const GoldenOutput& output) {
  std::vector<double> values;
  for (const double value : output.reals) {
    values.push_back(output.dtype == DType::kFloat32 ? static_cast<double>(static_cast<float>(value)) : value);
  }
  for (const std::int64_t value : output.integers) values.push_back(static_cast<double>(value));
  return values;
}

Comparison compare_values(const GoldenOutput& expected, const Tensor& actual, const Tolerance& tolerance) {
  Comparison result;
  result.output = expected.name;
  if (expected.count() == 0) {
    result.norm_error = result.max_error = 0.0;
    return result;
  }
  const TensorView view = actual.view();
  const std::vector<double> reference = expected_values(expected);
  std::vector<double> values;
  for (std::size_t i = 0; i < expected.count(); ++i) values.push_back(element_as_double(view, expected.position(i)));
  const Errors errors =
      dtype_is_float(expected.dtype) ? float_errors(reference, values, tolerance) : exact_errors(expected, view);
  result.reason = errors.reason;
  result.norm_error = errors.norm_error;
  result.max_error = errors.max_error;
  result.cosine = cosine(reference, values);
  result.top1 = arg_max(reference) == arg_max(values);
  result.worst_index = unravel(expected.position(errors.worst), expected.shape);
  if (dtype_is_float(expected.dtype)) {
    result.expected = reference[errors.worst];
    result.actual = values[errors.worst];
  } else {
    result.expected = expected.integers[errors.worst];
    result.actual = element_as_int(view, expected.position(errors.worst));
  }
  return result;
}

Comparison mismatch(const std::string& output, std::string reason, std::string expected, std::string actual) {
  Comparison result;
  result.output = output;
  result.reason = std::move(reason);
  result.expected = std::move(expected);
  result.actual = std::move(actual);
  return result;
}

Comparison compare_output(const GoldenOutput& expected, const Tensor* actual, const Tolerance& tolerance) {
  const std::string wanted = describe(expected.dtype, expected.shape);
  if (actual == nullptr) return mismatch(expected.name, "missing", wanted, "nothing");
  const std::string got = describe(actual->dtype, actual->shape);
  if (actual->dtype != expected.dtype) return mismatch(expected.name, "dtype", wanted, got);
  if (actual->shape != expected.shape) return mismatch(expected.name, "shape", wanted, got);
  return compare_values(expected, *actual, tolerance);
}

}  // namespace

std::vector<Comparison> compare_golden(const std::vector<GoldenOutput>& expected,
                                       const std::vector<NamedTensor>& actual, const Tolerance& tolerance) {
  std::vector<Comparison> results;
  for (const GoldenOutput& output : expected) {
    const auto found =
        std::find_if(actual.begin(), actual.end(), [&](const auto& it) { return it.name == output.name; });
    results.push_back(compare_output(output, found == actual.end() ? nullptr : &found->tensor, tolerance));
  }
  for (const NamedTensor& given : actual) {
    const bool known =
        std::any_of(expected.begin(), expected.end(), [&](const auto& it) { return it.name == given.name; });
    if (known) continue;
    const std::string shape = describe(given.tensor.dtype, given.tensor.shape);
    results.push_back(mismatch(given.name, "unexpected", "no such output", shape));
  }
  return results;
}

}  // namespace edgekit
