// Runs command lines of the runner, each in a fork of this process, which has libtorch loaded but has not used it.
// Loading libtorch takes longer than most runs.
//
// A line of input is the file for what the fork prints, and its arguments, separated by tabs. A line of output is its
// exit code, or the negative number of the signal that ended it. A fork has limits of CPU time, of time and of memory.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "command_line.h"

namespace {

constexpr rlim_t kCpuSeconds = 15;
constexpr unsigned kSeconds = 120;
#ifdef __SANITIZE_ADDRESS__
constexpr rlim_t kBytes = RLIM_INFINITY;  // the sanitizer reserves terabytes
#else
constexpr rlim_t kBytes = rlim_t{4} << 30;
#endif

void limit(__rlimit_resource resource, rlim_t most) {
  const rlimit limits{most, most};
  ::setrlimit(resource, &limits);
}

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> words;
  for (std::size_t start = 0; start <= line.size();) {
    const std::size_t end = std::min(line.find('\t', start), line.size());
    words.push_back(line.substr(start, end - start));
    start = end + 1;
  }
  return words;
}

[[noreturn]] void run(std::vector<std::string> words) {
  limit(RLIMIT_CPU, kCpuSeconds);
  limit(RLIMIT_DATA, kBytes);
  limit(RLIMIT_CORE, 0);
  ::alarm(kSeconds);
  const int out = ::open(words.front().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (out < 0 || ::dup2(out, STDOUT_FILENO) < 0 || ::dup2(out, STDERR_FILENO) < 0) ::_exit(127);
  words.front() = "edgekit-runner";
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  ::_exit(runner::run_command_line(static_cast<int>(arguments.size()), arguments.data()));
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const pid_t child = ::fork();
    if (child == 0) run(split(line));
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child) return 1;
    std::cout << (WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status)) << std::endl;
  }
}
