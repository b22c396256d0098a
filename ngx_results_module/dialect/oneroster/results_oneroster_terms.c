
/*
 * Filters of OneRoster as parameters of results_api.read_records().  A field is
 * looked up in the model's table and becomes a number; one without a column
 * also has a path in the record's detail.  Paths and values are bind
 * parameters, each value in the form in which its field is compared.
 */

#include <string.h>

#include "results_oneroster_collection.h"


#define RESULTS_OR_MILLISECOND  INT64_C(1000)
#define RESULTS_OR_DAY          INT64_C(86400000000)


static const char *results_oneroster_term(results_request_t *r,
    const results_filter_term_t *term, results_oneroster_terms_t *terms);
static const char *results_oneroster_status(const results_filter_term_t *term,
    results_oneroster_terms_t *terms);
static const char *results_oneroster_time(const results_filter_term_t *term,
    results_oneroster_terms_t *terms);
static void results_oneroster_interval(results_oneroster_terms_t *terms,
    int64_t time, int64_t unit);
static results_str_t results_oneroster_number(results_arena_t *arena,
    results_str_t value);
static int results_oneroster_place_ref(results_request_t *r,
    const results_oneroster_field_t *field, results_str_t name,
    results_oneroster_place_t *place);


void
results_oneroster_terms(results_request_t *r,
    const results_oneroster_page_t *page, results_str_t text,
    results_oneroster_terms_t *terms)
{
    unsigned                   i;
    const char                *error;
    results_str_t              name;
    results_filter_t           filter;
    results_filter_term_t     *term;
    results_oneroster_place_t  place;

    if (results_filter_parse(text, &filter, &r->errors) != 0) {
        r->failure.word = "invalid_filter_field";
        return;
    }

    terms->any = filter.any;

    for (i = 0; i < filter.n; i++) {
        term = &filter.terms[i];

        if (results_oneroster_place(r, page, term->field, &place) != 0) {
            error = "can't be filtered by, there is no such field";

        } else {
            terms->fields[i] = place.field;
            terms->paths[i] = place.path;
            error = results_oneroster_term(r, term, terms);
        }

        if (error) {
            r->failure.word = "invalid_filter_field";
            name = results_json_short_name(r->arena, term->field);
            results_errors_add(&r->errors, "filter", "%.*s: %s",
                               (int) name.len, name.data, error);
        }

        terms->n++;
    }
}


/* fills in term terms->n, whose field is set: NULL, or what is wrong with it */
static const char *
results_oneroster_term(results_request_t *r, const results_filter_term_t *term,
    results_oneroster_terms_t *terms)
{
    int        changed;
    unsigned   i;

    i = terms->n;

    terms->operators[i] = term->operator;
    terms->texts[i] = term->value;
    terms->lows[i] = RESULTS_TIME_NULL;
    terms->highs[i] = RESULTS_TIME_NULL;

    switch ((results_field_e) terms->fields[i]) {

    case RESULTS_FIELD_LEARNER:
    case RESULTS_FIELD_ITEM:
    case RESULTS_FIELD_COURSE:

        /* the columns have ids in their normal form */

        if (term->operator != RESULTS_OPERATOR_CONTAINS) {
            terms->texts[i] = results_id_normalize(r->arena, term->value,
                                                   &changed);
        }

        return NULL;

    case RESULTS_FIELD_STATUS:
        return results_oneroster_status(term, terms);

    case RESULTS_FIELD_UPDATED:
    case RESULTS_FIELD_SCORE_DATE:
        return results_oneroster_time(term, terms);

    case RESULTS_FIELD_SCORE:
    case RESULTS_FIELD_NUMBER:

        if (term->operator == RESULTS_OPERATOR_CONTAINS) {
            return "a number contains nothing";
        }

        terms->numbers[i] = results_oneroster_number(r->arena, term->value);

        return terms->numbers[i].data ? NULL : "expected a number";

    case RESULTS_FIELD_VALUE:
        terms->numbers[i] = results_oneroster_number(r->arena, term->value);
        return NULL;

    default:
        return NULL;
    }
}


static const char *
results_oneroster_status(const results_filter_term_t *term,
    results_oneroster_terms_t *terms)
{
    terms->deleted = 1;

    if (term->operator != RESULTS_OPERATOR_EQ
        && term->operator != RESULTS_OPERATOR_NE)
    {
        return "is compared by = and != only";
    }

    /* "inactive" is the word of OneRoster 1.1 */

    if (results_str_is(term->value, "inactive")) {
        terms->texts[terms->n] = results_str("tobedeleted");

    } else if (!results_str_is(term->value, "active")
               && !results_str_is(term->value, "tobedeleted"))
    {
        return "expected one of: active, tobedeleted, inactive";
    }

    return NULL;
}


/*
 * dateLastModified is compared in milliseconds, as it is shown; a date means
 * its midnight.  scoreDate is a date in the standard: a date is compared with
 * the days of scoreDates, in UTC.
 */
static const char *
results_oneroster_time(const results_filter_term_t *term,
    results_oneroster_terms_t *terms)
{
    int64_t    time, unit;
    unsigned   i;

    i = terms->n;

    if (term->operator == RESULTS_OPERATOR_CONTAINS) {
        return "a date contains nothing";
    }

    if (results_time_parse(term->value, RESULTS_TIME_DATE, &time) == 0) {
        unit = RESULTS_OR_DAY;

    } else if (results_time_parse(term->value, RESULTS_TIME_DATETIME, &time)
               == 0)
    {
        unit = 1;

    } else {
        return "expected a date or a date-time with a zone (+ is %2B in a "
               "query)";
    }

    if (terms->fields[i] == RESULTS_FIELD_UPDATED) {
        terms->deleted = 1;
        unit = RESULTS_OR_MILLISECOND;
    }

    results_oneroster_interval(terms, time, unit);

    return NULL;
}


