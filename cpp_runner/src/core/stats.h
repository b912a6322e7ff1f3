// Summaries of timings.
#pragma once

#include <cstddef>
#include <vector>

namespace edgekit {

struct Summary {
  double min = 0.0;
  double p50 = 0.0;
  double p90 = 0.0;
  double p99 = 0.0;
  double mean = 0.0;
  std::size_t count = 0;
};

// The percentile of sorted samples, interpolated linearly; there must be at least one sample.
[[nodiscard]] double percentile(const std::vector<double>& sorted, double percent);

[[nodiscard]] Summary summarize(std::vector<double> samples);

}  // namespace edgekit
