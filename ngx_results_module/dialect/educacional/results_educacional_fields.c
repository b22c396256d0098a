
/*
 * The fields of an event: their types, the places where they may be, and the
 * text of errors.  The table is that of docs/api/educacional.md.
 */

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "results_educacional.h"
#include "results_uuid.h"


#define RESULTS_EDU_PLACES   4

/* a double has every integer up to this one */
#define RESULTS_EDU_INTEGER_MAX  0x1p53


typedef enum {
    RESULTS_EDU_STRING = 0,
    RESULTS_EDU_LABEL,             /* a number or a string */
    RESULTS_EDU_ID,                /* an integer or a string */
    RESULTS_EDU_URN,
    RESULTS_EDU_TIME,
    RESULTS_EDU_NUMBER,            /* this and the next three: not negative,
                                      also as a string */
    RESULTS_EDU_INTEGER,
    RESULTS_EDU_SECONDS,
    RESULTS_EDU_PERCENT,
    RESULTS_EDU_WORD,
    RESULTS_EDU_FLAG               /* a boolean, or a word in any case */
} results_edu_type_e;


typedef struct {
    /* paths: the documented one, which errors name, then others */
    const char             *places[RESULTS_EDU_PLACES];

    results_edu_type_e      type;
    unsigned                required;
    size_t                  member;    /* offset in the event; 0: unused */

    /* the documented words, which errors list; behind "|" are other ones */
    const char             *words;
} results_edu_field_t;


static results_value_t *results_edu_find(results_value_t *body,
    const results_edu_field_t *field);
static int results_edu_blank(const results_value_t *value);
static int results_edu_value(results_arena_t *arena, results_value_t *value,
    const results_edu_field_t *field, void *out);
static int results_edu_word(results_str_t text, const char *words, int *out);
static int results_edu_number(results_value_t *value, double max, double *out);


/* indexed by type: what errors say was expected; for words it is their list */
static const char *const  results_edu_expected[] = {
    "a string",
    "a string or a number",
    "an integer, or a string of 1 to 255 characters",
    "urn:uuid: and a UUID",
    "an ISO 8601 date-time as 2022-07-19T19:36:12.117Z",
    "a number, not negative",
    "an integer, not negative",
    "a number from 0 to 2147483647",
    "a number from 0 to 100"
};


#define of(name)  offsetof(results_edu_event_t, name)

static const results_edu_field_t  results_edu_fields[] = {

    { { "@context" }, RESULTS_EDU_WORD, 1, 0, RESULTS_EDU_CONTEXT },
    { { "id", "Id" }, RESULTS_EDU_URN, 1, of(id), NULL },
    { { "type" }, RESULTS_EDU_WORD, 1, of(type),
      "GradeEvent, ViewEvent, GradeViewEvent|ViewGradeEvent" },
    { { "profile" }, RESULTS_EDU_WORD, 1, 0,
      "GradingProfile, ReadingProfile, ReadingGradingProfile" },
    { { "actor.type" }, RESULTS_EDU_STRING, 1, 0, NULL },
    { { "actor.host" }, RESULTS_EDU_STRING, 1, 0, NULL },
    { { "action" }, RESULTS_EDU_WORD, 1, 0,
      "Viewed, Graded, ViewdGraded|ViewedGraded" },
    { { "object.type" }, RESULTS_EDU_WORD, 1, 0,
      "Attempt, Reading, Reading/Listen" },
    { { "object.assignee.id" }, RESULTS_EDU_URN, 1, of(learner), NULL },
    { { "object.assignee.type" }, RESULTS_EDU_WORD, 1, 0, "Person" },
    { { "object.assignable.id" }, RESULTS_EDU_ID, 1, of(item), NULL },
    { { "object.assignable.type" }, RESULTS_EDU_WORD, 1, 0,
      "Activity, Book Activity" },
    { { "object.assignable.skillCode" }, RESULTS_EDU_STRING, 1, 0, NULL },
    { { "object.dateCreated", "dateCreated" }, RESULTS_EDU_TIME, 1,
      of(created), NULL },
    { { "object.startedAtTime", "startedAtTime" }, RESULTS_EDU_TIME, 1,
      of(started), NULL },
    { { "object.totalTime", "object.duration", "totalTime", "duration" },
      RESULTS_EDU_SECONDS, 1, of(seconds), NULL },
    { { "edApp" }, RESULTS_EDU_URN, 1, of(ed_app), NULL },

    { { "object.assignable.extension.name" }, RESULTS_EDU_STRING, 0, 0, NULL },
    { { "object.assignable.extension.bookLevel" }, RESULTS_EDU_LABEL, 0, 0,
      NULL },
    { { "object.assignable.isPartOf.id" }, RESULTS_EDU_ID, 0, of(part), NULL },
    { { "object.assignable.isPartOf.name" }, RESULTS_EDU_STRING, 0, 0, NULL },
    { { "object.assignable.isPartOf.type" }, RESULTS_EDU_WORD, 0,
      of(part_type), "Subject, GroupStudy, Task" },
    { { "object.assignable.frequency_assigned", "object.frequency_assigned" },
      RESULTS_EDU_INTEGER, 0, of(frequency), NULL },
    { { "object.endedAtTime" }, RESULTS_EDU_TIME, 0, of(ended), NULL },
    { { "object.lastTime" }, RESULTS_EDU_TIME, 0, 0, NULL },
    { { "object.percentReading" }, RESULTS_EDU_PERCENT, 0, of(percent), NULL },
    { { "object.completionType" }, RESULTS_EDU_WORD, 0, of(completion),
      "SUCCESSFULL, FAILURE, ONGOING, EXTRA, CANCEL" },
    { { "object.finished" }, RESULTS_EDU_FLAG, 0, of(finished),
      "TRUE, FALSE" },
    { { "generated.type" }, RESULTS_EDU_WORD, 0, 0, "Score" },
    { { "generated.maxScore" }, RESULTS_EDU_NUMBER, 0, of(score_max), NULL },
    { { "generated.scoreGiven" }, RESULTS_EDU_NUMBER, 0, of(score), NULL },
    { { "generated.proficiencyLevel" }, RESULTS_EDU_LABEL, 0, 0, NULL },
    { { "generated.trys" }, RESULTS_EDU_INTEGER, 0, 0, NULL },

    { { NULL }, 0, 0, 0, NULL }
};


