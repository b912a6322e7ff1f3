#include "format/golden.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base64.h"
#include "format/json_fields.h"

namespace edgekit {
namespace {

using nlohmann::json;

bool has(const json& node, const char* key) {
  return node.contains(key) && !node[key].is_null();
}

// docs/format.md, "Stored inputs".
Tensor read_sample(const json& node, const GoldenInput& input, std::size_t count) {
  const auto bytes = decode_base64(node.at("data").get_ref<const std::string&>());
  if (!bytes) throw BadField{"input " + input.name + " has data that is not base64"};
  const std::size_t expected = count * dtype_size(input.dtype);
  if (bytes->size() != expected) {
    throw BadField{"input " + input.name + " has " + std::to_string(bytes->size()) + " bytes of data; expected " +
                   std::to_string(expected)};
  }
  const auto is_bool = [](std::byte byte) { return byte <= std::byte{1}; };
  if (input.dtype == DType::kBool && !std::all_of(bytes->begin(), bytes->end(), is_bool)) {
    throw BadField{"input " + input.name + " of bool has a byte other than 0 and 1"};
  }
  auto made = allocate_tensor(input.dtype, input.shape);
  if (!made.ok()) throw BadField{made.status().message()};
  std::copy(bytes->begin(), bytes->end(), made->mutable_bytes.begin());
  return std::move(made->tensor);
}

void read_draw(const json& node, GoldenInput& input) {
  const auto seed = read_integer(node, "seed");
  if (!seed || *seed < 0 || *seed > std::numeric_limits<std::uint32_t>::max()) {
    throw BadField{"input " + input.name + " has no seed of 0 to 4294967295, and no data"};
  }
  input.seed = static_cast<std::uint32_t>(*seed);
  input.low = node.at("low").get<double>();
  input.high = node.at("high").get<double>();
  if (!(input.low <= input.high)) throw BadField{"input " + input.name + " has a low above its high"};
}

GoldenInput read_input(const json& node) {
  GoldenInput input;
  input.name = node.at("name").get<std::string>();
  input.dtype = read_dtype(node.at("dtype"));
  input.shape = read_list(node.at("shape"), read_extent);
  const std::size_t count = checked_count(input.name, input.shape);
  if (!has(node, "data")) {
    read_draw(node, input);
  } else if (has(node, "seed") || has(node, "low") || has(node, "high")) {
    throw BadField{"input " + input.name + " has both data and fields of the generator"};
  } else {
    input.sample = read_sample(node, input, count);
  }
  return input;
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

// A conversion of a real number could be undefined.
std::int64_t read_whole(const json& node) {
  if (node.is_number_integer()) return node.get<std::int64_t>();
  throw BadField{node.dump() + " is not an integer"};
}

std::size_t read_position(const json& node) {
  return static_cast<std::size_t>(read_whole(node));  // check_positions refuses what was negative
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
  GoldenOutput output;
  output.name = node.at("name").get<std::string>();
  output.dtype = read_dtype(node.at("dtype"));
  output.shape = read_list(node.at("shape"), read_extent);
  const std::size_t total = checked_count(output.name, output.shape);
  if (!node.at("indices").is_null()) output.indices = read_list(node["indices"], read_position);
  const json& values = node.at("values");
  if (dtype_is_float(output.dtype)) {
    output.reals = read_list(values, read_real);
  } else {
    output.integers = read_list(values, read_whole);
  }
  check_positions(output, total);
  return output;
}

// An output of which nothing is listed passes on other weights. Only the indices of `predict` may list nothing, where
// rounding can swap the first two ranks.
void check_listed(const GoldenCase& golden) {
  for (const GoldenOutput& output : golden.outputs) {
    const bool empty = std::find(output.shape.begin(), output.shape.end(), 0) != output.shape.end();
    if (output.count() > 0 || empty || (golden.method == "predict" && output.name == "1")) continue;
    throw BadField{"case '" + golden.name + "' lists no element of output " + output.name};
  }
}

GoldenCase read_case(const json& node) {
  GoldenCase result{node.at("name").get<std::string>(),
                    node.at("method").get<std::string>(),
                    read_list(node.at("inputs"), read_input),
                    read_list(node.at("outputs"), read_output),
                    {},
                    {}};
  check_names_differ(result.inputs);
  check_names_differ(result.outputs);
  check_listed(result);
  if (has(node, "tolerance")) result.tolerance = read_tolerance(node["tolerance"]);
  if (has(node, "structure")) result.structure = node["structure"].get<std::string>();
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
T generate_element(const GoldenInput& input, std::uint32_t hash) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(input.low + static_cast<double>(hash >> 8) * 0x1p-24 * (input.high - input.low));
  } else {
    const auto low = static_cast<std::int64_t>(input.low);
    const auto steps = static_cast<std::uint64_t>(static_cast<std::int64_t>(input.high) - low) + 1;
    return static_cast<T>(low + static_cast<std::int64_t>((hash * steps) >> 32));
  }
}

// The integer arithmetic needs ordered bounds inside the dtype and at most 2^32 different values.
Status check_bounds(const GoldenInput& input) {
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

Result<Tensor> make_input(const GoldenInput& input) {
  if (input.sample) return *input.sample;
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

Result<std::vector<Tensor>> make_inputs(const GoldenCase& golden) {
  std::vector<Tensor> tensors;
  for (const GoldenInput& input : golden.inputs) {
    EK_ASSIGN(Tensor tensor, make_input(input));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace edgekit
