#include "engine/limits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

namespace edgekit {
namespace {

TEST(RunLimitsTest, DefaultHasNone) {
  const RunLimits limits;
  EXPECT_FALSE(limits.reached());
  EXPECT_TRUE(limits.check("method forward").ok());
}

TEST(RunLimitsTest, StopEndsOnlyCallsThatHaveBegun) {
  std::atomic<std::uint64_t> stops = 7;
  const RunLimits before(stops);
  EXPECT_FALSE(before.reached());
  ++stops;
  const RunLimits after(stops);
  EXPECT_TRUE(before.reached());
  EXPECT_FALSE(after.reached());
  EXPECT_EQ(before.check("method forward").message(), "method forward was stopped by ek_model_stop");
  EXPECT_EQ(before.check("").code(), Code::kRuntime);
}

TEST(RunLimitsTest, DeadlinePasses) {
  std::atomic<std::uint64_t> stops = 0;
  const RunLimits limits(stops, 2.5);
  while (!limits.reached()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(limits.check("method forward").message(),
            "method forward passed its deadline of 2.5 ms; allow more time, or run a smaller model or input");
}

TEST(RunLimitsTest, HugeDeadlineIsNoOverflow) {
  std::atomic<std::uint64_t> stops = 0;
  for (double deadline : {1e13, 1e300, std::numeric_limits<double>::infinity()}) {
    EXPECT_FALSE(RunLimits(stops, deadline).reached()) << deadline;
  }
}

}  // namespace
}  // namespace edgekit
