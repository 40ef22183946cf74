/* base/units.c - durations and sizes. */
#include "base/units.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

struct unit {
    const char *name;
    uint64_t size;
};

/* Each from the largest to the smallest. */
static const struct unit durations[] = {
    {"d", UINT64_C(86400000000)}, {"h", UINT64_C(3600000000)}, {"m", 60000000}, {"s", 1000000}, {"ms", 1000}, {"us", 1},
};
static const struct unit binary_sizes[] = {
    {"TiB", UINT64_C(1) << 40},
    {"GiB", UINT64_C(1) << 30},
    {"MiB", UINT64_C(1) << 20},
    {"KiB", UINT64_C(1) << 10},
    {"B", 1},
};
static const struct unit decimal_sizes[] = {
    {"TB", UINT64_C(1000000000000)}, {"GB", 1000000000}, {"MB", 1000000}, {"kB", 1000}, {"KB", 1000}, {"", 1},
};

static uint64_t find_unit(const struct unit *units, size_t units_len, const char *name, size_t len)
{
    for (size_t i = 0; i < units_len; i++) {
        if (strlen(units[i].name) == len && memcmp(units[i].name, name, len) == 0) {
            return units[i].size;
        }
    }
    return 0;
}

/* Reads the digits; *at is where they end. */
static enum gn_err read_number(uint64_t *out, size_t *at, const char *text, size_t len)
{
    uint64_t v = 0;
    bool over = false;
    size_t i = 0;

    for (; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
        uint64_t digit = (uint64_t)(text[i] - '0');

        over = over || v > (UINT64_MAX - digit) / 10U;
        v = over ? v : v * 10U + digit;
    }
    *out = v;
    *at = i;
    if (i == 0) {
        return GN_E_INVALID;
    }
    return over ? GN_E_LIMIT : GN_OK;
}

enum gn_err gn_units_parse_duration(gn_time_us *out, const char *text, size_t len)
{
    uint64_t number;
    uint64_t unit;
    size_t at;
    enum gn_err err = read_number(&number, &at, text, len);

    if (err == GN_E_INVALID) {
        return err;
    }
    unit = find_unit(durations, GN_ARRAY_LEN(durations), text + at, len - at);
    if (unit == 0 && at == len && err == GN_OK && number == 0) {
        unit = 1;
    }
    if (unit == 0) {
        return GN_E_INVALID;
    }
    if (err || number > (GN_TIME_NEVER - 1U) / unit) {
        return GN_E_LIMIT;
    }
    *out = number * unit;
    return GN_OK;
}

enum gn_err gn_units_parse_size(uint64_t *out, const char *text, size_t len)
{
    uint64_t number;
    uint64_t unit;
    size_t at;
    enum gn_err err = read_number(&number, &at, text, len);

    if (err == GN_E_INVALID) {
        return err;
    }
    unit = find_unit(binary_sizes, GN_ARRAY_LEN(binary_sizes), text + at, len - at);
    if (unit == 0) {
        unit = find_unit(decimal_sizes, GN_ARRAY_LEN(decimal_sizes), text + at, len - at);
    }
    if (unit == 0) {
        return GN_E_INVALID;
    }
    if (err || number > UINT64_MAX / unit) {
        return GN_E_LIMIT;
    }
    *out = number * unit;
    return GN_OK;
}

void gn_units_print_duration(char out[GN_UNITS_TEXT_MAX], gn_time_us d)
{
    size_t i = 0;

    if (d == 0) {
        (void)snprintf(out, GN_UNITS_TEXT_MAX, "0s");
        return;
    }
    while (d % durations[i].size != 0) {
        i++; /* ends at 1 us */
    }
    (void)snprintf(out, GN_UNITS_TEXT_MAX, "%" PRIu64 "%s", d / durations[i].size, durations[i].name);
}

void gn_units_print_size(char out[GN_UNITS_TEXT_MAX], uint64_t bytes)
{
    size_t i = 0;

    while (bytes == 0 ? i + 1U < GN_ARRAY_LEN(binary_sizes) : bytes % binary_sizes[i].size != 0) {
        i++; /* ends at 1 B */
    }
    (void)snprintf(out, GN_UNITS_TEXT_MAX, "%" PRIu64 "%s", bytes / binary_sizes[i].size, binary_sizes[i].name);
}

/* "1.5 s": one digit after the point below 10, none from there on. */
static void show(char out[GN_UNITS_TEXT_MAX], uint64_t value, const struct unit *unit)
{
    uint64_t whole = value / unit->size;
    uint64_t rest = value % unit->size;
    uint64_t tenths = whole * 10U + (rest * 10U + unit->size / 2U) / unit->size;

    if (unit->size == 1 || whole >= 10) {
        (void)snprintf(out, GN_UNITS_TEXT_MAX, "%" PRIu64 " %s", whole + (rest >= unit->size - rest), unit->name);
    } else if (tenths >= 100) {
        (void)snprintf(out, GN_UNITS_TEXT_MAX, "10 %s", unit->name);
    } else {
        (void)snprintf(out, GN_UNITS_TEXT_MAX, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10U, tenths % 10U, unit->name);
    }
}

void gn_units_show_duration(char out[GN_UNITS_TEXT_MAX], gn_time_us d)
{
    size_t i = 0;

    while (durations[i].size > 1 && d < durations[i].size) {
        i++;
    }
    if (d == GN_TIME_NEVER) {
        (void)snprintf(out, GN_UNITS_TEXT_MAX, "never");
    } else if (durations[i].size >= GN_MINUTES(1)) {
        (void)snprintf(out, GN_UNITS_TEXT_MAX, "%" PRIu64 "%s %" PRIu64 "%s", d / durations[i].size, durations[i].name,
                       d % durations[i].size / durations[i + 1U].size, durations[i + 1U].name);
    } else {
        show(out, d, &durations[i]);
    }
}

void gn_units_show_size(char out[GN_UNITS_TEXT_MAX], uint64_t bytes)
{
    size_t i = 0;

    while (binary_sizes[i].size > 1 && bytes < binary_sizes[i].size) {
        i++;
    }
    show(out, bytes, &binary_sizes[i]);
}
