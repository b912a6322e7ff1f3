// What ends a run early: a request of another thread, or a deadline. Engines ask for it between operators.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "core/status.h"

namespace edgekit {

// The limits of one call, taken when it begins. The default has none.
class RunLimits {
 public:
  using Clock = std::chrono::steady_clock;

  RunLimits() = default;
  // `stops` counts the requests to stop; the call ends when it changes. A deadline of 0 is none.
  explicit RunLimits(const std::atomic<std::uint64_t>& stops, double deadline_ms = 0.0);

  [[nodiscard]] bool stopped() const { return stops_ != nullptr && stops_->load(std::memory_order_relaxed) != before_; }
  [[nodiscard]] bool reached() const { return stopped() || (deadline_ && Clock::now() >= *deadline_); }
  [[nodiscard]] const std::optional<Clock::time_point>& deadline() const { return deadline_; }

  // Fails once a limit is reached. `what` begins the message: "method forward".
  [[nodiscard]] Status check(const std::string& what) const;

 private:
  const std::atomic<std::uint64_t>* stops_ = nullptr;
  std::uint64_t before_ = 0;
  double deadline_ms_ = 0.0;
  std::optional<Clock::time_point> deadline_;
};

}  // namespace edgekit
