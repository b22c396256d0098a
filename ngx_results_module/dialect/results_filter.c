
/*
 * The parser of filters, for text that is decoded and is valid UTF-8:
 *
 *     filter    = term [ " AND " term / " OR " term ]
 *     term      = field operator "'" value "'"
 *     operator  = "=" / "!=" / ">" / ">=" / "<" / "<=" / "~"
 *
 * A quote in a value is doubled.  There may be spaces around everything.
 */

#include <string.h>

#include "results_filter.h"


typedef struct {
    const char             *start;
    const char             *p;
    const char             *end;
    results_errors_t       *errors;
} results_filter_reader_t;


static int results_filter_term(results_filter_reader_t *rd,
    results_filter_term_t *term);
static int results_filter_operator(results_filter_reader_t *rd,
    results_operator_e *operator);
static int results_filter_value(results_filter_reader_t *rd,
    results_str_t *value);
static int results_filter_word(results_filter_reader_t *rd, const char *word);
static void results_filter_spaces(results_filter_reader_t *rd);
static int results_filter_expected(const results_filter_reader_t *rd,
    const char *what);


int
results_filter_parse(results_str_t text, results_filter_t *filter,
    results_errors_t *errors)
{
    const char               *p;
    results_filter_reader_t   rd;

    memset(filter, 0, sizeof(results_filter_t));

    rd.start = text.data;
    rd.p = text.data;
    rd.end = text.data + text.len;
    rd.errors = errors;

    for ( ;; ) {

        if (results_filter_term(&rd, &filter->terms[filter->n]) != 0) {
            return -1;
        }

        filter->n++;

        for (p = rd.p; p < rd.end && *p == ' '; p++) { /* void */ }

        if (p == rd.end) {
            return 0;
        }

        if (filter->n == RESULTS_FILTER_TERMS) {
            return results_filter_expected(&rd, "its end: there may be one "
                                                "AND or OR");
        }

        if (results_filter_word(&rd, "OR")) {
            filter->any = 1;

        } else if (!results_filter_word(&rd, "AND")) {
            return results_filter_expected(&rd, "\" AND \", \" OR \" or its "
                                                "end");
        }
    }
}


/* parses a term and moves rd->p past it */
static int
results_filter_term(results_filter_reader_t *rd, results_filter_term_t *term)
{
    results_filter_spaces(rd);

    term->field.data = rd->p;

    while (rd->p < rd->end && strchr("=!<>~' ", *rd->p) == NULL) {
        rd->p++;
    }

    term->field.len = (size_t) (rd->p - term->field.data);

    if (term->field.len == 0) {
        return results_filter_expected(rd, "a field");
    }

    results_filter_spaces(rd);

    if (results_filter_operator(rd, &term->operator) != 0) {
        return -1;
    }

    results_filter_spaces(rd);

    return results_filter_value(rd, &term->value);
}


static int
results_filter_operator(results_filter_reader_t *rd,
    results_operator_e *operator)
{
    size_t    len;
    unsigned  i;

    /* ">=" must be tried before ">" */

    static const struct {
        const char          *text;
        results_operator_e   operator;
    } operators[] = {
        { "!=", RESULTS_OPERATOR_NE },
        { ">=", RESULTS_OPERATOR_GE },
        { "<=", RESULTS_OPERATOR_LE },
        { "=",  RESULTS_OPERATOR_EQ },
        { ">",  RESULTS_OPERATOR_GT },
        { "<",  RESULTS_OPERATOR_LT },
        { "~",  RESULTS_OPERATOR_CONTAINS }
    };

    for (i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        len = strlen(operators[i].text);

        if ((size_t) (rd->end - rd->p) >= len
            && memcmp(rd->p, operators[i].text, len) == 0)
        {
            *operator = operators[i].operator;
            rd->p += len;
            return 0;
        }
    }

    return results_filter_expected(rd, "one of =, !=, >, >=, <, <=, ~");
}


static int
results_filter_value(results_filter_reader_t *rd, results_str_t *value)
{
    char  *out;

    if (rd->p == rd->end || *rd->p != '\'') {
        return results_filter_expected(rd, "a value in single quotes");
    }

    out = results_arena_alloc(rd->errors->arena, (size_t) (rd->end - rd->p));
    if (out == NULL) {
        results_errors_add(rd->errors, "filter", "out of memory");
        return -1;
    }

    value->data = out;

    for (rd->p++; rd->p < rd->end; rd->p++) {

        if (*rd->p == '\'') {
            rd->p++;

            if (rd->p == rd->end || *rd->p != '\'') {
                value->len = (size_t) (out - value->data);
                return 0;
            }
        }

        *out++ = *rd->p;
    }

    return results_filter_expected(rd, "the quote that ends the value");
}


/* 1 when the word with a space on either side is next; moves rd->p past it */
static int
results_filter_word(results_filter_reader_t *rd, const char *word)
{
    size_t       len;
    const char  *p;

    len = strlen(word);

    for (p = rd->p; p < rd->end && *p == ' '; p++) { /* void */ }

    if (p == rd->p || (size_t) (rd->end - p) <= len
        || memcmp(p, word, len) != 0 || p[len] != ' ')
    {
        return 0;
    }

    rd->p = p + len;

    return 1;
}


static void
results_filter_spaces(results_filter_reader_t *rd)
{
    while (rd->p < rd->end && *rd->p == ' ') {
        rd->p++;
    }
}


static int
results_filter_expected(const results_filter_reader_t *rd, const char *what)
{
    results_errors_add(rd->errors, "filter", "expected %s, at byte %u", what,
                       (unsigned) (rd->p - rd->start) + 1);
    return -1;
}
