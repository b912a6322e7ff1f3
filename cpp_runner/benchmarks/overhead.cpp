// The cost of the C ABI and its checks compared with a bare forward of libtorch. Both run in turn in one process.
// Usage: edgekit_overhead MODEL.ptl ROUNDS bare|edgekit; the model's forward takes float32 [1, 3, 224, 224]. One
// thread. The last argument names the one that is loaded first: the addresses of the weights change the time by a few
// percent.
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <edgekit/edgekit.h>
#include <torch/csrc/jit/mobile/import.h>
#include <torch/csrc/jit/mobile/module.h>

#include <ATen/ops/from_blob.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace {

void check(ek_status status) {
  if (status == EK_OK) return;
  std::fprintf(stderr, "%s\n", ek_last_error());
  std::exit(status);
}

template <typename Body>
double time_ms(Body&& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return EK_USAGE;
  const bool bare_first = std::strcmp(argv[3], "bare") == 0;
  const int64_t shape[] = {1, 3, 224, 224};
  ek_values* values = nullptr;
  ek_tensor input;
  check(ek_generate(EK_FLOAT32, shape, 4, 1, -2.0, 2.0, &values));
  check(ek_values_get(values, 0, &input, nullptr));

  ek_options options;
  ek_options_init(&options);
  options.threads = 1;
  ek_model* model = nullptr;
  std::optional<torch::jit::mobile::Module> bare;
  if (bare_first) bare = torch::jit::_load_for_mobile(argv[1]);
  check(ek_model_load(argv[1], &options, &model));  // also sets the threads of this process to 1
  if (!bare_first) bare = torch::jit::_load_for_mobile(argv[1]);

  const auto run_bare = [&] {
    const c10::InferenceMode inference;
    const at::Tensor x = at::from_blob(const_cast<void*>(input.data), {1, 3, 224, 224}, at::kFloat);
    (void)bare->forward({x}).toTensor();
  };
  const auto run_edgekit = [&] {
    ek_values* outputs = nullptr;
    check(ek_model_run(model, "forward", &input, 1, &outputs));
    ek_values_destroy(outputs);
  };
  std::printf("bare_ms,edgekit_ms\n");
  for (int i = std::atoi(argv[2]); i > 0; --i) {
    // Each is first in every other pair, because the second finds the input in the cache.
    double bare_ms = i % 2 == 0 ? time_ms(run_bare) : 0.0;
    const double edgekit_ms = time_ms(run_edgekit);
    if (i % 2 != 0) bare_ms = time_ms(run_bare);
    std::printf("%.6f,%.6f\n", bare_ms, edgekit_ms);
  }
  ek_model_destroy(model);
  ek_values_destroy(values);
  return EK_OK;
}
