#include "api/structs.h"

#include <gtest/gtest.h>

#include "core/compatibility.h"

namespace {

// A struct that had two fields, then a third one, and here has four.
struct Options {
  std::size_t struct_size;
  std::int64_t first;
  std::int64_t second;
  std::int64_t third;
};
struct Newer {
  Options known;
  std::int64_t fifth;
};

}  // namespace

template <>
inline constexpr std::array edgekit::api::kSizes<Options>{offsetof(Options, second), offsetof(Options, third),
                                                          sizeof(Options)};

namespace {

using edgekit::Code;
using edgekit::api::check_size;
using edgekit::api::init_struct;
using edgekit::api::read_struct;
using edgekit::api::write_struct;

constexpr Options kDefaults{0, 1, 2, 3};

Options given(std::size_t size) {
  return {size, 10, 20, 30};
}

TEST(StructsTest, OlderStructKeepsTheDefaultsOfNewFields) {
  const Options older = given(offsetof(Options, third));
  Options values = kDefaults;
  ASSERT_TRUE(read_struct(&older, &values).ok());
  EXPECT_EQ(values.second, 20);
  EXPECT_EQ(values.third, 3);
}

TEST(StructsTest, StructThatCutsAFieldIsRefused) {
  for (std::size_t size : {0u, 8u, 17u, 20u, 31u}) {
    const Options cut = given(size);
    Options values = kDefaults;
    const auto status = read_struct(&cut, &values);
    EXPECT_EQ(status.code(), Code::kUsage) << size;
    EXPECT_NE(status.message().find("struct_size is " + std::to_string(size) + "; expected 32"), std::string::npos);
  }
}

TEST(StructsTest, NewerStructIsAcceptedWhileItsNewFieldsAreZero) {
  Newer newer{given(sizeof(Newer)), 0};
  Options values = kDefaults;
  ASSERT_TRUE(read_struct(&newer.known, &values).ok());
  EXPECT_EQ(values.third, 30);
  reinterpret_cast<unsigned char*>(&newer)[sizeof(Newer) - 1] = 1;
  const auto status = read_struct(&newer.known, &values);
  EXPECT_EQ(status.code(), Code::kUsage);
  EXPECT_NE(status.message().find("at byte 39"), std::string::npos) << status.message();
}

TEST(StructsTest, SizeThatNobodySetIsRefusedWithoutReading) {
  const Options wild = given(static_cast<std::size_t>(-1));
  EXPECT_EQ(check_size(&wild).code(), Code::kUsage);
}

TEST(StructsTest, InitWritesNoFurtherThanTheStructOfTheCaller) {
  Options out = given(0);
  init_struct(kDefaults, &out, offsetof(Options, third));
  EXPECT_EQ(out.struct_size, offsetof(Options, third));
  EXPECT_EQ(out.second, 2);
  EXPECT_EQ(out.third, 30);
  Newer newer{given(0), 50};
  init_struct(kDefaults, &newer.known, sizeof(newer));
  EXPECT_EQ(newer.known.third, 3);
  EXPECT_EQ(newer.fifth, 0);
  EXPECT_TRUE(check_size(&newer.known).ok());
}

TEST(StructsTest, WriteFillsTheStructOfTheCaller) {
  Options older = given(offsetof(Options, third));
  ASSERT_TRUE(write_struct(kDefaults, &older).ok());
  EXPECT_EQ(older.struct_size, offsetof(Options, third));
  EXPECT_EQ(older.second, 2);
  EXPECT_EQ(older.third, 30);
}

TEST(CompatibilityTest, LibraryMustHaveWhatTheHeaderDeclares) {
  using edgekit::fits;
  EXPECT_TRUE(fits({0, 1, 0}, {0, 1, 0}));
  EXPECT_TRUE(fits({0, 1, 3}, {0, 1, 2}));
  EXPECT_FALSE(fits({0, 1, 2}, {0, 1, 3}));
  EXPECT_FALSE(fits({0, 2, 0}, {0, 1, 0}));
  EXPECT_FALSE(fits({0, 1, 0}, {0, 2, 0}));
  EXPECT_TRUE(fits({1, 3, 0}, {1, 2, 5}));
  EXPECT_FALSE(fits({1, 2, 5}, {1, 3, 0}));
  EXPECT_FALSE(fits({1, 0, 0}, {0, 9, 0}));
  EXPECT_FALSE(fits({2, 0, 0}, {1, 9, 9}));
}

}  // namespace
