#include "core/stats.h"

#include <gtest/gtest.h>

namespace edgekit {
namespace {

TEST(StatsTest, SummaryOfHundredOne) {
  std::vector<double> samples;
  for (int i = 100; i >= 0; --i) samples.push_back(i);
  const Summary summary = summarize(samples);
  EXPECT_EQ(summary.min, 0.0);
  EXPECT_EQ(summary.p50, 50.0);
  EXPECT_EQ(summary.p90, 90.0);
  EXPECT_EQ(summary.p99, 99.0);
  EXPECT_EQ(summary.mean, 50.0);
  EXPECT_EQ(summary.count, 101u);
}

TEST(StatsTest, PercentileLiesBetweenNeighbours) {
  EXPECT_DOUBLE_EQ(percentile({1.0, 2.0}, 50), 1.5);
  EXPECT_DOUBLE_EQ(percentile({1.0, 2.0, 4.0}, 75), 3.0);
}

TEST(StatsTest, OneSampleIsEveryPercentile) {
  const Summary summary = summarize({3.0});
  EXPECT_EQ(summary.p50, 3.0);
  EXPECT_EQ(summary.p99, 3.0);
}

TEST(StatsTest, NoSamplesGiveZeros) {
  EXPECT_EQ(summarize({}).count, 0u);
}

}  // namespace
}  // namespace edgekit
