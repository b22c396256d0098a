
/*
 * The syntax of a collection's filter (OneRoster 1.2): one comparison, or two
 * joined by AND or OR.  Which fields there are, and which values they have, is
 * checked by the dialect.
 */

#ifndef RESULTS_FILTER_H
#define RESULTS_FILTER_H

#include "results_json.h"
#include "results_read.h"


#define RESULTS_FILTER_TERMS  2


typedef struct {
    results_str_t           field;     /* as it came: "student.sourcedId" */
    results_operator_e      operator;
    results_str_t           value;     /* without its quotes */
} results_filter_term_t;


typedef struct {
    results_filter_term_t   terms[RESULTS_FILTER_TERMS];
    unsigned                n;
    unsigned                any:1;     /* joined by OR */
} results_filter_t;


/*
 * Parses a filter whose percent-encoding has been decoded: 0, or -1 with an
 * error added, whose path is "filter".  Names and values point into the text or
 * into the arena of the errors.
 */
int results_filter_parse(results_str_t text, results_filter_t *filter,
    results_errors_t *errors);


#endif /* RESULTS_FILTER_H */
