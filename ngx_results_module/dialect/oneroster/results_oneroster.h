
/*
 * What the two OneRoster dialects share (formats of OneRoster 1.2 Gradebook,
 * docs/records.md): the models as tables of fields, one reader from an object
 * to a record, one renderer back, one error payload.  Only dialect files
 * include this.
 */

#ifndef RESULTS_ONEROSTER_H
#define RESULTS_ONEROSTER_H

#include "results_dialect.h"


/*
 * The letter of the 1.2 schema: words outside the closed lists, nulls and
 * unknown fields are refused on the way in and left out on the way out.
 * Without it: the Timeback dialect's latitude.
 */
#define RESULTS_ONEROSTER_STRICT  1

/*
 * An object that is stored, taken out to be put back: words that only the
 * other dialect has stay as they are.
 */
#define RESULTS_ONEROSTER_STORED  2

/* the model's fields are a selection: no others are written */
#define RESULTS_ONEROSTER_SELECTED  4


typedef enum {
    RESULTS_ONEROSTER_SOURCED_ID,
    RESULTS_ONEROSTER_STATUS,
    RESULTS_ONEROSTER_MODIFIED,        /* dateLastModified: the server's */
    RESULTS_ONEROSTER_METADATA,
    RESULTS_ONEROSTER_REF,             /* GUIDRef */
    RESULTS_ONEROSTER_SCORE_STATUS,
    RESULTS_ONEROSTER_SCORE_DATE,
    RESULTS_ONEROSTER_SCORE,
    RESULTS_ONEROSTER_NUMBER,
    RESULTS_ONEROSTER_STRING,
    RESULTS_ONEROSTER_IN_PROGRESS,     /* FLAGs that make the completion */
    RESULTS_ONEROSTER_INCOMPLETE,
    RESULTS_ONEROSTER_FLAG,            /* the string "true" or "false" */
    RESULTS_ONEROSTER_OBJECTIVES
} results_oneroster_type_e;


typedef struct {
    const char               *name;
    results_oneroster_type_e  type;
    unsigned                  required;    /* 0 or RESULTS_JSON_REQUIRED */

    /* of a REF */
    const char               *ref;         /* its `type` */
    const char               *collection;  /* where its href leads */
    unsigned                  rostering;   /* ... under rostering/ */
    size_t                    column;      /* of the record; 0: in detail */
} results_oneroster_field_t;


#define RESULTS_OR_FIELDS_MAX  32


typedef struct {
    const char                       *name;        /* of the envelope */
    const char                       *collection;  /* of the path, of a set */
    results_kind_e                    kind;
    const int                        *kinds;       /* that it shows, also of
                                                      other APIs */
    unsigned                          nkinds;
    const results_oneroster_field_t  *fields;      /* ends with a NULL name */
} results_oneroster_model_t;


extern const results_oneroster_model_t  results_oneroster_result;
extern const results_oneroster_model_t  results_oneroster_assessment_result;


/* bits in routes: results_oneroster_scopes[] by index */
#define RESULTS_OR_ASSESSMENT_READONLY   0x01
#define RESULTS_OR_ASSESSMENT_CREATEPUT  0x02
#define RESULTS_OR_ASSESSMENT_DELETE     0x04
#define RESULTS_OR_GRADEBOOK_READONLY    0x08
#define RESULTS_OR_GRADEBOOK_CORE        0x10
#define RESULTS_OR_GRADEBOOK_CREATEPUT   0x20
#define RESULTS_OR_GRADEBOOK_CREATEPOST  0x40
#define RESULTS_OR_GRADEBOOK_DELETE      0x80

/* the same under v1p1, and the two .../scope/admin */
#define RESULTS_OR_V1P1(bits)            ((bits) << 8)
#define RESULTS_OR_ADMIN                 0x30000

/* what opens a route of the Timeback dialect that these open */
#define RESULTS_OR_TIMEBACK(bits)                                             \
    ((bits)|RESULTS_OR_V1P1(bits)|RESULTS_OR_ADMIN)

extern const char *const  results_oneroster_scopes[];
extern const char *const  results_oneroster_media_types[];


/* what the route is about: the model that its path names last */
const results_oneroster_model_t *results_oneroster_route_model(
    const results_request_t *r);

/* RESULTS_ONEROSTER_STRICT or 0, by the dialect */
unsigned results_oneroster_flags(const results_request_t *r);

/* the field of that name; NULL when the model has none */
const results_oneroster_field_t *results_oneroster_field(
    const results_oneroster_model_t *model, const char *name);

/* the record's value of a REF with a column */
#define results_oneroster_column(record, field)                               \
    (*(results_str_t *) ((char *) (record) + (field)->column))


/*
 * Reads the envelope of one object: {"result": {...}}.  0, or -1 with
 * r->failure set, 400 where r->body is no JSON, 422 where it has another
 * shape.
 */
int results_oneroster_envelope(results_request_t *r,
    const results_oneroster_model_t *model, results_reader_t *object);

/*
 * Reads an object into a record that results_record_init() made: all but
 * op, guards and actor, and what results_oneroster_keep() sets.  record->id
 * is set before, and a sourcedId in the body must equal it; where it has no
 * value it is taken from the body.  What is wrong with the object is added to
 * r->errors.  -1 when there is no memory.
 */
int results_oneroster_read(results_request_t *r, results_reader_t *object,
    const results_oneroster_model_t *model, unsigned flags,
    results_record_t *record);

/*
 * An object that was read without an error: what the record keeps of it as a
 * whole, its payload_hash and detail.  -1 when there is no memory.
 */
