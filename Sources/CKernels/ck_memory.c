// Freed memory stays with the process: a forward pass allocates the same large blocks over and over, and getting
// fresh pages from the system each time (zeroed, one fault a page) costs more than the arithmetic on them.

#include <string.h>

#include "CKernels.h"

#if defined(__GLIBC__) || defined(__linux__)
#include <malloc.h>
#endif
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

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

// Large blocks that were freed, kept for the next pass. All of them together, used and free, are never more than the
// most that was in use at one time and SPARE.
enum { LARGE = 1 << 20, FREE_BLOCKS = 256, SPARE = 64 << 20 };
static struct {
  void *memory;
  size_t bytes;
} kept[FREE_BLOCKS];
static size_t kept_count, kept_bytes, used_bytes, most_used;
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;

static void give_back(size_t index) {
  munmap(kept[index].memory, kept[index].bytes);
  kept_bytes -= kept[index].bytes;
  memmove(kept + index, kept + index + 1, (--kept_count - index) * sizeof kept[0]);
}

static void *take_large(size_t bytes, size_t *size) {
  pthread_mutex_lock(&kept_lock);
  void *memory = NULL;
  *size = (bytes + 0xffff) & ~(size_t)0xffff;
  size_t best = FREE_BLOCKS;
  for (size_t i = 0; i < kept_count; i++) {
    if (kept[i].bytes >= *size && kept[i].bytes <= *size + *size / 4 &&
        (best == FREE_BLOCKS || kept[i].bytes < kept[best].bytes)) best = i;
  }
  if (best < FREE_BLOCKS) {
    memory = kept[best].memory;
    *size = kept[best].bytes;
    kept_bytes -= *size;
    memmove(kept + best, kept + best + 1, (--kept_count - best) * sizeof kept[0]);
  }
  used_bytes += *size;
  if (used_bytes > most_used) most_used = used_bytes;
  if (!memory) {
    while (kept_count > 0 && used_bytes + kept_bytes > most_used + SPARE) give_back(0);
    memory = ck_map_pages(*size);
    if (memory) ck_prefer_large_pages(memory, *size);
    else used_bytes -= *size;
  }
  pthread_mutex_unlock(&kept_lock);
  return memory;
}

static void keep_large(void *memory, size_t bytes) {
  pthread_mutex_lock(&kept_lock);
  if (kept_count == FREE_BLOCKS) give_back(0);
  kept[kept_count].memory = memory;
  kept[kept_count++].bytes = bytes;
  kept_bytes += bytes;
  used_bytes -= bytes;
  pthread_mutex_unlock(&kept_lock);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EVERY_BLOCK_FROM_HEAP  // so that the sanitizer sees where blocks end
#endif
#endif

// In the word before a block: where its memory begins. A large one has its size there and the lowest bit set.
void *ck_allocate(size_t bytes) {
#ifndef EVERY_BLOCK_FROM_HEAP
  if (bytes >= LARGE) {
    size_t size;
    char *large = take_large(bytes + 64, &size);
    if (!large) return NULL;
    ((uintptr_t *)large)[6] = size;
    ((uintptr_t *)large)[7] = (uintptr_t)large | 1;
    return large + 64;
  }
#endif
  char *raw = malloc(bytes + 64);
  if (!raw) return NULL;
  char *aligned = (char *)(((uintptr_t)raw + 64) & ~(uintptr_t)63);
  ((uintptr_t *)aligned)[-1] = (uintptr_t)raw;
  return aligned;
}

void ck_deallocate(void *memory) {
  if (!memory) return;
  const uintptr_t begin = ((uintptr_t *)memory)[-1];
  if (begin & 1) {
    keep_large((void *)(begin - 1), ((uintptr_t *)memory)[-2]);
  } else {
    free((void *)begin);
  }
}
