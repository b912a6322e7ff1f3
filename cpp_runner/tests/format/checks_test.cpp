#include "format/checks.h"

#include <cmath>
#include <limits>

#include "format/sample_manifest.h"
#include "support.h"

namespace edgekit {
namespace {

using testing::make_tensor;

class ChecksTest : public ::testing::Test {
 protected:
  ChecksTest() : manifest_(*parse_manifest(testing::sample_manifest().dump())) {}
  const MethodSpec& method() const { return manifest_.methods[0]; }

  Status check(const std::vector<Tensor>& inputs) const {
    std::vector<TensorView> views;
    for (const Tensor& tensor : inputs) views.push_back(tensor.view());
    return check_inputs(method(), views);
  }

 private:
  Manifest manifest_;
};

Tensor floats(Shape shape, std::size_t count) {
  return make_tensor<float>(DType::kFloat32, std::move(shape), std::vector<float>(count));
}

TEST_F(ChecksTest, AcceptsAnyExtentOnAFreeAxis) {
  EXPECT_TRUE(check({floats({1, 3}, 3)}).ok());
  EXPECT_TRUE(check({floats({5, 3}, 15)}).ok());
}

TEST_F(ChecksTest, RefusesArityDTypeRankAndChannels) {
  EXPECT_NE(check({}).message().find("got 0 inputs; expected forward(x: float32 [*, 3])"), std::string::npos);
  EXPECT_FALSE(check({floats({1, 3}, 3), floats({1, 3}, 3)}).ok());
  EXPECT_EQ(check({make_tensor<double>(DType::kFloat64, {1, 3}, {1, 2, 3})}).message(),
            "forward input 0 is float64 [1, 3]; expected x: float32 [*, 3]. Convert or reshape it.");
  EXPECT_FALSE(check({floats({3}, 3)}).ok());
  EXPECT_FALSE(check({floats({1, 4}, 4)}).ok());
}

nlohmann::json range(int min, int max) {
  return {{"min", min}, {"max", max}};
}

TEST_F(ChecksTest, SizesOutsideARangeAreErrorsThatNameIt) {
  auto document = testing::sample_manifest();
  auto side = range(32, 512);
  side["multiple"] = 32;
  document["methods"][0]["inputs"][0]["shape"] = {range(1, 4), 3, side, side};
  const auto manifest = parse_manifest(document.dump());
  const Tensor input = floats({1, 3, 32, 33}, 3 * 32 * 33);
  const TensorView view = input.view();
  const Status status = check_inputs(manifest->methods[0], {&view, 1});
  EXPECT_EQ(status.code(), Code::kUsage);
  EXPECT_EQ(status.message(),
            "forward input 0 is float32 [1, 3, 32, 33]; expected x: float32 [1..4, 3, 32..512 by 32, 32..512 by 32]. "
            "Convert or reshape it.");
}

TEST_F(ChecksTest, UnequalSizesOfOneSymbolAreErrorsThatNameBoth) {
  auto document = testing::sample_manifest();
  auto& inputs = document["methods"][0]["inputs"];
  auto batch = range(1, 4);
  batch["symbol"] = "n";
  inputs[0]["shape"] = {batch, 3};
  inputs.push_back(inputs[0]);
  inputs[1]["name"] = "y";
  const auto manifest = parse_manifest(document.dump());
  const Tensor x = floats({2, 3}, 6), y = floats({3, 3}, 9);
  const std::vector<TensorView> views{x.view(), y.view()};
  const Status status = check_inputs(manifest->methods[0], views);
  EXPECT_EQ(status.code(), Code::kUsage);
  EXPECT_EQ(status.message(),
            "forward: axis 0 of x is 2 and axis 0 of y is 3; expected equal sizes. Pad or cut the inputs.");
}

TEST_F(ChecksTest, RefusesBytesThatDoNotFitTheShape) {
  Tensor tensor = floats({1, 3}, 3);
  tensor.size_bytes = 8;
  EXPECT_NE(check({tensor}).message().find("in 8 bytes; expected row-major bytes"), std::string::npos);
}

TEST_F(ChecksTest, OutputsMustBeWhatTheManifestSays) {
  const auto outputs = [](const char* name, Tensor tensor) { return Values{"*", {{name, std::move(tensor)}}}; };
  EXPECT_TRUE(check_outputs(method(), outputs("0", floats({4, 2}, 8))).ok());
  EXPECT_EQ(check_outputs(method(), outputs("0", floats({4, 3}, 12))).code(), Code::kRuntime);
  EXPECT_FALSE(check_outputs(method(), outputs("1", floats({4, 2}, 8))).ok());
  EXPECT_FALSE(check_outputs(method(), outputs("0", make_tensor<double>(DType::kFloat64, {1, 2}, {0, 0}))).ok());
  EXPECT_FALSE(check_outputs(method(), Values{"(*, *)", {}}).ok());
}

TEST_F(ChecksTest, OutputsThatDependOnTheDataMayBeOthers) {
  MethodSpec open = method();
  open.structure.reset();
  EXPECT_TRUE(check_outputs(open, Values{"[]", {}}).ok());
}

TEST_F(ChecksTest, NaNInInputsAndNonFiniteOutputsAreErrors) {
  const Tensor bad = make_tensor<float>(DType::kFloat32, {1, 2}, {1.0f, std::nanf("")});
  const TensorView view = bad.view();
  EXPECT_EQ(check_inputs_are_numbers({&view, 1}).code(), Code::kUsage);
  EXPECT_EQ(check_outputs_finite(Values{"*", {{"0", bad}}}).code(), Code::kRuntime);
  const Tensor mask = make_tensor<float>(DType::kFloat32, {1, 2}, {0.0f, -std::numeric_limits<float>::infinity()});
  const TensorView mask_view = mask.view();
  EXPECT_TRUE(check_inputs_are_numbers({&mask_view, 1}).ok());
  EXPECT_EQ(check_outputs_finite(Values{"*", {{"0", mask}}}).code(), Code::kRuntime);
}

}  // namespace
}  // namespace edgekit
