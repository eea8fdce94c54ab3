// A pool of threads that spin briefly and then sleep. One job runs at a time; its indices are
// claimed one by one through a 64-bit ticket (number of the job, next index), so a worker that
// wakes late, while the next job is being set up, finds a ticket that is not its own and touches
// nothing.

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "ck_internal.h"

enum { SPIN_NANOSECONDS = 40000, INDICES_MAX = 1 << 30 };

struct ck_pool {
  size_t workers;
  pthread_t *threads;
  pthread_mutex_t turn;  // held by the thread whose job runs

  _Atomic uint64_t ticket;  // job << 32 | next index
  _Atomic uint32_t count;
  _Atomic size_t offset;
  void (*_Atomic body)(void *, size_t);
  void *_Atomic context;
  _Atomic uint32_t unfinished;  // indices of the current job
  atomic_bool stop;

  pthread_mutex_t lock;  // for sleeping only
  pthread_cond_t wake, done;
  atomic_uint sleepers;
  atomic_bool caller_sleeps;
};

// Set while this thread runs a body: a nested call runs inline.
static _Thread_local bool inside;

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static inline void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Runs indices of job `job` until none is left.
static void work(ck_pool *pool, uint32_t job) {
  for (;;) {
    uint64_t ticket = atomic_load(&pool->ticket);
    if (ticket >> 32 != job) return;
    uint32_t index = (uint32_t)ticket;
    if (index >= atomic_load(&pool->count)) return;
    void (*body)(void *, size_t) = atomic_load(&pool->body);
    void *context = atomic_load(&pool->context);
    size_t offset = atomic_load(&pool->offset);
    // success means that the job is still the same, so what was read above belongs to it
    if (!atomic_compare_exchange_strong(&pool->ticket, &ticket, ticket + 1)) continue;
    body(context, offset + index);
    if (atomic_fetch_sub(&pool->unfinished, 1) == 1 && atomic_load(&pool->caller_sleeps)) {
      pthread_mutex_lock(&pool->lock);
      pthread_cond_signal(&pool->done);
      pthread_mutex_unlock(&pool->lock);
    }
  }
}

static bool job_is(ck_pool *pool, uint32_t job) { return atomic_load(&pool->ticket) >> 32 == job; }

// Waits until the current job is not `seen`.
static void await_job(ck_pool *pool, uint32_t seen) {
  uint64_t start = now();
  do {
    for (int i = 0; i < 16; i++) {
      if (!job_is(pool, seen)) return;
      pause_briefly();
    }
  } while (now() - start < SPIN_NANOSECONDS);
  pthread_mutex_lock(&pool->lock);
  atomic_fetch_add(&pool->sleepers, 1);
  while (job_is(pool, seen)) pthread_cond_wait(&pool->wake, &pool->lock);
  atomic_fetch_sub(&pool->sleepers, 1);
  pthread_mutex_unlock(&pool->lock);
}

static void *worker(void *argument) {
  ck_pool *pool = argument;
  uint32_t seen = 0;
  inside = true;
  for (;;) {
    await_job(pool, seen);
    // The number first: the last one is published after `stop` is set, so who reads it stops, and does not take it for work.
    seen = (uint32_t)(atomic_load(&pool->ticket) >> 32);
    if (atomic_load(&pool->stop)) return NULL;
    work(pool, seen);
  }
}

// Publishes a new job number and wakes whoever sleeps.
static uint32_t publish(ck_pool *pool) {
  uint32_t job = (uint32_t)(atomic_load(&pool->ticket) >> 32) + 1;
  atomic_store(&pool->ticket, (uint64_t)job << 32);
  if (atomic_load(&pool->sleepers) > 0) {
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
  }
  return job;
}

static void await_end(ck_pool *pool) {
  uint64_t start = now();
  do {
    for (int i = 0; i < 16; i++) {
      if (atomic_load(&pool->unfinished) == 0) return;
      pause_briefly();
    }
  } while (now() - start < SPIN_NANOSECONDS);
  pthread_mutex_lock(&pool->lock);
  atomic_store(&pool->caller_sleeps, true);
  while (atomic_load(&pool->unfinished) != 0) pthread_cond_wait(&pool->done, &pool->lock);
  atomic_store(&pool->caller_sleeps, false);
  pthread_mutex_unlock(&pool->lock);
}

void ck_pool_run(ck_pool *pool, size_t count, void (*body)(void *context, size_t index),
                 void *context) {
  if (inside || count < 2 || pool->workers == 0) {
    for (size_t i = 0; i < count; i++) body(context, i);
    return;
  }
  pthread_mutex_lock(&pool->turn);
  inside = true;
  for (size_t offset = 0; offset < count; offset += INDICES_MAX) {
    uint32_t n = count - offset < INDICES_MAX ? (uint32_t)(count - offset) : INDICES_MAX;
    atomic_store(&pool->body, body);
    atomic_store(&pool->context, context);
    atomic_store(&pool->offset, offset);
    atomic_store(&pool->unfinished, n);
    atomic_store(&pool->count, n);
    work(pool, publish(pool));
    await_end(pool);
    // nobody can claim while the next job is being described
    atomic_store(&pool->ticket, atomic_load(&pool->ticket) | UINT32_MAX);
  }
  inside = false;
  pthread_mutex_unlock(&pool->turn);
}

ck_pool *ck_pool_create(size_t threads) {
  if (threads == 0) return NULL;
  ck_pool *pool = calloc(1, sizeof *pool);
  if (!pool) return NULL;
  pool->threads = calloc(threads, sizeof *pool->threads);
  if (!pool->threads) {
    free(pool);
    return NULL;
  }
  pthread_mutex_init(&pool->turn, NULL);
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->wake, NULL);
  pthread_cond_init(&pool->done, NULL);
  for (; pool->workers + 1 < threads; pool->workers++) {
    if (pthread_create(&pool->threads[pool->workers], NULL, worker, pool)) {
      ck_pool_destroy(pool);
      return NULL;
    }
  }
  return pool;
}

void ck_pool_destroy(ck_pool *pool) {
  if (!pool) return;
  atomic_store(&pool->stop, true);
  publish(pool);
  for (size_t i = 0; i < pool->workers; i++) pthread_join(pool->threads[i], NULL);
  pthread_cond_destroy(&pool->wake);
  pthread_cond_destroy(&pool->done);
  pthread_mutex_destroy(&pool->turn);
  pthread_mutex_destroy(&pool->lock);
  free(pool->threads);
  free(pool);
}
