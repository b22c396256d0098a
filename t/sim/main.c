
/*
 * sim [-k] [-j JOBS] [-x CHECK] FIRST COUNT: runs the seeds, each in a world of
 * its own; the first that breaks a promise ends it, with its number.  -k goes
 * on, and tells at the end which check found how many; what -x names is no
 * failure.  SIM_SEED=n instead runs that one and prints all that happens.
 *
 * Seeds run in child processes, so that a report of AddressSanitizer ends a
 * seed and not the run.
 */

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim.h"


#define SIM_JOBS    64
#define SIM_CHECKS  32

/* of a seed, in seconds of CPU time: it takes a millisecond */
#define SIM_LIMIT   5


/* where a child is, for its parent */
typedef struct {
    volatile uint64_t       seed;           /* being run */
    volatile uint64_t       runs;           /* that were */
    char                    check[32];      /* that failed, or "" */
    char                    text[256];
} sim_job_t;


typedef struct {
    char                    check[32];
    uint64_t                first;          /* seed */
    uint64_t                seeds;
} sim_found_t;


ngx_uint_t  sim_tracing;

static sim_job_t    *sim_job;               /* this process's */
static sim_found_t   sim_found[SIM_CHECKS];
static ngx_uint_t    sim_nfound;
static const char   *sim_ignored[SIM_CHECKS];
static ngx_uint_t    sim_nignored;


const char *__asan_default_options(void);

static void sim_run_job(sim_job_t *job, uint64_t seed, uint64_t end,
    uint64_t step);
static void sim_endless(int signo);
static int sim_is_ignored(sim_job_t *job);
static int sim_report(sim_job_t *job);


/* a seed frees little, and what was freed long ago nobody touches */

const char *
__asan_default_options(void)
{
    return "quarantine_size_mb=4:exitcode=99:detect_leaks=1"
           ":malloc_context_size=12";
}


int
main(int argc, char **argv)
{
    int         status, failed, go_on;
    pid_t       pid, pids[SIM_JOBS];
    uint64_t    first, count, runs;
    sim_job_t  *jobs;
    ngx_uint_t  i, njobs;

    go_on = 0;
    njobs = 1;

    while (argc > 1 && argv[1][0] == '-') {

        if (argv[1][1] == 'k') {
            go_on = 1;

        } else if (argv[1][1] == 'j' && argc > 2) {
            njobs = ngx_min((ngx_uint_t) atoi(argv[2]), SIM_JOBS);
            argv++;
            argc--;

        } else if (argv[1][1] == 'x' && argc > 2 && sim_nignored < SIM_CHECKS) {
            sim_ignored[sim_nignored++] = argv[2];
            argv++;
            argc--;
        }

        argv++;
        argc--;
    }

    jobs = mmap(NULL, SIM_JOBS * sizeof(sim_job_t), PROT_READ|PROT_WRITE,
                MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    if (jobs == MAP_FAILED) {
        perror("mmap");
        return 2;
    }

    if (getenv("SIM_SEED") != NULL) {
        sim_tracing = 1;
        sim_job = &jobs[0];
        sim_world_run(strtoull(getenv("SIM_SEED"), NULL, 10));
        printf("seed %s: nothing found\n", getenv("SIM_SEED"));
        return 0;
    }

    if (argc != 3) {
        fprintf(stderr, "usage: sim [-k] [-j JOBS] FIRST COUNT\n");
        return 2;
    }

    first = strtoull(argv[1], NULL, 10);
    count = strtoull(argv[2], NULL, 10);

    for (i = 0; i < njobs; i++) {
        jobs[i].seed = first + i;
        pids[i] = fork();

        if (pids[i] == 0) {
            sim_run_job(&jobs[i], first + i, first + count, njobs);
        }
    }

    failed = 0;

    while ((pid = wait(&status)) > 0) {

        for (i = 0; pids[i] != pid; i++) {
            /* void */
        }

        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
            continue;
        }

        if (!sim_is_ignored(&jobs[i])) {
            failed = 1;

            if (sim_report(&jobs[i]) != 0 || !go_on) {
                /* the others have nothing to add */
                count = 0;
            }
        }

        jobs[i].runs++;
        jobs[i].check[0] = '\0';

        if (jobs[i].seed + njobs < first + count) {
            pids[i] = fork();

            if (pids[i] == 0) {
                sim_run_job(&jobs[i], jobs[i].seed + njobs, first + count,
                            njobs);
            }

        } else if (count == 0) {
            for (i = 0; i < njobs; i++) {
                if (pids[i] != pid) {
                    kill(pids[i], SIGKILL);
                }
            }

            break;
        }
    }

    runs = 0;

    for (i = 0; i < njobs; i++) {
        runs += jobs[i].runs;
    }

    for (i = 0; i < sim_nfound; i++) {
        printf("%-16s %8llu seeds, the first is %llu\n", sim_found[i].check,
               (unsigned long long) sim_found[i].seeds,
               (unsigned long long) sim_found[i].first);
    }

    printf("%llu seeds from %llu: %s\n", (unsigned long long) runs,
           (unsigned long long) first, failed ? "FAILED" : "nothing found");

    return failed;
}


