
/*
 * Records as binary arrays: read back by a decoder of the test's own, which
 * is as strict as PostgreSQL's array_recv().
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "results_encode.h"


#define ELEMENTS_MAX  600


/* the parameters, in write_records()'s order */
enum {
    OP, INSTITUTION, KIND, ID, LEARNER, ITEM, COURSE, STATUS, SCORE,
    SCORE_MAX, COMPLETION, PROGRESS, TIME_SPENT, STARTED, COMPLETED, SCORED,
    DETAIL, HASH, CLIENT, STAMP, EXPECTED, GUARDS, ACTOR
};


typedef struct {
    uint32_t             oid;
    size_t               n;
    int                  nulls;
    int                  len[ELEMENTS_MAX];      /* -1: null */
    const unsigned char *data[ELEMENTS_MAX];
} array_t;


static array_t           array;
static results_record_t  records[ELEMENTS_MAX], *list[ELEMENTS_MAX];


static int64_t
big_endian(const unsigned char *p, int n)
{
    int       i;
    uint64_t  bits;

    /* of the sign */

    bits = (p[0] & 0x80) ? ~(uint64_t) 0 : 0;

    for (i = 0; i < n; i++) {
        bits = (bits << 8) | p[i];
    }

    return (int64_t) bits;
}


/* reads data, all of it, as one array */
static void
decode(const char *data, int len)
{
    size_t                i;
    const unsigned char  *p, *end;

    p = (const unsigned char *) data;
    end = p + len;

    assert_true(len >= 20);
    assert_int_equal(big_endian(p, 4), 1);
    array.nulls = (int) big_endian(p + 4, 4);
    assert_in_range(array.nulls, 0, 1);
    array.oid = (uint32_t) big_endian(p + 8, 4);
    array.n = (size_t) big_endian(p + 12, 4);
    assert_in_range(array.n, 0, ELEMENTS_MAX);
    assert_int_equal(big_endian(p + 16, 4), 1);

    p += 20;

    for (i = 0; i < array.n; i++) {
        assert_true(end - p >= 4);
        array.len[i] = (int) big_endian(p, 4);
        array.data[i] = p += 4;

        if (array.len[i] == -1) {
            assert_true(array.nulls);
            continue;
        }

        assert_in_range(array.len[i], 0, end - p);
        p += array.len[i];
    }

    assert_ptr_equal(p, end);
}


static void
column(const results_params_t *params, int i)
{
    assert_non_null(params->value[i]);
    decode(params->value[i], params->length[i]);
}


static void
assert_null_at(size_t i)
{
    assert_int_equal(array.len[i], -1);
}


static void
assert_number_at(size_t i, int size, int64_t value)
{
    assert_int_equal(array.len[i], size);
    assert_true(big_endian(array.data[i], size) == value);
}


static void
assert_double_at(size_t i, double value)
{
    double   d;
    int64_t  bits;

    assert_int_equal(array.len[i], 8);
    bits = big_endian(array.data[i], 8);
    memcpy(&d, &bits, sizeof(d));
    assert_memory_equal(&d, &value, sizeof(d));
}


static void
assert_text_at(size_t i, const char *text, size_t len)
{
    assert_int_equal(array.len[i], len);
    assert_memory_equal(array.data[i], text, len);
}


static void
prepare(size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        results_record_init(&records[i]);
        records[i].institution_id = 7;
        records[i].kind = RESULTS_KIND_RESULT;
        records[i].id = results_str("id");
        records[i].stamp = RESULTS_TIME_PG_EPOCH;
        list[i] = &records[i];
    }
}


static void
give_all_values(results_record_t *r)
{
    r->institution_id = INT32_MAX;
    r->kind = RESULTS_KIND_MODULE_RESULT;
    r->id = results_str("a\xc3\xa9");
    r->op = RESULTS_OP_REPLACE;
    r->learner_id = results_str("learner");
    r->item_id = results_str("");
    r->course_id = (results_str_t) results_string("course");
    r->status = RESULTS_STATUS_TOBEDELETED;
    r->score = 85.5;
    r->score_max = -0.0;
    r->completion = RESULTS_COMPLETION_DECLINED;
    r->progress = 1e300;
    r->time_spent = -3;
    r->started_at = INT64_C(1699335116123456);
    r->completed_at = RESULTS_TIME_MIN;
    r->scored_at = RESULTS_TIME_MAX;
    r->detail = results_str("{\"a\":1}");
    r->payload_hash = INT64_C(-81985529216486896);
    r->client_id = 12;
    r->stamp = 0;
    r->expected = 3;
    r->guards = RESULTS_GUARD_STRICT_REFERENCES
                | RESULTS_GUARD_STUDENT_OR_CENTER;
    r->actor_id = results_str("actor");
}


