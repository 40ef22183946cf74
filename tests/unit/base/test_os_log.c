/* tests/unit/base/test_os_log.c - the log sinks, the clocks, the kernel's randomness. */
#include "tests/support/gn_cmocka.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/os_clock.h"
#include "base/os_log.h"
#include "base/os_random.h"
#include "tests/support/json_check.h"

/* A pipe of which the read end never blocks. */
static void open_pipe(int fds[2])
{
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
}

static size_t read_pipe(int fd, char *out, size_t cap)
{
    size_t at = 0;
    ssize_t n;

    while (at < cap - 1 && (n = read(fd, out + at, cap - 1 - at)) > 0) {
        at += (size_t)n;
    }
    out[at] = '\0';
    return at;
}

static bool is_stamp(const char *s)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";

    for (size_t i = 0; form[i]; i++) {
        if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != form[i]) {
            return false;
        }
    }
    return true;
}

static void a_text_line_has_a_stamp_and_no_colours_unless_told(void **state)
{
    struct gn_os_log sink;
    struct gn_log log = {.level = GN_LOG_INFO, .sink = gn_os_log_sink, .sink_data = &sink};
    char out[4096];
    int fds[2];

    (void)state;
    open_pipe(fds);
    assert_int_equal(gn_os_log_init(&sink, fds[1], GN_OS_LOG_TEXT, false), GN_OK);
    GN_LOG(&log, GN_LOG_INFO, "node.start", GN_F_U64("port", 7));
    GN_LOG(&log, GN_LOG_DEBUG, "node.detail", GN_F_U64("port", 7));
    read_pipe(fds[0], out, sizeof out);
    assert_true(is_stamp(out));
    assert_string_equal(out + 24, " info node.start port=7\n");
    gn_os_log_fini(&sink);
    close(fds[0]);
    close(fds[1]);
}

static void colours_surround_the_level_only(void **state)
{
    static const struct {
        enum gn_log_level level;
        const char *rest;
    } cases[] = {
        {GN_LOG_ERROR, " \033[31merror\033[0m e n=1\n"},
        {GN_LOG_WARN, " \033[33mwarn\033[0m e n=1\n"},
        {GN_LOG_INFO, " \033[32minfo\033[0m e n=1\n"},
        {GN_LOG_DEBUG, " \033[2mdebug\033[0m e n=1\n"},
    };
    struct gn_os_log sink;
    const struct gn_field f = GN_F_U64("n", 1);
    char out[4096];
    int fds[2];

    (void)state;
    open_pipe(fds);
    assert_int_equal(gn_os_log_init(&sink, fds[1], GN_OS_LOG_TEXT, true), GN_OK);
    for (size_t i = 0; i < GN_ARRAY_LEN(cases); i++) {
        gn_os_log_sink(&sink, cases[i].level, "e", &f, 1);
        read_pipe(fds[0], out, sizeof out);
        assert_true(is_stamp(out));
        assert_string_equal(out + 24, cases[i].rest);
    }
    gn_os_log_fini(&sink);
    close(fds[0]);
    close(fds[1]);
}

static void the_longest_coloured_line_fits(void **state)
{
    static char big[2000];
    struct gn_os_log sink;
    const struct gn_field f = GN_F_STR("s", big);
    char out[4096];
    int fds[2];
    size_t len;

    (void)state;
    memset(big, 'x', sizeof big - 1);
    open_pipe(fds);
    assert_int_equal(gn_os_log_init(&sink, fds[1], GN_OS_LOG_TEXT, true), GN_OK);
    gn_os_log_sink(&sink, GN_LOG_ERROR, "e", &f, 1);
    len = read_pipe(fds[0], out, sizeof out);
    assert_string_equal(out + len - 4, "...\n");
    gn_os_log_fini(&sink);
    close(fds[0]);
    close(fds[1]);
}

static void json_lines_have_no_colours_even_if_asked(void **state)
{
    struct gn_os_log sink;
    const struct gn_field f = GN_F_STR("s", "a\033[31mb");
    char out[4096];
    int fds[2];
    size_t len;

    (void)state;
    open_pipe(fds);
    assert_int_equal(gn_os_log_init(&sink, fds[1], GN_OS_LOG_JSON, true), GN_OK);
    gn_os_log_sink(&sink, GN_LOG_ERROR, "e", &f, 1);
    len = read_pipe(fds[0], out, sizeof out);
    assert_true(gn_json_check(out, len));
    assert_null(strchr(out, '\033'));
    assert_int_equal(memcmp(out, "{\"ts\":\"", 7), 0);
    assert_true(is_stamp(out + 7));
    gn_os_log_fini(&sink);
    close(fds[0]);
    close(fds[1]);
}

