
/*
 * Shared by the files of the two OneRoster dialects, the standard's and
 * Timeback's (OneRoster 1.2 Gradebook; docs/records.md): the models as tables
 * of fields, a reader that makes a record of an object, a renderer that does
 * the reverse, routes and replies.
 *
 * A model is a kind of object: result or assessmentResult.  A record of another
 * API is shown as a result.
 */

#ifndef RESULTS_ONEROSTER_H
#define RESULTS_ONEROSTER_H

#include "results_dialect.h"


/*
 * `flags` of the reader and the renderer.  STRICT is the dialect of the
 * standard, which follows the schemas of 1.2: the reader refuses words that are
 * not in their lists, nulls and unknown fields, the renderer leaves them out.
 * Without it they are accepted and shown, as Timeback does.
 */
#define RESULTS_ONEROSTER_STRICT  1

/*
 * For a PATCH, which reads a stored object and writes it again: a scoreStatus
 * that only the other dialect has is kept
 */
#define RESULTS_ONEROSTER_STORED  2

/* the renderer writes no members but the fields of the model it is given */
#define RESULTS_ONEROSTER_SELECTED  4


typedef enum {
    RESULTS_ONEROSTER_SOURCED_ID,
    RESULTS_ONEROSTER_STATUS,
    RESULTS_ONEROSTER_MODIFIED,        /* dateLastModified: the record's stamp,
                                          whatever a body has */
    RESULTS_ONEROSTER_METADATA,
    RESULTS_ONEROSTER_REF,             /* a GUIDRef: href, sourcedId, type */
    RESULTS_ONEROSTER_SCORE_STATUS,
    RESULTS_ONEROSTER_SCORE_DATE,
    RESULTS_ONEROSTER_SCORE,
    RESULTS_ONEROSTER_NUMBER,
    RESULTS_ONEROSTER_STRING,
    RESULTS_ONEROSTER_IN_PROGRESS,     /* this and the next: a FLAG that decides
                                          the record's completion */
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
    const char               *collection;  /* the last part of its href */
    unsigned                  rostering;   /* 1: of the rostering service */
    size_t                    column;      /* offset of its id in the record; 0:
                                              it has no column */
} results_oneroster_field_t;


#define RESULTS_OR_FIELDS_MAX  32


typedef struct {
    const char                       *name;        /* the envelope's member */
    const char                       *collection;  /* its name in paths and the
                                                      envelope of a page */
    results_kind_e                    kind;        /* that it writes */
    const int                        *kinds;       /* results_kind_e that it
                                                      shows */
    unsigned                          nkinds;
    const results_oneroster_field_t  *fields;      /* ends with a NULL name */
} results_oneroster_model_t;


extern const results_oneroster_model_t  results_oneroster_result;
extern const results_oneroster_model_t  results_oneroster_assessment_result;


/* bits for routes: scopes by their index in results_oneroster_scopes[] */
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

/* for a Timeback route: these, the same under v1p1, and the admin scopes */
#define RESULTS_OR_TIMEBACK(bits)                                             \
    ((bits)|RESULTS_OR_V1P1(bits)|RESULTS_OR_ADMIN)

extern const char *const  results_oneroster_scopes[];
extern const char *const  results_oneroster_media_types[];


/* the model of the request's route: the last collection in its path */
const results_oneroster_model_t *results_oneroster_route_model(
    const results_request_t *r);

/* RESULTS_ONEROSTER_STRICT for the standard's dialect, else 0 */
unsigned results_oneroster_flags(const results_request_t *r);

/* the field with that name; NULL when the model has none */
const results_oneroster_field_t *results_oneroster_field(
    const results_oneroster_model_t *model, const char *name);

/* an lvalue: the record's column of a REF, whose field->column is not 0 */
#define results_oneroster_column(record, field)                               \
    (*(results_str_t *) ((char *) (record) + (field)->column))


/*
 * Parses r->body, an envelope like {"result": {...}}, and makes *object the
 * reader of the object in it.  0, or -1 with r->failure set: 400 when it is not
 * JSON, 422 when it is not such an envelope.  Other members of the envelope are
 * added to r->errors.
 */
int results_oneroster_envelope(results_request_t *r,
    const results_oneroster_model_t *model, results_reader_t *object);

/*
 * Reads an object into a record for which results_record_init() was called.
 * Sets everything but op, guards, actor_id, payload_hash and detail.  When
 * record->id has a value, a sourcedId in the object must be the same; else it
 * is taken from the object.  What is wrong is added to r->errors, which the
 * caller checks.  0, or -1 when there is no memory.
 */
int results_oneroster_read(results_request_t *r, results_reader_t *object,
    const results_oneroster_model_t *model, unsigned flags,
    results_record_t *record);

/*
 * Sets payload_hash and detail of a record from the object that was read into
 * it without errors.  0, or -1 when there is no memory.
 */
int results_oneroster_keep(results_request_t *r, results_value_t *object,
    const results_oneroster_model_t *model, results_record_t *record);

/*
 * Both of these: makes the one record of the request, r->records, from an
 * object.  id is that of the path, or no value.  The caller sets op, which is
 * PUT.  NULL with r->failure set.
 */
