
/*
 * The table: what write_records(), write_group(), refusals() and outcomes()
 * of sql/write.sql do with a row, and the locks that order them.  All
 * versions of a row stay, for the checks; outcomes() sees those that
 * results.result_history would have.
 */

#include "sim.h"


typedef struct {
    sim_version_t          *row;            /* committed, or NULL */
    sim_version_t           pending;        /* of who has the lock */
    ngx_uint_t              changed;        /* it is set */
    sim_statement_t        *locked;         /* by, or NULL */
    ngx_uint_t              known;          /* its learner */
} sim_key_t;


static sim_key_t      sim_keys[SIM_KEYS];
static sim_version_t  sim_versions[SIM_VERSIONS];
static ngx_uint_t     sim_nversions;


static sim_version_t *sim_table_seen(sim_statement_t *s, sim_row_t *row);
static ngx_uint_t sim_table_keeps(ngx_uint_t key);
static sim_version_t *sim_table_replaced(sim_row_t *row, sim_version_t *r);
static ngx_uint_t sim_table_created(sim_row_t *row, sim_version_t *r);
static ngx_int_t sim_table_outcome(sim_row_t *row, sim_version_t *r,
    sim_version_t *h);


void
sim_table_reset(void)
{
    ngx_uint_t  i;

    ngx_memzero(sim_keys, sizeof(sim_keys));
    sim_nversions = 0;

    for (i = 0; i < SIM_KEYS; i++) {
        sim_keys[i].known = 1;
    }
}


sim_version_t *
sim_table_row(ngx_uint_t key)
{
    return sim_keys[key].row;
}


sim_version_t *
sim_table_previous(sim_version_t *row)
{
    return row->previous ? &sim_versions[row->previous - 1] : NULL;
}


sim_statement_t *
sim_table_locked(ngx_uint_t key)
{
    return sim_keys[key].locked;
}


ngx_uint_t
sim_table_known(ngx_uint_t key)
{
    return sim_keys[key].known;
}


/* a row that somebody stored with a stamp of the future */

void
sim_table_future(void)
{
    sim_version_t  *row;

    row = &sim_versions[sim_nversions++];
    ngx_memzero(row, sizeof(sim_version_t));

    row->op = RESULTS_OP_PUT;
    row->version = 1;
    row->client = -1;
    row->stamp = SIM_EPOCH + sim.future;
    row->committed = 1;

    sim_keys[0].row = row;
}


/* people come and go */

void
sim_table_roster(void *data, uintptr_t n)
{
    (void) data;

    sim_keys[n].known ^= 1;

    sim_trace("the learner of %s %s", sim_key_name(n),
              sim_keys[n].known ? "is known" : "is not known any more");

    if (!sim_calm) {
        sim_at(sim_now + sim_between(SIM_MS, 200 * SIM_MS), NULL,
               sim_table_roster, NULL, n);
    }
}


/* results.refusals(): looks at what is committed, locks nothing */

void
sim_table_refusals(sim_statement_t *s)
{
    ngx_uint_t  i;
    sim_row_t  *row;

    for (i = 0; i < s->nrows; i++) {
        row = &s->rows[i];

        if ((row->op == RESULTS_OP_DELETE || row->op == RESULTS_OP_REPLACE)
            && sim_keys[row->key].row == NULL)
        {
            row->refusal = RESULTS_OUTCOME_NOT_FOUND;

        } else if ((row->guards & RESULTS_GUARD_STRICT_REFERENCES)
                   && !sim_keys[row->key].known)
        {
            row->refusal = RESULTS_OUTCOME_UNKNOWN_LEARNER;
        }
    }
}


/* INSERT ... ON CONFLICT of one row, which is locked by it */

void
sim_table_write(sim_statement_t *s, sim_row_t *row)
{
    ngx_uint_t      changes;
    sim_key_t      *key;
    sim_version_t  *r, *new;

    key = &sim_keys[row->key];
    key->locked = s;

    r = key->row;
    new = &key->pending;

    ngx_memzero(new, sizeof(sim_version_t));

    new->attempt = row->attempt;
    new->op = row->op;
    new->deleted = (row->op == RESULTS_OP_DELETE);
    new->client = row->client;
    new->hash = row->hash;
    new->stamp = row->stamp;

    if (r == NULL) {
        new->version = (row->op == RESULTS_OP_REPLACE) ? row->expected : 1;
        row->stored = 1;
        key->changed = 1;
        return;
    }

    switch (row->op) {

    case RESULTS_OP_PUT:
        changes = 1;
        break;

    case RESULTS_OP_DELETE:
        changes = !r->deleted;
        break;

    case RESULTS_OP_REPLACE:
        changes = (r->version == row->expected);
        break;

    default:
        changes = 0;
    }

#if (SIM_SQL_20F787F)

    if (!changes || r->stamp > row->stamp
        || (r->stamp == row->stamp && r->client == row->client
            && r->op == row->op && r->hash == row->hash))
    {
        return;
    }

#else

    if (!changes || r->stamp >= row->stamp) {
        return;
    }

#endif

    if (row->op == RESULTS_OP_DELETE) {
        new->hash = r->hash;
    }

    new->version = r->version + 1;
    new->previous = r - sim_versions + 1;

    row->stored = 1;
    key->changed = 1;
}


/* what is answered: write_records() behind its INSERT, and write_group() */

