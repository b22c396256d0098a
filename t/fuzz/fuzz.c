
/*
 * See fuzz.h.  The linker gives this file every call of malloc() and realloc()
 * (--wrap), so that the branches for no memory are run as any others are.
 * Jansson keeps its own: its lexer has an assertion that does not hold when
 * it gets no memory.
 */

#include "fuzz.h"


int LLVMFuzzerInitialize(int *argc, char ***argv);
void *__real_malloc(size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *p, size_t size);


const char           *fuzz_program;

static unsigned long  fuzz_left;       /* 0: none fails */
static int            fuzz_failed;
static int            fuzz_paused;


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char  *slash;

    (void) argc;

    slash = strrchr((*argv)[0], '/');
    fuzz_program = slash ? slash + 1 : (*argv)[0];

    return 0;
}


void
fuzz_fail_allocation(unsigned long n)
{
    fuzz_left = n;
    fuzz_failed = 0;
}


int
fuzz_allocation_failed(void)
{
    return fuzz_failed;
}


void
fuzz_pause(void)
{
    fuzz_paused = 1;
}


void
fuzz_resume(void)
{
    fuzz_paused = 0;
}


static int
fuzz_fails(void)
{
    if (fuzz_left == 0 || fuzz_paused) {
        return 0;
    }

    if (fuzz_left > 1) {
        fuzz_left--;
        return 0;
    }

    fuzz_failed = 1;

    return 1;
}


void *
__wrap_malloc(size_t size)
{
    return fuzz_fails() ? NULL : __real_malloc(size);
}


void *
__wrap_realloc(void *p, size_t size)
{
    return fuzz_fails() ? NULL : __real_realloc(p, size);
}


char *
fuzz_copy(const void *data, size_t len)
{
    char  *copy;

    copy = __real_malloc(len + !len);

    if (len) {
        memcpy(copy, data, len);
    }

    return copy;
}


int
fuzz_is_text(results_str_t s)
{
    size_t  i, n;

    for (i = 0; i < s.len; i += n) {
        n = results_utf8_len(s.data + i, s.len - i);

        if (n == 0 || s.data[i] == '\0') {
            return 0;
        }
    }

    return 1;
}


uint8_t
fuzz_byte(const uint8_t **data, size_t *size)
{
    if (*size == 0) {
        return 0;
    }

    (*size)--;

    return *(*data)++;
}
