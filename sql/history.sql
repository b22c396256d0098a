--
-- The versions of results that have been replaced or deleted.  A trigger keeps
-- them, in the statement that replaces; an insert does not fire it.
--
-- Replacing a row costs 13 us without the trigger, at 32 rows a statement;
-- about 20 us more when its version is kept, and 8 us more when the
-- institution's keep_history is false.  If it is false for all of them, ALTER
-- TABLE ... DISABLE TRIGGER saves those, too.
--

-- The columns of result come last, so that a column that is added to both
-- tables has the same place in both.  replaced_at is in the key because the
-- versions of a result begin at 1 again when an operator has removed it and it
-- is written again.

CREATE TABLE IF NOT EXISTS results.result_history (
    replaced_at      timestamptz NOT NULL,
    replaced_by      int NOT NULL,
    replaced_op      smallint NOT NULL,
    LIKE results.result,
    PRIMARY KEY (institution_id, id_space, id, version, replaced_at)
);

CALL pg_temp.define_comment('COLUMN results.result_history.replaced_by',
    'The api_client that wrote the next version.');
CALL pg_temp.define_comment('COLUMN results.result_history.replaced_op',
    'What it did: 1 put, 2 create, 3 delete, 4 replace.');


CREATE OR REPLACE FUNCTION results.keep_version() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    -- No SET search_path: write_records() has set it, and setting it for every
    -- row would cost as much as reading the institution.
    INSERT INTO results.result_history
    SELECT NEW.updated_at, NEW.client_id, NEW.op, OLD.*
    FROM results.institution i
    WHERE i.id = OLD.institution_id AND i.keep_history;

    RETURN NULL;
END
$$;


CREATE OR REPLACE FUNCTION results.op_name(op smallint) RETURNS text
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN ('{put,create,delete,replace}'::text[])[op];


-- All versions of all results: who wrote each, when and how, and who replaced
-- it.  replaced_at is null for the current version.

CALL pg_temp.define_view('versions', $$
SELECT i.name AS institution, v.kind, v.id, v.version, v.learner_id,
       v.item_id, v.course_id, v.status, v.score, v.score_max, v.completion,
       v.progress, v.time_spent, v.started_at, v.completed_at, v.scored_at,
       v.detail, v.updated_at AS written_at, w.client_id AS written_by,
       results.op_name(v.op) AS written_by_op, v.replaced_at,
       n.client_id AS replaced_by,
       results.op_name(v.replaced_op) AS replaced_by_op, v.id_space
FROM (SELECT * FROM results.result_history
      UNION ALL
      -- as pg_dump writes it, so that a restored view is no other one
      SELECT null::timestamptz AS replaced_at, null::int AS replaced_by,
             null::smallint AS replaced_op, r.*
      FROM results.result r) AS v
     JOIN results.institution i ON i.id = v.institution_id
     LEFT JOIN results.api_client w ON w.id = v.client_id
     LEFT JOIN results.api_client n ON n.id = v.replaced_by
$$);


-- The versions of the results with an id, oldest first.  An id can be that of
-- two results: one of them is then an assessment result.

CREATE OR REPLACE FUNCTION results.history_of_result(
    institution text, id text)
RETURNS SETOF results.versions
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT v.*
    FROM results.versions v
    WHERE v.institution = history_of_result.institution
          AND v.id_space IN (1, 2)
          AND v.id = history_of_result.id
    ORDER BY v.kind, v.written_at, v.version;
END;


-- All versions of all results of a learner, in the order in which they were
-- written.

CREATE OR REPLACE FUNCTION results.history_of_learner(
    institution text, learner text)
RETURNS SETOF results.versions
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT v.*
    FROM results.versions v
    WHERE v.institution = history_of_learner.institution
          AND v.learner_id = results.normal_id(history_of_learner.learner)
    ORDER BY v.written_at, v.kind, v.id, v.version;
END;
