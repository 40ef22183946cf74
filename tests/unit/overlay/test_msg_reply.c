/* tests/unit/overlay/test_msg_reply.c - all shapes of replies: how long they are, and that they come back. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "base/check.h"
#include "overlay/msg/msg.h"
#include "tests/unit/overlay/records.h"

static uint8_t buf[GN_MSG_REPLY_MAX];
static uint8_t again[GN_MSG_REPLY_MAX];
static uint8_t big[GN_MSG_RECORD_MAX + 1];

static void sixteen_contacts_and_a_token_fit_the_sealed_reply(void **state)
{
    struct gn_msg_reply r = {.txid = UINT64_MAX, .status = GN_MSG_OK, .has_token = true}, out;
    size_t len;

    (void)state;
    for (; r.contacts_len < GN_MSG_CONTACTS_MAX; r.contacts_len++) {
        r.contacts[r.contacts_len] = test_contact((uint8_t)r.contacts_len, "192.0.2.1:4001");
    }
    assert_int_equal(gn_msg_reply_encode(buf, &len, sizeof(buf), &r), GN_OK);
    assert_int_equal(len, 16 * GN_MSG_CONTACT_V4 + GN_MSG_REPLY_FRAME);
    assert_int_equal(len, 1153);
    assert_int_equal(gn_msg_reply_decode(&out, gn_slice_of(buf, len)), GN_OK);
    assert_int_equal(out.contacts_len, 16);
    assert_memory_equal(&out.contacts[15].id, &r.contacts[15].id, 32);
    assert_true(out.has_token && out.values_len == 0 && !out.values_is_list);
}

/* All shapes of a reply: the predicted size is right, and the decoded reply has the same bytes. */
static void every_shape_of_reply_has_the_predicted_size_and_comes_back(void **state)
{
    static const size_t value_lens[] = {1, 255, 256, 1000, 65535, 65536};

    (void)state;
    for (unsigned shape = 0; shape < 4U * 4U * 2U * 8U; shape++) {
        struct gn_msg_reply r = {.txid = shape, .status = (shape & 1U) != 0 ? 200 : 3}, out;
        size_t len, len_again, v4 = shape / 2U % 4U, v6 = shape / 8U % 4U, value = shape / 64U;

        r.has_token = shape / 32U % 2U != 0;
        for (size_t i = 0; i < v4 + v6; i++) {
            r.contacts[i] = test_contact((uint8_t)i, i < v4 ? "192.0.2.1:1" : "[2001:db8::1]:1");
            r.contacts_len++;
        }
        if (value < GN_ARRAY_LEN(value_lens)) {
            r.values[0] = gn_slice_of(big, value_lens[value]);
            r.values_len = 1;
        } else if (value == 6) {
            r.values_is_list = true;
            for (; r.values_len < GN_MSG_VALUES_MAX; r.values_len++) {
                r.values[r.values_len] = gn_slice_of(big, 17 * r.values_len + 1);
            }
        }
        assert_int_equal(gn_msg_reply_encode(buf, &len, sizeof(buf), &r), GN_OK);
        assert_int_equal(gn_msg_reply_size(&r), len);
        assert_int_equal(gn_msg_reply_decode(&out, gn_slice_of(buf, len)), GN_OK);
        assert_int_equal(out.contacts_len, v4 + v6);
        assert_int_equal(out.values_len, r.values_len);
        assert_int_equal(gn_msg_reply_encode(again, &len_again, sizeof(again), &out), GN_OK);
        assert_int_equal(len, len_again);
        assert_memory_equal(buf, again, len);
    }
}

static void the_order_within_a_family_is_kept_and_v4_comes_first(void **state)
{
    struct gn_msg_reply r = {.contacts_len = 4}, out;
    size_t len;

    (void)state;
    r.contacts[0] = test_contact(1, "[2001:db8::1]:1");
    r.contacts[1] = test_contact(2, "192.0.2.2:1");
    r.contacts[2] = test_contact(3, "[2001:db8::3]:1");
    r.contacts[3] = test_contact(4, "192.0.2.4:1");
    assert_int_equal(gn_msg_reply_encode(buf, &len, sizeof(buf), &r), GN_OK);
    assert_int_equal(gn_msg_reply_decode(&out, gn_slice_of(buf, len)), GN_OK);
    assert_int_equal(out.contacts[0].id.b[0], 2);
    assert_int_equal(out.contacts[1].id.b[0], 4);
    assert_int_equal(out.contacts[2].id.b[0], 1);
    assert_int_equal(out.contacts[3].id.b[0], 3);
}

static void what_a_reply_cannot_say_is_invalid(void **state)
{
    struct gn_msg_reply r = {.contacts_len = GN_MSG_CONTACTS_MAX + 1};
    size_t len;

    (void)state;
    assert_int_equal(gn_msg_reply_encode(buf, &len, sizeof(buf), &r), GN_E_INVALID);
    r.contacts_len = 1; /* without an address */
    assert_int_equal(gn_msg_reply_encode(buf, &len, sizeof(buf), &r), GN_E_INVALID);
    r.contacts_len = 0;
    r.values_len = 2; /* two values but no list */
    assert_int_equal(gn_msg_reply_encode(buf, &len, sizeof(buf), &r), GN_E_INVALID);
    r.values_is_list = true; /* an empty record */
    assert_int_equal(gn_msg_reply_encode(buf, &len, sizeof(buf), &r), GN_E_INVALID);
    r.values_len = GN_MSG_VALUES_MAX + 1;
    assert_int_equal(gn_msg_reply_encode(buf, &len, sizeof(buf), &r), GN_E_INVALID);
    r.values_len = 1;
    r.values[0] = gn_slice_of(big, GN_MSG_RECORD_MAX + 1);
    assert_int_equal(gn_msg_reply_encode(buf, &len, sizeof(buf), &r), GN_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sixteen_contacts_and_a_token_fit_the_sealed_reply),
        cmocka_unit_test(every_shape_of_reply_has_the_predicted_size_and_comes_back),
        cmocka_unit_test(the_order_within_a_family_is_kept_and_v4_comes_first),
        cmocka_unit_test(what_a_reply_cannot_say_is_invalid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
