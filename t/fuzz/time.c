
/*
 * Timestamps: what is accepted is in range, and reads back from its own text
 * as the same moment; ISO 8601 reads what RFC 3339 does, as the same.
 */

#include "fuzz.h"


static void
reads_back(int64_t time)
{
    char           text[RESULTS_TIME_MILLIS_LEN];
    int64_t        again, rest;
    results_str_t  s;

    results_time_format_millis(time, text);

    s.data = text;
    s.len = sizeof(text);

    fuzz_assert(results_time_parse(s, RESULTS_TIME_DATETIME, &again) == 0);
    fuzz_assert(again <= time && time - again < 1000);

    results_time_format_date(time, text);
    s.len = 10;

    fuzz_assert(results_time_parse(s, RESULTS_TIME_DATE, &again) == 0);

    rest = time % INT64_C(86400000000);
    rest += (rest < 0) ? INT64_C(86400000000) : 0;

    fuzz_assert(again == time - rest);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int            rc;
    int64_t        time, same;
    unsigned       accepted;
    results_str_t  text;

    if (size == 0) {
        return 0;
    }

    /* text that begins with what is accepted, as '7' */

    accepted = data[0] & 15;

    text.data = fuzz_copy(data + 1, size - 1);
    text.len = size - 1;

    rc = results_time_parse(text, accepted, &time);

    if (rc == 0) {
        fuzz_assert(results_time_parse(text, accepted|RESULTS_TIME_ISO, &same)
                    == 0);
        fuzz_assert(same == time);
    }

    free((char *) text.data);

    if (rc == 0) {
        fuzz_assert(accepted & ~(unsigned) RESULTS_TIME_ISO);
        fuzz_assert(time >= RESULTS_TIME_MIN && time <= RESULTS_TIME_MAX);
        reads_back(time);
    }

    /* and any moment there is */

    if (size > sizeof(time)) {
        memcpy(&time, data + 1, sizeof(time));

        if (time >= RESULTS_TIME_MIN && time <= RESULTS_TIME_MAX) {
            reads_back(time);
        }
    }

    fuzz_assert(results_time_now() > RESULTS_TIME_PG_EPOCH);
    fuzz_assert(results_time_monotonic() <= results_time_monotonic());

    return 0;
}
