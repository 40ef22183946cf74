/* tests/support/fuzz_main.c - runs a fuzz target as an ordinary test: kept inputs first, then fixed mutations of them.
 *
 * Usage: fuzz_NAME PATH... where a path is a file or a folder of files. A path that does not exist is an empty corpus.
 * GN_FUZZ_RUNS changes the number of mutations. The order of files and the random numbers are fixed, so a failure
 * happens again; the input at fault is kept in crash-input in the working folder.
 */
#include "tests/support/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_MAX 70000 /* a little more than the largest datagram, and than the largest value */
#define CORPUS_MAX 4096
#define RUNS_DEFAULT 4000

__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

struct input {
    uint8_t *bytes;
    size_t len;
};

static struct input corpus[CORPUS_MAX];
static size_t corpus_len;
static uint8_t current[INPUT_MAX];
static size_t current_len;
static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static size_t random_below(size_t limit)
{
    return limit == 0 ? 0 : (size_t)(next_random() % limit);
}

static void keep_crash_input(int sig)
{
    FILE *f = fopen("crash-input", "wb");
    if (f != NULL) {
        (void)fwrite(current, 1, current_len, f);
        (void)fclose(f);
    }
    (void)signal(sig, SIG_DFL);
    (void)raise(sig);
}

static void run_current(void)
{
    /* an exact heap copy, so that the address sanitizer sees a read of one byte too many */
    uint8_t *exact = malloc(current_len > 0 ? current_len : 1);
    if (exact == NULL) {
        (void)fprintf(stderr, "out of memory\n");
        exit(2);
    }
    memcpy(exact, current, current_len);
    (void)LLVMFuzzerTestOneInput(exact, current_len);
    free(exact);
}

static void load_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL || corpus_len == CORPUS_MAX) {
        (void)fprintf(stderr, "%s: %s\n", path, f == NULL ? strerror(errno) : "too many inputs");
        exit(2);
    }
    struct input *in = &corpus[corpus_len++];
    in->bytes = malloc(INPUT_MAX);
    if (in->bytes == NULL) {
        exit(2);
    }
    in->len = fread(in->bytes, 1, INPUT_MAX, f);
    (void)fclose(f);
    uint8_t *smaller = realloc(in->bytes, in->len > 0 ? in->len : 1);
    in->bytes = smaller != NULL ? smaller : in->bytes;
}

static int not_hidden(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static void load_path(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        load_file(path);
        return;
    }
    struct dirent **names = NULL;
    int n = scandir(path, &names, not_hidden, alphasort);
    for (int i = 0; i < n; i++) {
        char full[4096];
        (void)snprintf(full, sizeof full, "%s/%s", path, names[i]->d_name);
        load_file(full);
        free(names[i]);
    }
    free(names);
}

/* One small change of `current`: a bit, a byte, an edge value, a cut, a repeat or a splice with another input. */
static void mutate_once(void)
{
    static const uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe, 0x20, 0xc0, 0xdf, 0xc4};
    size_t at = random_below(current_len);
    switch (random_below(7)) {
    case 0:
        current[at] ^= (uint8_t)(1u << random_below(8));
        break;
    case 1:
        current[at] = (uint8_t)next_random();
        break;
    case 2:
        current[at] = edges[random_below(sizeof edges)];
        break;
    case 3:
        current_len = at;
        break;
    case 4: {
        size_t n = random_below(current_len - at) + 1;
        if (current_len > 0 && current_len + n <= INPUT_MAX) {
            memmove(current + at + n, current + at, current_len - at);
            current_len += n;
        }
        break;
    }
    case 5:
        if (current_len < INPUT_MAX) {
            current[current_len++] = (uint8_t)next_random();
        }
        break;
    default:
        if (corpus_len > 0) {
            const struct input *other = &corpus[random_below(corpus_len)];
            size_t from = random_below(other->len);
            size_t n = random_below(other->len - from + 1);
            n = at + n <= INPUT_MAX ? n : INPUT_MAX - at;
            memcpy(current + at, other->bytes + from, n);
            current_len = at + n > current_len ? at + n : current_len;
        }
        break;
    }
}

static void make_input(void)
{
    if (corpus_len > 0 && random_below(8) != 0) {
        const struct input *in = &corpus[random_below(corpus_len)];
        memcpy(current, in->bytes, in->len);
        current_len = in->len;
    } else {
        current_len = random_below(random_below(4) == 0 ? 2048 : 64);
        for (size_t i = 0; i < current_len; i++) {
            current[i] = (uint8_t)next_random();
        }
    }
    for (size_t n = random_below(6); n > 0; n--) {
        mutate_once();
    }
}

int main(int argc, char **argv)
{
    (void)signal(SIGABRT, keep_crash_input);
    if (LLVMFuzzerInitialize(&argc, &argv) != 0) {
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        load_path(argv[i]);
    }
    run_current(); /* the empty input */
    for (size_t i = 0; i < corpus_len; i++) {
        memcpy(current, corpus[i].bytes, corpus[i].len);
        current_len = corpus[i].len;
        run_current();
    }
    const char *wanted = getenv("GN_FUZZ_RUNS");
    unsigned long runs = wanted != NULL ? strtoul(wanted, NULL, 10) : RUNS_DEFAULT;
    for (unsigned long i = 0; i < runs; i++) {
        make_input();
        run_current();
    }
    (void)printf("%zu kept inputs, %lu mutations: no finding\n", corpus_len, runs);
    for (size_t i = 0; i < corpus_len; i++) {
        free(corpus[i].bytes);
    }
    return 0;
}
