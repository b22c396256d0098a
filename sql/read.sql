--
-- Reading one record.  Its columns are those that read_records() returns, too:
-- ngx_results_module/record/results_read.h and docs/wire.md list them.
--

-- The record with an id, if its kind is one of those that the dialect shows;
-- also when it is deleted.

CREATE OR REPLACE FUNCTION results_api.read_record(
    institution_id int, kinds smallint[], id text)
RETURNS TABLE (
    kind smallint, record_id text, learner_id text, item_id text,
    course_id text, status smallint, score float8, score_max float8,
    completion smallint, progress float8, time_spent int,
    started_at timestamptz, completed_at timestamptz, scored_at timestamptz,
    detail text, payload_hash bigint, version int, client_id int,
    created_at timestamptz, updated_at timestamptz)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT k.code, r.id, r.learner_id, r.item_id, r.course_id,
           array_position(enum_range(null::results.record_status),
                          r.status)::smallint,
           r.score, r.score_max,
           array_position(enum_range(null::results.completion),
                          r.completion)::smallint,
           r.progress, r.time_spent, r.started_at, r.completed_at,
           r.scored_at, r.detail::text, r.payload_hash, r.version,
           r.client_id, r.created_at, r.updated_at
    FROM unnest(read_record.kinds) AS k (code)
         JOIN results.result r
         ON r.institution_id = read_record.institution_id
            AND r.id_space = results.id_space(k.code)
            AND r.kind = (enum_range(null::results.record_kind))[k.code]
            AND r.id = read_record.id;
END
$$;
