#include "inputs.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <regex>

namespace runner {
namespace {

constexpr std::array<const char*, 7> kDTypeNames{"float32", "float64", "uint8", "int8", "int32", "int64", "bool"};

ek_dtype parse_dtype(const std::string& name) {
  for (std::size_t i = 0; i < kDTypeNames.size(); ++i) {
    if (name == kDTypeNames[i]) return static_cast<ek_dtype>(i);
  }
  throw Failure{EK_USAGE, "unknown dtype '" + name + "'; expected float32, float64, uint8, int8, int32, int64 or bool"};
}

double parse_bound(const std::string& text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  throw Failure{EK_USAGE, "'" + text + "' is not a number; expected bounds such as [-2,2]"};
}

std::vector<int64_t> parse_shape(const std::string& text) {
  std::vector<int64_t> shape;
  if (text == "scalar") return shape;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('x', at), text.size());
    shape.push_back(std::stoll(text.substr(at, end - at)));
    at = end + 1;
  }
  return shape;
}

ValuesPtr generate(const std::string& text, uint32_t seed) {
  static const std::regex kPattern(
      R"((scalar|\d{1,9}(?:x\d{1,9})*)(?::(\w+)(?:\[(-?[\d.]{1,20}),(-?[\d.]{1,20})\])?)?)");
  std::smatch match;
  if (!std::regex_match(text, match, kPattern)) {
    throw Failure{EK_USAGE, "--input " + text + " is not valid; expected a .npy file, or SHAPE[:DTYPE[LOW,HIGH]], " +
                                "for example 1x3x224x224 or 1x16:int64[0,1000]"};
  }
  const ek_dtype dtype = match[2].matched ? parse_dtype(match[2]) : EK_FLOAT32;
  const bool is_float = dtype == EK_FLOAT32 || dtype == EK_FLOAT64;
  const double low = match[3].matched ? parse_bound(match[3]) : is_float ? -2.0 : 0.0;
  const double high = match[4].matched ? parse_bound(match[4]) : is_float ? 2.0 : dtype == EK_UINT8 ? 255.0 : 1.0;
  const std::vector<int64_t> shape = parse_shape(match[1]);
  ek_values* values = nullptr;
  check(ek_generate(dtype, shape.data(), static_cast<int32_t>(shape.size()), seed, low, high, &values));
  return ValuesPtr(values);
}

ValuesPtr read_npy(const std::string& path) {
  ek_values* values = nullptr;
  check(ek_npy_read(path.c_str(), &values));
  return ValuesPtr(values);
}

}  // namespace

Inputs::Inputs(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.find('=');
    names_.push_back(equals == std::string::npos ? "" : argument.substr(0, equals));
    const std::string value = equals == std::string::npos ? argument : argument.substr(equals + 1);
    const bool is_file = value.size() > 4 && value.substr(value.size() - 4) == ".npy";
    const auto seed = static_cast<uint32_t>(owners_.size() + 1);
    owners_.push_back(is_file ? read_npy(value) : generate(value, seed));
    check(ek_values_get(owners_.back().get(), 0, &tensors_.emplace_back(), nullptr));
  }
}

const ek_tensor& Inputs::find(const std::string& name) const {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (names_[i] == name) return tensors_[i];
  }
  throw Failure{EK_USAGE,
                "input " + name + " is missing; pass --input " + name + "=..., or pass all inputs without names"};
}

std::vector<ek_tensor> Inputs::in_order(const ek_model* model, const std::string& method) const {
  if (std::all_of(names_.begin(), names_.end(), [](const auto& name) { return name.empty(); })) return tensors_;
  std::vector<ek_tensor> ordered;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    ek_spec spec;
    check(ek_model_input(model, method.c_str(), i, &spec));
    ordered.push_back(find(spec.name));
  }
  return ordered;
}

const char* dtype_text(ek_dtype dtype) {
  return kDTypeNames.at(static_cast<std::size_t>(dtype));
}

std::string shape_text(const ek_tensor& tensor) {
  return Json(std::vector<int64_t>(tensor.shape, tensor.shape + tensor.rank)).dump();
}

}  // namespace runner
