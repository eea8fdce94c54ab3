// Files that are mapped into memory, and what is said when one of them loses pages that are still to be read: when it is
// cut short by another process, or its disk fails, touching a lost page raises SIGBUS. There is nothing to go on with,
// so the process ends with one sentence and a status of its own instead of a crash. A handler may call next to nothing:
// it looks the address up in a table without locks, writes, and leaves.

#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "CKernels.h"

enum { MAPPINGS_MAX = 512, NAME_MAX_BYTES = 1024 };

// A slot is free while `state` is 0, being written while it is 1, and in force while it is 2.
static struct {
  atomic_int state;
  uintptr_t begin, end;
  char name[NAME_MAX_BYTES];
} mappings[MAPPINGS_MAX];

static int exit_status;

int ck_guard_mapping(const void *base, size_t count, const char *name) {
  for (int slot = 0; slot < MAPPINGS_MAX; slot++) {
    int free = 0;
    if (!atomic_compare_exchange_strong(&mappings[slot].state, &free, 1)) continue;
    mappings[slot].begin = (uintptr_t)base;
    mappings[slot].end = (uintptr_t)base + count;
    size_t length = strlen(name);
    if (length >= NAME_MAX_BYTES) length = NAME_MAX_BYTES - 1;
    for (size_t i = 0; i < length; i++) {
      unsigned char byte = (unsigned char)name[i];
      mappings[slot].name[i] = byte < 0x20 || byte == 0x7F ? '?' : (char)byte;
    }
    mappings[slot].name[length] = 0;
    atomic_store(&mappings[slot].state, 2);
    return slot;
  }
  return -1;
}

void ck_release_guard(int slot) {
  if (slot >= 0) atomic_store(&mappings[slot].state, 0);
}

static void say(const char *text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

static void lost_page(int number, siginfo_t *information, void *context) {
  (void)context;
  uintptr_t address = (uintptr_t)information->si_addr;
  for (int slot = 0; slot < MAPPINGS_MAX; slot++) {
    if (atomic_load(&mappings[slot].state) != 2) continue;
    if (address < mappings[slot].begin || address >= mappings[slot].end) continue;
    say("thetascope: ");
    say(mappings[slot].name);
    say(": the file became shorter while it was in use, or its disk fails; what was finished is "
        "kept, run again on files at rest\n");
    _exit(exit_status);
  }
  // Not of a file: the access happens again and ends the process as it would have.
  signal(number, SIG_DFL);
}

void ck_watch_mappings(int status) {
  exit_status = status;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = lost_page;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, NULL);
}
