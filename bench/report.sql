--
-- What bench/report reads: :learners learners in one institution, and as many
-- in :institutions others, with 50 assignments and 100 results each.  Half of
-- the results are about what was assigned.  A learner's results are spread
-- over two years, and rows lie in the order of time, as those of a table into
-- which all learners have written: no two of a learner are on the same page.
--
-- For a database in which nothing but sql/install.sql has run.
--

\set ON_ERROR_STOP on
\timing on

-- neither triggers nor foreign keys
SET session_replication_role = replica;
SET synchronous_commit = off;
SET work_mem = '512MB';
SET maintenance_work_mem = '512MB';

CREATE FUNCTION pg_temp.id(name text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN md5(name)::uuid::text;

CREATE FUNCTION pg_temp.moment(seconds bigint) RETURNS timestamptz
LANGUAGE sql IMMUTABLE
RETURN timestamptz '2024-01-01 00:00Z'
       + make_interval(secs => seconds % (730 * 86400));


INSERT INTO results.institution (name)
SELECT CASE WHEN n = 0 THEN 'big' ELSE 'small-' || n END
FROM generate_series(0, :institutions) n
ORDER BY n;

INSERT INTO results.department (institution_id, id, parent_id, name)
SELECT i.id, 'd' || d, CASE WHEN d > 1 THEN 'd' || (d + 1) / 3 END, 'D ' || d
FROM results.institution i
     CROSS JOIN generate_series(1, 200) d
WHERE i.name = 'big' OR d <= 10;

INSERT INTO results.person (institution_id, id, role, status, department_id)
SELECT i.id, pg_temp.id(i.id || 'L' || n), 'student',
       CASE WHEN n % 50 = 0 THEN 'blocked' ELSE 'active'
       END::results.person_status,
       'd' || 1 + n * 31 % CASE WHEN i.name = 'big' THEN 200 ELSE 10 END
FROM results.institution i
     CROSS JOIN LATERAL generate_series(1,
         :learners / CASE WHEN i.name = 'big' THEN 1 ELSE :institutions END) n;

INSERT INTO results.manager (institution_id, person_id, department_id)
SELECT id, 'm1', 'd1' FROM results.institution;

CREATE TEMP TABLE learner AS
SELECT institution_id, id, row_number() OVER (
           PARTITION BY institution_id ORDER BY md5(id || 'x')) AS n
FROM results.person;

DROP INDEX results.assignment_enrollment, results.assignment_course_item,
           results.assignment_module, results.assignment_course,
           results.assignment_due, results.result_learner,
           results.result_item, results.result_course;

-- 500 modules in 50 courses; all that a learner is given, within a week
INSERT INTO results.assignment (institution_id, learner_id, course_item_id,
    enrollment_id, course_id, module_id, module_title, access_date, due_date,
    expiration_date, passing_score)
SELECT l.institution_id, l.id, pg_temp.id('citem' || m),
       pg_temp.id(l.id || pg_temp.id('course' || m / 10)),
       pg_temp.id('course' || m / 10), pg_temp.id('module' || m),
       'Module ' || m, given,
       CASE WHEN i % 2 = 0 THEN given + interval '60 days' END,
       CASE WHEN i % 4 = 0 THEN given + interval '90 days' END,
       CASE WHEN i % 5 = 0 THEN 60 END
FROM learner l
     CROSS JOIN generate_series(1, 50) i
     CROSS JOIN LATERAL (
         SELECT (l.n * 7 + i * 9) % 500 AS m,
                pg_temp.moment((l.n * 50 + i) * 7919) AS given) x;

INSERT INTO results.result (institution_id, kind, id, learner_id, item_id,
    course_id, status, score, score_max, completion, progress, time_spent,
    started_at, completed_at, detail, payload_hash, version, op, client_id,
    created_at, updated_at)
SELECT l.institution_id,
       CASE WHEN i % 10 = 9 THEN 'learning_event' ELSE 'content_item_result'
       END::results.record_kind,
       pg_temp.id(l.institution_id || 'r' || l.n || '-' || i), l.id,
       pg_temp.id(CASE WHEN i > 50 THEN 'ext' || e
                  WHEN i % 10 = 0 THEN 'citem' || m ELSE 'module' || m END),
       CASE WHEN i <= 50 THEN pg_temp.id('course' || m / 10)
            WHEN e % 2 = 0 THEN pg_temp.id('extcourse' || e % 20) END,
       CASE WHEN (l.n + i) % 200 = 0 THEN 'tobedeleted' ELSE 'active'
       END::results.record_status,
       l.n * i % 101, 100, completion, l.n * 7 * i % 101,
       (l.n + i * 60) % 4000, started,
       CASE WHEN completion >= 'complete' THEN started + interval '50 min' END,
       jsonb_build_object('Duration', (l.n + i * 60) % 4000,
           'ContentItemResultTypeId', 1, 'StudyMode', 0,
           'type', CASE WHEN i % 10 = 9 THEN 'ViewEvent' ELSE 'x' END),
       l.n * 1000003 + i, 1, 2, 1, started + interval '1 hour',
       started + interval '1 hour'
FROM learner l
     CROSS JOIN generate_series(1, 100) i
     CROSS JOIN LATERAL (
         SELECT (l.n * 7 + (CASE WHEN i <= 40 THEN i ELSE i - 40 END) * 9)
                    % 500 AS m,
                (l.n * 13 + i * 17) % 1000 AS e,
                (ARRAY['complete', 'complete', 'in_progress', 'complete',
                       'failed', 'passed', 'in_progress', 'complete',
                       'complete', NULL, 'failed']::results.completion[])
                    [1 + (l.n * 3 + i * 5) % 11] AS completion,
                pg_temp.moment(l.n * 7919 + i * 630721
                    + l.institution_id * 60) AS started) x
ORDER BY started;

RESET session_replication_role;

-- makes the indexes again
\ir ../sql/install.sql

VACUUM ANALYZE;
