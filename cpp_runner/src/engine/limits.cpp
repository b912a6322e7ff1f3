#include "engine/limits.h"

#include <algorithm>
#include <cstdio>

namespace edgekit {
namespace {

constexpr double kLongestMs = 1e12;  // 30 years; the clock overflows beyond 290

std::string short_number(double number) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", number);
  return text;
}

}  // namespace

RunLimits::RunLimits(const std::atomic<std::uint64_t>& stops, double deadline_ms)
    : stops_(&stops), before_(stops.load()), deadline_ms_(deadline_ms) {
  if (deadline_ms <= 0.0) return;
  const std::chrono::duration<double, std::milli> left(std::min(deadline_ms, kLongestMs));
  deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(left);
}

Status RunLimits::check(const std::string& what) const {
  if (stopped()) return runtime_error(what + " was stopped by ek_model_stop");
  if (!reached()) return {};
  return runtime_error(what + " passed its deadline of " + short_number(deadline_ms_) +
                       " ms; allow more time, or run a smaller model or input");
}

}  // namespace edgekit