results_record_t *results_oneroster_take(results_request_t *r,
    results_reader_t *object, const results_oneroster_model_t *model,
    unsigned flags, results_str_t id);

/*
 * Checks an object's learningObjectiveSet; what is wrong is added to the
 * errors.  flags are those of a field reader.
 */
void results_oneroster_read_objectives(results_reader_t *object,
    const char *name, unsigned flags, unsigned strict);

/* 1 when a stored learningObjectiveSet has the types that the next one needs */
int results_oneroster_objectives_written(const results_value_t *sets);

/*
 * Appends a learningObjectiveSet as a member; with strict without what the
 * schema does not allow
 */
void results_oneroster_render_objectives(results_buf_t *buf,
    const char *name, results_value_t *sets, unsigned strict);

/*
 * The detail of a record: a JSON object of the members of the object it was
 * read from that have no column, or whose column does not have all of them.  No
 * value when there is no memory.
 */
results_str_t results_oneroster_detail(results_arena_t *arena,
    results_value_t *object, const results_oneroster_model_t *model,
    const results_record_t *record);


/* the beginnings of hrefs, escaped as the contents of JSON strings */
typedef struct {
    results_str_t           gradebook;
    results_str_t           rostering;
} results_oneroster_links_t;

/* makes them from r->base, in the arena: 0, or -1 when there is no memory */
int results_oneroster_links(results_request_t *r,
    results_oneroster_links_t *links);

/*
 * Appends a record as an object of the model.  detail is the record's detail as
 * a tree, or the object of a body that it was read from, or NULL; it is ignored
 * for a record of another kind than the model's.
 */
void results_oneroster_render(results_buf_t *buf,
    const results_record_t *record, results_value_t *detail,
    const results_oneroster_model_t *model, unsigned flags,
    const results_oneroster_links_t *links);


/*
 * Appends `"name":`, after a comma when it is not the first member of its
 * object.  The name must need no escapes.
 */
void results_oneroster_name(results_buf_t *buf, const char *name);

/* appends a member, name and value, in the same way */
void results_oneroster_member(results_buf_t *buf,
    const results_value_t *member);

/* appends all members of an object but those of a NULL-terminated list */
void results_oneroster_rest(results_buf_t *buf, results_value_t *object,
    const char *const *names);


/*
 * Makes the reply: an envelope of one object.  Returns RESULTS_NEXT_REPLY, with
 * r->failure set when there is no memory.
 */
results_next_e results_oneroster_reply(results_request_t *r, int status,
    const results_record_t *record, results_value_t *detail,
    const results_oneroster_model_t *model, unsigned flags);

/* 0 for a record whose outcome is a success, or -1 with r->failure set */
int results_oneroster_outcome(results_request_t *r,
    const results_record_t *record);

/* makes the call that reads the record r->params[0]: RESULTS_NEXT_READ */
results_next_e results_oneroster_read_one(results_request_t *r);

/*
 * Reads a row: the record, which points into values, and its detail as a tree
 * in the arena, NULL when there is none or the record is of another kind than
 * the model's.  0; 1 when the row can't be shown, with r->left_out set; -1 with
 * r->failure set.
 */
int results_oneroster_row(results_request_t *r, results_arena_t *arena,
    const results_str_t *values, unsigned nvalues,
    const results_oneroster_model_t *model, results_record_t *record,
    results_value_t **detail);

/* sets r->failure for a request of one record that can't be shown: 500 */
void results_oneroster_not_shown(results_request_t *r);

/* sets r->failure for an id that no record has: 404 */
void results_oneroster_unknown(results_request_t *r, results_str_t id);


/*
 * The functions of the routes: parse(), row(), finish() of results_dialect.h.
 */

/* PUT, GET and DELETE of one object, whose id is params[0], in both dialects */
results_next_e results_oneroster_put(results_request_t *r);
results_next_e results_oneroster_put_finish(results_request_t *r);
results_next_e results_oneroster_get(results_request_t *r);
void results_oneroster_get_row(results_request_t *r,
    const results_str_t *values, unsigned nvalues);
results_next_e results_oneroster_get_finish(results_request_t *r);
results_next_e results_oneroster_delete(results_request_t *r);
results_next_e results_oneroster_delete_finish(results_request_t *r);

/* Timeback only: PATCH, which merges the body into the stored object */
results_next_e results_oneroster_patch(results_request_t *r);
void results_oneroster_patch_row(results_request_t *r,
    const results_str_t *values, unsigned nvalues);
results_next_e results_oneroster_patch_finish(results_request_t *r);

/* Timeback only: POST of one object to a collection */
results_next_e results_oneroster_post(results_request_t *r);
results_next_e results_oneroster_post_finish(results_request_t *r);

/* the standard only: POST of many objects, which are stored all or none */
results_next_e results_oneroster_bulk_line_item(results_request_t *r);
results_next_e results_oneroster_bulk_session(results_request_t *r);
results_next_e results_oneroster_bulk_finish(results_request_t *r);

/* appends {"suppliedSourcedId": ..., "allocatedSourcedId": ...} */
void results_oneroster_pair(results_buf_t *buf, results_str_t supplied,
    results_str_t allocated);

/*
 * GET of a collection, in both dialects: all of it, that of the class
 * params[0], or in this class that of the student or line item params[1]
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
