--
-- Loads past results from a CSV file.  For operators, in one session:
-- stage_results(), COPY, load_results().  docs/operations.md shows it.
--
-- Results go through write_records(), as creates: nothing that is stored is
-- replaced, and the same file may be loaded again.  A row is stored as the
-- module would have stored it, and one that the module would have refused is
-- refused, since the dialects could not show it.
--

-- Makes an empty temporary table to COPY the file into.  Its columns are text,
-- so that a wrong value is an error of its row, not of the whole COPY.

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


-- A time as RFC 3339 has it, or as psql writes it, in the years 1 to 9999 of
-- UTC, which are those that the module can write.

CREATE OR REPLACE FUNCTION results.past_time(value text) RETURNS timestamptz
LANGUAGE plpgsql
STABLE STRICT
SET search_path = pg_catalog, pg_temp
SET "TimeZone" = 'UTC'
AS $$
DECLARE
    moment  timestamptz;
BEGIN
    IF value !~ ('^\d{4}-\d\d-\d\d[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d'
                 '(\.\d+)?(Z|[+-]((0\d|1[0-3])(:?[0-5]\d)?|14(:?00)?))$')
    THEN
        RAISE EXCEPTION 'not a time with its zone: "%"', left(value, 40)
              USING ERRCODE = 'invalid_datetime_format';
    END IF;

    moment := value;

    IF moment < '0001-01-01 00:00:00Z' OR moment >= '10000-01-01 00:00:00Z'
    THEN
        RAISE EXCEPTION 'not in the years 1 to 9999: "%"', left(value, 40)
              USING ERRCODE = 'datetime_field_overflow';
    END IF;

    RETURN moment;
END
$$;


-- A finite number.

CREATE OR REPLACE FUNCTION results.past_number(value text) RETURNS float8
LANGUAGE plpgsql
IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF value !~ '^-?\d+(\.\d+)?([eE][+-]?\d+)?$' THEN
        RAISE EXCEPTION 'not a number: "%"', left(value, 40)
              USING ERRCODE = 'invalid_text_representation';
    END IF;

    -- the error of a cast would quote the whole text
    RETURN value::float8;

EXCEPTION WHEN numeric_value_out_of_range THEN
    RAISE EXCEPTION 'a number out of range: "%"', left(value, 40)
          USING ERRCODE = 'numeric_value_out_of_range';
END
$$;


