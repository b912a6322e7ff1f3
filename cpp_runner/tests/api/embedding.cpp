// The library inside another program: models from memory, outputs in memory of the program, methods by index, and what
// stays as it was in the process. Usage: edgekit_embedding MODEL SHAPE_AXIS...; the input of `forward` is float32.
#include <dirent.h>
#include <dlfcn.h>
#include <fenv.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "handles.h"

extern "C" char** environ;

namespace {

using edgekit::testing::check;
using edgekit::testing::ModelPtr;
using edgekit::testing::ValuesPtr;

int failures = 0;

void expect(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "failed: %s (%s)\n", what.c_str(), ek_last_error());
  ++failures;
}

bool says(const char* word) {
  return std::strstr(ek_last_error(), word) != nullptr;
}

std::string answer(ek_model* model, const ek_tensor& input) {
  ek_values* raw = nullptr;
  check(ek_model_run(model, "forward", &input, 1, &raw));
  const ValuesPtr values(raw);
  ek_tensor output;
  check(ek_values_get(values.get(), 0, &output, nullptr));
  return {static_cast<const char*>(output.data), output.size_bytes};
}

ModelPtr load_memory(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};  // freed before the model runs
  ek_model* model = nullptr;
  check(ek_model_load_memory(bytes.data(), bytes.size(), nullptr, &model));
  expect(ek_model_load_memory(bytes.data(), bytes.size() / 2, nullptr, &model) == EK_BAD_PACKAGE, "half a file");
  expect(says("the model in memory"), "its message");
  expect(ek_model_load_memory(bytes.data(), 0, nullptr, &model) == EK_BAD_PACKAGE, "no bytes");
  expect(ek_model_load_memory(nullptr, 0, nullptr, &model) == EK_USAGE, "NULL");
  return ModelPtr(model);
}

void check_buffers(ek_model* model, const ek_tensor& input, const std::string& expected) {
  std::vector<char> memory(expected.size() + 8, 'x');
  ek_buffer buffer{};
  buffer.data = memory.data();
  buffer.capacity_bytes = expected.size() - 1;
  const auto run = [&](size_t count) {
    return ek_model_run_into(model, "forward", &input, 1, nullptr, &buffer, count);
  };
  expect(run(1) == EK_USAGE && says("output 0 has") && says("room for"), "a buffer that is too small");
  buffer.capacity_bytes = memory.size();
  buffer.dtype = EK_INT64;
  expect(run(1) == EK_USAGE && says("output 0 is float32"), "a buffer of another dtype");
  buffer.dtype = EK_FLOAT32;
  expect(run(0) == EK_USAGE && says("got 0 buffers"), "no buffer");
  expect(memory == std::vector<char>(memory.size(), 'x'), "nothing is written on failure");
  expect(run(1) == EK_OK, "a buffer with more room than needed");
  expect(std::string(memory.data(), buffer.size_bytes) == expected, "the values");
  expect(memory[expected.size()] == 'x', "nothing is written behind them");
  size_t elements = 1;
  for (int32_t i = 0; i < buffer.rank; ++i) elements *= static_cast<size_t>(buffer.shape[i]);
  expect(buffer.rank > 0 && elements * sizeof(float) == buffer.size_bytes, "the shape");
  expect(std::strcmp(ek_model_last_error(model), "") != 0, "the model has the message of its last failure");
}

void check_methods(const ek_model* model) {
  bool found = false;
  size_t count = 0;
  for (; ek_model_method(model, count) != nullptr; ++count) {
    found = found || std::strcmp(ek_model_method(model, count), "forward") == 0;
  }
  expect(found && count < 10, "the methods");
  expect(ek_model_method(nullptr, 0) == nullptr, "the methods of NULL");
}

// A function of libtorch's OpenMP.
template <typename Function>
Function* find(const char* symbol) {
  auto* function = reinterpret_cast<Function*>(::dlsym(RTLD_DEFAULT, symbol));
  if (function == nullptr) std::exit(EK_USAGE);
  return function;
}

// The handlers that are set, and what is blocked.
std::string text_of_signals() {
  sigset_t blocked;
  sigemptyset(&blocked);
  pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  std::string text;
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    if (sigaction(number, nullptr, &action) != 0) continue;
    if (action.sa_handler != SIG_DFL) text += "handler of " + std::to_string(number) + "\n";
    if (sigismember(&blocked, number) == 1) text += "blocks " + std::to_string(number) + "\n";
  }
  return text;
}

std::string text_of_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  sched_getaffinity(0, sizeof(cores), &cores);
  return {reinterpret_cast<const char*>(&cores), sizeof(cores)};
}

std::string text_of_environment() {
  std::string text;
  for (char** each = environ; *each != nullptr; ++each) text += std::string(*each) + "\n";
  return text;
}

// The paths of the open files.
std::string text_of_files() {
  std::string text;
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return text;
  while (const dirent* entry = readdir(folder)) {
    char path[4096] = "";
    if (readlinkat(dirfd(folder), entry->d_name, path, sizeof(path) - 1) > 0) text += std::string(path) + "\n";
  }
  closedir(folder);
  return text;
}

// What a host would notice. Threads that libtorch keeps for later runs are not in it.
std::map<std::string, std::string> state_of_process() {
  char folder[4096] = "";
  const mode_t mask = umask(022);
  umask(mask);
  return {{"OpenMP threads", std::to_string(find<int()>("omp_get_max_threads")())},
          {"signals", text_of_signals()},
          {"cores", text_of_cores()},
          {"locale", std::setlocale(LC_ALL, nullptr)},
          {"rounding", std::to_string(fegetround()) + " " + std::to_string(fegetexcept())},
          {"environment", text_of_environment()},
          {"folder", getcwd(folder, sizeof(folder)) == nullptr ? "" : folder},
          {"mask of new files", std::to_string(mask)},
          {"open files", text_of_files()}};
}

void check_process(const std::map<std::string, std::string>& before) {
  for (const auto& [name, text] : state_of_process()) {
    if (text == before.at(name)) continue;
    std::fprintf(stderr, "failed: %s of the process: '%s', before '%s'\n", name.c_str(), text.c_str(),
                 before.at(name).c_str());
    ++failures;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return EK_USAGE;
  find<void(int)>("omp_set_num_threads")(3);
  const auto before = state_of_process();
  std::vector<int64_t> shape;
  for (int i = 2; i < argc; ++i) shape.push_back(std::atoll(argv[i]));
  ek_values* raw_values = nullptr;
  check(ek_generate(EK_FLOAT32, shape.data(), static_cast<int32_t>(shape.size()), 1, -2.0, 2.0, &raw_values));
  const ValuesPtr values(raw_values);
  ek_tensor input;
  check(ek_values_get(values.get(), 0, &input, nullptr));
  ek_model* raw = nullptr;
  check(ek_model_load(argv[1], nullptr, &raw));
  {
    const ModelPtr model(raw);
    const std::string expected = answer(raw, input);
    expect(answer(load_memory(argv[1]).get(), input) == expected, "the answer of a model from memory");
    check_methods(raw);
    check_buffers(raw, input, expected);
  }
  check_process(before);
  return failures == 0 ? EK_OK : EK_VERDICT_FAILED;
}
