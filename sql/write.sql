--
-- The write path: results_api.write_records() and write_group(), and the two
-- functions behind them.  One row of the parameters is one record; the codes
-- are those of ngx_results_module/record/results_record.h:
--
--   op       1 put, 2 create, 3 delete, 4 replace
--   outcome  1 created, 2 updated, 3 deleted, 4 replayed, 5 superseded,
--            6 conflict, 7 not_found, 8 unknown_learner, 9 unknown_item,
--            10 forbidden, 11 precondition_failed; negative: nothing tells
--            whether an earlier run of the row was stored
--   guard    1 learner and item must exist, 2 the actor is the learner or
--            staff of the learner's center, 4 the row's actor is no person:
--            it has the preconditions of a put or delete, see
--            results.precondition_holds()
--
-- A parameter that is null as a whole has no value in any row.
--
-- Rows come sorted by (institution_id, id_space, id) with no key twice: rows
-- are locked in that order, so two sessions can't deadlock.
--
-- No outcome raises an error; only data that can't be stored does (SQLSTATE
-- classes 22, 23, 54).
--

-- Evaluates preconditions (RFC 9110 13.1) for a row.  The module writes them
-- as the one of If-Match or If-Unmodified-Since, ";", and that of
-- If-None-Match.  Each is one of
--
--   (empty)  no precondition
--   *        the record exists; behind ";": it does not exist
--   =T,T...  its tag is one of these; behind ";": none of these.  A tag is
--            the version, "-", and the stamp in microseconds since 1970
--   <N       it was modified before N microseconds since 1970; before ";" only
--
-- A tobedeleted record does not exist, and was not modified after any time.

CREATE OR REPLACE FUNCTION results.precondition_holds(
    precondition text, version int, status results.record_status,
    updated_at timestamptz)
RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    match       text := split_part(precondition, ';', 1);
    none_match  text := split_part(precondition, ';', 2);
    -- SQL may have dated it infinity, which has no epoch
    stamp       bigint := CASE
                    WHEN isfinite(updated_at)
                    THEN extract(epoch FROM updated_at) * 1000000
                    WHEN updated_at > '2000-01-01' THEN 9223372036854775807
                    ELSE -9223372036854775808 END;
    tag         text := version || '-' || stamp;
BEGIN
    IF status = 'tobedeleted' THEN
        RETURN match = '' OR match LIKE '<%';
    END IF;

    RETURN CASE left(match, 1)
           WHEN '=' THEN tag = ANY (string_to_array(substr(match, 2), ','))
           WHEN '<' THEN stamp < substr(match, 2)::bigint
           ELSE true END
       AND CASE left(none_match, 1)
           WHEN '=' THEN tag <> ALL (string_to_array(substr(none_match, 2),
                                                     ','))
           ELSE none_match = '' END;
END
$$;


-- For a batch with preconditions: whether a record may replace the stored row
-- with its key.  A negative place means that the record's preconditions are
-- preconditions[-place]: they must hold for the row.  Otherwise only a record
-- whose key had to be free (its id is in `absent`) may not: another session
-- has just inserted the row, and results.outcomes() decides.

CREATE OR REPLACE FUNCTION results.precondition_lets(
    place int, preconditions text[], absent text[], id text, version int,
    status results.record_status, updated_at timestamptz)
RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF place > 0 THEN
        RETURN id <> ALL (absent);
    END IF;

    RETURN results.precondition_holds(preconditions[-place], version, status,
                                      updated_at);
END
$$;


-- For a row that fails a precondition: whether it may be the result of the
-- same request, sent before, whose answer was lost.  The caller has checked
-- that client, op and body are the same.  Then If-Match must name the version
-- before this one, and for If-None-Match: * there must have been no record, or
-- a deleted one.

CREATE OR REPLACE FUNCTION results.precondition_was_met(
    precondition text, r results.result)
