
/*
 * A page of a collection.  Shared by the three files that serve collections:
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
    results_oneroster_model_t   model;      /* the route's, with the fields that
                                               the parameter `fields` selects */
    unsigned                    flags;      /* RESULTS_ONEROSTER_ */

    int64_t                     limit;      /* the most objects of this page */
    int64_t                     offset;     /* objects before it */

    results_oneroster_links_t   links;
    int64_t                     total;      /* objects of the collection that
                                               match; -1: no row has come */
    unsigned                    more:1;     /* an object has been written */
} results_oneroster_page_t;


/* the ids in the path that limit a collection; each may have no value */
typedef struct {
    results_str_t               course;
    results_str_t               learner;
    results_str_t               item;
} results_oneroster_owner_t;


/* what read_records() filters and sorts by for a field */
typedef struct {
    results_field_e             field;
    results_str_t               path;       /* in detail, as
                                               "scoreScale.sourcedId"; no value
                                               for a column */
} results_oneroster_place_t;


/*
 * A filter as parameters of read_records(), of each one element for a term.
 * Which of texts, numbers, lows and highs counts depends on the field.
 */
typedef struct {
    int                         fields[RESULTS_FILTER_TERMS];
    int                         operators[RESULTS_FILTER_TERMS];
    results_str_t               paths[RESULTS_FILTER_TERMS];
    results_str_t               texts[RESULTS_FILTER_TERMS];
    results_str_t               numbers[RESULTS_FILTER_TERMS];
    int64_t                     lows[RESULTS_FILTER_TERMS];
    int64_t                     highs[RESULTS_FILTER_TERMS];
    unsigned                    n;
    unsigned                    any:1;      /* joined by OR, else by AND */
    unsigned                    deleted:1;  /* it is about status or
                                               dateLastModified: tobedeleted
                                               records are shown, too */
} results_oneroster_terms_t;


/*
 * Reads r->query: sets limit, offset and the selected fields of the page, whose
 * model and flags the caller has set, and makes the call r->read.  0, or -1
 * with r->failure set: 400 with an error for each wrong parameter, 500.
 */
int results_oneroster_query(results_request_t *r,
    const results_oneroster_owner_t *owner, results_oneroster_page_t *page);

/* reads a filter; what is wrong with it is added to r->errors */
void results_oneroster_terms(results_request_t *r,
    const results_oneroster_page_t *page, results_str_t text,
    results_oneroster_terms_t *terms);

/*
 * The place of a field, by the name that a filter or sort has for it: 0, or -1
 * when the model has no such field
 */
int results_oneroster_place(results_request_t *r,
    const results_oneroster_page_t *page, results_str_t name,
    results_oneroster_place_t *place);


#endif /* RESULTS_ONEROSTER_COLLECTION_H */
