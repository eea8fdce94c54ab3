// Freed memory stays with the process: a forward pass allocates the same large blocks over and over, and getting
// fresh pages from the system each time (zeroed, one fault a page) costs more than the arithmetic on them.

#include "CKernels.h"

#if defined(__GLIBC__) || defined(__linux__)
#include <malloc.h>
#endif

void ck_keep_freed_memory(void) {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}
