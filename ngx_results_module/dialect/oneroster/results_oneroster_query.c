
/*
 * The query parameters of a collection (OneRoster 1.2: limit, offset, sort,
 * orderBy, filter, fields) as a call of results_api.read_records().  Other
 * parameters are ignored.
 */

#include <string.h>

#include "results_oneroster_collection.h"


#define RESULTS_OR_LIMIT       100
#define RESULTS_OR_LIMIT_MAX   10000
#define RESULTS_OR_OFFSET_MAX  INT64_C(9007199254740992)    /* 2^53 */


/* the parameters as they came; no value for those that are absent */
typedef struct {
    results_str_t           limit;
    results_str_t           offset;
    results_str_t           sort;
    results_str_t           order;
    results_str_t           filter;
    uint32_t                selected;       /* bits by index in the model */
} results_oneroster_params_t;


static void results_oneroster_params(results_request_t *r,
    const results_oneroster_model_t *model,
    results_oneroster_params_t *params);
static int results_oneroster_text(results_str_t text);
static void results_oneroster_select(results_request_t *r,
    const results_oneroster_model_t *model, results_str_t names,
    uint32_t *selected);
static int64_t results_oneroster_whole(results_request_t *r,
    const char *name, results_str_t text, int64_t min, int64_t max);
static int results_oneroster_descending(results_request_t *r,
    results_str_t order);
static void results_oneroster_call(results_request_t *r,
    const results_oneroster_page_t *page,
    const results_oneroster_owner_t *owner,
    const results_oneroster_terms_t *terms);
static void results_oneroster_read_id(results_read_t *read,
    results_str_t id);
static int results_oneroster_keep_selected(results_request_t *r,
    results_oneroster_page_t *page, uint32_t selected);


int
results_oneroster_query(results_request_t *r,
    const results_oneroster_owner_t *owner, results_oneroster_page_t *page)
{
    int                         descending;
    results_oneroster_terms_t   terms;
    results_oneroster_place_t   sort;
    results_oneroster_params_t  params;

    results_oneroster_params(r, &page->model, &params);

    page->limit = RESULTS_OR_LIMIT;
    page->offset = 0;

    if (params.limit.data) {
        page->limit = results_oneroster_whole(r, "limit", params.limit, 1,
                                              RESULTS_OR_LIMIT_MAX);
    }

    if (params.offset.data) {
        page->offset = results_oneroster_whole(r, "offset", params.offset, 0,
                                               RESULTS_OR_OFFSET_MAX);
    }

    descending = results_oneroster_descending(r, params.order);

    memset(&terms, 0, sizeof(results_oneroster_terms_t));

    if (params.filter.data) {
        results_oneroster_terms(r, page, params.filter, &terms);
    }

    if (r->errors.n) {
        r->failure.status = 400;
        return -1;
    }

    /* an unknown field is ignored: the order is then the default one */

    if (params.sort.data == NULL
        || results_oneroster_place(r, page, params.sort, &sort) != 0)
    {
        sort.field = RESULTS_FIELD_ID;
        sort.path = results_str(NULL);

        if (params.sort.data) {
            descending = 0;
        }
    }

    results_oneroster_call(r, page, owner, &terms);

    results_read_int(&r->read, sort.field);
    results_read_text(&r->read, sort.path);
    results_read_bool(&r->read, descending);
    results_read_int(&r->read, page->limit);
    results_read_int(&r->read, page->offset);

    if (results_oneroster_keep_selected(r, page, params.selected) != 0) {
        results_fail(r, 500, "out of memory");
        return -1;
    }

    return 0;
}


static void
results_oneroster_params(results_request_t *r,
    const results_oneroster_model_t *model, results_oneroster_params_t *params)
{
    unsigned        i;
    results_str_t   query, name, value, *param;

    static const struct {
        const char          *name;
        size_t               offset;
    } names[] = {
        { "limit", offsetof(results_oneroster_params_t, limit) },
        { "offset", offsetof(results_oneroster_params_t, offset) },
        { "sort", offsetof(results_oneroster_params_t, sort) },
        { "orderBy", offsetof(results_oneroster_params_t, order) },
        { "filter", offsetof(results_oneroster_params_t, filter) }
    };

    memset(params, 0, sizeof(results_oneroster_params_t));

    query = r->query;

    while (results_form_next(r->arena, &query, &name, &value)) {

        if (!results_oneroster_text(name) || !results_oneroster_text(value)) {
            results_errors_add(&r->errors, "",
                               "the query is not UTF-8, percent-encoded");
            return;
        }

        if (results_str_is(name, "fields")) {
            results_oneroster_select(r, model, value, &params->selected);
            continue;
        }

        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

            if (!results_str_eq(name, results_str(names[i].name))) {
                continue;
            }

            param = (results_str_t *) ((char *) params + names[i].offset);

            if (param->data) {
                results_errors_add(&r->errors, names[i].name,
                                   "may be there once only");
            }

            *param = value;
        }
    }
}


