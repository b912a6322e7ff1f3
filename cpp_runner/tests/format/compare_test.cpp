#include "format/compare.h"

#include <cmath>

#include "format/json_tensors.h"
#include "support.h"

namespace edgekit {
namespace {

using nlohmann::json;
using testing::conformance;
using testing::make_tensor;

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
    const json& bounds = it.at("tolerance");
    const auto results = compare_golden(to_golden(it.at("expected")), testing::read_tensors(it.at("actual")),
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
  EXPECT_EQ(std::get<double>(results[0].expected), 0.0);
  EXPECT_EQ(std::get<double>(results[0].actual), 1.0);
}

}  // namespace
}  // namespace edgekit
