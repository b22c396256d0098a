
/*
 * Writing the members of OneRoster objects.  A failed allocation sets
 * buf->failed, which the caller checks.
 */

#include <string.h>

#include "results_oneroster.h"


static void results_oneroster_comma(results_buf_t *buf);


void
results_oneroster_name(results_buf_t *buf, const char *name)
{
    char    *p;
    size_t   len;

    results_oneroster_comma(buf);

    len = strlen(name);
    p = results_buf_reserve(buf, len + 3);

    if (p != NULL) {
        *p++ = '"';
        memcpy(p, name, len);
        p[len] = '"';
        p[len + 1] = ':';
    }
}


void
results_oneroster_member(results_buf_t *buf, const results_value_t *member)
{
    results_oneroster_comma(buf);
    results_buf_json_member(buf, member);
}


static void
results_oneroster_comma(results_buf_t *buf)
{
    if (buf->len && buf->data[buf->len - 1] != '{') {
        results_buf_puts(buf, ",");
    }
}


void
results_oneroster_rest(results_buf_t *buf, results_value_t *object,
    const char *const *names)
{
    unsigned                i;
    const results_value_t  *member;

    for (member = results_value_first(object); member; member = member->next) {

        for (i = 0; names[i]; i++) {
            if (strcmp(names[i], member->name.data) == 0) {
                break;
            }
        }

        if (names[i] == NULL) {
            results_oneroster_member(buf, member);
        }
    }
}
