#include "core/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace edgekit {
namespace {

TEST(ParallelTest, EachIndexOnceWithAnyNumberOfThreads) {
  for (const int threads : {-1, 0, 1, 2, 7, 200}) {
    std::vector<std::atomic<int>> calls(100);
    for_each_index(calls.size(), threads, [&](std::size_t index) { ++calls[index]; });
    for (const auto& count : calls) EXPECT_EQ(count, 1) << threads << " threads";
  }
}

TEST(ParallelTest, NoTasks) {
  for_each_index(0, 4, [](std::size_t) { FAIL(); });
}

TEST(ParallelTest, AnExceptionReachesTheCallerAndEndsTheRest) {
  std::atomic<int> calls{0};
  const auto task = [&](std::size_t) {
    ++calls;
    throw std::runtime_error("broken");
  };
  EXPECT_THROW(for_each_index(1000, 2, task), std::runtime_error);
  EXPECT_LE(calls, 2);
}

}  // namespace
}  // namespace edgekit
