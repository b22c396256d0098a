
/*
 * statement CONNINFO ROWS SECONDS PREFIX: what libpq alone takes for the
 * module's statement: write_records() with that many rows, prepared, with
 * the module's own encoding, one statement after the other on one connection.
 * Prints one line of JSON, and stays connected until its input ends, so that
 * the CPU time of its backend can be read.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

#include "results_encode.h"


#define ROWS_MAX        4096
#define STATEMENTS_MAX  10000000
#define SQL             "SELECT * FROM results_api.write_records("            \
    "$1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,"     \
    "$20,$21,$22,$23)"


typedef struct {
    char  id[64];
    char  learner[40];
} ids_t;


static double  took[STATEMENTS_MAX];


static double
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


static int
compare(const void *a, const void *b)
{
    double  x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}


static void
fail(const char *what)
{
    fprintf(stderr, "statement: %s\n", what);
    exit(1);
}


/* what examples/requests/put-result.json becomes */
static void
set_record(results_record_t *record, ids_t *ids, const char *prefix,
    unsigned long number)
{
    snprintf(ids->id, sizeof(ids->id), "%s-%09lu", prefix, number);
    snprintf(ids->learner, sizeof(ids->learner),
             "c3c2e1a0-8f64-4d1b-a3a5-64b9f1%06lu", 100000 + number % 10000);

    results_record_init(record);
    record->institution_id = 1;
    record->kind = RESULTS_KIND_RESULT;
    record->id = results_str(ids->id);
    record->learner_id = results_str(ids->learner);
    record->item_id = results_str("7d2f4c1e-5b0a-4a57-9c80-0d6a3f3a1b11");
    record->course_id = results_str("class-7b");
    record->score = 87.5;
    record->completion = RESULTS_COMPLETION_COMPLETE;
    record->scored_at = 1699335116000000;
    record->detail = results_str(
        "{\"late\": \"false\", \"comment\": \"Good work on fractions.\", "
        "\"missing\": \"false\", \"metadata\": {\"attempt\": 2}, "
        "\"scoreDate\": \"2023-11-07T05:31:56Z\", \"textScore\": \"B+\", "
        "\"inProgress\": \"false\", \"incomplete\": \"false\", "
        "\"scoreStatus\": \"fully graded\"}");
    record->payload_hash = number * 0x9e3779b97f4a7c15;
    record->client_id = 1;
    record->stamp = results_time_now();
}


int
main(int argc, char **argv)
{
    int                      i, rows, formats[RESULTS_WRITE_NPARAMS];
    size_t                   n;
    double                   seconds, start, before;
    PGconn                  *pg;
    PGresult                *answer;
    unsigned long            number;
    results_params_t         params;
    static ids_t             ids[ROWS_MAX];
    static results_record_t  records[ROWS_MAX], *list[ROWS_MAX];

    if (argc != 5) {
        fail("usage: statement CONNINFO ROWS SECONDS PREFIX");
    }

    rows = atoi(argv[2]);
    seconds = atof(argv[3]);

    if (rows < 1 || rows > ROWS_MAX) {
        fail("too many rows");
    }

    pg = PQconnectdb(argv[1]);
    if (PQstatus(pg) != CONNECTION_OK) {
        fail(PQerrorMessage(pg));
    }

    answer = PQprepare(pg, "write", SQL, RESULTS_WRITE_NPARAMS,
                       results_write_types);
    if (PQresultStatus(answer) != PGRES_COMMAND_OK) {
        fail(PQerrorMessage(pg));
    }

    PQclear(answer);
    memset(&params, 0, sizeof(params));

    for (i = 0; i < RESULTS_WRITE_NPARAMS; i++) {
        formats[i] = 1;
    }

    start = now();
    before = start;
    number = 0;

    for (n = 0; n < STATEMENTS_MAX && before - start < seconds; n++) {

        for (i = 0; i < rows; i++) {
            set_record(&records[i], &ids[i], argv[4], ++number);
            list[i] = &records[i];
        }

        if (results_encode_records(&params, list, rows) != 0) {
            fail("no memory");
        }

        answer = PQexecPrepared(pg, "write", RESULTS_WRITE_NPARAMS,
                                params.value, params.length, formats, 1);

        if (PQresultStatus(answer) != PGRES_TUPLES_OK) {
            fail(PQerrorMessage(pg));
        }

        PQclear(answer);

        took[n] = now() - before;
        before += took[n];
    }

    qsort(took, n, sizeof(double), compare);

    printf("{\"statements\": %zu, \"rows\": %lu, \"rate\": %.1f, "
           "\"p50\": %.3f, \"p99\": %.3f, \"backend\": %d}\n", n, number,
           number / (before - start), took[n / 2] * 1e3,
           took[n * 99 / 100] * 1e3, PQbackendPID(pg));

    fflush(stdout);
    (void) getchar();

    results_params_free(&params);
    PQfinish(pg);

    return 0;
}
