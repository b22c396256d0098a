
/*
 * A page of a collection of OneRoster: what the query parameters of a GET ask
 * for.  For the three files that serve collections:
 *
 *     results_oneroster_collection.c  routes, replies
 *     results_oneroster_query.c       the parameters, as a call of
 *                                     results_api.read_records()
 *     results_oneroster_terms.c       its part that is the filter
 */

#ifndef RESULTS_ONEROSTER_COLLECTION_H
#define RESULTS_ONEROSTER_COLLECTION_H

#include "results_filter.h"
#include "results_oneroster.h"


typedef struct {
    /* of the route; its fields are those that were selected */
    results_oneroster_model_t   model;
    unsigned                    flags;      /* of the renderer */

    int64_t                     limit;
    int64_t                     offset;

    /* set while rendering */
    results_oneroster_links_t   links;
    int64_t                     total;      /* -1: no row has come */
    unsigned                    more:1;     /* an object has been written */
} results_oneroster_page_t;


/* whose results: ids of the path; no value where it names none */
typedef struct {
    results_str_t               course;
    results_str_t               learner;
    results_str_t               item;
} results_oneroster_owner_t;


/* a field, as read_records() knows it */
typedef struct {
    results_field_e             field;
    results_str_t               path;       /* into detail, or no value */
} results_oneroster_place_t;


/* a filter as parameters of read_records(), one of each for a term */
typedef struct {
    int                         fields[RESULTS_FILTER_TERMS];
    int                         operators[RESULTS_FILTER_TERMS];
    results_str_t               paths[RESULTS_FILTER_TERMS];
    results_str_t               texts[RESULTS_FILTER_TERMS];
    results_str_t               numbers[RESULTS_FILTER_TERMS];
    int64_t                     lows[RESULTS_FILTER_TERMS];
    int64_t                     highs[RESULTS_FILTER_TERMS];
    unsigned                    n;
    unsigned                    any:1;      /* joined by OR */
    unsigned                    deleted:1;  /* tobedeleted ones as well */
} results_oneroster_terms_t;


/*
 * Reads r->query into the page, whose model and flags are set, and into the
 * call r->read.  0, or -1 with r->failure set: 400, naming every parameter
 * that is wrong.
 */
int results_oneroster_query(results_request_t *r,
    const results_oneroster_owner_t *owner, results_oneroster_page_t *page);

/*
 * Reads a filter; what is wrong with it is added to r->errors.
 */
void results_oneroster_terms(results_request_t *r,
    const results_oneroster_page_t *page, results_str_t text,
    results_oneroster_terms_t *terms);

/* a field by the name a filter or sort has for it; -1: there is none */
int results_oneroster_place(results_request_t *r,
    const results_oneroster_page_t *page, results_str_t name,
    results_oneroster_place_t *place);


#endif /* RESULTS_ONEROSTER_COLLECTION_H */
