// The memory of tensors. Freed memory stays with the process: a forward pass allocates the same large blocks over and
// over, and getting fresh pages from the system each time (zeroed, one fault a page) costs more than the arithmetic on them.
//
// Large blocks are cut from regions of address space, each from the lowest free range that holds it, and join their free
// neighbours when they are let go: so a pass whose blocks grow or shrink from layer to layer uses the same pages again, and
// so do the layers after a batch's logits.

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EVERY_BLOCK_FROM_HEAP  // so that the sanitizer sees where blocks end
#endif
#endif

#ifndef EVERY_BLOCK_FROM_HEAP

enum { LARGE = 1 << 20, GRAIN = 4096, SPARE = 64 << 20 };
static const size_t REGION = (size_t)4 << 30;  // of address space; pages are there once they are written

typedef struct {
  char *begin;
  size_t bytes;
  bool has_pages;  // whether some of it may have been written
} range;

// Free ranges by address. Neighbours of which one has pages and the other none stay apart.
static range *free_ranges;
static size_t free_count, free_room;
static size_t used_bytes, most_used, kept_bytes;  // in blocks now, at most so far, and in free ranges with pages
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void remove_range(size_t index) {
  memmove(free_ranges + index, free_ranges + index + 1, (--free_count - index) * sizeof(range));
}

// Whether there is room for it.
static bool insert_range(size_t index, range added) {
  if (free_count == free_room) {
    const size_t room = free_room ? 2 * free_room : 256;
    range *grown = realloc(free_ranges, room * sizeof(range));
    if (!grown) return false;
    free_ranges = grown;
    free_room = room;
  }
  memmove(free_ranges + index + 1, free_ranges + index, (free_count++ - index) * sizeof(range));
  free_ranges[index] = added;
  return true;
}

static bool touches(size_t index) {
  return index + 1 < free_count && free_ranges[index].begin + free_ranges[index].bytes == free_ranges[index + 1].begin;
}

// Joins a range with the one above it where they are of one kind.
static void join(size_t index) {
  if (!touches(index) || free_ranges[index].has_pages != free_ranges[index + 1].has_pages) return;
  free_ranges[index].bytes += free_ranges[index + 1].bytes;
  remove_range(index + 1);
}

static void put(range freed) {
  size_t low = 0, high = free_count;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (free_ranges[middle].begin < freed.begin) low = middle + 1;
    else high = middle;
  }
  if (!insert_range(low, freed)) return;  // lost until the process ends, which is near
  if (freed.has_pages) kept_bytes += freed.bytes;
  join(low);
  if (low > 0) join(low - 1);
}

// Cuts `bytes` from the beginning of a range, and of the range without pages above it where the first is too short.
static char *cut(size_t index, size_t bytes) {
  char *begin = free_ranges[index].begin;
  while (bytes > 0) {
    range *from = free_ranges + index;
    const size_t taken = from->bytes < bytes ? from->bytes : bytes;
    if (from->has_pages) kept_bytes -= taken;
    from->begin += taken;
    from->bytes -= taken;
    bytes -= taken;
    if (from->bytes == 0) remove_range(index);
  }
  return begin;
}

// Gives pages of free ranges back, the highest first, until no more is kept than a quarter of the most that was in use at
// one time, or SPARE, beyond it.
static void give_back(void) {
  const size_t spare = most_used / 4 > SPARE ? most_used / 4 : SPARE;
  for (size_t i = free_count; i-- > 0 && used_bytes + kept_bytes > most_used + spare;) {
    if (!free_ranges[i].has_pages) continue;
    ck_forget_pages(free_ranges[i].begin, free_ranges[i].bytes);
    free_ranges[i].has_pages = false;
    kept_bytes -= free_ranges[i].bytes;
    join(i);
    if (i > 0) join(i - 1);
  }
}

static char *find(size_t bytes) {
  for (size_t i = 0; i < free_count; i++) {
    const size_t above = touches(i) ? free_ranges[i + 1].bytes : 0;
    if (free_ranges[i].bytes + above >= bytes) return cut(i, bytes);
  }
  return NULL;
}

static void *take_large(size_t bytes) {
  pthread_mutex_lock(&lock);
  char *memory = find(bytes);
  if (!memory) {
    size_t size = bytes > REGION ? bytes : REGION;
    char *region = ck_map_pages(size);
    if (!region) region = ck_map_pages(size = bytes);
    if (region) {
      ck_prefer_large_pages(region, size);
      put((range){region, size, false});
      memory = find(bytes);
    }
  }
  if (memory) {
    used_bytes += bytes;
    if (used_bytes > most_used) most_used = used_bytes;
    give_back();
  }
  pthread_mutex_unlock(&lock);
  return memory;
}

static void let_go(void *memory, size_t bytes) {
  pthread_mutex_lock(&lock);
  used_bytes -= bytes;
  put((range){memory, bytes, true});
  pthread_mutex_unlock(&lock);
}

#endif

// In the word before a block: where its memory begins. A large one has its size before that and the lowest bit set.
void *ck_allocate(size_t bytes) {
  if (bytes > SIZE_MAX - (1 << 20)) return NULL;
#ifndef EVERY_BLOCK_FROM_HEAP
  if (bytes >= LARGE) {
    const size_t size = (bytes + 64 + GRAIN - 1) & ~(size_t)(GRAIN - 1);
    char *large = take_large(size);
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
#ifndef EVERY_BLOCK_FROM_HEAP
  if (begin & 1) return let_go((void *)(begin - 1), ((uintptr_t *)memory)[-2]);
#endif
  free((void *)begin);
}
