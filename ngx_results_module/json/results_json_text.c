
/*
 * The path of a position in a JSON text, for the error of a text that has no
 * tree.  The text is read once from its start, and is valid JSON up to the
 * position.
 */

#include <string.h>

#include "results_json.h"


/* an object or array that is open at the current position */
typedef struct {
    int                     array;
    size_t                  index;
    results_str_t           key;       /* of the current member; no value: the
                                          position is in none */
} results_json_level_t;


static const char *results_json_string_end(const char *p, const char *end);


const char *
results_json_path_at(results_errors_t *errors, results_str_t body,
    size_t position)
{
    unsigned               i, n;
    const char            *p, *end, *key;
    results_str_t          s;
    results_reader_t       reader;
    results_json_level_t  *level, levels[RESULTS_JSON_DEPTH_MAX];

    n = 0;
    level = NULL;

    p = body.data;
    end = p + ((position < body.len) ? position : body.len);

    while (p < end) {

        switch (*p++) {

        case '{':
        case '[':
            if (n == RESULTS_JSON_DEPTH_MAX) {
                return "";
            }

            level = &levels[n++];
            memset(level, 0, sizeof(*level));
            level->array = (p[-1] == '[');
            break;

        case '}':
        case ']':
            if (n > 0) {
                n--;
            }

            level = (n > 0) ? &levels[n - 1] : NULL;
            break;

        case ',':
            if (level) {
                level->index++;
                level->key.data = NULL;
            }

            break;

        case '"':
            key = p;
            p = results_json_string_end(p, end);

            if (level && !level->array && level->key.data == NULL) {
                level->key.data = key;
                level->key.len = (size_t) (p - key);
            }

            p += (p < end);
            break;
        }
    }

    reader.path = "";
    reader.errors = errors;

    for (i = 0; i < n; i++) {
        level = &levels[i];

        if (level->array) {
            s = results_arena_printf(errors->arena, "%s/%zu", reader.path,
                                     level->index);
            reader.path = (s.data != NULL) ? s.data : "";
            continue;
        }

        if (level->key.data != NULL) {
            s = results_json_short_name(errors->arena, level->key);
            reader.path = results_json_path(&reader, s.data ? s.data : "");
        }
    }

    return reader.path;
}


/* the closing quote of a string that begins before p, or the end of the text */
static const char *
results_json_string_end(const char *p, const char *end)
{
    while (p < end && *p != '"') {
        p += (*p == '\\' && p + 1 < end) ? 2 : 1;
    }

    return p;
}
