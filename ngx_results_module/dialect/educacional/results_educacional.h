
/*
 * An event of the Educacional hub, between the two files of the dialect:
 * results_educacional_fields.c reads and checks it, results_educacional.c makes
 * a record of it.
 */

#ifndef RESULTS_EDUCACIONAL_H
#define RESULTS_EDUCACIONAL_H

#include "results_dialect.h"


#define RESULTS_EDU_CONTEXT  "http://purl.imsglobal.org/ctx/caliper/v1p2"


/* indexes in the words of `type` and of `part_type` */
#define RESULTS_EDU_VIEW_EVENT  1
#define RESULTS_EDU_SUBJECT     0

/* `completion` of an event without completionType: the words end before it */
#define RESULTS_EDU_NO_COMPLETION  5


/* the values of `finished` */
typedef enum {
    RESULTS_EDU_UNTOLD = 0,
    RESULTS_EDU_FINISHED,
    RESULTS_EDU_UNFINISHED
} results_edu_finished_e;


/*
 * What is read from an event.  Strings have no value and numbers are NaN when
 * they are absent, times RESULTS_TIME_NULL.
 */
typedef struct {
    union {
        results_str_t       text;
        double              number;
        int64_t             time;
        int                 word;
    } unused;                      /* where fields go that are only checked */

    results_str_t           id;        /* what the reply says */
    int                     own_id;
    int                     type;
    results_str_t           learner;
    results_str_t           item;
    results_str_t           part;
    int                     part_type; /* RESULTS_EDU_SUBJECT by default */
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
 * Reads the fields of a body into an event whose bytes are zero.  Strings point
 * into the body, or into the arena.  What is wrong is added to r->errors, in
 * the order of the table in docs/api/educacional.md.
 */
void results_edu_read(results_request_t *r, results_value_t *body,
    results_edu_event_t *event);


#endif /* RESULTS_EDUCACIONAL_H */
