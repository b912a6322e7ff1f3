// What a caller may do with a model while and after it runs. Usage: edgekit_ownership inputs|threads|file MODEL
// SHAPE_AXIS...
//   inputs: an output keeps its values when the bytes of the input change (the model returns its input)
//   threads: a model with another number of threads is loaded and run while two threads run their models
//   file: a loaded model passes verify after its file was truncated
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "handles.h"

namespace {

using edgekit::testing::check;
using edgekit::testing::ModelPtr;
using edgekit::testing::ValuesPtr;

ModelPtr load(const char* path, int32_t threads) {
  ek_options options;
  ek_options_init(&options);
  options.threads = threads;
  ek_model* model = nullptr;
  check(ek_model_load(path, &options, &model));
  return ModelPtr(model);
}

ValuesPtr run(ek_model* model, const ek_tensor& input) {
  ek_values* values = nullptr;
  check(ek_model_run(model, "forward", &input, 1, &values));
  return ValuesPtr(values);
}

int keeps_outputs(const char* path, ek_tensor input) {
  std::vector<char> bytes(input.size_bytes);
  std::memcpy(bytes.data(), input.data, bytes.size());
  input.data = bytes.data();
  const ModelPtr model = load(path, 0);
  const ValuesPtr values = run(model.get(), input);
  std::vector<std::string> before;
  const auto read = [&](size_t index) {
    ek_tensor output;
    check(ek_values_get(values.get(), index, &output, nullptr));
    return std::string(static_cast<const char*>(output.data), output.size_bytes);
  };
  for (size_t i = 0; i < ek_values_count(values.get()); ++i) before.push_back(read(i));
  std::memset(bytes.data(), 0x5a, bytes.size());
  for (size_t i = 0; i < before.size(); ++i) {
    if (read(i) != before[i]) return EK_VERDICT_FAILED;
  }
  return EK_OK;
}

int changes_threads(const char* path, const ek_tensor& input) {
  std::atomic<bool> done = false;
  std::atomic<int> runs = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      const ModelPtr model = load(path, 0);
      while (!done) {
        (void)run(model.get(), input);
        ++runs;
      }
    });
  }
  while (runs < 4) std::this_thread::yield();
  (void)run(load(path, 1).get(), input);
  done = true;
  for (std::thread& thread : threads) thread.join();
  return EK_OK;
}

int outlives_its_file(const char* path) {
  const ModelPtr model = load(path, 0);
  std::filesystem::resize_file(path, 0);
  char* json = nullptr;
  check(ek_model_verify(model.get(), &json));
  ek_string_free(json);
  return EK_OK;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return EK_USAGE;
  const std::string what = argv[1];
  if (what == "file") return outlives_its_file(argv[2]);
  std::vector<int64_t> shape;
  for (int i = 3; i < argc; ++i) shape.push_back(std::atoll(argv[i]));
  ek_values* raw = nullptr;
  check(ek_generate(EK_FLOAT32, shape.data(), static_cast<int32_t>(shape.size()), 1, -2.0, 2.0, &raw));
  const ValuesPtr values(raw);
  ek_tensor input;
  check(ek_values_get(values.get(), 0, &input, nullptr));
  return what == "inputs" ? keeps_outputs(argv[2], input) : changes_threads(argv[2], input);
}
