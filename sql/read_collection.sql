--
-- Reading collections: results_api.read_records(), one page of an
-- institution's records, filtered and sorted.
--
-- The query is built from the fragments below, chosen by number; what comes
-- from a request (ids, values, paths in detail) is a parameter of the query,
-- never its text.  An unknown number makes the text null, which EXECUTE
-- refuses.  The filter is ANDed as a whole to institution, id space and
-- status, so an OR in it can't extend them.
--
--   field     1 id, 2 learner_id, 3 item_id, 4 course_id, 5 status,
--             6 updated_at, 7 the date of the score, 8 score,
--             9 scoreStatus, 10 text in detail, 11 number in detail,
--             12 any value in detail, compared as a number where it is one,
--             13 scoreStatus without the ext: ones
--   operator  1 =, 2 !=, 3 >, 4 >=, 5 <, 6 <=, 7 contains
--
-- They are those of ngx_results_module/record/results_read.h.  The query's
-- parameters:
--
--   $1 institution, $2 id space, $3 the kind whose detail is the asking
--   dialect's, $4 course, $5 learner, $6 item, $7 texts, $8 numbers, $9 lows,
--   $10 highs, $11 paths, $12 the path to sort by, $13 limit, $14 offset
--

-- A detail whose members can be read; null when PostgreSQL would raise an
-- error, as for "\u0000", which json can contain and text can't.  SQL may have
-- stored such a row, and it must not make a page fail.  The module writes "\u"
-- only for control characters, so most details need no check.

CREATE OR REPLACE FUNCTION results.readable_detail(detail json) RETURNS json
LANGUAGE plpgsql
IMMUTABLE STRICT PARALLEL SAFE
AS $$
BEGIN
    PERFORM detail::jsonb;
    RETURN detail;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION results.readable(detail json) RETURNS json
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN strpos(detail::text, '\u') = 0 THEN detail
       ELSE results.readable_detail(detail) END;


-- A number in a detail; null when it is out of numeric's range.

CREATE OR REPLACE FUNCTION results.readable_number(digits text)
RETURNS numeric
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN length(digits) < 120000
                 AND digits !~ '[eE][+-]?0*[1-9]\d{4}'
       THEN digits::numeric END;


-- The scoreStatus of a record whose API has none.

CREATE OR REPLACE FUNCTION results.score_word() RETURNS text
LANGUAGE sql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN 'CASE WHEN r.completion IN (''complete'', ''passed'', ''accepted'',
        ''failed'') OR r.completion IS NULL AND r.score IS NOT NULL
        THEN CASE WHEN r.score IS NULL THEN ''submitted''
             ELSE ''fully graded'' END
    WHEN r.completion = ''pending'' THEN ''submitted''
    ELSE ''not submitted'' END';


-- The SQL of a field; path is the parameter that has its path in detail.

