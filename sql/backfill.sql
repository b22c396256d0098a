--
-- Past results from a CSV file.  For operators, in one session:
-- stage_results(), COPY, load_results().  docs/operations.md shows it.
--
-- They go through the write path, as a client's: what is there is never
-- replaced, and the same file may be loaded again.
--

-- An empty temporary table to COPY the file into.  Everything is text, so
-- that a wrong value is a wrong row and not a file that can't be read.

CREATE OR REPLACE FUNCTION results.stage_results() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
BEGIN
    DROP TABLE IF EXISTS pg_temp.past_results;

    CREATE TEMPORARY TABLE past_results (
        kind text, id text, learner_id text, item_id text, course_id text,
        status text, score text, score_max text, completion text,
        progress text, time_spent text, started_at text, completed_at text,
        scored_at text, detail text, written_at text,
        row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        outcome text, problem text);
END
$$;


-- A time as RFC 3339 has it, or as psql writes it.

CREATE OR REPLACE FUNCTION results.past_time(value text) RETURNS timestamptz
LANGUAGE plpgsql
STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF value !~ ('^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?'
                 '(Z|[+-]\d\d(:\d\d)?)$')
    THEN
        RAISE EXCEPTION 'not a time with its zone: "%"', value
              USING ERRCODE = 'invalid_datetime_format';
    END IF;

    RETURN value;
END
$$;


-- A number that JSON can write.

CREATE OR REPLACE FUNCTION results.past_number(value text) RETURNS float8
LANGUAGE plpgsql
IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF value !~ '^-?\d+(\.\d+)?([eE][+-]?\d+)?$' THEN
        RAISE EXCEPTION 'not a number: "%"', value
              USING ERRCODE = 'invalid_text_representation';
    END IF;

    RETURN value;
END
$$;


-- A row of the file as the columns of a result.  What is wrong with it raises.

CREATE OR REPLACE FUNCTION results.past_result(staged jsonb)
RETURNS results.result
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    r      results.result;
    name   text;
    value  text;
