// Freed memory stays with the process: a forward pass allocates the same large blocks over and over, and getting
// fresh pages from the system each time (zeroed, one fault a page) costs more than the arithmetic on them.

#include "CKernels.h"

#if defined(__GLIBC__) || defined(__linux__)
#include <malloc.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif

void ck_keep_freed_memory(void) {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

// Products read megabytes in order: with pages of 4 KB they wait for address translation (up to 8 %
// with cold weights). The pages at both ends are included; that they hold other blocks too is harmless.
void ck_prefer_large_pages(void *memory, size_t bytes) {
#if defined(__linux__)
  const uintptr_t page = 2 << 20;
  if (bytes < page) return;
  uintptr_t begin = (uintptr_t)memory & ~(page - 1);
  uintptr_t end = ((uintptr_t)memory + bytes + page - 1) & ~(page - 1);
  madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#endif
}