int results_oneroster_keep(results_request_t *r, results_value_t *object,
    const results_oneroster_model_t *model, results_record_t *record);

/*
 * The record of one object as the request's only one: op is the caller's to
 * set.  NULL with r->failure set.
 */
results_record_t *results_oneroster_take(results_request_t *r,
    results_reader_t *object, const results_oneroster_model_t *model,
    unsigned flags, results_str_t id);

/* a learningObjectiveSet; what is wrong with it is added to the errors */
void results_oneroster_read_objectives(results_reader_t *object,
    const char *name, unsigned flags, unsigned strict);

/* whether it has the form that the next one writes */
int results_oneroster_objectives_written(const results_value_t *sets);

/* the same as JSON text, `"name":` before it */
void results_oneroster_render_objectives(results_buf_t *buf,
    const char *name, results_value_t *sets, unsigned strict);

/*
 * What of a body's object has no column in the record that was read from it:
 * the record's detail.  data is NULL when there is no memory.
 */
results_str_t results_oneroster_detail(results_arena_t *arena,
    results_value_t *object, const results_oneroster_model_t *model,
    const results_record_t *record);


/* the starts of the absolute URLs of hrefs, as the inside of a JSON string */
typedef struct {
    results_str_t           gradebook;
    results_str_t           rostering;
} results_oneroster_links_t;

/* -1 when there is no memory */
int results_oneroster_links(results_request_t *r,
    results_oneroster_links_t *links);

/*
 * Writes a record as an object of the model.  detail is the record's detail,
 * parsed, or the body's object it was read from; of a record of another API
 * it does not count.
 */
void results_oneroster_render(results_buf_t *buf,
    const results_record_t *record, results_value_t *detail,
    const results_oneroster_model_t *model, unsigned flags,
    const results_oneroster_links_t *links);


/*
 * `"name":`, with a comma before it where it is not the first member; the name
 * is one of a model's, which need no escapes
 */
void results_oneroster_name(results_buf_t *buf, const char *name);

/* the same of a body's member, with its value */
void results_oneroster_member(results_buf_t *buf,
    const results_value_t *member);

/* the members of an object that are not in the NULL-terminated list */
void results_oneroster_rest(results_buf_t *buf, results_value_t *object,
    const char *const *names);


/*
 * The envelope of one object as the reply; RESULTS_NEXT_REPLY, also when
 * there was no memory: r->failure says so
 */
results_next_e results_oneroster_reply(results_request_t *r, int status,
    const results_record_t *record, results_value_t *detail,
    const results_oneroster_model_t *model, unsigned flags);

/* 0 where the record is stored, or -1 with r->failure set */
int results_oneroster_outcome(results_request_t *r,
    const results_record_t *record);

/* asks for the record of r->params[0]; RESULTS_NEXT_READ */
results_next_e results_oneroster_read_one(results_request_t *r);

/*
 * A row of records as a record and its detail as a tree, in the arena; the
 * tree is NULL where there is none, and of a record of another API.  0; 1
 * where it can't be shown, with r->left_out set; -1 with r->failure set.
 */
int results_oneroster_row(results_request_t *r, results_arena_t *arena,
    const results_str_t *values, unsigned nvalues,
    const results_oneroster_model_t *model, results_record_t *record,
    results_value_t **detail);

/* sets r->failure where that was the only one: 500 */
void results_oneroster_not_shown(results_request_t *r);

/* sets r->failure: 404 */
void results_oneroster_unknown(results_request_t *r, results_str_t id);


/* routes of one object, its id in params[0], of either dialect */
results_next_e results_oneroster_put(results_request_t *r);
results_next_e results_oneroster_put_finish(results_request_t *r);
results_next_e results_oneroster_get(results_request_t *r);
void results_oneroster_get_row(results_request_t *r,
    const results_str_t *values, unsigned nvalues);
results_next_e results_oneroster_get_finish(results_request_t *r);
results_next_e results_oneroster_delete(results_request_t *r);
results_next_e results_oneroster_delete_finish(results_request_t *r);

/* Timeback's alone: a merge of what is sent into what is stored */
results_next_e results_oneroster_patch(results_request_t *r);
void results_oneroster_patch_row(results_request_t *r,
    const results_str_t *values, unsigned nvalues);
results_next_e results_oneroster_patch_finish(results_request_t *r);

/* Timeback's alone: one object to a collection */
results_next_e results_oneroster_post(results_request_t *r);
results_next_e results_oneroster_post_finish(results_request_t *r);

/* the standard's alone: many objects at once, all or none */
results_next_e results_oneroster_bulk_line_item(results_request_t *r);
results_next_e results_oneroster_bulk_session(results_request_t *r);
results_next_e results_oneroster_bulk_finish(results_request_t *r);

/* {"suppliedSourcedId": ..., "allocatedSourcedId": ...} */
void results_oneroster_pair(results_buf_t *buf, results_str_t supplied,
    results_str_t allocated);

/*
 * Routes of a collection, of either dialect: all of it, of a class in
 * params[0], of a student or of a line item of that class in params[1]
 */
results_next_e results_oneroster_list(results_request_t *r);
results_next_e results_oneroster_list_class(results_request_t *r);
results_next_e results_oneroster_list_student(results_request_t *r);
results_next_e results_oneroster_list_line_item(results_request_t *r);
void results_oneroster_list_row(results_request_t *r,
    const results_str_t *values, unsigned nvalues);
results_next_e results_oneroster_list_finish(results_request_t *r);

/* dialect->error(): the imsx_StatusInfo payload */
void results_oneroster_error(results_request_t *r);


#endif /* RESULTS_ONEROSTER_H */
