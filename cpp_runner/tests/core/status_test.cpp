#include "core/status.h"

#include <gtest/gtest.h>

#include <memory>

namespace edgekit {
namespace {

Status first_failure(bool fail) {
  EK_RETURN_IF_ERROR(fail ? usage_error("no") : Status());
  return runtime_error("went on");
}

Result<int> doubled(Result<int> input) {
  EK_ASSIGN(const int value, std::move(input));
  return 2 * value;
}

TEST(StatusTest, DefaultIsOk) {
  EXPECT_TRUE(Status().ok());
}

TEST(StatusTest, ReturnIfErrorStopsAtTheError) {
  EXPECT_EQ(first_failure(true).code(), Code::kUsage);
  EXPECT_EQ(first_failure(false).message(), "went on");
}

TEST(ResultTest, AssignTakesTheValueOrReturnsTheError) {
  EXPECT_EQ(*doubled(21), 42);
  EXPECT_EQ(doubled(package_error("bad")).status().message(), "bad");
}

TEST(ResultTest, AnErrorIsNeverOk) {
  const Result<int> result{Status()};
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), Code::kBug);
}

TEST(ResultTest, MovesWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> result{std::make_unique<int>(7)};
  EXPECT_EQ(*std::move(result).value(), 7);
}

}  // namespace
}  // namespace edgekit
