#include "format/golden.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "format/json_fields.h"

namespace edgekit {
namespace {

using nlohmann::json;

GeneratedInput read_input(const json& node) {
  GeneratedInput input{node.at("name").get<std::string>(), read_dtype(node.at("dtype")),
                       node.at("shape").get<Shape>(),      node.at("seed").get<std::uint32_t>(),
                       node.at("low").get<double>(),       node.at("high").get<double>()};
  (void)checked_count("input " + input.name, input.shape, input.dtype);
  return input;
}

// JSON has no word for what is not finite: those are strings.
double read_real(const json& node) {
  if (!node.is_string()) return node.get<double>();
  const auto& word = node.get_ref<const std::string&>();
  if (word == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (word != "inf" && word != "-inf") throw BadField{"'" + word + "' is no number"};
  const double infinity = std::numeric_limits<double>::infinity();
  return word == "inf" ? infinity : -infinity;
}

void check_positions(const GoldenOutput& output) {
  const std::size_t total = checked_count("output " + output.name, output.shape, output.dtype);
  const std::size_t expected = output.indices ? output.indices->size() : total;
  if (output.count() != expected) throw BadField{"output " + output.name + " has another number of values"};
  for (std::size_t i = 0; i < output.count(); ++i) {
    if (output.position(i) >= total) throw BadField{"output " + output.name + " has an index beyond its shape"};
  }
}

GoldenOutput read_output(const json& node) {
  GoldenOutput output;
  output.name = node.at("name").get<std::string>();
  output.dtype = read_dtype(node.at("dtype"));
  output.shape = node.at("shape").get<Shape>();
  if (!node.at("indices").is_null()) output.indices = node["indices"].get<std::vector<std::size_t>>();
  for (const json& value : node.at("values")) {
    if (dtype_is_float(output.dtype)) {
      output.reals.push_back(read_real(value));
    } else {
      output.integers.push_back(value.get<std::int64_t>());
    }
  }
  check_positions(output);
  return output;
}

GoldenCase read_case(const json& node) {
  GoldenCase result{node.at("name").get<std::string>(), node.at("method").get<std::string>(), {}, {}, {}};
  for (const json& input : node.at("inputs")) result.inputs.push_back(read_input(input));
  for (const json& output : node.at("outputs")) result.outputs.push_back(read_output(output));
  check_names_differ(result.inputs);
  check_names_differ(result.outputs);
  if (!node.contains("tolerance") || node["tolerance"].is_null()) return result;
  result.tolerance = read_tolerance(node["tolerance"]);
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

// What the integer arithmetic holds: ordered bounds inside the dtype and at most 2^32 different values.
Status check_bounds(const GeneratedInput& input) {
  const bool fits = dispatch_dtype(input.dtype, [&](auto zero) {
    using Limits = std::numeric_limits<decltype(zero)>;
    if (dtype_is_float(input.dtype)) return true;
    return input.low >= static_cast<double>(Limits::lowest()) && input.high <= static_cast<double>(Limits::max()) &&
           std::fabs(input.low) <= 0x1p53 && std::fabs(input.high) <= 0x1p53 && input.high - input.low < 0x1p32;
  });
  if (fits && std::isfinite(input.low) && std::isfinite(input.high) && input.low <= input.high) return {};
  return package_error("input " + input.name + " asks for values from " + std::to_string(input.low) + " to " +
                       std::to_string(input.high) + ", which " + std::string(dtype_name(input.dtype)) + " cannot give");
}

}  // namespace

Result<std::vector<GoldenCase>> parse_golden(std::string_view text) {
  return read_document("golden cases", text, [](const json& root) {
    std::vector<GoldenCase> cases;
    for (const json& node : root.at("cases")) cases.push_back(read_case(node));
    return cases;
  });
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
