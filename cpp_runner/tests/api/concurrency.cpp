// Four threads run a model, first each its own and then a shared one: every run gives the same answer.
// Usage: edgekit_concurrency MODEL SHAPE_AXIS... RUNS, all numbers; the input is float32.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "handles.h"

namespace {

constexpr int kThreads = 4;

using edgekit::testing::check;
using edgekit::testing::ModelPtr;
using edgekit::testing::ValuesPtr;

ModelPtr load(const char* path) {
  ek_model* model = nullptr;
  check(ek_model_load(path, nullptr, &model));
  return ModelPtr(model);
}

std::string answer(ek_model* model, const ek_tensor& input) {
  ek_values* raw = nullptr;
  check(ek_model_run(model, "forward", &input, 1, &raw));
  const ValuesPtr values(raw);
  ek_tensor output;
  check(ek_values_get(values.get(), 0, &output, nullptr));
  return {static_cast<const char*>(output.data), output.size_bytes};
}

// Runs in every thread at once and counts the answers that differ; `shared` NULL gives each thread its own model.
int count_differences(const char* path, ek_model* shared, const ek_tensor& input, int runs) {
  const std::string expected = answer(load(path).get(), input);
  std::atomic<int> differences = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      const ModelPtr own = shared == nullptr ? load(path) : nullptr;
      for (int k = 0; k < runs; ++k) {
        if (answer(own ? own.get() : shared, input) != expected) ++differences;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return differences;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return EK_USAGE;
  const int runs = std::atoi(argv[argc - 1]);
  std::vector<int64_t> shape;
  for (int i = 2; i < argc - 1; ++i) shape.push_back(std::atoll(argv[i]));
  ek_values* raw = nullptr;
  check(ek_generate(EK_FLOAT32, shape.data(), static_cast<int32_t>(shape.size()), 1, -2.0, 2.0, &raw));
  const ValuesPtr values(raw);
  ek_tensor input;
  check(ek_values_get(values.get(), 0, &input, nullptr));

  const int own = count_differences(argv[1], nullptr, input, runs);
  const int shared = count_differences(argv[1], load(argv[1]).get(), input, runs);
  std::printf("%d threads, %d runs each: %d answers differ with a model each, %d with a shared one\n", kThreads, runs,
              own, shared);
  return own + shared == 0 ? EK_OK : EK_VERDICT_FAILED;
}
