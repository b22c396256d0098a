--
-- What results amount to: docs/records.md has it as tables.  Three questions
-- are asked of a learner's results for a module, and each takes the results
-- that know: what decides status and score, when the module was completed,
-- when it was begun.  The words for it are here; report.sql puts them together
-- in one place, behind which all of its filters come.
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


-- A result that tells none shows that its learner has begun.

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


-- What a result tells of: the learner was done, or somebody graded, or the
-- learner began, or it was written.

CREATE OR REPLACE FUNCTION results.result_time(
    completed timestamptz, scored timestamptz, started timestamptz,
    written timestamptz)
RETURNS timestamptz
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN coalesce(completed, scored, started, written);


-- Which result decides status and score: the one of the greatest weight, of
-- these the latest.  2 tells how it ended, 1 that it was begun or given up,
-- 0 that nothing was done.

CREATE OR REPLACE FUNCTION results.weight(completion smallint) RETURNS int
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN completion BETWEEN 4 AND 8 THEN 2
            WHEN completion = 1 THEN 0 ELSE 1 END;


-- The status: of a result that says no more than that the learner is done,
-- the score tells whether it was passed, where there is something to pass.

CREATE OR REPLACE FUNCTION results.verdict(
    completion smallint, awarded float8, passing float8)
RETURNS smallint
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN completion <> 4 OR passing IS NULL OR awarded IS NULL
            THEN completion
            WHEN awarded >= passing THEN 5 ELSE 8 END::smallint;


-- The completions that may come out of results with one of these, for whoever
-- looks for a status among single results.

CREATE OR REPLACE FUNCTION results.told_by(statuses smallint[])
RETURNS smallint[]
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN statuses && '{5,8}'::smallint[]
            THEN statuses || 4::smallint ELSE statuses END;


-- When it was begun: when somebody said that it would be, else at the first
-- start that a result tells, else when the first one was written.

CREATE OR REPLACE FUNCTION results.begun_at(
    given timestamptz, started timestamptz, written timestamptz)
RETURNS timestamptz
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN coalesce(given, started, written);


-- Whether it is overdue: by when it was completed, else by when it was handed
-- in, else by now, unless it has ended and nobody says when.

CREATE OR REPLACE FUNCTION results.overdue(
    due timestamptz, completion smallint, completed timestamptz,
    handed_in timestamptz)
RETURNS boolean
LANGUAGE sql
STABLE PARALLEL SAFE
RETURN coalesce(due < coalesce(completed, handed_in,
    CASE WHEN results.weight(completion) < 2 THEN now() END), false);
