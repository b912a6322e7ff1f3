#include "format/axes.h"

#include "format/checks.h"
#include "format/sample_manifest.h"
#include "support.h"

namespace edgekit {
namespace {

using nlohmann::json;

Status check(const MethodSpec& method, const json& shapes) {
  std::vector<Tensor> tensors;
  std::vector<TensorView> views;
  for (const json& shape : shapes) tensors.push_back(allocate_tensor(DType::kFloat32, shape.get<Shape>())->tensor);
  for (const Tensor& tensor : tensors) views.push_back(tensor.view());
  return check_inputs(method, views);
}

TEST(AxesTest, AgreeWithTheConformanceCases) {
  const json cases = testing::conformance("shapes.json").at("cases");
  ASSERT_GT(cases.size(), 0u);
  for (const json& it : cases) {
    SCOPED_TRACE(it.at("name").get<std::string>());
    json document = testing::sample_manifest();
    document["methods"][0]["inputs"] = it.at("inputs");
    const auto manifest = parse_manifest(document.dump());
    ASSERT_TRUE(manifest.ok()) << manifest.status().message();
    const Status status = check(manifest->methods[0], it.at("shapes"));
    EXPECT_EQ(status.code(), it.at("accepted").get<bool>() ? Code::kOk : Code::kUsage) << status.message();
  }
}

TEST(AxesTest, TheTextShowsEveryKind) {
  const std::vector<Axis> axes{
      fixed_axis(3), {AxisKind::kRange, 1, 4, 1, ""}, {AxisKind::kRange, 32, 512, 32, "h"}, Axis{}};
  EXPECT_EQ(shape_text(axes), "[3, 1..4, h=32..512 by 32, *]");
  EXPECT_EQ(shape_text(std::vector<Axis>{}), "[]");
}

}  // namespace
}  // namespace edgekit
