#include "format/golden.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "format/json_fields.h"

namespace edgekit {
namespace {

using nlohmann::json;

GeneratedInput read_input(const json& node) {
  TensorHead head = read_head(node, Axes::kFixed);
  (void)checked_count(head);
  return {std::move(head.name),         head.dtype,
          std::move(head.shape),        node.at("seed").get<std::uint32_t>(),
          node.at("low").get<double>(), node.at("high").get<double>()};
}

// JSON has no number for NaN and infinities: those are words.
double read_real(const json& node) {
  if (!node.is_string()) return node.get<double>();
  const auto& word = node.get_ref<const std::string&>();
  if (word == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (word != "inf" && word != "-inf") throw BadField{"'" + word + "' is not a number, nan, inf or -inf"};
  const double infinity = std::numeric_limits<double>::infinity();
  return word == "inf" ? infinity : -infinity;
}

void check_positions(const GoldenOutput& output, std::size_t total) {
  const std::size_t expected = output.indices ? output.indices->size() : total;
  if (output.count() != expected) {
    throw BadField{"output " + output.name + " has " + std::to_string(output.count()) + " values; expected " +
                   std::to_string(expected)};
  }
  for (std::size_t i = 0; i < output.count(); ++i) {
    if (output.position(i) >= total) throw BadField{"output " + output.name + " has an index beyond its shape"};
  }
}

GoldenOutput read_output(const json& node) {
  TensorHead head = read_head(node, Axes::kFixed);
  const std::size_t total = checked_count(head);
  GoldenOutput output;
  output.name = std::move(head.name);
  output.dtype = head.dtype;
  output.shape = std::move(head.shape);
  if (!node.at("indices").is_null()) output.indices = node["indices"].get<std::vector<std::size_t>>();
  const json& values = node.at("values");
  if (dtype_is_float(output.dtype)) {
    output.reals = read_list(values, read_real);
  } else {
    output.integers = read_list(values, [](const json& value) { return value.get<std::int64_t>(); });
  }
  check_positions(output, total);
  return output;
}

GoldenCase read_case(const json& node) {
  GoldenCase result{node.at("name").get<std::string>(),
                    node.at("method").get<std::string>(),
                    read_list(node.at("inputs"), read_input),
                    read_list(node.at("outputs"), read_output),
                    {}};
  check_names_differ(result.inputs);
  check_names_differ(result.outputs);
  if (node.contains("tolerance") && !node["tolerance"].is_null()) result.tolerance = read_tolerance(node["tolerance"]);
  return result;
}

// Wellons' lowbias32.
constexpr std::uint32_t mix(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  x ^= x >> 16;
  return x;
}

template <typename T>
T generate_element(const GeneratedInput& input, std::uint32_t hash) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(input.low + static_cast<double>(hash >> 8) * 0x1p-24 * (input.high - input.low));
  } else {
    const auto low = static_cast<std::int64_t>(input.low);
    const auto steps = static_cast<std::uint64_t>(static_cast<std::int64_t>(input.high) - low) + 1;
    return static_cast<T>(low + static_cast<std::int64_t>((hash * steps) >> 32));
  }
}

// The integer arithmetic needs ordered bounds inside the dtype and at most 2^32 different values.
Status check_bounds(const GeneratedInput& input) {
  const bool fits = dispatch_dtype(input.dtype, [&](auto zero) {
    using Limits = std::numeric_limits<decltype(zero)>;
    if (dtype_is_float(input.dtype)) return true;
    return input.low >= static_cast<double>(Limits::lowest()) && input.high <= static_cast<double>(Limits::max()) &&
           std::fabs(input.low) <= 0x1p53 && std::fabs(input.high) <= 0x1p53 && input.high - input.low < 0x1p32;
  });
  if (fits && std::isfinite(input.low) && std::isfinite(input.high) && input.low <= input.high) return {};
  return package_error("input " + input.name + " has the bounds " + std::to_string(input.low) + " to " +
                       std::to_string(input.high) + ", which do not fit " + std::string(dtype_name(input.dtype)));
}

}  // namespace

Result<std::vector<GoldenCase>> parse_golden(std::string_view text) {
  return read_document("golden cases", text, [](const json& root) { return read_list(root.at("cases"), read_case); });
}

Result<Tensor> generate_input(const GeneratedInput& input) {
  EK_RETURN_IF_ERROR(check_bounds(input));
  EK_ASSIGN(Allocation made, allocate_tensor(input.dtype, input.shape));
  const std::uint32_t start = mix(input.seed);
  dispatch_dtype(input.dtype, [&](auto zero) {
    using T = decltype(zero);
    const std::size_t count = made.mutable_bytes.size() / sizeof(T);
    for (std::size_t i = 0; i < count; ++i) {
      const T value = generate_element<T>(input, mix(start + static_cast<std::uint32_t>(i)));
      std::memcpy(made.mutable_bytes.data() + i * sizeof(T), &value, sizeof(T));
    }
  });
  return std::move(made.tensor);
}

}  // namespace edgekit
