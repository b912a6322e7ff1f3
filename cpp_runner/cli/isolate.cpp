#include "isolate.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "common.h"
#include "table.h"

namespace runner {
namespace {

constexpr std::string_view kVerb = "isolated-process";  // hidden: followed by the number of the pipe
constexpr char kStep = '.';
constexpr char kLastStep = '!';
constexpr int kNotStarted = 127;      // the exit code of a child that finds no program
constexpr double kMemoryShare = 0.9;  // of the memory that is available
constexpr const char* kRemedy =
    "; the file is damaged or hostile, get it again from someone whom you trust (--isolate never runs it without "
    "limits)";

using Clock = std::chrono::steady_clock;

std::vector<char*> command;  // the arguments of this program
int step_pipe = -1;          // in the isolated process

void write_step(char step) {
  if (step_pipe >= 0 && ::write(step_pipe, &step, 1) < 0) step_pipe = -1;
}

// Whether this machine exported the file: `edgekit export` records fingerprints in the user's cache folder.
bool is_exported(const std::string& path) {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const bool named = cache != nullptr && *cache != '\0';
  if (!named && home == nullptr) return false;
  std::ifstream file((named ? std::string(cache) : std::string(home) + "/.cache") + "/edgekit/exported.txt");
  if (!file) return false;
  char* text = nullptr;
  check(ek_fingerprint(path.c_str(), &text));
  const std::string wanted = take_text(text);
  for (std::string line; std::getline(file, line);) {
    if (line == wanted) return true;
  }
  return false;
}

struct Child {
  pid_t process = -1;
  int steps = -1;

  ~Child() {
    if (process > 0) {
      ::kill(process, SIGKILL);
      ::waitpid(process, nullptr, 0);
    }
    if (steps >= 0) ::close(steps);
  }
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
};

// Starts this program again with the same arguments. Returns 0, or the error of the system. Under an emulator, it may
// return 0 though the process ended with kNotStarted: there the child cannot tell its error.
int start(Child* child) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno;
  child->steps = ends[0];
  ::fcntl(ends[1], F_SETFD, 0);
  std::string verb(kVerb), number = std::to_string(ends[1]);
  std::vector<char*> arguments{command.front(), verb.data(), number.data()};
  arguments.insert(arguments.end(), command.begin() + 1, command.end());
  arguments.push_back(nullptr);
  const int error = ::posix_spawn(&child->process, "/proc/self/exe", nullptr, nullptr, arguments.data(), environ);
  ::close(ends[1]);
  if (error != 0) child->process = -1;
  return error;
}

// Whether each step of the process came in time; returns when it has ended or is late. `started` is whether one came.
bool wait_for_steps(const Child& child, double seconds, bool* started) {
  const auto longest =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::min(seconds, 1e6)));
  bool limited = true;
  Clock::time_point end = Clock::now() + longest;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd ready{child.steps, POLLIN, 0};
    const int found = ::poll(&ready, 1, limited ? static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30)) : -1);
    if (found < 0 && errno == EINTR) continue;
    if (found <= 0) return false;
    char steps[64];
    const ssize_t got = ::read(child.steps, steps, sizeof(steps));
    if (got <= 0) return true;
    *started = true;
    if (std::memchr(steps, kLastStep, static_cast<std::size_t>(got)) != nullptr) limited = false;
    end = Clock::now() + longest;
  }
}

std::string signal_name(int number) {
  const char* name = ::sigabbrev_np(number);
  return name == nullptr ? "signal " + std::to_string(number) : std::string("SIG") + name;
}

// The number of bytes after `key` in a file of /proc; 0 if there is none.
std::uint64_t kilobytes(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key)) return std::strtoull(line.c_str() + key.size(), nullptr, 10) * 1024;
  }
  return 0;
}

// Under an emulator, this program is not one of this machine.
void not_started(const ModelOptions& options, int error) {
  const std::string why = "an isolated process does not start: " + std::string(std::strerror(error));
  if (error != ENOEXEC || options.isolate == "always") throw Failure{EK_RUNTIME, why + "; use --isolate never"};
  std::fprintf(stderr, "edgekit-runner: warning: %s\n", why.c_str());
}

}  // namespace

void enter_isolation(int* argc, char*** argv) {
  if (*argc > 2 && (*argv)[1] == kVerb) {
    step_pipe = std::atoi((*argv)[2]);
    ::fcntl(step_pipe, F_SETFD, FD_CLOEXEC);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    (*argv)[2] = (*argv)[0];
    *argv += 2;
    *argc -= 2;
    write_step(kStep);  // it runs
  }
  command.assign(*argv, *argv + *argc);
}

bool is_isolated() {
  return step_pipe >= 0;
}

void isolate(const ModelOptions& options) {
  if (is_isolated() || options.isolate == "never") return;
  // With a key, the signature is checked before libtorch reads the file.
  if (options.isolate == "auto" && (options.public_key || is_exported(options.path))) return;
  Child child;
  bool started = false;
  if (const int error = start(&child)) return not_started(options, error);
  if (!wait_for_steps(child, options.isolate_seconds, &started)) {
    throw Failure{EK_BAD_PACKAGE, options.path + ": a step took longer than " + fixed(options.isolate_seconds, 1) +
                                      " s in the isolated process" + kRemedy};
  }
  int status = 0;
  while (::waitpid(child.process, &status, 0) < 0 && errno == EINTR) continue;
  child.process = -1;
  if (!started && WIFEXITED(status) && WEXITSTATUS(status) == kNotStarted) return not_started(options, ENOEXEC);
  if (WIFEXITED(status)) throw Isolated{WEXITSTATUS(status)};
  throw Failure{EK_BAD_PACKAGE, options.path + " was loaded in an isolated process, which was ended by " +
                                    signal_name(WTERMSIG(status)) + kRemedy};
}

void report_step() {
  write_step(kStep);
}

void report_last_step() {
  write_step(kLastStep);
}

void limit_memory() {
  if (!is_isolated()) return;
  const std::uint64_t used = kilobytes("/proc/self/status", "VmSize:");
  const std::uint64_t available = kilobytes("/proc/meminfo", "MemAvailable:");
  rlimit limit{};
  if (used == 0 || available == 0 || ::getrlimit(RLIMIT_AS, &limit) != 0) return;
  const auto most = used + static_cast<std::uint64_t>(static_cast<double>(available) * kMemoryShare);
  if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur <= most) return;
  limit.rlim_cur = most;
  ::setrlimit(RLIMIT_AS, &limit);
}

int isolated_code(const Failure& failure) {
  const auto says = [&](const char* words) { return failure.message.find(words) != std::string::npos; };
  const bool memory = says("allocate memory") || says("bad_alloc") || says("out of memory");
  return is_isolated() && failure.exit_code == EK_RUNTIME && memory ? EK_BAD_PACKAGE : failure.exit_code;
}

}  // namespace runner
