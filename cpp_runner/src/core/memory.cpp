#include "core/memory.h"

#include <cstdlib>  // defines __GLIBC__

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace edgekit {

Status keep_freed_memory() {
#ifdef __GLIBC__
  // Large blocks come from the heap as small ones do, and the heap does not shrink. A threshold would not do, because
  // glibc limits it to 32 MB.
  if (::mallopt(M_MMAP_MAX, 0) == 1 && ::mallopt(M_TRIM_THRESHOLD, -1) == 1) return {};
#endif
  return runtime_error("this C library cannot be asked to keep freed memory; link an allocator that keeps it");
}

}  // namespace edgekit
