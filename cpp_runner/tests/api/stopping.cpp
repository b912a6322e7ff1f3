// Runs that are stopped and runs with a deadline. Usage: edgekit_stopping MODEL; its `forward` takes one float32 number
// and never ends if that is above 0.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "handles.h"

namespace {

using edgekit::testing::check;
using edgekit::testing::ModelPtr;
using edgekit::testing::ValuesPtr;
using Clock = std::chrono::steady_clock;

int failures = 0;

void expect(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "failed: %s (%s)\n", what.c_str(), ek_last_error());
  ++failures;
}

struct Outcome {
  ek_status status = EK_BUG;
  std::string message;
};

Outcome run(ek_model* model, float number, double deadline_ms) {
  const int64_t shape[]{1};
  const ek_tensor input{EK_FLOAT32, 1, shape, &number, sizeof(number)};
  ek_run_options options;
  ek_run_options_init(&options);
  options.deadline_ms = deadline_ms;
  ek_values* raw = nullptr;
  const ek_status status = ek_model_run_with(model, "forward", &input, 1, &options, &raw);
  const ValuesPtr values(raw);
  return {status, status == EK_OK ? "" : ek_last_error()};
}

bool names(const Outcome& outcome, const std::string& word) {
  return outcome.status == EK_RUNTIME && outcome.message.find(word) != std::string::npos;
}

void check_deadline(ek_model* model) {
  const auto begin = Clock::now();
  const Outcome late = run(model, 1.0f, 150.0);
  expect(names(late, "method forward passed its deadline of 150 ms"), "a deadline: " + late.message);
  expect(Clock::now() - begin >= std::chrono::milliseconds(150), "it is not earlier");
  expect(run(model, -1.0f, 60000.0).status == EK_OK, "a run that ends before its deadline");
  expect(run(model, -1.0f, -1.0).status == EK_USAGE, "a negative deadline");
}

// One call runs, one waits for its turn, and one waits with a deadline.
void check_stop(ek_model* model) {
  Outcome first, second, timed;
  std::atomic<int> returned = 0;
  const auto endless = [&](Outcome* outcome) {
    *outcome = run(model, 1.0f, 0.0);
    ++returned;
  };
  std::vector<std::thread> threads;
  threads.emplace_back(endless, &first);
  threads.emplace_back(endless, &second);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  timed = run(model, -1.0f, 100.0);
  expect(names(timed, "deadline"), "a deadline while another call runs: " + timed.message);
  expect(returned == 0, "nothing else ends a run");
  while (returned < 2) {  // again, for a thread that had not begun its call
    ek_model_stop(model);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  for (std::thread& thread : threads) thread.join();
  expect(names(first, "method forward was stopped by ek_model_stop"), "a running call: " + first.message);
  expect(names(second, "ek_model_stop"), "a waiting call: " + second.message);
  expect(ek_model_last_error(model) == first.message, "the message of another thread, from the model");
  expect(run(model, -1.0f, 0.0).status == EK_OK, "a run after the stop");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return EK_USAGE;
  ek_model* raw = nullptr;
  check(ek_model_load(argv[1], nullptr, &raw));
  const ModelPtr model(raw);
  expect(std::string(ek_model_last_error(raw)).empty(), "no message before the first failure");
  check_deadline(raw);
  check_stop(raw);
  ek_model_stop(raw);
  expect(run(raw, -1.0f, 0.0).status == EK_OK, "a stop without a run changes nothing");
  return failures == 0 ? EK_OK : EK_VERDICT_FAILED;
}