/*
 * A comparison with a time, of times that are shown rounded down to a unit, as
 * bounds of the unrounded times: low <= time < high
 */
static void
results_oneroster_interval(results_oneroster_terms_t *terms, int64_t time,
    int64_t unit)
{
    int64_t    floor, next;
    unsigned   i;

    i = terms->n;

    floor = time - ((time % unit) + unit) % unit;
    next = (floor > RESULTS_TIME_MAX - unit) ? RESULTS_TIME_MAX : floor + unit;

    switch (terms->operators[i]) {

    case RESULTS_OPERATOR_EQ:
    case RESULTS_OPERATOR_NE:

        /* no time is shown as one between two units: the range is empty */

        terms->lows[i] = floor;
        terms->highs[i] = (time == floor) ? next : floor;
        break;

    case RESULTS_OPERATOR_GT:
        terms->operators[i] = RESULTS_OPERATOR_GE;
        terms->lows[i] = next;
        break;

    case RESULTS_OPERATOR_GE:
        terms->lows[i] = (time == floor) ? floor : next;
        break;

    case RESULTS_OPERATOR_LT:
        terms->highs[i] = (time == floor) ? floor : next;
        break;

    default: /* RESULTS_OPERATOR_LE */
        terms->operators[i] = RESULTS_OPERATOR_LT;
        terms->highs[i] = next;
    }
}


/*
 * The text of a JSON number, for a float8; no value for any other text.  A
 * number that is too small for a double becomes 0, as PostgreSQL refuses it.
 */
static results_str_t
results_oneroster_number(results_arena_t *arena, results_str_t value)
{
    results_value_t  number;

    if (results_json_number_text(value, &number) != 0) {
        return results_str(NULL);
    }

    if (results_value_number(&number) == 0) {
        return results_str("0");
    }

    return results_json_dump(arena, &number);
}


int
results_oneroster_place(results_request_t *r,
    const results_oneroster_page_t *page, results_str_t name,
    results_oneroster_place_t *place)
{
    const results_oneroster_field_t  *field;

    static const char  metadata[] = "metadata.";

    for (field = page->model.fields; field->name; field++) {

        if (field->type == RESULTS_ONEROSTER_REF) {
            if (results_oneroster_place_ref(r, field, name, place) == 0) {
                return 0;
            }

            continue;
        }

        if (field->type == RESULTS_ONEROSTER_METADATA) {
            if (name.len >= sizeof(metadata)
                && memcmp(name.data, metadata, sizeof(metadata) - 1) == 0)
            {
                place->field = RESULTS_FIELD_VALUE;
                place->path = name;
                return 0;
            }

            continue;
        }

        if (results_str_eq(name, results_str(field->name))) {
            break;
        }
    }

    place->path = results_str(NULL);

    switch (field->name ? field->type : RESULTS_ONEROSTER_OBJECTIVES) {

    case RESULTS_ONEROSTER_SOURCED_ID:
        place->field = RESULTS_FIELD_ID;
        return 0;

    case RESULTS_ONEROSTER_STATUS:
        place->field = RESULTS_FIELD_STATUS;
        return 0;

    case RESULTS_ONEROSTER_MODIFIED:
        place->field = RESULTS_FIELD_UPDATED;
        return 0;

    case RESULTS_ONEROSTER_SCORE_STATUS:
        place->field = (page->flags & RESULTS_ONEROSTER_STRICT)
                       ? RESULTS_FIELD_SCORE_STATUS : RESULTS_FIELD_SCORE_WORD;
        return 0;

    case RESULTS_ONEROSTER_SCORE_DATE:
        place->field = RESULTS_FIELD_SCORE_DATE;
        return 0;

    case RESULTS_ONEROSTER_SCORE:
        place->field = RESULTS_FIELD_SCORE;
        return 0;

    case RESULTS_ONEROSTER_NUMBER:
        place->field = RESULTS_FIELD_NUMBER;
        place->path = results_str(field->name);
        return 0;

    case RESULTS_ONEROSTER_STRING:
    case RESULTS_ONEROSTER_IN_PROGRESS:
    case RESULTS_ONEROSTER_INCOMPLETE:
    case RESULTS_ONEROSTER_FLAG:
        place->field = RESULTS_FIELD_TEXT;
        place->path = results_str(field->name);
        return 0;

    default:
        return -1;
    }
}


/* the field "student.sourcedId" or "studentSourcedId": clients send both */
static int
results_oneroster_place_ref(results_request_t *r,
    const results_oneroster_field_t *field, results_str_t name,
    results_oneroster_place_t *place)
{
    size_t         len;
    results_str_t  rest;

    len = strlen(field->name);

    if (name.len <= len || memcmp(name.data, field->name, len) != 0) {
        return -1;
    }

    rest.data = name.data + len;
    rest.len = name.len - len;

    if (!results_str_is(rest, ".sourcedId")
        && !results_str_is(rest, "SourcedId"))
    {
        return -1;
    }

    place->path = results_str(NULL);

    switch (field->column) {

    case offsetof(results_record_t, learner_id):
        place->field = RESULTS_FIELD_LEARNER;
        break;

    case offsetof(results_record_t, item_id):
        place->field = RESULTS_FIELD_ITEM;
        break;

    case offsetof(results_record_t, course_id):
        place->field = RESULTS_FIELD_COURSE;
        break;

    default:
        place->field = RESULTS_FIELD_TEXT;
        place->path = results_arena_printf(r->arena, "%s.sourcedId",
                                           field->name);
    }

    return 0;
}