BEGIN
    FOREACH name IN ARRAY '{id,learner_id,item_id,course_id}'::text[] LOOP
        value := staged ->> name;

        IF length(value) > 255 OR name = 'id' AND value IS NULL THEN
            RAISE EXCEPTION '% has to have 1 to 255 characters', name
                  USING ERRCODE = 'string_data_length_mismatch';
        END IF;
    END LOOP;

    IF staged ->> 'kind' IS NULL THEN
        RAISE EXCEPTION 'kind is missing'
              USING ERRCODE = 'not_null_violation';
    END IF;

    r.kind := staged ->> 'kind';
    r.id := staged ->> 'id';
    r.learner_id := results.normal_id(staged ->> 'learner_id');
    r.item_id := results.normal_id(staged ->> 'item_id');
    r.course_id := results.normal_id(staged ->> 'course_id');
    r.status := coalesce(staged ->> 'status', 'active');
    r.score := results.past_number(staged ->> 'score');
    r.score_max := results.past_number(staged ->> 'score_max');
    r.completion := staged ->> 'completion';
    r.progress := results.past_number(staged ->> 'progress');
    r.time_spent := staged ->> 'time_spent';
    r.started_at := results.past_time(staged ->> 'started_at');
    r.completed_at := results.past_time(staged ->> 'completed_at');
    r.scored_at := results.past_time(staged ->> 'scored_at');
    r.detail := staged ->> 'detail';
    r.updated_at := coalesce(results.past_time(staged ->> 'written_at'),
                             now());

    IF json_typeof(r.detail) <> 'object' THEN
        RAISE EXCEPTION 'detail is no JSON object'
              USING ERRCODE = 'invalid_text_representation';
    END IF;

    IF r.time_spent < 0 THEN
        RAISE EXCEPTION 'time_spent is negative'
              USING ERRCODE = 'numeric_value_out_of_range';
    END IF;

    IF r.updated_at > now() THEN
        RAISE EXCEPTION 'written_at is in the future'
              USING ERRCODE = 'datetime_field_overflow';
    END IF;

    r.id_space := CASE r.kind WHEN 'assessment_result' THEN 2 ELSE 1 END;
    r.payload_hash := ('x' || encode(substr(sha256(convert_to(
        concat(jsonb_strip_nulls(to_jsonb(r) - '{updated_at,detail}'::text[]),
               r.detail::jsonb), 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint;

    RETURN r;
END
$$;


-- What was staged becomes results that this client wrote, of its institution.
-- strict: learner and item must be known.  How many rows had which outcome:
-- stored (now or before), conflict (another result has the id),
-- unknown_learner, unknown_item, invalid; past_results has it row by row.

CREATE OR REPLACE FUNCTION results.load_results(
    client text, strict boolean DEFAULT false)
RETURNS TABLE (outcome text, rows bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET "TimeZone" = 'UTC'
AS $$
#variable_conflict use_column
DECLARE
    c       results.api_client := results.find_client(client);
    staged  record;
    r       results.result;
    wrong   text;
BEGIN
    CREATE TEMPORARY TABLE past_records ON COMMIT DROP AS
    SELECT 0::bigint AS row, r.* FROM results.result r LIMIT 0;

    UPDATE past_results SET outcome = NULL, problem = NULL;

    FOR staged IN
        SELECT p.row, (
                   SELECT jsonb_object_agg(e.key, e.value)
                   FROM jsonb_each_text(to_jsonb(p)) e
                   WHERE e.value <> '') AS fields
        FROM past_results p
    LOOP
        -- nothing is written in here: every row would have a subtransaction
        -- with a number, and more than 64 slow down all other sessions
        BEGIN
            wrong := NULL;
            r := results.past_result(staged.fields);
        EXCEPTION WHEN data_exception OR integrity_constraint_violation
                       OR program_limit_exceeded THEN
            wrong := SQLERRM;
        END;

        IF wrong IS NULL THEN
            INSERT INTO past_records SELECT staged.row, r.*;
        ELSE
            UPDATE past_results p SET outcome = 'invalid', problem = wrong
            WHERE p.row = staged.row;
        END IF;
    END LOOP;

    -- two rows of one key can't share a statement

    UPDATE past_results p
    SET outcome = 'invalid', problem = 'the file has this id before'
    FROM (SELECT o.row, row_number() OVER (
              PARTITION BY o.id_space, o.id ORDER BY o.row) AS place
          FROM past_records o) AS o
    WHERE o.row = p.row AND o.place > 1;

    WITH batches AS (
        SELECT o.*, (row_number() OVER (ORDER BY o.id_space, o.id) - 1) / 500
                        AS batch
        FROM past_records o
             JOIN past_results p ON p.row = o.row
        WHERE p.outcome IS NULL
    ), arrays AS (
        SELECT b.batch, array_agg(b.row ORDER BY b.id_space, b.id) AS rows,
            array_agg(2::smallint) AS ops,
            array_agg(c.institution_id) AS institutions,
            array_agg(array_position(enum_range(null::results.record_kind),
                b.kind)::smallint ORDER BY b.id_space, b.id) AS kinds,
            array_agg(b.id::text ORDER BY b.id_space, b.id) AS ids,
            array_agg(b.learner_id::text ORDER BY b.id_space, b.id)
                AS learners,
            array_agg(b.item_id::text ORDER BY b.id_space, b.id) AS items,
            array_agg(b.course_id::text ORDER BY b.id_space, b.id)
                AS courses,
            array_agg(array_position(enum_range(null::results.record_status),
                b.status)::smallint ORDER BY b.id_space, b.id) AS statuses,
            array_agg(b.score ORDER BY b.id_space, b.id) AS scores,
            array_agg(b.score_max ORDER BY b.id_space, b.id) AS maxes,
            array_agg(array_position(enum_range(null::results.completion),
                b.completion)::smallint ORDER BY b.id_space, b.id)
                AS completions,
            array_agg(b.progress ORDER BY b.id_space, b.id) AS progresses,
            array_agg(b.time_spent ORDER BY b.id_space, b.id) AS times,
            array_agg(b.started_at ORDER BY b.id_space, b.id) AS started,
            array_agg(b.completed_at ORDER BY b.id_space, b.id)
                AS completed,
            array_agg(b.scored_at ORDER BY b.id_space, b.id) AS scored,
            array_agg(b.detail ORDER BY b.id_space, b.id) AS details,
            array_agg(b.payload_hash ORDER BY b.id_space, b.id) AS hashes,
            array_agg(c.id) AS clients,
            array_agg(b.updated_at ORDER BY b.id_space, b.id) AS written,
            array_agg(null::int) AS expected,
            array_agg(strict::int::smallint) AS guards,
            array_agg(null::text) AS actors
        FROM batches b
        GROUP BY b.batch
        ORDER BY b.batch
    ), stored AS (
        SELECT u.row, u.outcome
        FROM arrays a
             CROSS JOIN LATERAL results_api.write_records(
                 a.ops, a.institutions, a.kinds, a.ids, a.learners, a.items,
                 a.courses, a.statuses, a.scores, a.maxes, a.completions,
                 a.progresses, a.times, a.started, a.completed, a.scored,
                 a.details, a.hashes, a.clients, a.written, a.expected,
                 a.guards, a.actors) w
             CROSS JOIN LATERAL unnest(a.rows, w.outcomes)
                 AS u (row, outcome)
    )
    UPDATE past_results p
    SET outcome = CASE s.outcome WHEN 1 THEN 'stored' WHEN 4 THEN 'stored'
                  WHEN 8 THEN 'unknown_learner' WHEN 9 THEN 'unknown_item'
                  ELSE 'conflict' END
    FROM stored s
    WHERE s.row = p.row;

    DROP TABLE pg_temp.past_records;

    RETURN QUERY
    SELECT p.outcome, count(*) FROM past_results p
    GROUP BY p.outcome ORDER BY p.outcome;
END
$$;
