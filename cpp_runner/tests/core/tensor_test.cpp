#include "core/tensor.h"

#include <limits>

#include "support.h"

namespace edgekit {
namespace {

using testing::make_tensor;

TEST(TensorTest, DTypesHaveNamesThatParseBack) {
  for (const DType dtype :
       {DType::kFloat32, DType::kFloat64, DType::kUint8, DType::kInt8, DType::kInt32, DType::kInt64, DType::kBool}) {
    EXPECT_EQ(parse_dtype(dtype_name(dtype)), dtype);
  }
  EXPECT_FALSE(parse_dtype("float16").has_value());
}

TEST(TensorTest, ElementCountRefusesNegativeAndHuge) {
  const Shape scalar, empty{0, 5}, negative{-1}, huge{1ll << 40, 1ll << 40};
  EXPECT_EQ(element_count(scalar, DType::kFloat32), 1u);
  EXPECT_EQ(element_count(empty, DType::kFloat32), 0u);
  EXPECT_FALSE(element_count(negative, DType::kFloat32).has_value());
  EXPECT_FALSE(element_count(huge, DType::kFloat32).has_value());
}

TEST(TensorTest, AllocateTellsAnImpossibleShape) {
  EXPECT_EQ(allocate_tensor(DType::kFloat32, {-3}).status().code(), Code::kUsage);
  EXPECT_EQ(allocate_tensor(DType::kUint8, {1ll << 62}).status().code(), Code::kRuntime);
}

TEST(TensorTest, UnravelIsRowMajor) {
  const Shape shape{2, 3, 4};
  EXPECT_EQ(unravel(23, shape), (Shape{1, 2, 3}));
  EXPECT_EQ(unravel(0, Shape{}), Shape{});
}

TEST(TensorTest, ShapeTextShowsFreeAxes) {
  EXPECT_EQ(shape_text(Shape{kFreeAxis, 3}), "[*, 3]");
  EXPECT_EQ(shape_text(Shape{}), "[]");
}

TEST(TensorTest, ElementsOfEveryKind) {
  EXPECT_EQ(element_as_double(make_tensor<float>(DType::kFloat32, {2}, {1.5f, -2.5f}).view(), 1), -2.5);
  EXPECT_EQ(element_as_int(make_tensor<std::int8_t>(DType::kInt8, {1}, {-7}).view(), 0), -7);
  EXPECT_EQ(element_as_int(make_tensor<std::int64_t>(DType::kInt64, {1}, {(1ll << 53) + 1}).view(), 0),
            (1ll << 53) + 1);
}

TEST(TensorTest, AllFiniteFindsOneBadElementAnywhere) {
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  for (const float bad : {infinity, -infinity, nan}) {
    for (std::size_t at = 0; at < 37; ++at) {
      std::vector<float> values(37, std::numeric_limits<float>::max());
      EXPECT_TRUE(all_finite(make_tensor<float>(DType::kFloat32, {37}, values).view()));
      values[at] = bad;
      EXPECT_FALSE(all_finite(make_tensor<float>(DType::kFloat32, {37}, values).view())) << at;
    }
  }
}

TEST(TensorTest, AllFiniteKnowsDoublesAndLeavesIntegersAlone) {
  EXPECT_FALSE(all_finite(make_tensor<double>(DType::kFloat64, {2}, {1.0, std::nan("")}).view()));
  EXPECT_TRUE(all_finite(make_tensor<std::int32_t>(DType::kInt32, {1}, {0x7f800000}).view()));
}

TEST(TensorTest, NaNIsFoundAmongInfinities) {
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(has_nan(make_tensor<float>(DType::kFloat32, {3}, {1.0f, infinity, -infinity}).view()));
  EXPECT_TRUE(has_nan(make_tensor<float>(DType::kFloat32, {3}, {1.0f, infinity, nan}).view()));
  EXPECT_TRUE(has_nan(make_tensor<double>(DType::kFloat64, {2}, {std::nan(""), 1.0}).view()));
  EXPECT_FALSE(has_nan(make_tensor<std::int32_t>(DType::kInt32, {1}, {0x7fc00000}).view()));
}

}  // namespace
}  // namespace edgekit
