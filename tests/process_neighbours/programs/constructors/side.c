#include <stdlib.h>

static int runs, early;

__attribute__((constructor)) static void construct(void) {
    runs++;
    early = getenv("CONCURRENT_FUTURES_PROCESS_WORKER") != NULL;
}

int STATE(int *was_early) {
    *was_early = early;
    return runs;
}
