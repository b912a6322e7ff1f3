#include "format/checks.h"

#include <cmath>

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

TEST_F(ChecksTest, RefusesArityDTypeRankChannelsAndEmptiness) {
  EXPECT_NE(check({}).message().find("takes 1 inputs, got 0"), std::string::npos);
  EXPECT_FALSE(check({floats({1, 3}, 3), floats({1, 3}, 3)}).ok());
  EXPECT_NE(check({make_tensor<double>(DType::kFloat64, {1, 3}, {1, 2, 3})}).message().find("wrong dtype"),
            std::string::npos);
  EXPECT_NE(check({floats({3}, 3)}).message().find("wrong shape: expected float32 [*, 3], got float32 [3]"),
            std::string::npos);
  EXPECT_FALSE(check({floats({1, 4}, 4)}).ok());
  EXPECT_FALSE(check({floats({0, 3}, 0)}).ok());
}

TEST_F(ChecksTest, RefusesBytesThatDoNotFitTheShape) {
  Tensor tensor = floats({1, 3}, 3);
  tensor.size_bytes = 8;
  EXPECT_NE(check({tensor}).message().find("number of bytes"), std::string::npos);
}

TEST_F(ChecksTest, OutputsMustBeWhatTheManifestSays) {
  const auto outputs = [](const char* name, Tensor tensor) { return Values{"*", {{name, std::move(tensor)}}}; };
  EXPECT_TRUE(check_outputs(method(), outputs("0", floats({4, 2}, 8))).ok());
  EXPECT_EQ(check_outputs(method(), outputs("0", floats({4, 3}, 12))).code(), Code::kRuntime);
  EXPECT_FALSE(check_outputs(method(), outputs("1", floats({4, 2}, 8))).ok());
  EXPECT_FALSE(check_outputs(method(), outputs("0", make_tensor<double>(DType::kFloat64, {1, 2}, {0, 0}))).ok());
  EXPECT_FALSE(check_outputs(method(), Values{"(*, *)", {}}).ok());
}

TEST_F(ChecksTest, NonFiniteNumbersAreErrors) {
  const Tensor bad = make_tensor<float>(DType::kFloat32, {1, 2}, {1.0f, std::nanf("")});
  const TensorView view = bad.view();
  EXPECT_EQ(check_inputs_finite({&view, 1}).code(), Code::kUsage);
  EXPECT_EQ(check_outputs_finite(Values{"*", {{"0", bad}}}).code(), Code::kRuntime);
}

}  // namespace
}  // namespace edgekit