-- An id as results_id_valid() of ngx_results_module/base has it: 1 to 255
-- characters, none of them a control character (Unicode's Cc).

CREATE OR REPLACE FUNCTION results.valid_id(value text) RETURNS boolean
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
RETURN value IS NOT NULL
       AND value ~ E'^[^\u0001-\u001f\u007f-\u009f]{1,255}$';


-- JSON in the form of the module's results_buf_json().  Raises an error for
-- what results_json_parse() refuses: more levels than `levels`, a duplicate
-- name, "\u0000", half a surrogate pair, a number out of range.
--
-- No SET: load_results() has them, and here each value would pay for them.

CREATE OR REPLACE FUNCTION results.module_json(value json, levels int)
RETURNS text
LANGUAGE plpgsql
IMMUTABLE STRICT
AS $$
BEGIN
    CASE json_typeof(value)
    WHEN 'object', 'array' THEN
        IF levels < 1 THEN
            RAISE EXCEPTION 'detail has too many levels'
                  USING ERRCODE = 'program_limit_exceeded';
        END IF;

    WHEN 'string' THEN
        RETURN to_json(value #>> '{}')::text;

    WHEN 'number' THEN
        -- the digits that came, within the limits of results_number_fits():
        -- from this number on the nearest double is none
        IF length(value::text) > 1024
           OR value::text ~ '[eE][+-]?0*[1-9]\d{4}'
           OR abs(value::text::numeric) >= 1.797693134862315807937e308
        THEN
            RAISE EXCEPTION 'a number out of range: "%"',
                  left(value::text, 40)
                  USING ERRCODE = 'numeric_value_out_of_range';
        END IF;

        RETURN value::text;

    ELSE
        RETURN btrim(value::text, E' \t\r\n');
    END CASE;

    IF json_typeof(value) = 'array' THEN
        RETURN '[' || coalesce((
            SELECT string_agg(results.module_json(e.value, levels - 1), ','
                              ORDER BY e.place)
            FROM json_array_elements(value) WITH ORDINALITY
                 AS e (value, place)), '') || ']';
    END IF;

    IF (SELECT count(*) <> count(DISTINCT k)
        FROM json_object_keys(value) AS k)
    THEN
        RAISE EXCEPTION 'detail has a name twice in one object'
              USING ERRCODE = 'invalid_text_representation';
    END IF;

    RETURN '{' || coalesce((
        SELECT string_agg(to_json(e.name)::text || ':'
                          || results.module_json(e.value, levels - 1), ','
                          ORDER BY e.place)
        FROM json_each(value) WITH ORDINALITY AS e (name, value, place)), '')
        || '}';
END
$$;


-- Whether results_oneroster_read_objectives() would accept a
-- learningObjectiveSet.

CREATE OR REPLACE FUNCTION results.valid_objectives(value json)
RETURNS boolean
LANGUAGE sql
IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN json_typeof(value) <> 'array' THEN false ELSE (
    SELECT coalesce(bool_and(coalesce(
        CASE WHEN json_typeof(s) <> 'object' THEN false
        WHEN json_typeof(s -> 'source') <> 'string' THEN false
        WHEN json_typeof(s -> 'learningObjectiveResults') <> 'array'
        THEN false
        ELSE (
            SELECT bool_and(coalesce(
                CASE WHEN json_typeof(o) <> 'object' THEN false
                ELSE json_typeof(o -> 'learningObjectiveId') = 'string'
                     AND coalesce(json_typeof(o -> 'score'), 'null')
                         IN ('number', 'null')
                     AND coalesce(json_typeof(o -> 'textScore'), 'null')
                         IN ('string', 'null') END, false))
            FROM json_array_elements(s -> 'learningObjectiveResults') o)
        END, false)), true)
    FROM json_array_elements(value) s) END;


-- A field of a OneRoster result as the module would keep it in detail; null
-- when it would not keep it.  expected is set when the field is wrong.
--
-- A reference is kept if it has more than its column, href and type, which the
-- renderer makes.

CREATE OR REPLACE FUNCTION results.past_field(
    r results.result, name text, INOUT value json, OUT expected text)
LANGUAGE plpgsql
STABLE
AS $$
DECLARE
    kind    text := json_typeof(value);
    string  text := CASE kind WHEN 'string' THEN value #>> '{}' END;
    id      text;
BEGIN
    CASE
    WHEN name IN ('sourcedId', 'status', 'dateLastModified', 'score') THEN
        expected := 'nothing: it has a column';

    WHEN kind = 'null' AND name IN (
        'metadata', 'lineItem', 'assessmentLineItem', 'student', 'class',
        'scoreScale', 'scoreStatus', 'scoreDate', 'textScore', 'comment',
        'scorePercentile', 'learningObjectiveSet', 'inProgress',
        'incomplete', 'late', 'missing')
    THEN
        value := NULL;

    WHEN name = 'metadata' AND kind <> 'object' THEN
        expected := 'an object';

    WHEN name IN ('textScore', 'comment', 'inProgress', 'incomplete', 'late',
                  'missing') AND kind <> 'string'
    THEN
        expected := 'a string';

    WHEN name = 'scorePercentile' AND r.kind = 'assessment_result'
         AND kind <> 'number'
    THEN
        expected := 'a number';

    WHEN name = 'scoreStatus'
         AND (kind <> 'string'
              OR string NOT IN ('exempt', 'fully graded', 'not submitted',
                                'partially graded', 'submitted')
                 AND string !~ '^ext:[A-Za-z0-9._-]+$')
    THEN
        expected := 'a scoreStatus of OneRoster';

    WHEN name = 'scoreDate' THEN
        IF string ~ '^\d{4}-\d\d-\d\d$' THEN
            PERFORM results.past_time(string || 'T00:00:00Z');
        ELSIF kind <> 'string' THEN
            expected := 'a date';
        ELSE
            PERFORM results.past_time(string);
        END IF;

    WHEN name = 'learningObjectiveSet' AND NOT results.valid_objectives(value)
    THEN
        expected := 'a learningObjectiveSet of OneRoster';

    WHEN name IN ('student', 'scoreScale')
         OR r.kind = 'result' AND name IN ('lineItem', 'class')
         OR r.kind = 'assessment_result' AND name = 'assessmentLineItem'
    THEN
        IF kind <> 'object' THEN
            expected := 'an object';
            RETURN;
        END IF;

        id := CASE name WHEN 'student' THEN r.learner_id
              WHEN 'class' THEN r.course_id
              WHEN 'scoreScale' THEN NULL
              ELSE r.item_id END;

        IF value -> 'sourcedId' IS NULL AND name <> 'scoreScale' THEN
            NULL;
        ELSIF coalesce(json_typeof(value -> 'sourcedId') <> 'string', true)
              OR NOT results.valid_id(value ->> 'sourcedId')
        THEN
            expected := 'an object with an id as its sourcedId';
            RETURN;
        ELSIF name <> 'scoreScale'
              AND results.normal_id(value ->> 'sourcedId')
                  IS DISTINCT FROM id
        THEN
            expected := 'the id of its column';
            RETURN;
        END IF;

        SELECT results.module_json(json_object_agg(e.name, e.value
                                                   ORDER BY e.place), 30)
        INTO value
        FROM json_each(value) WITH ORDINALITY AS e (name, value, place)
        WHERE e.name NOT IN ('href', 'type')
              AND NOT (e.name = 'sourcedId'
                       AND e.value #>> '{}' IS NOT DISTINCT FROM id);

    ELSE
        NULL;
    END CASE;
END
$$;


-- The detail that the module would make of a body.  A body may have 32 levels,
-- and OneRoster's have the result at the second one.

CREATE OR REPLACE FUNCTION results.past_detail(
    r results.result, value text)
RETURNS json
LANGUAGE plpgsql
STABLE STRICT
AS $$
DECLARE
    document  json := value;
    member    record;
    field     record;
    parts     text[] := '{}';
BEGIN
    IF json_typeof(document) <> 'object' THEN
        RAISE EXCEPTION 'detail is no JSON object'
              USING ERRCODE = 'invalid_text_representation';
    END IF;

    IF r.kind NOT IN ('result', 'assessment_result') THEN
        RETURN results.module_json(document, 32);
    END IF;

    -- first of all, since other functions raise errors for JSON that this one
    -- refuses, and since it brings the fields into their form
    document := results.module_json(document, 31);

    FOR member IN SELECT e.key, e.value FROM json_each(document) e LOOP
        field := results.past_field(r, member.key, member.value);

        IF field.expected IS NOT NULL THEN
            RAISE EXCEPTION 'detail.%: expected %', left(member.key, 40),
                  field.expected
                  USING ERRCODE = 'invalid_text_representation';
        END IF;

        IF field.value IS NOT NULL THEN
            parts := parts || (to_json(member.key)::text || ':'
                               || field.value::text);
        END IF;
    END LOOP;

    RETURN '{' || array_to_string(parts, ',') || '}';
END
$$;


-- A row of the file as the columns of a result.  Raises an error if it is
-- wrong.

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

        IF NOT results.valid_id(value) AND (name = 'id' OR value <> '') THEN
            RAISE EXCEPTION
                '% has to have 1 to 255 characters, no control characters',
                name USING ERRCODE = 'string_data_length_mismatch';
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
    r.updated_at := coalesce(results.past_time(staged ->> 'written_at'),
                             now());
    r.detail := results.past_detail(r, staged ->> 'detail');

    IF r.progress < 0 OR r.progress > 100 THEN
        RAISE EXCEPTION 'progress is no percentage'
              USING ERRCODE = 'numeric_value_out_of_range';
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

    -- made of the columns of the file, as in earlier versions, so that a file
    -- that was loaded by one of them is recognized
    r.payload_hash := ('x' || encode(substr(sha256(convert_to(
        concat(jsonb_strip_nulls(to_jsonb(r) - '{updated_at,detail}'::text[]),
               (staged ->> 'detail')::jsonb), 'UTF8')), 1, 8), 'hex'))
        ::bit(64)::bigint;

    RETURN r;
END
$$;


-- Stores the staged rows as results of a client and its institution.  strict:
-- learner and item must be known.  Returns how many rows had which outcome:
-- stored (now or before), conflict (another result has the id),
-- unknown_learner, unknown_item, invalid; the table past_results has the
-- outcome of each row.

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
        -- Nothing is written in this block: each row would be a subtransaction
        -- with a transaction ID, and more than 64 of them in a transaction
        -- slow down all sessions.
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

    -- write_records() takes no two rows with the same key

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