RETURNS boolean
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    match       text := split_part(precondition, ';', 1);
    none_match  text := split_part(precondition, ';', 2);
BEGIN
    RETURN (match NOT LIKE '=%' OR EXISTS (
               SELECT FROM unnest(string_to_array(substr(match, 2), ',')) AS t
               WHERE split_part(t, '-', 1) = (r.version - 1)::text))
       AND CASE left(none_match, 1)
           WHEN '=' THEN false
           WHEN '*' THEN r.version = 1
                OR EXISTS (
                   SELECT FROM results.result_history o
                   WHERE o.institution_id = r.institution_id
                         AND o.id_space = r.id_space
                         AND o.id = r.id
                         AND o.version = r.version - 1
                         AND o.status = 'tobedeleted')
                OR EXISTS (
                   SELECT FROM results.institution i
                   WHERE i.id = r.institution_id AND NOT i.keep_history)
           ELSE true END;
END
$$;


-- The rows that are refused before anything is stored: by a guard, or because
-- they delete or replace a row that does not exist.  Returns an outcome for
-- each row, null for one that is not refused.  For a row with preconditions it
-- is 0 when a row with its key exists, for which they must be evaluated, and
-- -1 when none exists and none may come into being.
--
-- Sequential scans and other joins are disabled, since each session keeps the
-- plan, and may have made it when the tables were small.

CREATE OR REPLACE FUNCTION results.refusals(
    ops smallint[], institution_ids int[], kinds smallint[], ids text[],
    learner_ids text[], item_ids text[], guards smallint[], actors text[])