/* 1 for valid UTF-8 without '\0', which PostgreSQL's text can't contain */
static int
results_oneroster_text(results_str_t text)
{
    size_t       n;
    const char  *p, *end;

    if (text.data == NULL) {
        return 0;
    }

    end = text.data + text.len;

    for (p = text.data; p < end; p += n) {
        n = results_utf8_len(p, (size_t) (end - p));

        if (n == 0 || *p == '\0') {
            return 0;
        }
    }

    return 1;
}


static void
results_oneroster_select(results_request_t *r,
    const results_oneroster_model_t *model, results_str_t names,
    uint32_t *selected)
{
    unsigned        i;
    const char     *p, *end, *comma;
    results_str_t   name;

    end = names.data + names.len;

    for (p = names.data; p < end; p = comma + 1) {

        comma = memchr(p, ',', (size_t) (end - p));
        if (comma == NULL) {
            comma = end;
        }

        name.data = p;
        name.len = (size_t) (comma - p);

        for (i = 0; model->fields[i].name; i++) {
            if (results_str_eq(results_str(model->fields[i].name), name)) {
                *selected |= (uint32_t) 1 << i;
                break;
            }
        }

        if (model->fields[i].name == NULL) {
            r->failure.word = "invalid_selection_field";
            name = results_json_short_name(r->arena, name);
            results_errors_add(&r->errors, "fields",
                               "there is no field \"%.*s\"", (int) name.len,
                               name.data);
        }
    }
}


/* a whole number; one above max is read as max, an error is added below min */
static int64_t
results_oneroster_whole(results_request_t *r, const char *name,
    results_str_t text, int64_t min, int64_t max)
{
    size_t   i;
    int64_t  n;

    n = 0;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] < '0' || text.data[i] > '9') {
            break;
        }

        n = n * 10 + (text.data[i] - '0');

        if (n > max) {
            n = max;
        }
    }

    if (text.len == 0 || i != text.len || n < min) {
        results_errors_add(&r->errors, name,
                           "expected a whole number, %d or more", (int) min);
    }

    return n;
}


static int
results_oneroster_descending(results_request_t *r, results_str_t order)
{
    if (results_str_caseeq(order, results_str("desc"))) {
        return 1;
    }

    if (order.data && !results_str_caseeq(order, results_str("asc"))) {
        results_errors_add(&r->errors, "orderBy",
                           "expected one of: asc, desc");
    }

    return 0;
}


/* adds the parameters of read_records(), in their order */
static void
results_oneroster_call(results_request_t *r,
    const results_oneroster_page_t *page,
    const results_oneroster_owner_t *owner,
    const results_oneroster_terms_t *terms)
{
    results_read_t  *read;

    read = &r->read;

    results_read_init(read, r->arena, RESULTS_READ_RECORDS);

    results_read_int(read, r->principal->institution_id);
    results_read_int(read, page->model.kind);
    results_oneroster_read_id(read, owner->course);
    results_oneroster_read_id(read, owner->learner);
    results_oneroster_read_id(read, owner->item);
    results_read_bool(read, terms->deleted);
    results_read_ints(read, terms->fields, terms->n);
    results_read_ints(read, terms->operators, terms->n);
    results_read_texts(read, terms->paths, terms->n);
    results_read_texts(read, terms->texts, terms->n);
    results_read_texts(read, terms->numbers, terms->n);
    results_read_times(read, terms->lows, terms->n);
    results_read_times(read, terms->highs, terms->n);
    results_read_bool(read, terms->any);
}


/* adds an id in its normal form, which the columns have */
static void
results_oneroster_read_id(results_read_t *read, results_str_t id)
{
    int  changed;

    if (id.data) {
        id = results_id_normalize(read->arena, id, &changed);
        read->failed |= (id.data == NULL);
    }

    results_read_text(read, id);
}


/* gives the page a model with the selected fields only, for the renderer */
static int
results_oneroster_keep_selected(results_request_t *r,
    results_oneroster_page_t *page, uint32_t selected)
{
    unsigned                          i, n;
    results_oneroster_field_t        *fields;
    const results_oneroster_field_t  *all;

    if (selected == 0) {
        return 0;
    }

    fields = results_arena_alloc(r->arena, RESULTS_OR_FIELDS_MAX
                                           * sizeof(results_oneroster_field_t));
    if (fields == NULL) {
        return -1;
    }

    all = page->model.fields;
    n = 0;

    for (i = 0; all[i].name; i++) {
        if ((selected & ((uint32_t) 1 << i))
            || all[i].type == RESULTS_ONEROSTER_SOURCED_ID)
        {
            fields[n++] = all[i];
        }
    }

    fields[n] = all[i];

    page->model.fields = fields;
    page->flags |= RESULTS_ONEROSTER_SELECTED;

    return 0;
}
