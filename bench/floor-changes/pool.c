// Threads with a queue each: the newest of their own first, so that little is open at a time, then
// the oldest of the others, which leads to the most work.
#include <stdlib.h>
#include <string.h>

#include "floor.h"

struct worker* workers;

static atomic_size_t unfinished;
static atomic_uint idle;
static pthread_mutex_t idle_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;

static void wake_all(void) {
  pthread_mutex_lock(&idle_lock);
  pthread_cond_broadcast(&wake);
  pthread_mutex_unlock(&idle_lock);
}

void push(struct worker* w, struct directory* d) {
  struct queue* q = &w->queue;
  atomic_fetch_add(&unfinished, 1);
  pthread_mutex_lock(&q->lock);
  d->newer = NULL;
  d->older = q->newest;
  *(q->newest != NULL ? &q->newest->newer : &q->oldest) = d;
  q->newest = d;
  pthread_mutex_unlock(&q->lock);
  if (atomic_load(&idle) > 0) wake_all();
}

static struct directory* take(struct queue* q, bool newest) {
  pthread_mutex_lock(&q->lock);
  struct directory* d = newest ? q->newest : q->oldest;
  if (d != NULL) {
    *(d->newer != NULL ? &d->newer->older : &q->newest) = d->older;
    *(d->older != NULL ? &d->older->newer : &q->oldest) = d->newer;
  }
  pthread_mutex_unlock(&q->lock);
  return d;
}

static struct directory* find(struct worker* w) {
  struct directory* d = take(&w->queue, true);
  for (unsigned i = 1; d == NULL && i < options.threads; i++) {
    d = take(&workers[(w->number + i) % options.threads].queue, false);
  }
  return d;
}

// NULL when nothing is left to do for anybody.
static struct directory* wait_for(struct worker* w) {
  pthread_mutex_lock(&idle_lock);
  atomic_fetch_add(&idle, 1);
  struct directory* d = find(w);
  while (d == NULL && atomic_load(&unfinished) > 0) {
    pthread_cond_wait(&wake, &idle_lock);
    d = find(w);
  }
  atomic_fetch_sub(&idle, 1);
  pthread_mutex_unlock(&idle_lock);
  return d;
}

static void* run(void* argument) {
  struct worker* w = argument;
  for (;;) {
    struct directory* d = find(w);
    if (d == NULL) d = wait_for(w);
    if (d == NULL) break;
    work_on(w, d);
    if (atomic_fetch_sub(&unfinished, 1) == 1) wake_all();
  }
  flush_output(w);
  return NULL;
}

void run_all(struct directory* root) {
  workers = calloc(options.threads, sizeof *workers);
  if (workers == NULL) fail("calloc", "");
  for (unsigned i = 0; i < options.threads; i++) {
    workers[i].number = i;
    pthread_mutex_init(&workers[i].queue.lock, NULL);
  }
  push(&workers[0], root);
  pthread_t* threads = allocate(options.threads * sizeof *threads);
  for (unsigned i = 1; i < options.threads; i++) {
    if (pthread_create(&threads[i], NULL, run, &workers[i]) != 0) fail("pthread_create", "");
  }
  run(&workers[0]);
  for (unsigned i = 1; i < options.threads; i++) pthread_join(threads[i], NULL);
  free(threads);
}
