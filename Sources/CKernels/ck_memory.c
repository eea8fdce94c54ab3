// Memory as the system gives it.

#include "CKernels.h"

#if defined(__GLIBC__) || defined(__linux__)
#include <malloc.h>
#endif
#include <sys/mman.h>
#include <unistd.h>

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

// Weights and large blocks of a pass lie outside the allocator's heap, where what stays keeps holes open between what
// comes and goes (0.4 GB with 2.8 GB of weights).
void *ck_map_pages(size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

void ck_unmap_pages(void *memory, size_t bytes) { munmap(memory, bytes); }

// Gives the whole pages of a range back; they are zeros when they are read again.
void ck_forget_pages(void *memory, size_t bytes) {
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  const uintptr_t begin = ((uintptr_t)memory + page - 1) & ~(page - 1);
  const uintptr_t end = ((uintptr_t)memory + bytes) & ~(page - 1);
  if (begin < end) madvise((void *)begin, end - begin, MADV_DONTNEED);
}