void
sim_table_outcomes(sim_statement_t *s)
{
    ngx_uint_t      i, all, refused;
    sim_row_t      *row;
    sim_version_t  *r, *h;

    all = 1;
    refused = 0;

    for (i = 0; i < s->nrows; i++) {
        all &= s->rows[i].stored;
    }

    s->stamped = !all;

    for (i = 0; i < s->nrows; i++) {
        row = &s->rows[i];
        r = sim_table_seen(s, row);

        if (all) {
            row->outcome = (row->op == RESULTS_OP_DELETE)
                           ? RESULTS_OUTCOME_DELETED
                           : (r->version == 1) ? RESULTS_OUTCOME_CREATED
                                               : RESULTS_OUTCOME_UPDATED;
            row->version = r->version;
            continue;
        }

        h = sim_table_replaced(row, r);

        row->outcome = sim_table_outcome(row, r, h);
        row->version = h ? h->version : r ? r->version : 0;
        row->seen = h ? h->stamp : r ? r->stamp : RESULTS_TIME_NULL;

        if (row->outcome >= RESULTS_OUTCOME_SUPERSEDED
            || row->outcome <= -RESULTS_OUTCOME_SUPERSEDED)
        {
            refused = 1;
        }
    }

    if (s->group && refused) {
        s->undone = 1;
        sim_table_end(s, 0);
    }
}


/* what the statement sees of a row: its own, or what is committed */

static sim_version_t *
sim_table_seen(sim_statement_t *s, sim_row_t *row)
{
    sim_key_t  *key;

    key = &sim_keys[row->key];

    return (key->locked == s && key->changed) ? &key->pending : key->row;
}


static ngx_uint_t
sim_table_keeps(ngx_uint_t key)
{
    return (sim.history >> (key % sim.institutions)) & 1;
}


/* h: this very write, though somebody has replaced it since */

static sim_version_t *
sim_table_replaced(sim_row_t *row, sim_version_t *r)
{
    sim_version_t  *o;

    if (r == NULL || r->stamp <= row->stamp || !sim_table_keeps(row->key)) {
        return NULL;
    }

    for (o = sim_table_previous(r); o != NULL; o = sim_table_previous(o)) {
        if (o->stamp == row->stamp && o->client == row->client
            && o->op == row->op
            && (o->op == RESULTS_OP_DELETE || o->hash == row->hash))
        {
            return o;
        }
    }

    return NULL;
}


/* a create of the same body that was replaced */

static ngx_uint_t
sim_table_created(sim_row_t *row, sim_version_t *r)
{
    sim_version_t  *o;

    if (!sim_table_keeps(row->key)) {
        return 0;
    }

    for (o = sim_table_previous(r); o != NULL; o = sim_table_previous(o)) {
        if (o->op == RESULTS_OP_CREATE && o->hash == row->hash) {
            return 1;
        }
    }

    return 0;
}


/* the CASE of results.outcomes() */

static ngx_int_t
sim_table_outcome(sim_row_t *row, sim_version_t *r, sim_version_t *h)
{
    ngx_int_t  sign;

    sign = (r != NULL && r->stamp > row->stamp && !sim_table_keeps(row->key))
           ? -1 : 1;

    if (r != NULL && row->op == RESULTS_OP_DELETE && r->deleted) {
        return RESULTS_OUTCOME_DELETED;
    }

    if (r != NULL && r->stamp == row->stamp && r->client == row->client
        && r->op == row->op && r->hash == row->hash)
    {
        return (r->version == 1) ? RESULTS_OUTCOME_CREATED
                                 : RESULTS_OUTCOME_UPDATED;
    }

    if (h != NULL) {
        return (row->op == RESULTS_OP_DELETE) ? RESULTS_OUTCOME_DELETED
               : (h->version == 1) ? RESULTS_OUTCOME_CREATED
                                   : RESULTS_OUTCOME_UPDATED;
    }

    if (r != NULL && row->op == RESULTS_OP_CREATE && r->hash == row->hash
        && (row->refusal == 0 || r->client == row->client))
    {
        return RESULTS_OUTCOME_REPLAYED;
    }

    if (row->refusal != 0) {
        return row->refusal * sign;
    }

    if (r == NULL) {
        return RESULTS_OUTCOME_NOT_FOUND;
    }

    if (row->op == RESULTS_OP_CREATE && sim_table_created(row, r)) {
        return RESULTS_OUTCOME_REPLAYED;
    }

    if (row->op == RESULTS_OP_CREATE
        || (row->op == RESULTS_OP_REPLACE && r->version != row->expected))
    {
        return RESULTS_OUTCOME_CONFLICT * sign;
    }

    return RESULTS_OUTCOME_SUPERSEDED * sign;
}


/* the transaction's end, or that of write_group()'s subtransaction */

void
sim_table_end(sim_statement_t *s, ngx_uint_t commit)
{
    ngx_uint_t      i;
    sim_key_t      *key;
    sim_row_t      *row;
    sim_version_t  *old;

    for (i = 0; i < s->nrows; i++) {
        row = &s->rows[i];
        key = &sim_keys[row->key];

        if (key->locked != s) {
            continue;
        }

        if (commit && key->changed) {

            if (sim_nversions == SIM_VERSIONS) {
                sim_failed("room", "too many versions");
            }

            old = key->row;

            key->row = &sim_versions[sim_nversions++];
            *key->row = key->pending;
            key->row->committed = sim_now;

            sim_trace("stored %s: version %d, attempt %u, stamp %+.3f ms",
                      sim_key_name(row->key), (int) key->row->version,
                      (unsigned) key->row->attempt,
                      (double) (key->row->stamp - SIM_EPOCH - sim_now) / 1000);

            sim_check_commit(s, row, old);
        }

        key->locked = NULL;
        key->changed = 0;
    }
}
