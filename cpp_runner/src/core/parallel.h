// Independent tasks on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace edgekit {

// The cores that this process may use. In a container or under taskset they are fewer than those of the machine.
[[nodiscard]] int core_count();

// Calls task(0), ..., task(count - 1), each once, on at most `threads` threads with the caller's among them. If the
// system refuses a thread, the others do its tasks. Rethrows the first exception of a task, after all threads ended.
void for_each_index(std::size_t count, int threads, const std::function<void(std::size_t)>& task);

}  // namespace edgekit