void
results_edu_read(results_request_t *r, results_value_t *body,
    results_edu_event_t *event)
{
    results_value_t            *value;
    const results_edu_field_t  *field;

    event->score = event->score_max = event->percent = NAN;
    event->frequency = NAN;
    event->started = event->ended = RESULTS_TIME_NULL;
    event->completion = RESULTS_EDU_NO_COMPLETION;

    for (field = results_edu_fields; field->places[0]; field++) {

        value = results_edu_find(body, field);

        if (value == NULL) {
            if (field->required) {
                results_errors_add(&r->errors, "", "Field %s not informed",
                                   field->places[0]);
            }

            continue;
        }

        if (results_edu_value(r->arena, value, field,
                              (char *) event + field->member)
            == 0)
        {
            continue;
        }

        if (field->words) {
            results_errors_add(&r->errors, "",
                               "Field %s invalid: expected one of %.*s",
                               field->places[0],
                               (int) strcspn(field->words, "|"),
                               field->words);
        } else {
            results_errors_add(&r->errors, "",
                               "Field %s invalid: expected %s",
                               field->places[0],
                               results_edu_expected[field->type]);
        }
    }
}


/* the value at the first place that has one; null and blank are none */
static results_value_t *
results_edu_find(results_value_t *body, const results_edu_field_t *field)
{
    int               i;
    results_value_t  *value;

    for (i = 0; i < RESULTS_EDU_PLACES && field->places[i]; i++) {

        value = results_json_at(body, field->places[i]);

        if (value && !results_value_is_null(value)
            && !results_edu_blank(value))
        {
            return value;
        }
    }

    return NULL;
}


static int
results_edu_blank(const results_value_t *value)
{
    size_t  i;

    if (!results_value_is_string(value)) {
        return 0;
    }

    for (i = 0; i < value->u.text.len; i++) {
        if (value->u.text.data[i] == '\0'
            || strchr(" \t\r\n", value->u.text.data[i]) == NULL)
        {
            return 0;
        }
    }

    return 1;
}


/* checks the type of a value and writes it to *out: 0, or -1 */
static int
results_edu_value(results_arena_t *arena, results_value_t *value,
    const results_edu_field_t *field, void *out)
{
    char            uuid[RESULTS_UUID_LEN];
    double          number;
    results_str_t   text;

    text = results_value_text(value);

    switch (field->type) {

    case RESULTS_EDU_STRING:
        return text.data ? 0 : -1;

    case RESULTS_EDU_LABEL:
        return (text.data || results_value_is_number(value)) ? 0 : -1;

    case RESULTS_EDU_ID:
        return results_json_id(arena, value, out);

    case RESULTS_EDU_URN:
        if (text.len != sizeof("urn:uuid:") - 1 + RESULTS_UUID_LEN
            || results_uuid_normalize(text, uuid) != 0)
        {
            return -1;
        }

        *(results_str_t *) out = text;
        return 0;

    case RESULTS_EDU_TIME:
        if (text.data == NULL) {
            return -1;
        }

        return results_time_parse(text, RESULTS_TIME_DATE
                                        |RESULTS_TIME_DATETIME
                                        |RESULTS_TIME_NOZONE
                                        |RESULTS_TIME_ISO, out);

    case RESULTS_EDU_NUMBER:
        return results_edu_number(value, INFINITY, out);

    case RESULTS_EDU_INTEGER:
        if (results_edu_number(value, RESULTS_EDU_INTEGER_MAX, &number) != 0
            || number != (double) (int64_t) number)
        {
            return -1;
        }

        *(double *) out = number;
        return 0;

    case RESULTS_EDU_SECONDS:
        return results_edu_number(value, INT32_MAX, out);

    case RESULTS_EDU_PERCENT:
        return results_edu_number(value, 100, out);

    case RESULTS_EDU_WORD:
        return results_edu_word(text, field->words, out);

    default: /* RESULTS_EDU_FLAG */
        if (results_value_is(value, RESULTS_VALUE_TRUE)
            || results_str_caseeq(text, results_str("TRUE")))
        {
            *(int *) out = RESULTS_EDU_FINISHED;
            return 0;
        }

        if (results_value_is(value, RESULTS_VALUE_FALSE)
            || results_str_caseeq(text, results_str("FALSE")))
        {
            *(int *) out = RESULTS_EDU_UNFINISHED;
            return 0;
        }

        return -1;
    }
}


/* the index of a text in a field's words: 0 and *out, or -1 */
static int
results_edu_word(results_str_t text, const char *words, int *out)
{
    int            i;
    results_str_t  word;

    for (i = 0; *words; i++) {
        word.data = words;
        word.len = strcspn(words, ",|");

        if (results_str_eq(word, text)) {
            *out = i;
            return 0;
        }

        words += word.len;
        words += strspn(words, ",| ");
    }

    return -1;
}


static int
results_edu_number(results_value_t *value, double max, double *out)
{
    double  number;

    if (results_json_numeric(value, &number) != 0
        || number < 0 || number > max)
    {
        return -1;
    }

    *out = number;
    return 0;
}
