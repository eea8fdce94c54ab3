// A thread's scratch memory: grown on demand, freed when the thread ends.

#include <pthread.h>
#include <stdlib.h>

#include "ck_internal.h"

typedef struct {
  size_t size;
  void *memory;
} scratch;

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void release(void *held) {
  free(((scratch *)held)->memory);
  free(held);
}
static void create_key(void) {
  if (pthread_key_create(&key, release)) __builtin_trap();
}

void *ck_scratch(size_t bytes) {
  pthread_once(&once, create_key);
  scratch *held = pthread_getspecific(key);
  if (!held) {
    held = calloc(1, sizeof *held);
    if (!held || pthread_setspecific(key, held)) __builtin_trap();
  }
  if (held->size < bytes) {
    size_t size = (bytes + 63) / 64 * 64;
    free(held->memory);
    held->size = 0;
    if (posix_memalign(&held->memory, 64, size)) __builtin_trap();
    held->size = size;
  }
  return held->memory;
}
