// Predictions by two threads with changing picture sizes, then loads and destroys: for `make soak`.
// Usage: edgekit_soak MODEL RUNS LOADS. Prints "runs NUMBER BYTES" and "loads NUMBER BYTES" lines: the resident memory.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "api/handles.h"

namespace {

using edgekit::testing::check;
using edgekit::testing::ModelPtr;
using edgekit::testing::ValuesPtr;

constexpr int kSamples = 200;
constexpr std::int64_t kShortest = 32, kSides = 128;  // the sides of pictures are 32 to 159

ModelPtr load(const char* path) {
  ek_model* model = nullptr;
  check(ek_model_load(path, nullptr, &model));
  return ModelPtr(model);
}

long resident_bytes() {
  long pages = 0;
  FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%*d %ld", &pages) != 1) std::exit(EK_RUNTIME);
  std::fclose(file);
  return pages * ::sysconf(_SC_PAGESIZE);
}

void report(const char* what, long number) {
  std::printf("%s %ld %ld\n", what, number, resident_bytes());
}

void predict(ek_model* model, const std::vector<std::uint8_t>& pixels, std::uint32_t draw) {
  const std::int64_t height = kShortest + (draw >> 24) % kSides, width = kShortest + (draw >> 16) % kSides;
  const std::int64_t shape[]{height, width, 3};
  const ek_tensor picture{EK_UINT8, 3, shape, pixels.data(), static_cast<std::size_t>(height * width * 3)};
  ek_values* raw = nullptr;
  check(ek_model_run(model, "predict", &picture, 1, &raw));
  const ValuesPtr values(raw);
}

void run(ek_model* model, long runs) {
  const std::vector<std::uint8_t> pixels((kShortest + kSides) * (kShortest + kSides) * 3, 127);
  std::atomic<long> done = 0;
  std::vector<std::thread> threads;
  for (std::uint32_t seed : {1u, 2u}) {
    threads.emplace_back([&, draw = seed]() mutable {
      while (done.fetch_add(1) < runs) predict(model, pixels, draw = draw * 1664525u + 1013904223u);
    });
  }
  for (int i = 0; i <= kSamples; ++i) {
    const long next = runs * i / kSamples;
    while (done.load() < next) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    report("runs", next);
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return EK_USAGE;
  run(load(argv[1]).get(), std::atol(argv[2]));
  const long loads = std::atol(argv[3]);
  for (long i = 0; i <= loads; ++i) {
    load(argv[1]);
    if (i % std::max(1L, loads / kSamples) == 0) report("loads", i);
  }
}
