#include "format/compare.h"

#include <cmath>
#include <limits>

#include "support.h"

namespace edgekit {
namespace {

using nlohmann::json;
using testing::conformance;
using testing::make_tensor;

double to_real(const json& value) {
  if (!value.is_string()) return value.get<double>();
  if (value == "nan") return std::numeric_limits<double>::quiet_NaN();
  return value == "inf" ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
}

NamedTensor to_tensor(const json& node) {
  const DType dtype = *parse_dtype(node.at("dtype").get<std::string>());
  auto made = allocate_tensor(dtype, node.at("shape").get<Shape>());
  dispatch_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    for (std::size_t i = 0; i < node.at("values").size(); ++i) {
      const json& number = node.at("values")[i];
      const T value =
          std::is_floating_point_v<T> ? static_cast<T>(to_real(number)) : static_cast<T>(number.get<std::int64_t>());
      std::memcpy(made->mutable_bytes.data() + i * sizeof(T), &value, sizeof(T));
    }
  });
  return {node.at("name"), made->tensor};
}

std::vector<GoldenOutput> to_golden(const json& outputs) {
  const json document{
      {"schema_version", "1.0"},
      {"cases", json::array({{{"name", ""}, {"method", ""}, {"inputs", json::array()}, {"outputs", outputs}}})}};
  auto cases = parse_golden(document.dump());
  EXPECT_TRUE(cases.ok()) << cases.status().message();
  return (*cases)[0].outputs;
}

void expect_figure(const json& it, const char* key, const std::optional<double>& actual) {
  if (!it.contains(key)) return;
  ASSERT_EQ(actual.has_value(), !it[key].is_null()) << key;
  if (!actual) return;
  EXPECT_NEAR(*actual, it[key].get<double>(), 1e-6 * std::fabs(it[key].get<double>())) << key;
}

const Comparison& find(const std::vector<Comparison>& results, const std::string& output) {
  for (const Comparison& result : results) {
    if (result.output == output) return result;
  }
  ADD_FAILURE() << "no verdict on " << output;
  return results.front();
}

TEST(CompareTest, AgreesWithTheConformanceCases) {
  const auto cases = conformance("compare.json").at("cases");
  ASSERT_GT(cases.size(), 0u);
  for (const json& it : cases) {
    SCOPED_TRACE(it.at("name").get<std::string>());
    std::vector<NamedTensor> actual;
    for (const json& node : it.at("actual")) actual.push_back(to_tensor(node));
    const json& bounds = it.at("tolerance");
    const auto results = compare_golden(to_golden(it.at("expected")), actual,
                                        {bounds.at("norm"), bounds.at("max"), bounds.at("absolute")});
    const Comparison& result = find(results, it.value("output", "0"));
    EXPECT_EQ(result.reason, it.at("reason").is_null() ? "" : it.at("reason").get<std::string>());
    expect_figure(it, "norm_error", result.norm_error);
    expect_figure(it, "max_error", result.max_error);
    if (it.contains("top1")) {
      EXPECT_EQ(result.top1, it["top1"].get<bool>());
    }
    if (it.contains("worst_index")) {
      EXPECT_EQ(result.worst_index, it["worst_index"].get<Shape>());
    }
  }
}

TEST(CompareTest, ReportsCosineAndBothValues) {
  const auto expected =
      to_golden(json::parse(R"([{"name": "0", "dtype": "float32", "shape": [2], "indices": null, "values": [1, 0]}])"));
  const auto results = compare_golden(expected, {{"0", make_tensor<float>(DType::kFloat32, {2}, {1.0f, 1.0f})}}, {});
  EXPECT_NEAR(*results[0].cosine, std::sqrt(0.5), 1e-12);
  EXPECT_EQ(results[0].expected, "0.0");
  EXPECT_EQ(results[0].actual, "1.0");
}

}  // namespace
}  // namespace edgekit
