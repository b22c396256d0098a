
/*
 * What an event of the Educacional hub says: read and checked by the table of
 * results_educacional_fields.c, made a record by results_educacional.c.
 */

#ifndef RESULTS_EDUCACIONAL_H
#define RESULTS_EDUCACIONAL_H

#include "results_dialect.h"


#define RESULTS_EDU_CONTEXT  "http://purl.imsglobal.org/ctx/caliper/v1p2"


/* words by their index */
#define RESULTS_EDU_VIEW_EVENT  1
#define RESULTS_EDU_SUBJECT     0

/* completion, where there is none: behind the words of completionType */
#define RESULTS_EDU_NO_COMPLETION  5


/* of object.finished */
typedef enum {
    RESULTS_EDU_UNTOLD = 0,
    RESULTS_EDU_FINISHED,
    RESULTS_EDU_UNFINISHED
} results_edu_finished_e;


/* what is read of an event */
typedef struct {
    union {
        results_str_t       text;
        double              number;
        int64_t             time;
        int                 word;
    } unused;                      /* of fields that are checked only */

    results_str_t           id;        /* what the reply says */
    int                     own_id;
    int                     type;
    results_str_t           learner;
    results_str_t           item;
    results_str_t           part;
    int                     part_type;
    int64_t                 created;
    int64_t                 started;
    int64_t                 ended;
    int                     finished;
    double                  frequency;
    double                  seconds;
    double                  percent;
    int                     completion;
    results_str_t           ed_app;
    double                  score_max;
    double                  score;
} results_edu_event_t;


/*
 * Reads a body's fields into an event of zeros; texts point into the body.
 * What is wrong is added to r->errors, in the order of the page's table.
 */
void results_edu_read(results_request_t *r, results_value_t *body,
    results_edu_event_t *event);


#endif /* RESULTS_EDUCACIONAL_H */
