#include "core/stats.h"

#include <algorithm>
#include <numeric>

namespace edgekit {

double percentile(const std::vector<double>& sorted, double percent) {
  const double position = percent / 100.0 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

Summary summarize(std::vector<double> samples) {
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  const double sum = std::accumulate(samples.begin(), samples.end(), 0.0);
  return {samples.front(),
          percentile(samples, 50),
          percentile(samples, 90),
          percentile(samples, 99),
          sum / static_cast<double>(samples.size()),
          samples.size()};
}

}  // namespace edgekit