static void
sim_run_job(sim_job_t *job, uint64_t seed, uint64_t end, uint64_t step)
{
    struct itimerval  limit;

    sim_job = job;

    (void) signal(SIGVTALRM, sim_endless);

    memset(&limit, 0, sizeof(struct itimerval));
    limit.it_value.tv_sec = SIM_LIMIT;

    for ( /* void */ ; seed < end; seed += step) {
        (void) setitimer(ITIMER_VIRTUAL, &limit, NULL);

        job->seed = seed;
        sim_world_run(seed);
        job->runs++;
    }

    exit(0);
}


static void
sim_endless(int signo)
{
    (void) signo;

    sim_failed("endless", "it does not come to an end");
}


static int
sim_is_ignored(sim_job_t *job)
{
    ngx_uint_t  i;

    for (i = 0; i < sim_nignored; i++) {
        if (strcmp(job->check, sim_ignored[i]) == 0) {
            return 1;
        }
    }

    return 0;
}


static int
sim_report(sim_job_t *job)
{
    ngx_uint_t  i;

    if (job->check[0] == '\0') {
        (void) snprintf(job->check, sizeof(job->check), "memory");
        (void) snprintf(job->text, sizeof(job->text),
                        "the process ended; its last words are above");
    }

    for (i = 0; i < sim_nfound; i++) {
        if (strcmp(sim_found[i].check, job->check) == 0) {
            break;
        }
    }

    if (i == SIM_CHECKS) {
        return -1;
    }

    if (i == sim_nfound) {
        sim_nfound++;
        memcpy(sim_found[i].check, job->check, sizeof(job->check));
        sim_found[i].first = job->seed;

        printf("seed %llu: %s: %s\nagain, with all that happens: "
               "SIM_SEED=%llu\n", (unsigned long long) job->seed, job->check,
               job->text, (unsigned long long) job->seed);
        fflush(stdout);
    }

    sim_found[i].first = ngx_min(sim_found[i].first, job->seed);
    sim_found[i].seeds++;

    return 0;
}


void
sim_failed(const char *check, const char *fmt, ...)
{
    va_list  args;

    (void) snprintf(sim_job->check, sizeof(sim_job->check), "%s", check);

    va_start(args, fmt);
    (void) vsnprintf(sim_job->text, sizeof(sim_job->text), fmt, args);
    va_end(args);

    sim_trace("FAILED: %s: %s", check, sim_job->text);

    /* without a look for leaks: the world is left as it is */
    _exit(1);
}


void
sim_print(const char *fmt, ...)
{
    va_list  args;

    printf("%10.3f  ", (double) sim_now / 1000);

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);

    printf("\n");
    fflush(stdout);
}
