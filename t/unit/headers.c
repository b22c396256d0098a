
/*
 * Headers that dialects decide by: Idempotency-Key and the ids made of it,
 * Accept.
 */

#include "dialect_request.h"


static const char *const  types[] = {
    "application/json", "text/json", "application/xml", NULL
};


static results_str_t
key_id(test_request_t *t, const char *key, const char *route, unsigned n)
{
    t->r.idempotency_key = results_str(key);
    t->r.repeatable = 0;

    return results_idempotency_id(&t->r, route, n);
}


static void
test_keys(void **state)
{
    unsigned        i;
    char            longest[256], longer[257];
    test_request_t  t;

    static const struct {
        const char  *key;
        size_t       len;
        int          rc;
    } keys[] = {
        { "a", 1, 0 },
        { "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", 38, 0 },
        { "!~", 2, 0 },
        { "", 0, -1 },
        { " ", 1, -1 },
        { "a b", 3, -1 },
        { "a, b", 4, -1 },
        { "a\tb", 3, -1 },
        { "a\x7f", 2, -1 },
        { "\xc3\xa9", 2, -1 },
        { "a\0b", 3, -1 }
    };

    (void) state;

    request_start(&t, RESULTS_METHOD_POST, "");
    assert_int_equal(results_check_idempotency_key(&t.r), 0);

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        t.r.idempotency_key.data = keys[i].key;
        t.r.idempotency_key.len = keys[i].len;
        t.r.failure.status = 0;

        assert_int_equal(results_check_idempotency_key(&t.r), keys[i].rc);
        assert_int_equal(t.r.failure.status, keys[i].rc ? 400 : 0);
    }

    memset(longest, 'x', 255);
    memset(longer, 'x', 256);
    longest[255] = longer[256] = '\0';

    t.r.idempotency_key = results_str(longest);
    assert_int_equal(results_check_idempotency_key(&t.r), 0);

    t.r.idempotency_key = results_str(longer);
    assert_int_equal(results_check_idempotency_key(&t.r), -1);

    /* other methods have no use for one */
    t.r.method = RESULTS_METHOD_PUT;
    assert_int_equal(results_check_idempotency_key(&t.r), 0);

    request_end(&t);
}


static void
test_ids(void **state)
{
    unsigned        i, k;
    results_str_t   ids[9];
    test_request_t  t;

    (void) state;

    request_start(&t, RESULTS_METHOD_POST, "");

    ids[0] = key_id(&t, "key", "route", 0);
    assert_int_equal(t.r.repeatable, 1);

    /* the same again is the same */
    assert_true(results_str_eq(ids[0], key_id(&t, "key", "route", 0)));
    assert_int_equal(ids[0].len, 36);
    assert_int_equal(ids[0].data[14], '8');

    ids[1] = key_id(&t, "Key", "route", 0);
    ids[2] = key_id(&t, "key", "Route", 0);
    ids[3] = key_id(&t, "key", "route", 1);

    t.principal.client_id++;
    ids[4] = key_id(&t, "key", "route", 0);
    t.principal.client_id--;

    t.principal.institution_id++;
    ids[5] = key_id(&t, "key", "route", 0);
    t.principal.institution_id--;

    memcpy(t.principal.person, "p1", 2);
    t.principal.person_len = 2;
    ids[6] = key_id(&t, "key", "route", 0);

    /* no key: a new one each time */
    ids[7] = key_id(&t, NULL, "route", 0);
    assert_int_equal(t.r.repeatable, 0);
    ids[8] = key_id(&t, NULL, "route", 0);
    assert_int_equal(ids[8].data[14], '7');

    for (i = 0; i < 9; i++) {
        for (k = 0; k < i; k++) {
            assert_false(results_str_eq(ids[i], ids[k]));
        }
    }

    request_end(&t);
}


static void
test_accept(void **state)
{
    unsigned       i;
    results_str_t  accept;

    static const struct {
        const char  *accept;
        int          best;
    } headers[] = {
        { NULL, 0 },
        { "", 0 },
        { " \t", 0 },
        { ",", -1 },
        { "*/*", 0 },
        { "text/json", 1 },
        { "TEXT/JSON", 1 },
        { "text/*", 1 },
        { "text/html", -1 },
        { "text/html, */*;q=0.1", 0 },
        { "text/json, application/json", 1 },
        { "application/json, text/json", 0 },
        { "text/json;q=0.5, application/json;q=0.501", 0 },
        { "text/json;q=0.51, application/json;q=0.501", 1 },
        { "text/json;q=1.0, application/json;q=0.999", 1 },
        { "text/json ; Q=0.2 , application/json;q=0.1", 1 },
        { "application/xml;q=0.9, */*;q=0.8", 2 },
        { "*/*;q=0.9, application/json;q=0.1", 1 },
        { "application/*;q=0.3, text/json;q=0.2", 0 },
        { "application/json;q=0", -1 },
        { "application/json;q=0, */*", 1 },
        { "application/json;v=\"a,b;q=0\", text/json", 0 },
        { "application/json;q=", 0 },
        { ",,text/json,,", 1 },
        { ";;;", -1 },
        { "*", -1 },
        { "application", -1 }
    };

    (void) state;

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        accept = results_str(headers[i].accept);

        if (results_accept(accept, types) != headers[i].best) {
            fail_msg("\"%s\" is taken for %d, not %d", headers[i].accept,
                     results_accept(accept, types), headers[i].best);
        }
    }
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_accept)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