static void
values_are_encoded(void **state)
{
    results_params_t  params;

    (void) state;

    prepare(1);
    give_all_values(list[0]);

    memset(&params, 0, sizeof(params));
    assert_int_equal(results_encode_records(&params, list, 1), 0);

    column(&params, OP);
    assert_int_equal(array.oid, 21);
    assert_int_equal(array.n, 1);
    assert_int_equal(array.nulls, 0);
    assert_number_at(0, 2, 4);

    column(&params, INSTITUTION);
    assert_int_equal(array.oid, 23);
    assert_number_at(0, 4, INT32_MAX);

    column(&params, KIND);
    assert_number_at(0, 2, 5);

    column(&params, ID);
    assert_int_equal(array.oid, 25);
    assert_text_at(0, "a\xc3\xa9", 3);

    column(&params, LEARNER);
    assert_text_at(0, "learner", 7);

    column(&params, ITEM);
    assert_text_at(0, "", 0);

    column(&params, COURSE);
    assert_text_at(0, "course", 6);

    column(&params, STATUS);
    assert_number_at(0, 2, 2);

    column(&params, SCORE);
    assert_int_equal(array.oid, 701);
    assert_double_at(0, 85.5);

    column(&params, SCORE_MAX);
    assert_double_at(0, -0.0);

    column(&params, COMPLETION);
    assert_number_at(0, 2, 9);

    column(&params, PROGRESS);
    assert_double_at(0, 1e300);

    column(&params, TIME_SPENT);
    assert_number_at(0, 4, -3);

    column(&params, STARTED);
    assert_int_equal(array.oid, 1184);
    assert_number_at(0, 8, INT64_C(752650316123456));

    column(&params, COMPLETED);
    assert_number_at(0, 8, RESULTS_TIME_MIN - RESULTS_TIME_PG_EPOCH);

    column(&params, SCORED);
    assert_number_at(0, 8, RESULTS_TIME_MAX - RESULTS_TIME_PG_EPOCH);

    column(&params, DETAIL);
    assert_int_equal(array.oid, 114);
    assert_text_at(0, "{\"a\":1}", 7);

    column(&params, HASH);
    assert_int_equal(array.oid, 20);
    assert_number_at(0, 8, INT64_C(-81985529216486896));

    column(&params, CLIENT);
    assert_number_at(0, 4, 12);

    column(&params, STAMP);
    assert_number_at(0, 8, -RESULTS_TIME_PG_EPOCH);

    column(&params, EXPECTED);
    assert_number_at(0, 4, 3);

    column(&params, GUARDS);
    assert_number_at(0, 2, 3);

    column(&params, ACTOR);
    assert_text_at(0, "actor", 5);

    results_params_free(&params);
}


static void
a_column_without_values_is_null(void **state)
{
    size_t            i;
    results_params_t  params;

    static const int  nullable[] = {
        LEARNER, ITEM, COURSE, SCORE, SCORE_MAX, COMPLETION, PROGRESS,
        TIME_SPENT, STARTED, COMPLETED, SCORED, DETAIL, EXPECTED, GUARDS, ACTOR
    };

    (void) state;

    prepare(2);

    /* only REPLACE expects one */

    list[0]->expected = 5;

    memset(&params, 0, sizeof(params));
    assert_int_equal(results_encode_records(&params, list, 2), 0);

    for (i = 0; i < sizeof(nullable) / sizeof(nullable[0]); i++) {
        assert_null(params.value[nullable[i]]);
        assert_int_equal(params.length[nullable[i]], 0);
    }

    column(&params, HASH);
    assert_number_at(0, 8, 0);

    results_params_free(&params);
}


static void
nulls_stand_among_values(void **state)
{
    size_t            i;
    results_params_t  params;

    (void) state;

    prepare(3);

    list[1]->score = 0;
    list[1]->learner_id = results_str("l");
    list[1]->time_spent = 0;
    list[1]->scored_at = 0;
    list[1]->completion = RESULTS_COMPLETION_NOT_STARTED;
    list[1]->op = RESULTS_OP_REPLACE;
    list[1]->detail = results_str("{}");
    list[1]->guards = RESULTS_GUARD_STRICT_REFERENCES;

    memset(&params, 0, sizeof(params));
    assert_int_equal(results_encode_records(&params, list, 3), 0);

    for (i = 0; i < 3; i += 2) {
        column(&params, SCORE);
        assert_null_at(i);
        column(&params, LEARNER);
        assert_null_at(i);
        column(&params, TIME_SPENT);
        assert_null_at(i);
        column(&params, SCORED);
        assert_null_at(i);
        column(&params, COMPLETION);
        assert_null_at(i);
        column(&params, EXPECTED);
        assert_null_at(i);
        column(&params, DETAIL);
        assert_null_at(i);
        column(&params, GUARDS);
        assert_null_at(i);
        assert_int_equal(array.nulls, 1);
        assert_int_equal(array.n, 3);
    }

    column(&params, SCORE);
    assert_double_at(1, 0);
    column(&params, LEARNER);
    assert_text_at(1, "l", 1);
    column(&params, TIME_SPENT);
    assert_number_at(1, 4, 0);
    column(&params, SCORED);
    assert_number_at(1, 8, -RESULTS_TIME_PG_EPOCH);
    column(&params, COMPLETION);
    assert_number_at(1, 2, 1);
    column(&params, EXPECTED);
    assert_number_at(1, 4, 0);
    column(&params, DETAIL);
    assert_text_at(1, "{}", 2);
    column(&params, GUARDS);
    assert_number_at(1, 2, 1);

    results_params_free(&params);
}