CREATE OR REPLACE FUNCTION results.field_sql(field int, path text)
RETURNS text
LANGUAGE sql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN replace(CASE field
    WHEN 1 THEN 'r.id'
    WHEN 2 THEN 'r.learner_id'
    WHEN 3 THEN 'r.item_id'
    WHEN 4 THEN 'r.course_id'
    WHEN 5 THEN 'r.status'
    WHEN 6 THEN 'r.updated_at'

    -- what they are shown with where detail does not say it: docs/records.md
    WHEN 7 THEN '(coalesce(CASE WHEN r.kind = $3 THEN r.scored_at END,
        r.completed_at, r.started_at, r.created_at))'
    WHEN 8 THEN 'r.score'
    WHEN 9 THEN '(coalesce(CASE WHEN r.kind = $3
        THEN r.detail ->> ''scoreStatus'' END, ' || results.score_word() || '))'
    WHEN 13 THEN '(coalesce(CASE WHEN r.kind = $3
        AND r.detail ->> ''scoreStatus'' NOT LIKE ''ext:%''
        THEN r.detail ->> ''scoreStatus'' END, ' || results.score_word() || '))'

    WHEN 10 THEN '(CASE WHEN r.kind = $3 THEN r.detail #>> '
        || path || ' END)'
    WHEN 11 THEN '(CASE WHEN r.kind = $3 AND json_typeof(r.detail #> '
        || path || ') = ''number'' THEN results.readable_number(r.detail #>> '
        || path || ') END)'
    WHEN 12 THEN '(CASE WHEN r.kind = $3 AND CASE json_typeof(r.detail #> '
        || path || ') WHEN ''number'' THEN results.readable_number(r.detail #>> '
        || path || ') IS NOT NULL WHEN ''string'' THEN true
        ELSE results.readable_detail(r.detail #> ' || path || ') IS NOT NULL END
        THEN (r.detail #> ' || path || ')::jsonb END)'
    END, 'r.detail', 'results.readable(r.detail)');


-- The SQL of term n of a filter.  For a record without the field "!=" is true,
-- and every other comparison false.

CREATE OR REPLACE FUNCTION results.term_sql(field int, operator int, n int)
RETURNS text
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    sign     text := ('{=,=,>,>=,<,<=,~}'::text[])[operator];
    string   text := format('($7)[%s]', n);
    number   text := format('($8)[%s]', n);
    low      text := format('($9)[%s]', n);
    high     text := format('($10)[%s]', n);
    value    text := results.field_sql(field, format(
                         'string_to_array(($11)[%s], ''.'')', n));
    term     text;
BEGIN
    CASE
    WHEN field IN (1, 2, 3, 4, 9, 10, 13) THEN
        term := CASE sign
            WHEN '=' THEN concat_ws(' ', value, '=', string)
            WHEN '~' THEN format('strpos(lower(%s), lower(%s)) > 0', value,
                                 string)
            ELSE concat_ws(' ', value, 'COLLATE "C"', sign, string) END;

    WHEN field = 5 AND sign = '=' THEN
        term := format('%s = %s::results.record_status', value, string);

    -- between two moments, the first of them included
    WHEN field IN (6, 7) AND sign = '=' THEN
        term := format('%1$s >= %2$s AND %1$s < %3$s', value, low, high);
    WHEN field IN (6, 7) AND sign = '>=' THEN
        term := concat_ws(' ', value, sign, low);
    WHEN field IN (6, 7) AND sign = '<' THEN
        term := concat_ws(' ', value, sign, high);

    WHEN field IN (8, 11) AND sign <> '~' THEN
        term := format('%s %s %s', value, sign,
                       number || CASE field WHEN 8 THEN '::float8' ELSE ''
                                 END);

    WHEN field = 12 AND sign = '~' THEN
        term := format('strpos(lower(%s #>> ''{}''), lower(%s)) > 0', value,
                       string);
    WHEN field = 12 THEN
        term := format('CASE WHEN jsonb_typeof(%1$s) = ''number''
                                  AND %2$s IS NOT NULL
                        THEN %1$s::numeric %3$s %2$s
                        ELSE %1$s #>> ''{}'' COLLATE "C" %3$s %4$s END',
                       value, number, sign, string);
    END CASE;

    RETURN CASE WHEN operator = 2 THEN '((' || term || ') IS NOT TRUE)'
           ELSE '(' || term || ')' END;
END
$$;


-- Every row brings the number of all records that match; where the page is
-- empty, one row brings that and nothing else.
--
-- Without a filter, or with one of status only, and in the order of ids, the
-- page is read by the primary key, and the total by a scan of its own.  Any
-- other page is found by one scan for both: the planner has no statistics of
-- what is in detail, and must not scan the whole primary key because it
-- expects early matches.  A page that is not full ends the collection, so its
-- total is known without counting.

CREATE OR REPLACE FUNCTION results_api.read_records(
    institution_id int, kind smallint, course_id text, learner_id text,
    item_id text, deleted boolean, fields smallint[], operators smallint[],
    paths text[], texts text[], numbers numeric[], lows timestamptz[],
    highs timestamptz[], any_term boolean, sort smallint, sort_path text,
    descending boolean, max_rows int, skipped bigint)
RETURNS TABLE (
    record_kind smallint, record_id text, learner text, item text,
    course text, status smallint, score float8, score_max float8,
    completion smallint, progress float8, time_spent int,
    started_at timestamptz, completed_at timestamptz, scored_at timestamptz,
    detail text, payload_hash bigint, version int, client_id int,
    created_at timestamptz, updated_at timestamptz, total bigint)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    matches  text;
    terms    text := '';
    way      text := CASE WHEN descending THEN ' DESC' ELSE '' END;
    sorted   text := CASE WHEN sort = 1 THEN ' ORDER BY k.id' || way
                     ELSE ' ORDER BY k.sort' || way || ' NULLS LAST, k.id'
                          || way END;
    keyed    boolean := sort = 1 AND fields <@ '{5}'
                        AND coalesce(course_id, learner_id, item_id) IS NULL;
BEGIN
    FOR n IN 1 .. cardinality(fields) LOOP
        terms := terms
                 || CASE WHEN n = 1 THEN '' WHEN any_term THEN ' OR '
                    ELSE ' AND ' END
                 || results.term_sql(fields[n], operators[n], n);
    END LOOP;

    matches := 'r.institution_id = $1 AND r.id_space = $2'
        || CASE WHEN deleted THEN '' ELSE ' AND r.status = ''active''' END
        || CASE WHEN course_id IS NULL THEN '' ELSE ' AND r.course_id = $4' END
        || CASE WHEN learner_id IS NULL THEN ''
           ELSE ' AND r.learner_id = $5' END
        || CASE WHEN item_id IS NULL THEN '' ELSE ' AND r.item_id = $6' END
        || CASE WHEN terms = '' THEN '' ELSE ' AND (' || terms || ')' END;

    RETURN QUERY EXECUTE '
        WITH k AS ' || CASE WHEN keyed THEN 'NOT ' ELSE '' END
                    || 'MATERIALIZED (
            SELECT r.id, ' || results.field_sql(sort,
                                  'string_to_array($12, ''.'')') || ' AS sort
            FROM results.result r
            WHERE ' || matches || '),
        page AS MATERIALIZED (
            SELECT k.id, row_number() OVER (' || sorted || ') AS n
            FROM (SELECT * FROM k' || sorted || ' LIMIT $13 OFFSET $14) k),
        total AS MATERIALIZED (
            SELECT CASE
                WHEN (SELECT count(*) FROM page) < $13
                     AND ($14 = 0 OR EXISTS (SELECT FROM page))
                THEN $14 + (SELECT count(*) FROM page)
                ELSE (SELECT count(*) FROM k) END AS n)
        SELECT array_position(''{result,assessment_result,
                   content_item_result,learning_event,module_result}''
                   ::results.record_kind[], r.kind)::smallint,
               r.id, r.learner_id, r.item_id, r.course_id,
               array_position(''{active,tobedeleted}''
                   ::results.record_status[], r.status)::smallint,
               r.score, r.score_max,
               array_position(''{not_started,in_progress,pending,complete,
                   passed,accepted,incomplete,failed,declined}''
                   ::results.completion[], r.completion)::smallint,
               r.progress, r.time_spent, r.started_at, r.completed_at,
               r.scored_at, r.detail::text, r.payload_hash, r.version,
               r.client_id, r.created_at, r.updated_at, t.n
        FROM total t
             LEFT JOIN (
                 page p CROSS JOIN LATERAL (
                     SELECT r.* FROM results.result r
                     WHERE r.institution_id = $1 AND r.id_space = $2
                           AND r.id = p.id
                     OFFSET 0) r) ON true
        ORDER BY p.n'
    USING institution_id, results.id_space(kind),
          (enum_range(null::results.record_kind))[kind], course_id,
          learner_id, item_id, texts, numbers, lows, highs, paths, sort_path,
          least(greatest(max_rows, 0), 10000),
          least(greatest(skipped, 0), 1::bigint << 53);
END
$$;
