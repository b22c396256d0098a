
/*
 * The record's empty form, its order, its words; the roles.
 */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "results_principal.h"
#include "results_record.h"


static void
a_new_record_has_no_values(void **state)
{
    results_record_t  r;

    (void) state;

    memset(&r, 0xa5, sizeof(r));
    results_record_init(&r);

    assert_int_equal(r.op, RESULTS_OP_PUT);
    assert_int_equal(r.status, RESULTS_STATUS_ACTIVE);
    assert_int_equal(r.outcome, RESULTS_OUTCOME_NONE);
    assert_int_equal(r.completion, RESULTS_COMPLETION_NULL);
    assert_int_equal(r.guards, 0);

    assert_null(r.id.data);
    assert_null(r.learner_id.data);
    assert_null(r.item_id.data);
    assert_null(r.course_id.data);
    assert_null(r.actor_id.data);
    assert_null(r.detail.data);

    assert_true(isnan(r.score));
    assert_true(isnan(r.score_max));
    assert_true(isnan(r.progress));
    assert_int_equal(r.time_spent, RESULTS_INT_NULL);

    assert_true(r.started_at == RESULTS_TIME_NULL);
    assert_true(r.completed_at == RESULTS_TIME_NULL);
    assert_true(r.scored_at == RESULTS_TIME_NULL);
}


static void
records_are_ordered_as_the_primary_key(void **state)
{
    int               rc;
    size_t            i, k;
    results_record_t  a, b;

    /* ascending */
    static const struct {
        int32_t         institution_id;
        results_kind_e  kind;
        const char     *id;
    } keys[] = {
        { -1, RESULTS_KIND_MODULE_RESULT, "z" },
        { 1, RESULTS_KIND_RESULT, "" },
        { 1, RESULTS_KIND_LEARNING_EVENT, "A" },
        { 1, RESULTS_KIND_RESULT, "a" },
        { 1, RESULTS_KIND_MODULE_RESULT, "a-b" },
        { 1, RESULTS_KIND_RESULT, "aa" },
        { 1, RESULTS_KIND_RESULT, "b" },
        { 1, RESULTS_KIND_RESULT, "\xc3\xa4" },
        { 1, RESULTS_KIND_ASSESSMENT_RESULT, "A" },
        { 2, RESULTS_KIND_RESULT, "A" },
        { INT32_MAX, RESULTS_KIND_RESULT, "" }
    };

    (void) state;

    results_record_init(&a);
    results_record_init(&b);

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        for (k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
            a.institution_id = keys[i].institution_id;
            a.kind = keys[i].kind;
            a.id = results_str(keys[i].id);

            b.institution_id = keys[k].institution_id;
            b.kind = keys[k].kind;
            b.id = results_str(keys[k].id);

            rc = results_record_compare(&a, &b);

            assert_int_equal((rc > 0) - (rc < 0), (i > k) - (i < k));
        }
    }
}


static void
every_number_has_its_word(void **state)
{
    (void) state;

    assert_string_equal(results_kind_name(RESULTS_KIND_RESULT), "result");
    assert_string_equal(results_kind_name(RESULTS_KIND_ASSESSMENT_RESULT),
                        "assessment_result");
    assert_string_equal(results_kind_name(RESULTS_KIND_CONTENT_ITEM_RESULT),
                        "content_item_result");
    assert_string_equal(results_kind_name(RESULTS_KIND_LEARNING_EVENT),
                        "learning_event");
    assert_string_equal(results_kind_name(RESULTS_KIND_MODULE_RESULT),
                        "module_result");

    assert_string_equal(
        results_completion_name(RESULTS_COMPLETION_NOT_STARTED),
        "not_started");
    assert_string_equal(
        results_completion_name(RESULTS_COMPLETION_COMPLETE), "complete");
    assert_string_equal(
        results_completion_name(RESULTS_COMPLETION_ACCEPTED), "accepted");
    assert_string_equal(
        results_completion_name(RESULTS_COMPLETION_DECLINED), "declined");

    assert_string_equal(results_outcome_name(RESULTS_OUTCOME_CREATED),
                        "created");
    assert_string_equal(results_outcome_name(RESULTS_OUTCOME_REPLAYED),
                        "replayed");
    assert_string_equal(results_outcome_name(RESULTS_OUTCOME_FORBIDDEN),
                        "forbidden");
    assert_string_equal(
        results_outcome_name(RESULTS_OUTCOME_PRECONDITION_FAILED),
        "precondition_failed");
}


static void
other_numbers_have_none(void **state)
{
    (void) state;

    assert_null(results_kind_name((results_kind_e) 0));
    assert_null(results_kind_name((results_kind_e) 6));
    assert_null(results_kind_name((results_kind_e) -1));
    assert_null(results_completion_name(RESULTS_COMPLETION_NULL));
    assert_null(results_completion_name((results_completion_e) 10));
    assert_null(results_outcome_name(RESULTS_OUTCOME_NONE));
    assert_null(results_outcome_name((results_outcome_e) 12));
}


static void
roles_have_exact_names(void **state)
{
    (void) state;

    assert_int_equal(results_role_parse(results_str("student")),
                     RESULTS_ROLE_STUDENT);
    assert_int_equal(results_role_parse(results_str("staff")),
                     RESULTS_ROLE_STAFF);
    assert_int_equal(results_role_parse(results_str("prospect_with_trial")),
                     RESULTS_ROLE_PROSPECT_WITH_TRIAL);
    assert_int_equal(results_role_parse(results_str("account_owner")),
                     RESULTS_ROLE_ACCOUNT_OWNER);
    assert_int_equal(results_role_parse(results_str("account_admin")),
                     RESULTS_ROLE_ACCOUNT_ADMIN);
    assert_int_equal(results_role_parse(results_str("department_admin")),
                     RESULTS_ROLE_DEPARTMENT_ADMIN);
    assert_int_equal(results_role_parse(results_str("custom")),
                     RESULTS_ROLE_CUSTOM);

    assert_int_equal(results_role_parse(results_str("Student")),
                     RESULTS_ROLE_NONE);
    assert_int_equal(results_role_parse(results_str("students")),
                     RESULTS_ROLE_NONE);
    assert_int_equal(results_role_parse(results_str("")), RESULTS_ROLE_NONE);
    assert_int_equal(results_role_parse(results_str(NULL)),
                     RESULTS_ROLE_NONE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_new_record_has_no_values),
        cmocka_unit_test(records_are_ordered_as_the_primary_key),
        cmocka_unit_test(every_number_has_its_word),
        cmocka_unit_test(other_numbers_have_none),
        cmocka_unit_test(roles_have_exact_names)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