static void
parameters_are_used_again(void **state)
{
    char              ids[ELEMENTS_MAX][8];
    size_t            i, k, n;
    results_params_t  params;

    static const size_t  sizes[] = { 1, ELEMENTS_MAX, 3, 512 };

    (void) state;

    memset(&params, 0, sizeof(params));

    for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        n = sizes[k];
        prepare(n);

        for (i = 0; i < n; i++) {
            memset(ids[i], 'a' + (int) (i % 26), i % 8);
            records[i].id.data = ids[i];
            records[i].id.len = i % 8;
            records[i].client_id = (int32_t) i;
        }

        assert_int_equal(results_encode_records(&params, list, n), 0);

        for (i = 0; i < RESULTS_WRITE_NPARAMS; i++) {
            if (params.value[i]) {
                column(&params, (int) i);
                assert_int_equal(array.n, n);
            }
        }

        column(&params, ID);

        for (i = 0; i < n; i++) {
            assert_text_at(i, ids[i], i % 8);
        }

        column(&params, CLIENT);

        for (i = 0; i < n; i++) {
            assert_number_at(i, 4, (int64_t) i);
        }
    }

    results_params_free(&params);
    assert_null(params.buf.data);
}


/* and the one text is not read for it */
static void
a_gigabyte_is_refused(void **state)
{
    results_params_t  params;

    (void) state;

    memset(&params, 0, sizeof(params));
    prepare(2);

    list[0]->detail.len = (size_t) 1 << 30;
    list[0]->detail.data = "";
    assert_int_equal(results_encode_records(&params, list, 2), -1);

    /* in columns that are small each */

    list[0]->detail.len = (size_t) 1 << 29;
    list[0]->learner_id = list[0]->detail;
    assert_int_equal(results_encode_records(&params, list, 2), -1);

    prepare(1);
    assert_int_equal(results_encode_records(&params, list, 1), 0);

    results_params_free(&params);
}


static void
types_fit_the_elements(void **state)
{
    size_t            i, k;
    results_params_t  params;

    /* element, array: PostgreSQL's pg_type.dat */
    static const uint32_t  oids[][2] = {
        { 20, 1016 }, { 21, 1005 }, { 23, 1007 }, { 25, 1009 },
        { 701, 1022 }, { 1184, 1185 }, { 114, 199 }
    };

    (void) state;

    memset(&params, 0, sizeof(params));
    prepare(1);
    give_all_values(list[0]);
    assert_int_equal(results_encode_records(&params, list, 1), 0);

    for (i = 0; i < RESULTS_WRITE_NPARAMS; i++) {
        column(&params, (int) i);

        for (k = 0; oids[k][0] != array.oid; k++) {
            assert_true(k + 1 < sizeof(oids) / sizeof(oids[0]));
        }

        assert_int_equal(results_write_types[i], oids[k][1]);
    }

    results_params_free(&params);
}


static void
digests_are_encoded(void **state)
{
    unsigned char         a[32], b[32];
    results_buf_t         buf;
    const unsigned char  *digests[2];

    (void) state;

    memset(a, 0, sizeof(a));
    memset(b, 0xff, sizeof(b));
    digests[0] = a;
    digests[1] = b;

    memset(&buf, 0, sizeof(buf));
    results_buf_puts(&buf, "before");
    results_encode_digests(&buf, digests, 2);

    assert_memory_equal(buf.data, "before", 6);
    decode(buf.data + 6, (int) buf.len - 6);

    assert_int_equal(array.oid, 17);
    assert_int_equal(array.n, 2);
    assert_int_equal(array.nulls, 0);
    assert_text_at(0, (char *) a, 32);
    assert_text_at(1, (char *) b, 32);

    results_buf_free(&buf);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(values_are_encoded),
        cmocka_unit_test(a_column_without_values_is_null),
        cmocka_unit_test(nulls_stand_among_values),
        cmocka_unit_test(parameters_are_used_again),
        cmocka_unit_test(a_gigabyte_is_refused),
        cmocka_unit_test(types_fit_the_elements),
        cmocka_unit_test(digests_are_encoded)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