static void a_line_that_cannot_be_written_is_counted_and_errno_kept(void **state)
{
    struct gn_os_log sink;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    int fds[2];
    char out[256];

    (void)state;
    assert_true(full >= 0);
    open_pipe(fds);
    assert_int_equal(gn_os_log_init(&sink, full, GN_OS_LOG_TEXT, false), GN_OK);
    errno = EDOM;
    gn_os_log_sink(&sink, GN_LOG_INFO, "e", NULL, 0);
    gn_os_log_sink(&sink, GN_LOG_INFO, "e", NULL, 0);
    assert_int_equal(errno, EDOM);
    assert_int_equal(gn_os_log_lost(&sink), 2);
    gn_os_log_set_fd(&sink, fds[1]);
    gn_os_log_sink(&sink, GN_LOG_INFO, "later", NULL, 0);
    assert_int_equal(gn_os_log_lost(&sink), 2);
    assert_true(read_pipe(fds[0], out, sizeof out) > 0);
    assert_non_null(strstr(out, "info later\n"));
    gn_os_log_fini(&sink);
    close(full);
    close(fds[0]);
    close(fds[1]);
}

enum { WRITERS = 4, LINES = 200 };

static void *write_lines(void *data)
{
    struct gn_log log = {.level = GN_LOG_INFO, .sink = gn_os_log_sink, .sink_data = data};

    for (int i = 0; i < LINES; i++) {
        GN_LOG(&log, GN_LOG_INFO, "thread.line", GN_F_I64("i", i), GN_F_STR("s", "some text with blanks"));
    }
    return NULL;
}

static void lines_of_many_threads_do_not_mix_and_stamps_go_up(void **state)
{
    static char line[GN_LOG_LINE_MAX];
    FILE *f = tmpfile();
    struct gn_os_log sink;
    pthread_t threads[WRITERS];
    char last[25] = "";
    int count = 0;

    (void)state;
    assert_non_null(f);
    assert_int_equal(gn_os_log_init(&sink, fileno(f), GN_OS_LOG_JSON, false), GN_OK);
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &sink), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    rewind(f);
    while (fgets(line, sizeof line, f)) {
        assert_true(gn_json_check(line, strlen(line)));
        assert_true(strncmp(last, line + 7, 24) <= 0);
        memcpy(last, line + 7, 24);
        count++;
    }
    assert_int_equal(count, WRITERS * LINES);
    gn_os_log_fini(&sink);
    assert_int_equal(fclose(f), 0);
}

static void clocks_do_not_go_back_and_agree_with_the_system(void **state)
{
    gn_time_us last = gn_os_clock_now();
    time_t before = time(NULL);
    gn_wall_s wall = gn_os_clock_wall();
    char stamp[GN_STAMP_MAX];

    (void)state;
    for (int i = 0; i < 10000; i++) {
        gn_time_us now = gn_os_clock_now();

        assert_true(now >= last);
        last = now;
    }
    assert_true(gn_os_clock_boot() >= last);
    assert_in_range(wall, (uint64_t)before, (uint64_t)before + 60);
    assert_in_range(gn_os_clock_wall_ms() / 1000, (uint64_t)before, (uint64_t)before + 60);
    gn_os_clock_stamp(stamp);
    assert_true(is_stamp(stamp) && stamp[24] == '\0');
}

static void the_kernel_gives_other_bytes_each_time(void **state)
{
    uint8_t a[600] = {0};
    uint8_t b[600] = {0};
    unsigned bits = 0;
    struct gn_rng r;
    struct gn_rng s;

    (void)state;
    assert_int_equal(gn_os_random_fill(a, sizeof a), GN_OK);
    assert_int_equal(gn_os_random_fill(b, sizeof b), GN_OK);
    assert_memory_not_equal(a, b, sizeof a);
    for (size_t i = 0; i < sizeof a; i++) {
        for (unsigned v = a[i]; v; v &= v - 1) {
            bits++;
        }
    }
    assert_in_range(bits, 2100, 2700); /* of 4,800; eight standard deviations */
    assert_int_equal(gn_os_random_fill(NULL, 0), GN_OK);
    assert_int_equal(gn_os_random_seed(&r), GN_OK);
    assert_int_equal(gn_os_random_seed(&s), GN_OK);
    assert_true(gn_rng_u64(&r) != gn_rng_u64(&s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_line_has_a_stamp_and_no_colours_unless_told),
        cmocka_unit_test(colours_surround_the_level_only),
        cmocka_unit_test(the_longest_coloured_line_fits),
        cmocka_unit_test(json_lines_have_no_colours_even_if_asked),
        cmocka_unit_test(a_line_that_cannot_be_written_is_counted_and_errno_kept),
        cmocka_unit_test(lines_of_many_threads_do_not_mix_and_stamps_go_up),
        cmocka_unit_test(clocks_do_not_go_back_and_agree_with_the_system),
        cmocka_unit_test(the_kernel_gives_other_bytes_each_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
