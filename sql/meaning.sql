--
-- The rules by which the module report makes one row of a learner's results
-- for a module; docs/records.md has them as tables.  They answer three
-- questions, each from the results that can answer it: which result decides
-- status and score, when the module was completed, and when it was begun.
-- report.sql combines these functions in one place, before its filters.
--
-- A completion is its code in results_record.h: 1 not_started,
-- 2 in_progress, 3 pending, 4 complete, 5 passed, 6 accepted, 7 incomplete,
-- 8 failed, 9 declined.
--

-- What an item has to say about it.  Without a default that has to be worked
-- out, so that no row is rewritten.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute
                   WHERE attrelid = 'results.item'::regclass
                         AND attname = 'score_rule')
    THEN
        ALTER TABLE results.item
            ADD COLUMN IF NOT EXISTS passing_score float8
                CHECK (passing_score > '-infinity'
                       AND passing_score < 'infinity'),
            ADD COLUMN IF NOT EXISTS score_rule text NOT NULL DEFAULT 'latest'
                CHECK (score_rule IN ('latest', 'best'));
    END IF;
END
$$;

CALL pg_temp.define_comment('COLUMN results.item.passing_score',
    'What an assignment without one is passed with; null: nothing to pass.');
CALL pg_temp.define_comment('COLUMN results.item.score_rule',
    'Which of several scores the module report shows: latest or best.');


-- The number of a completion.  A result without one shows that its learner has
-- begun: in_progress.

CREATE OR REPLACE FUNCTION results.completion_code(completion results.completion)
RETURNS smallint
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE completion
    WHEN 'not_started' THEN 1
    WHEN 'in_progress' THEN 2
    WHEN 'pending' THEN 3
    WHEN 'complete' THEN 4
    WHEN 'passed' THEN 5
    WHEN 'accepted' THEN 6
    WHEN 'incomplete' THEN 7
    WHEN 'failed' THEN 8
    WHEN 'declined' THEN 9
    ELSE 2 END::smallint;


-- The time of a result: when the learner completed it, else when it was
-- scored, else when the learner started, else when it was written.

CREATE OR REPLACE FUNCTION results.result_time(
    completed timestamptz, scored timestamptz, started timestamptz,
    written timestamptz)
RETURNS timestamptz
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN coalesce(completed, scored, started, written);


-- The weight of a result: the one of the greatest weight, and of these the
-- latest, decides status and score.  2: it has an end, 1: it was begun or
-- declined, 0: it was not started.

CREATE OR REPLACE FUNCTION results.weight(completion smallint) RETURNS int
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN completion BETWEEN 4 AND 8 THEN 2
            WHEN completion = 1 THEN 0 ELSE 1 END;


-- The status: a completion "complete" becomes passed or failed by the score,
-- when there is a score and a passing score; any other one stays.

CREATE OR REPLACE FUNCTION results.verdict(
    completion smallint, awarded float8, passing float8)
RETURNS smallint
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN completion <> 4 OR passing IS NULL OR awarded IS NULL
            THEN completion
            WHEN awarded >= passing THEN 5 ELSE 8 END::smallint;


-- For a search of single results: the completions of results from which one of
-- these statuses may come.

CREATE OR REPLACE FUNCTION results.told_by(statuses smallint[])
RETURNS smallint[]
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN statuses && '{5,8}'::smallint[]
            THEN statuses || 4::smallint ELSE statuses END;


-- When the module was begun: the time that the assignment gives, else the
-- first start of a result, else when the first result was written.

CREATE OR REPLACE FUNCTION results.begun_at(
    given timestamptz, started timestamptz, written timestamptz)
RETURNS timestamptz
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN coalesce(given, started, written);


-- Whether the module is overdue: the due date is before its completion, else
-- before it was handed in, else before now; it is not when it has ended, but
-- no result says when.

CREATE OR REPLACE FUNCTION results.overdue(
    due timestamptz, completion smallint, completed timestamptz,
    handed_in timestamptz)
RETURNS boolean
LANGUAGE sql
STABLE PARALLEL SAFE
RETURN coalesce(due < coalesce(completed, handed_in,
    CASE WHEN results.weight(completion) < 2 THEN now() END), false);