RETURNS smallint[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    RETURN (
        SELECT array_agg(
            CASE
            WHEN u.op IN (3, 4) AND NOT EXISTS (
                SELECT FROM results.result r
                WHERE r.institution_id = u.institution_id
                      AND r.id_space = results.id_space(u.kind)
                      AND r.id = u.id)
            THEN 7

            -- The same outcome for all reasons: the caller must not learn
            -- whether a learner exists (docs/api/wse.md).
            WHEN u.guards & 2 <> 0 AND NOT EXISTS (
                SELECT FROM results.person actor, results.person learner
                WHERE actor.institution_id = u.institution_id
                      AND actor.id = u.actor_id
                      AND actor.status = 'active'
                      AND coalesce(actor.role_ends >= current_date, true)
                      AND actor.role IN ('student', 'staff',
                                         'prospect_with_trial')
                      AND learner.institution_id = u.institution_id
                      AND learner.id = u.learner_id
                      -- a learner of any status; a blank center is none
                      AND learner.role IN ('student', 'prospect_with_trial')
                      AND (learner.id = actor.id
                           OR actor.role = 'staff'
                              AND btrim(actor.center_id) <> ''
                              AND actor.center_id = learner.center_id))
            THEN 10

            WHEN u.guards & 1 <> 0 AND u.learner_id IS NOT NULL
                 AND NOT EXISTS (
                SELECT FROM results.person p
                WHERE p.institution_id = u.institution_id
                      AND p.id = u.learner_id)
            THEN 8

            WHEN u.guards & 1 <> 0 AND u.item_id IS NOT NULL
                 AND NOT EXISTS (
                SELECT FROM results.item i
                WHERE i.institution_id = u.institution_id
                      AND i.id = u.item_id)
            THEN 9

            WHEN u.guards & 4 <> 0
            THEN CASE
                 WHEN EXISTS (
                     SELECT FROM results.result r
                     WHERE r.institution_id = u.institution_id
                           AND r.id_space = results.id_space(u.kind)
                           AND r.id = u.id)
                 THEN 0
                 WHEN left(u.actor_id, 1) IN ('=', '*') THEN 11
                 ELSE -1 END
            END::smallint)
        FROM unnest(ops, institution_ids, kinds, ids, learner_ids, item_ids,
                    guards, actors)
             AS u (op, institution_id, kind, id, learner_id, item_id,
                   guards, actor_id));
END
$$;


-- Waits for sessions that write the keys of refused rows.  Such a row may have
-- been stored by an earlier run of it, which was not refused and has not yet
-- committed.  The key is not locked, and only an INSERT waits for an
-- uncommitted row with the same key.  Each INSERT is undone before the next
-- one, so that it holds no lock while that waits.

CREATE OR REPLACE FUNCTION results.wait_for_refused(
    institution_ids int[], kinds smallint[], ids text[], refusals smallint[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    FOR i IN 1 .. cardinality(ids) LOOP
        CONTINUE WHEN NOT coalesce(refusals[i] IN (8, 9, 10), false);

        BEGIN
            INSERT INTO results.result AS r (
                institution_id, kind, id, status, payload_hash, version, op,
                id_space, client_id, created_at, updated_at)
            VALUES (
                institution_ids[i],
                ('{result,assessment_result,content_item_result,
                   learning_event,module_result}'
                 ::results.record_kind[])[kinds[i]],
                ids[i], 'active', 0, 1, 1, results.id_space(kinds[i]), 0,
                '-infinity', '-infinity')
            ON CONFLICT (institution_id, id_space, id)
            DO UPDATE SET version = r.version WHERE false;

            RAISE EXCEPTION USING ERRCODE = 'RS002';

        -- an operator may have added a constraint that this row violates
        EXCEPTION WHEN SQLSTATE 'RS002' OR integrity_constraint_violation THEN
            NULL;
        END;
    END LOOP;
END
$$;


-- The outcomes of a batch of which not every row was stored, from what is
-- stored now.  It must make no difference whether a row was stored by this run
-- or by an earlier run of the same statement.  The INSERT has locked every
-- stored row with a key of the batch, or wait_for_refused() has waited for it.
--
-- When a later write is stored and there is no history, an earlier run may
-- have been stored and replaced: the outcome is negative then.

DROP FUNCTION IF EXISTS results.outcomes(smallint[], int[], smallint[],
    text[], bigint[], int[], timestamptz[], int[], smallint[]);

CREATE OR REPLACE FUNCTION results.outcomes(
    ops smallint[], institution_ids int[], kinds smallint[], ids text[],
    hashes bigint[], clients int[], written timestamptz[], expected int[],
    refusals smallint[], actors text[],
    OUT outcomes smallint[], OUT versions int[], OUT stamps timestamptz[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    SELECT array_agg(
               CASE
               -- the key is that of another API's record
               WHEN r.kind <> ('{result,assessment_result,
                                 content_item_result,learning_event,
                                 module_result}'
                               ::results.record_kind[])[u.kind]
               THEN coalesce(f.refusal, 6)

               WHEN u.op = 3 AND r.status = 'tobedeleted' AND f.holds THEN 3

               -- this write is stored
               WHEN r.updated_at = u.stamp AND r.client_id = u.client_id
                    AND r.op = u.op AND r.payload_hash = u.payload_hash
               THEN CASE WHEN u.op = 3 THEN 3 WHEN r.version = 1 THEN 1
                    ELSE 2 END

               -- this write was stored and has been replaced since
               WHEN h.version IS NOT NULL
               THEN CASE WHEN u.op = 3 THEN 3 WHEN h.version = 1 THEN 1
                    ELSE 2 END

               -- a repeated create gets its answer again, even if the row has
               -- been deleted since or a guard would now refuse it
               WHEN u.op = 2 AND r.payload_hash = u.payload_hash
                    AND (f.refusal IS NULL OR r.client_id = u.client_id)
               THEN 4

               -- a repeated request whose precondition held the first time
               WHEN NOT f.holds AND r.client_id = u.client_id
                    AND r.op = u.op
                    AND (u.op = 3 OR r.payload_hash = u.payload_hash)
                    AND results.precondition_was_met(u.actor, r)
               THEN CASE WHEN u.op = 3 THEN 3 WHEN r.version = 1 THEN 1
                    ELSE 2 END

               WHEN NOT f.holds THEN 11 * f.sign
               WHEN f.refusal IS NOT NULL THEN f.refusal * f.sign
               WHEN r.id IS NULL THEN 7

               -- a repeated create whose row has been replaced since
               WHEN u.op = 2 AND EXISTS (
                   SELECT FROM results.result_history o
                   WHERE o.institution_id = r.institution_id
                         AND o.id_space = r.id_space
                         AND o.id = r.id
                         AND o.op = 2
                         AND o.payload_hash = u.payload_hash)
               THEN 4

               WHEN u.op = 2
                    OR u.op = 4 AND r.version IS DISTINCT FROM u.version
               THEN 6 * f.sign

               ELSE 5 * f.sign
               END::smallint
               ORDER BY u.ord),
           array_agg(coalesce(h.version, r.version) ORDER BY u.ord),
           array_agg(coalesce(h.updated_at, r.updated_at) ORDER BY u.ord)
    INTO outcomes, versions, stamps
    FROM unnest(ops, institution_ids, kinds, ids, hashes, clients, written,
                expected, refusals, actors)
         WITH ORDINALITY
         AS u (op, institution_id, kind, id, payload_hash, client_id, stamp,
               version, refusal, actor, ord)
         LEFT JOIN results.result r
         ON r.institution_id = u.institution_id
            AND r.id_space = results.id_space(u.kind)
            AND r.id = u.id
         LEFT JOIN results.institution i ON i.id = u.institution_id
         CROSS JOIN LATERAL (
             SELECT CASE WHEN r.updated_at > u.stamp
                              AND i.keep_history IS NOT TRUE
                    THEN -1 ELSE 1 END,
                    CASE WHEN u.refusal > 0 THEN u.refusal END,
                    CASE WHEN u.refusal <= 0
                    THEN results.precondition_holds(u.actor, r.version,
                             r.status, r.updated_at)
                    ELSE true END) AS f (sign, refusal, holds)
         LEFT JOIN LATERAL (
             SELECT o.version, o.updated_at
             FROM results.result_history o
             WHERE r.updated_at > u.stamp
                   AND o.institution_id = r.institution_id
                   AND o.id_space = r.id_space
                   AND o.id = r.id
                   AND o.updated_at = u.stamp
                   AND o.client_id = u.client_id
                   AND o.op = u.op
                   -- a delete leaves the hash as it was
                   AND (o.op = 3 OR o.payload_hash = u.payload_hash)
             LIMIT 1) AS h ON true;
END
$$;


-- Writes a batch of records: one INSERT, and only when not every row was
-- stored a second query for the outcomes.
--
-- stamps is null when every row was stored with its own stamp.
--
-- Written for speed.  Elements are read by subscript, since PL/pgSQL keeps
-- array parameters expanded, and unnest() of 23 arrays would fill 23
-- tuplestores in each call.  Words of enums are listed, since enum_range()
-- would read the catalog for every row.  CPU of a row, relative to a bare
-- INSERT ... unnest(), at 1, 8, 32 and 128 rows: 1.4, 1.15, 1.1, 1.0; with
-- unnest() and enum_range() 1.4 at 32 rows.

CREATE OR REPLACE FUNCTION results_api.write_records(
    ops smallint[], institution_ids int[], kinds smallint[], ids text[],
    learner_ids text[], item_ids text[], course_ids text[],
    statuses smallint[], scores float8[], score_maxes float8[],
    completions smallint[], progresses float8[], times_spent int[],
    started timestamptz[], completed timestamptz[], scored timestamptz[],
    details json[], hashes bigint[], clients int[], written timestamptz[],
    expected int[], guards smallint[], actors text[],
    OUT outcomes smallint[], OUT versions int[], OUT stamps timestamptz[])
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    refusals  smallint[];
    refused   smallint[];
    absent    text[];
    stored    text[];
BEGIN
    IF 0 <> ANY (guards) OR 3 <= ANY (ops) THEN
        refusals := results.refusals(ops, institution_ids, kinds, ids,
                                     learner_ids, item_ids, guards, actors);

        refused := refusals;

        IF 0 >= ANY (refusals) THEN
            SELECT array_agg(CASE WHEN u.refusal > 0 THEN u.refusal END
                             ORDER BY u.i),
                   -- the place of the preconditions for precondition_lets()
                   array_agg(CASE u.refusal WHEN 0 THEN -u.i::int
                             ELSE u.expected END ORDER BY u.i),
                   coalesce(array_agg(u.id) FILTER (WHERE u.refusal = -1),
                            '{}')
            INTO refused, expected, absent
            FROM unnest(refusals, expected, ids)
                 WITH ORDINALITY AS u (refusal, expected, id, i);
        END IF;

        IF refusals && '{8,9,10}'::smallint[] THEN
            PERFORM results.wait_for_refused(institution_ids, kinds, ids,
                                             refusals);
        END IF;
    END IF;

    WITH written_rows AS (
        INSERT INTO results.result AS r (
            institution_id, kind, id, learner_id, item_id, course_id,
            status, score, score_max, completion, progress, time_spent,
            started_at, completed_at, scored_at, detail, payload_hash,
            version, op, id_space, client_id, created_at, updated_at)
        SELECT
            institution_ids[i],
            ('{result,assessment_result,content_item_result,learning_event,
               module_result}'::results.record_kind[])[kinds[i]],
            ids[i], learner_ids[i], item_ids[i], course_ids[i],
            CASE ops[i] WHEN 3 THEN 'tobedeleted' ELSE
                ('{active,tobedeleted}'::results.record_status[])
                [statuses[i]] END,
            scores[i], score_maxes[i],
            ('{not_started,in_progress,pending,complete,passed,accepted,
               incomplete,failed,declined}'::results.completion[])
            [completions[i]],
            progresses[i], times_spent[i], started[i], completed[i],
            scored[i], details[i], hashes[i],
            coalesce(expected[i], 1),
            ops[i], results.id_space(kinds[i]), clients[i], written[i],
            written[i]
        FROM generate_series(1, cardinality(ids)) AS i
        WHERE refused[i] IS NULL

        ON CONFLICT (institution_id, id_space, id) DO UPDATE SET
            learner_id = CASE EXCLUDED.op WHEN 3 THEN r.learner_id
                         ELSE EXCLUDED.learner_id END,
            item_id = CASE EXCLUDED.op WHEN 3 THEN r.item_id
                      ELSE EXCLUDED.item_id END,
            course_id = CASE EXCLUDED.op WHEN 3 THEN r.course_id
                        ELSE EXCLUDED.course_id END,
            status = EXCLUDED.status,
            score = CASE EXCLUDED.op WHEN 3 THEN r.score
                    ELSE EXCLUDED.score END,
            score_max = CASE EXCLUDED.op WHEN 3 THEN r.score_max
                        ELSE EXCLUDED.score_max END,
            completion = CASE EXCLUDED.op WHEN 3 THEN r.completion
                         ELSE EXCLUDED.completion END,
            progress = CASE EXCLUDED.op WHEN 3 THEN r.progress
                       ELSE EXCLUDED.progress END,
            time_spent = CASE EXCLUDED.op WHEN 3 THEN r.time_spent
                         ELSE EXCLUDED.time_spent END,
            started_at = CASE EXCLUDED.op WHEN 3 THEN r.started_at
                         ELSE EXCLUDED.started_at END,
            completed_at = CASE EXCLUDED.op WHEN 3 THEN r.completed_at
                           ELSE EXCLUDED.completed_at END,
            scored_at = CASE EXCLUDED.op WHEN 3 THEN r.scored_at
                        ELSE EXCLUDED.scored_at END,
            detail = CASE EXCLUDED.op WHEN 3 THEN r.detail
                     ELSE EXCLUDED.detail END,
            payload_hash = CASE EXCLUDED.op WHEN 3 THEN r.payload_hash
                           ELSE EXCLUDED.payload_hash END,
            version = r.version + 1,
            op = EXCLUDED.op,
            client_id = EXCLUDED.client_id,
            updated_at = EXCLUDED.updated_at

        -- a row that this does not update is locked all the same
        WHERE CASE EXCLUDED.op
              WHEN 1 THEN true
              WHEN 3 THEN r.status = 'active'
              WHEN 4 THEN r.version = EXCLUDED.version
              ELSE false
              END
              AND r.kind = EXCLUDED.kind
              -- An equal stamp is that of this write, stored by an earlier
              -- run, or that of another worker's write.  Of two writes with
              -- one stamp nothing would tell which replaced the other, so the
              -- second one is sent again with a later stamp.
              AND r.updated_at < EXCLUDED.updated_at
              AND (absent IS NULL
                   OR results.precondition_lets(EXCLUDED.version, actors,
                          absent, r.id, r.version, r.status, r.updated_at))

        -- A row whose version is negative replaces nothing: an operator has
        -- removed the row meanwhile.  Its id is not that of the parameters.
        RETURNING CASE WHEN r.version > 0 THEN r.id END AS id, r.version, r.op
    )
    SELECT array_agg(w.id), array_agg(w.version),
           array_agg(CASE WHEN w.op = 3 THEN 3 WHEN w.version = 1 THEN 1
                     ELSE 2 END::smallint)
    INTO stored, versions, outcomes
    FROM written_rows w;

    -- Nothing in the plan sorts or joins, so rows come back in the order of
    -- the parameters; this checks it.
    IF stored = ids THEN
        RETURN;
    END IF;

    -- such a row was removed meanwhile: the module sends the batch again
    IF 0 > ANY (versions) THEN
        RAISE EXCEPTION USING ERRCODE = 'serialization_failure';
    END IF;

    SELECT o.outcomes, o.versions, o.stamps
    INTO outcomes, versions, stamps
    FROM results.outcomes(ops, institution_ids, kinds, ids, hashes, clients,
                          written, expected, refusals, actors) o;
END
$$;


-- The same for a group, which is stored as a whole or not at all: if one row
-- is refused, nothing is stored.  The outcomes of the other rows are then what
-- they would have been.

CREATE OR REPLACE FUNCTION results_api.write_group(
    ops smallint[], institution_ids int[], kinds smallint[], ids text[],
    learner_ids text[], item_ids text[], course_ids text[],
    statuses smallint[], scores float8[], score_maxes float8[],
    completions smallint[], progresses float8[], times_spent int[],
    started timestamptz[], completed timestamptz[], scored timestamptz[],
    details json[], hashes bigint[], clients int[], written timestamptz[],
    expected int[], guards smallint[], actors text[],
    OUT outcomes smallint[], OUT versions int[], OUT stamps timestamptz[])
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    -- the exception undoes the write, but not the values of variables
    SELECT w.outcomes, w.versions, w.stamps
    INTO outcomes, versions, stamps
    FROM results_api.write_records(
        ops, institution_ids, kinds, ids, learner_ids, item_ids, course_ids,
        statuses, scores, score_maxes, completions, progresses, times_spent,
        started, completed, scored, details, hashes, clients, written,
        expected, guards, actors) w;

    IF 5 <= ANY (outcomes) OR -5 >= ANY (outcomes) THEN
        RAISE EXCEPTION USING ERRCODE = 'RS001';
    END IF;

EXCEPTION WHEN SQLSTATE 'RS001' THEN
    NULL;
END
$$;
