--
-- The module report (docs/api/ispring.md): a row for each assignment of a
-- learner, with that learner's results for it, and one for each item that was
-- never assigned and has results all the same.
--
-- Rows come in the order of their keys (learner, course item, enrollment),
-- compared by bytes, and a page is what comes after a key: so pages neither
-- repeat nor skip a row, however much is written meanwhile.  Learners are
-- taken a few at a time until the page is full: what a page costs depends
-- neither on what lies before it nor on the size of the institution.
--
-- Plans are kept and must not depend on what the tables were like when they
-- were made.  LATERAL (... OFFSET 0) can't be but a nested loop over an
-- index, everything else is hashed.
--

-- The departments that a person manages, and all below them.

CREATE OR REPLACE FUNCTION results.managed_departments(
    institution int, manager text)
RETURNS text[]
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
RETURN ARRAY(
    WITH RECURSIVE managed AS (
        SELECT m.department_id AS id
        FROM results.manager m
        WHERE m.institution_id = institution AND m.person_id = manager
        UNION
        SELECT d.id
        FROM managed m
             JOIN results.department d
             ON d.institution_id = institution AND d.parent_id = m.id
    )
    SELECT m.id FROM managed m);


-- A completion's code in results_record.h.  A result that tells none shows
-- that its learner has begun.

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


-- The items that courses have results for, each found behind the one before.

CREATE OR REPLACE FUNCTION results.taught(institution int, courses text[])
RETURNS text[]
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
BEGIN
    RETURN ARRAY(
        WITH RECURSIVE item AS (
            SELECT c.id AS course_id, '' COLLATE "C" AS id
            FROM unnest(courses) AS c (id)
            UNION ALL
            SELECT i.course_id,
                   (SELECT r.item_id
                    FROM results.result r
                    WHERE r.institution_id = institution
                          AND r.course_id = i.course_id
                          AND r.item_id > i.id
                    ORDER BY r.item_id
                    LIMIT 1)
            FROM item i
            WHERE i.id IS NOT NULL
        )
        SELECT DISTINCT i.id
        FROM item i
        WHERE i.id <> '');
END
$$;


-- The next learners in order, up to a number; empty after the last one.  All
-- who can have a row are among them, and not many more: the narrowest filter
-- that has an index finds them.  taught: what results.taught() has of courses.

CREATE OR REPLACE FUNCTION results.report_learners(
    institution int, after text, wanted int, users text[], courses text[],
    taught text[], modules text[], course_items text[], enrollments text[],
    due_from timestamptz, due_to timestamptz, departments text[],
    statuses results.person_status[], strangers boolean)
RETURNS text[]
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    IF users IS NOT NULL THEN
        RETURN ARRAY(
            SELECT DISTINCT u.id COLLATE "C"
            FROM unnest(users) AS u (id)
            WHERE u.id COLLATE "C" > after
            ORDER BY 1
            LIMIT wanted);

    ELSIF enrollments IS NOT NULL THEN
        RETURN ARRAY(
            SELECT DISTINCT l.id
            FROM unnest(enrollments) AS e (id)
                 CROSS JOIN LATERAL (
                     SELECT DISTINCT a.learner_id AS id
                     FROM results.assignment a
                     WHERE a.institution_id = institution
                           AND a.enrollment_id = e.id
                           AND a.learner_id > after
                     ORDER BY a.learner_id
                     LIMIT wanted) l
            ORDER BY l.id
            LIMIT wanted);

    ELSIF course_items IS NOT NULL OR modules IS NOT NULL THEN
        RETURN ARRAY(
            SELECT DISTINCT l.id
            FROM unnest(coalesce(course_items, modules)) AS i (id)
                 CROSS JOIN LATERAL (
                     (SELECT DISTINCT a.learner_id AS id
                      FROM results.assignment a
                      WHERE course_items IS NOT NULL
                            AND a.institution_id = institution
                            AND a.course_item_id = i.id
                            AND a.learner_id > after
                      ORDER BY a.learner_id
                      LIMIT wanted)
                     UNION ALL
                     (SELECT DISTINCT a.learner_id
                      FROM results.assignment a
                      WHERE course_items IS NULL
                            AND a.institution_id = institution
                            AND a.module_id = i.id
                            AND a.learner_id > after
                      ORDER BY a.learner_id
                      LIMIT wanted)
                     UNION ALL
                     (SELECT DISTINCT r.learner_id
                      FROM results.result r
                      WHERE r.institution_id = institution
                            AND r.item_id = i.id
                            AND r.learner_id > after
                      ORDER BY r.learner_id
                      LIMIT wanted)) l
            ORDER BY l.id
            LIMIT wanted);

    ELSIF courses IS NOT NULL THEN
        RETURN ARRAY(
            SELECT DISTINCT l.id
            FROM (SELECT l.id
                  FROM unnest(courses) AS c (id)
                       CROSS JOIN LATERAL (
                           SELECT DISTINCT a.learner_id AS id
                           FROM results.assignment a
                           WHERE a.institution_id = institution
                                 AND a.course_id = c.id
                                 AND a.learner_id > after
                           ORDER BY a.learner_id
                           LIMIT wanted) l
                  UNION ALL
                  SELECT l.id
                  FROM unnest(taught) AS i (id)
                       CROSS JOIN LATERAL (
                           SELECT DISTINCT r.learner_id AS id
                           FROM (SELECT r.learner_id, r.course_id
                                 FROM results.result r
                                 WHERE r.institution_id = institution
                                       AND r.item_id = i.id
                                       AND r.learner_id > after
                                 ORDER BY r.learner_id
                                 OFFSET 0) r
                           WHERE r.course_id = ANY (courses)
                           ORDER BY r.learner_id
                           LIMIT wanted) l) l
            ORDER BY l.id
            LIMIT wanted);

    ELSIF due_from IS NOT NULL OR due_to IS NOT NULL THEN
        RETURN ARRAY(
            SELECT DISTINCT a.learner_id
            FROM results.assignment a
            WHERE a.institution_id = institution AND a.learner_id > after
                  AND a.due_date >= coalesce(due_from, '-infinity')
                  AND a.due_date <= coalesce(due_to, 'infinity')
            ORDER BY a.learner_id
            LIMIT wanted);

    ELSIF cardinality(departments) <= 64 THEN
        RETURN ARRAY(
            SELECT DISTINCT p.id
            FROM unnest(departments) AS d (id)
                 CROSS JOIN LATERAL (
                     SELECT p.id
                     FROM results.person p
                     WHERE p.institution_id = institution
                           AND p.department_id = d.id
                           AND p.id > after
                     ORDER BY p.id
                     LIMIT wanted) p
            ORDER BY p.id
            LIMIT wanted);

    ELSIF NOT strangers THEN
        RETURN ARRAY(
            SELECT p.id
            FROM results.person p
            WHERE p.institution_id = institution AND p.id > after
                  AND p.status = ANY (statuses)
                  AND (departments IS NULL
                       OR p.department_id IN (SELECT unnest(departments)))
            ORDER BY p.id
            LIMIT wanted);
    END IF;

    RETURN ARRAY(
        WITH RECURSIVE learner AS (
            SELECT after COLLATE "C" AS id
            UNION ALL
            SELECT least(
                (SELECT a.learner_id
                 FROM results.assignment a
                 WHERE a.institution_id = institution
                       AND a.learner_id > l.id
                 ORDER BY a.learner_id
                 LIMIT 1),
                (SELECT r.learner_id
                 FROM results.result r
                 WHERE r.institution_id = institution
                       AND r.learner_id > l.id
                 ORDER BY r.learner_id
                 LIMIT 1))
            FROM learner l
            WHERE l.id IS NOT NULL
        )
        SELECT l.id
        FROM learner l
        WHERE l.id IS NOT NULL
        OFFSET 1
        LIMIT wanted);
END
$$;


-- The rows of the report, 17 columns each.  A row without a completion is the
-- last and is none: the page ends here though it is not full, and the next
-- one goes on behind the key that this row brings.  So a filter that matches
-- little of much costs many calls and not one that is never answered.
--
-- completion, in and out, is the code of results_record.h; user_statuses are
-- the API's.  manager is the person whose departments limit what is seen;
-- null: nothing does.

CREATE OR REPLACE FUNCTION results_api.read_report(
    institution int, manager text, users text[], courses text[],
    modules text[], course_items text[], enrollments text[],
    departments text[], access_from timestamptz, access_to timestamptz,
    due_from timestamptz, due_to timestamptz, completed_from timestamptz,
    completed_to timestamptz, completions smallint[],
    user_statuses smallint[], after_learner text, after_item text,
    after_enrollment text, wanted int)
RETURNS TABLE (
    user_id text, course text, title text, module text, course_item text,
    enrollment text, access timestamptz, due timestamptz,
    expiration timestamptz, completed timestamptz, seconds bigint,
    completion smallint, progress float8, overdue boolean, views bigint,
    awarded float8, passing float8)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_nestloop = off
SET enable_mergejoin = off
SET enable_sort = off
AS $$
#variable_conflict use_variable
DECLARE
    -- behind every id: they have 255 characters at most
    beyond     CONSTANT text := repeat(chr(1114111), 256);

    -- results that are read at a time, and for a page
    share      int := 4096;
    too_much   CONSTANT int := 131072;

    -- what no row without an assignment has
    assigned   CONSTANT boolean := enrollments IS NOT NULL
        OR due_from IS NOT NULL OR due_to IS NOT NULL;

    -- how rows are found: all that a learner has, by the index of a filter,
    -- or by those of a learner's results that pass the filter themselves
    way        text := CASE
        WHEN users IS NOT NULL THEN 'learner'
        WHEN enrollments IS NOT NULL THEN 'enrollment'
        WHEN course_items IS NOT NULL THEN 'course item'
        WHEN modules IS NOT NULL THEN 'module'
        WHEN courses IS NOT NULL THEN 'course'
        WHEN assigned THEN 'due'
        ELSE 'learner' END;

    -- how they are found from when on it shows that few pass
    narrow_way  CONSTANT text := CASE
        WHEN way <> 'learner' OR users IS NOT NULL THEN way
        WHEN access_from IS NOT NULL OR access_to IS NOT NULL THEN 'access'
        WHEN completed_from IS NOT NULL OR completed_to IS NOT NULL
             OR NOT 1 = ANY (completions) THEN 'result'
        ELSE way END;

    -- the items that a row without an assignment may be about
    items      CONSTANT text[] := CASE
        WHEN modules IS NULL THEN course_items
        WHEN course_items IS NULL THEN modules
        ELSE ARRAY(SELECT unnest(modules) INTERSECT
                   SELECT unnest(course_items)) END;

    statuses   CONSTANT results.person_status[] := ARRAY(
        SELECT CASE s WHEN 1 THEN 'active' WHEN 3 THEN 'blocked'
               ELSE 'terminated' END::results.person_status
        FROM unnest(user_statuses) AS s);
    strangers  CONSTANT boolean := manager IS NULL AND departments IS NULL
        AND 'active' = ANY (statuses);

    -- the items that the courses have results for
    taught     CONSTANT text[] := CASE WHEN way = 'course'
        THEN results.taught(institution, courses) END;

    first_access  CONSTANT timestamptz := coalesce(access_from, '-infinity');
    last_access   CONSTANT timestamptz := coalesce(access_to, 'infinity');
    first_due     CONSTANT timestamptz := coalesce(due_from, '-infinity');
    last_due      CONSTANT timestamptz := coalesce(due_to, 'infinity');

    take       int := 4;
    learners   text[];
    first      text;
    last       text := coalesce(after_learner, '');
    low        text := '';       -- a learner's rows behind this item
    low_enrollment  text;        -- and at it, behind this enrollment,
    high       text;             -- up to this one
    size       int;
    load       int;
    each       int := 4;         -- a learner's part of the load
    n          int;
    found      int := 0;
    examined   int := 0;
BEGIN
    IF manager IS NOT NULL THEN
        departments := ARRAY(
            SELECT m.id
            FROM unnest(results.managed_departments(institution, manager))
                 AS m (id)
            WHERE departments IS NULL OR m.id = ANY (departments));
    END IF;

    IF after_item IS NOT NULL THEN
        learners := ARRAY[after_learner];
        low := after_item;
        low_enrollment := after_enrollment;
    END IF;

    LOOP
        IF learners IS NULL THEN
            learners := results.report_learners(institution, last, take,
                users, courses, taught, modules, course_items, enrollments,
                due_from, due_to, departments, statuses, strangers);
        END IF;

        size := cardinality(learners);
        EXIT WHEN size = 0;

        IF examined > too_much THEN
            user_id := last;
            course_item := nullif(low, '');

            -- last may be one whom the departments hide: the next page begins
            -- with the first of theirs behind, before all of its items
            IF departments IS NOT NULL AND low = '' THEN
                user_id := (SELECT min(p.id)
                            FROM unnest(departments) AS d (id)
                                 CROSS JOIN LATERAL (
                                     SELECT p.id
                                     FROM results.person p
                                     WHERE p.institution_id = institution
                                           AND p.department_id = d.id
                                           AND p.id > last
                                     ORDER BY p.id
                                     LIMIT 1) p);
                course_item := chr(1);
                EXIT WHEN user_id IS NULL;
            END IF;

            RETURN NEXT;
            EXIT;
        END IF;

        first := learners[1];
        last := learners[size];
        high := beyond;
        load := size * each;

        learners := ARRAY(
            SELECT l.id
            FROM unnest(learners) AS l (id)
                 LEFT JOIN LATERAL (
                     SELECT p.*
                     FROM results.person p
                     WHERE p.institution_id = institution AND p.id = l.id
                     OFFSET 0) p ON true
            WHERE (users IS NULL OR l.id = ANY (users))
                  AND CASE WHEN p.id IS NULL THEN strangers
                      ELSE p.status = ANY (statuses)
                           AND (departments IS NULL OR p.department_id IN
                                (SELECT unnest(departments))) END
            ORDER BY l.id COLLATE "C");

        IF way = 'learner' THEN
            -- as many of the learners as one share holds; or a share of one
            SELECT array_agg(l.id ORDER BY l.id)
                       FILTER (WHERE l.total <= share OR l.place = 1),
                   coalesce(max(l.total) FILTER (WHERE l.total <= share
                                                       OR l.place = 1), 0),
                   max(l.place)
            INTO learners, load, n
            FROM (SELECT l.id COLLATE "C" AS id,
                         sum(r.n) OVER (ORDER BY l.id COLLATE "C") AS total,
                         row_number() OVER (ORDER BY l.id COLLATE "C")
                             AS place
                  FROM unnest(learners) AS l (id)
                       CROSS JOIN LATERAL (
                           SELECT count(*) + 4 AS n
                           FROM (SELECT
                                 FROM results.result r
                                 WHERE r.institution_id = institution
                                       AND r.learner_id = l.id
                                 LIMIT share + 1) r) r) l;

            IF cardinality(learners) < n THEN
                last := learners[cardinality(learners)];
            END IF;

            IF load > share THEN
                SELECT r.item_id INTO high
                FROM (SELECT r.item_id
                      FROM results.result r
                      WHERE r.institution_id = institution
                            AND r.learner_id = last
                      OFFSET 0) r
                WHERE r.item_id > low
                ORDER BY r.item_id
                OFFSET share
                LIMIT 1;

                high := coalesce(high, beyond);
            END IF;
        END IF;

        RETURN QUERY
        WITH hit AS MATERIALIZED (
            -- learners and items of results that may make a row
            SELECT DISTINCT h.learner_id, h.item_id
            FROM (SELECT r.learner_id, r.item_id
                  FROM unnest(coalesce(items, taught)) AS i (id)
                       CROSS JOIN LATERAL (
                           SELECT r.learner_id, r.item_id, r.course_id
                           FROM results.result r
                           WHERE way IN ('course item', 'module', 'course')
                                 AND r.institution_id = institution
                                 AND r.item_id = i.id
                                 AND r.learner_id >= first
                                 AND r.learner_id <= last
                           OFFSET 0) r
                  WHERE courses IS NULL OR r.course_id = ANY (courses)
                  UNION ALL
                  SELECT l.id, r.item_id
                  FROM unnest(learners) AS l (id)
                       CROSS JOIN LATERAL (
                           SELECT r.*
                           FROM results.result r
                           WHERE way IN ('access', 'result')
                                 AND r.institution_id = institution
                                 AND r.learner_id = l.id
                                 -- the one that decides, or the first one:
                                 -- they need not be the same
                                 AND CASE way WHEN 'result' THEN
                                     (completed_from IS NULL
                                      OR r.completed_at >= completed_from)
                                     AND (completed_to IS NULL
                                          OR r.completed_at <= completed_to)
                                     AND (completions IS NULL
                                          OR results.completion_code(
                                                 r.completion)
                                             = ANY (completions))
                                     ELSE
                                     r.started_at BETWEEN first_access
                                         AND last_access
                                     OR r.created_at BETWEEN first_access
                                         AND last_access
                                     END
                           OFFSET 0) r) h
            WHERE NOT assigned
        ), a AS MATERIALIZED (
            SELECT a.*
            FROM (SELECT a.*
                  FROM unnest(learners) AS l (id)
                       CROSS JOIN LATERAL (
                           SELECT a.*
                           FROM results.assignment a
                           WHERE (way IN ('learner', 'access')
                                  OR way = 'result' AND l.id IN
                                     (SELECT h.learner_id FROM hit h))
                                 AND a.institution_id = institution
                                 AND a.learner_id = l.id
                                 AND a.course_item_id >= low
                                 AND a.course_item_id <= high
                           UNION ALL
                           SELECT a.*
                           FROM results.assignment a
                           WHERE way = 'due'
                                 AND a.institution_id = institution
                                 AND a.learner_id = l.id
                                 AND a.due_date >= first_due
                                 AND a.due_date <= last_due
                           OFFSET 0) a
                  UNION ALL
                  SELECT a.*
                  FROM (SELECT DISTINCT unnest(
                            CASE way WHEN 'enrollment' THEN enrollments
                            WHEN 'course item' THEN course_items
                            WHEN 'module' THEN modules
                            WHEN 'course' THEN courses END)) AS i (id)
                       CROSS JOIN LATERAL (
                           SELECT a.*
                           FROM results.assignment a
                           WHERE way = 'enrollment'
                                 AND a.institution_id = institution
                                 AND a.enrollment_id = i.id
                                 AND a.learner_id >= first
                                 AND a.learner_id <= last
                           UNION ALL
                           SELECT a.*
                           FROM results.assignment a
                           WHERE way = 'course item'
                                 AND a.institution_id = institution
                                 AND a.course_item_id = i.id
                                 AND a.learner_id >= first
                                 AND a.learner_id <= last
                           UNION ALL
                           SELECT a.*
                           FROM results.assignment a
                           WHERE way = 'module'
                                 AND a.institution_id = institution
                                 AND a.module_id = i.id
                                 AND a.learner_id >= first
                                 AND a.learner_id <= last
                           UNION ALL
                           SELECT a.*
                           FROM results.assignment a
                           WHERE way = 'course'
                                 AND a.institution_id = institution
                                 AND a.course_id = i.id
                                 AND a.learner_id >= first
                                 AND a.learner_id <= last
                           OFFSET 0) a) a
            WHERE a.learner_id IN (SELECT unnest(learners))
                  AND (a.course_item_id > low
                       OR a.course_item_id = low
                          AND a.enrollment_id > low_enrollment)
                  AND (courses IS NULL OR a.course_id = ANY (courses))
                  AND (modules IS NULL OR a.module_id = ANY (modules))
                  AND (course_items IS NULL
                       OR a.course_item_id = ANY (course_items))
                  AND (enrollments IS NULL
                       OR a.enrollment_id = ANY (enrollments))
                  AND (access_from IS NULL OR a.access_date >= access_from)
                  AND (access_to IS NULL OR a.access_date <= access_to)
                  AND (due_from IS NULL OR a.due_date >= first_due)
                  AND (due_to IS NULL OR a.due_date <= last_due)
                  AND (way <> 'result'
                       OR (a.learner_id, a.module_id) IN
                          (SELECT h.learner_id, h.item_id FROM hit h)
                       OR (a.learner_id, a.course_item_id) IN
                          (SELECT h.learner_id, h.item_id FROM hit h))
        ), pair AS MATERIALIZED (
            -- learners and items whose results belong to an assignment
            SELECT a.learner_id, a.module_id AS item_id FROM a
            UNION
            SELECT a.learner_id, a.course_item_id FROM a
        ), r AS (
            SELECT r.*
            FROM unnest(learners) AS l (id)
                 CROSS JOIN LATERAL (
                     SELECT r.*
                     FROM results.result r
                     WHERE way = 'learner'
                           AND r.institution_id = institution
                           AND r.learner_id = l.id
                     OFFSET 0) r
            WHERE r.item_id > low AND r.item_id <= high
            UNION ALL
            SELECT r.*
            FROM (SELECT p.learner_id, p.item_id
                  FROM pair p
                  WHERE way <> 'learner' OR p.item_id <= low
                        OR p.item_id > high
                  UNION
                  SELECT h.learner_id, h.item_id
                  FROM hit h
                  WHERE h.item_id > low
                        AND h.learner_id IN (SELECT unnest(learners))) p
                 CROSS JOIN LATERAL (
                     SELECT r.*
                     FROM results.result r
                     WHERE r.institution_id = institution
                           AND r.item_id = p.item_id
                           AND r.learner_id >= p.learner_id
                           AND r.learner_id <= p.learner_id
                     OFFSET 0) r
        ), g AS MATERIALIZED (
            -- what a learner's results for an item amount to
            SELECT r.learner_id, r.item_id,
                   min(r.course_id) AS course_id,
                   coalesce(min(r.started_at), min(r.created_at)) AS began,
                   coalesce(sum(r.time_spent), 0) AS seconds,
                   max(r.progress) AS progress,
                   nullif(count(*) FILTER (
                       WHERE r.kind = 'learning_event'
                             AND results.readable(r.detail) ->> 'type' IN ('ViewEvent',
                                 'GradeViewEvent', 'ViewGradeEvent')), 0)
                       AS views,
                   -- the latest that decides, or else the latest: arrays are
                   -- compared element by element
                   max(ARRAY[
                       CASE WHEN r.completion >= 'complete'
                            THEN 'infinity'::timestamptz
                            ELSE '-infinity' END,
                       coalesce(r.completed_at, r.scored_at, r.updated_at),
                       r.updated_at,
                       to_timestamp(results.completion_code(r.completion)),
                       r.completed_at]) AS decision,
                   max(ARRAY[
                       (r.completion >= 'complete' IS TRUE)::int,
                       date_part('epoch', coalesce(r.completed_at,
                           r.scored_at, r.updated_at)),
                       date_part('epoch', r.updated_at),
                       r.score]) FILTER (WHERE r.score IS NOT NULL) AS score
            FROM r
            WHERE r.status = 'active'
            GROUP BY r.learner_id, r.item_id
        ), line AS (
            SELECT a.learner_id, a.course_id, a.module_id,
                   nullif(a.module_title, '') AS title, a.course_item_id,
                   a.enrollment_id, a.access_date, a.due_date,
                   a.expiration_date, a.passing_score,
                   coalesce(m.seconds, 0) + coalesce(c.seconds, 0) AS seconds,
                   greatest(m.progress, c.progress) AS progress,
                   CASE WHEN m.views IS NULL THEN c.views
                        ELSE m.views + coalesce(c.views, 0) END AS views,
                   greatest(m.decision, c.decision) AS decision,
                   greatest(m.score, c.score) AS score
            FROM a
                 LEFT JOIN g m
                 ON m.learner_id = a.learner_id AND m.item_id = a.module_id
                 LEFT JOIN g c
                 ON c.learner_id = a.learner_id
                    AND c.item_id = a.course_item_id
                    AND a.course_item_id <> a.module_id
            UNION ALL
            SELECT g.learner_id, g.course_id, g.item_id, null, g.item_id,
                   null, g.began, null, null, null, g.seconds, g.progress,
                   g.views, g.decision, g.score
            FROM g
            WHERE NOT assigned
                  AND g.item_id > low
                  AND (items IS NULL OR g.item_id = ANY (items))
                  AND (courses IS NULL OR g.course_id = ANY (courses))
                  AND (access_from IS NULL OR g.began >= access_from)
                  AND (access_to IS NULL OR g.began <= access_to)
                  AND NOT EXISTS (
                      SELECT FROM pair p
                      WHERE p.learner_id = g.learner_id
                            AND p.item_id = g.item_id)
                  -- a has all assignments there are, or the table is asked
                  AND (way IN ('learner', 'result') AND items IS NULL
                       AND courses IS NULL AND access_from IS NULL
                       AND access_to IS NULL AND low = '' AND high = beyond
                       OR (SELECT true
                           FROM results.assignment o
                           WHERE o.institution_id = institution
                                 AND o.learner_id = g.learner_id
                                 AND o.course_item_id = g.item_id
                           LIMIT 1) IS NULL
                          AND (SELECT true
                               FROM results.assignment o
                               WHERE o.institution_id = institution
                                     AND o.module_id = g.item_id
                                     AND o.learner_id >= g.learner_id
                                     AND o.learner_id <= g.learner_id
                               LIMIT 1) IS NULL)
        ), decided AS (
            SELECT l.*,
                   coalesce(date_part('epoch', l.decision[4]), 1)::smallint
                       AS completion,
                   CASE WHEN l.decision[1] = 'infinity'
                        THEN l.decision[5] END AS completed_at
            FROM line l
        )
        SELECT d.learner_id, d.course_id,
               CASE WHEN d.enrollment_id IS NOT NULL THEN d.title
                    ELSE coalesce((SELECT nullif(i.title, '')
                                   FROM results.item i
                                   WHERE i.institution_id = institution
                                         AND i.id = d.module_id
                                   LIMIT 1), d.module_id) END,
               d.module_id, d.course_item_id, d.enrollment_id, d.access_date,
               d.due_date, d.expiration_date, d.completed_at, d.seconds,
               d.completion, d.progress,
               coalesce(d.due_date < CASE WHEN d.completion >= 4
                                     THEN d.completed_at ELSE now() END,
                        false),
               d.views, d.score[4], d.passing_score
        FROM decided d
        WHERE (completions IS NULL OR d.completion = ANY (completions))
              AND (completed_from IS NULL OR d.completed_at >= completed_from)
              AND (completed_to IS NULL OR d.completed_at <= completed_to)
        ORDER BY d.learner_id, d.course_item_id, d.enrollment_id
        LIMIT wanted - found;

        GET DIAGNOSTICS n = ROW_COUNT;

        found := found + n;
        EXIT WHEN found >= wanted;

        examined := examined + load;
        low_enrollment := NULL;

        IF high < beyond THEN
            low := high;
            learners := ARRAY[last];
        ELSE
            -- what the rest of one learner was like tells nothing
            IF low = '' THEN
                -- results are read for a quarter of what evaluating costs
                IF n * 4 < load AND way <> narrow_way THEN
                    way := narrow_way;
                    each := greatest(load / size / 4, 4);
                END IF;

                take := least(take * 8,
                    size * share / greatest(load, 1) + 1,
                    (wanted - found) * size / greatest(n, 1) * 11 / 10 + 1);
            END IF;

            low := '';
            learners := NULL;
        END IF;
    END LOOP;
END
$$;


-- What its page tokens are sealed with: they hold ids, and tell nobody.

CREATE OR REPLACE FUNCTION results_api.page_key() RETURNS bytea
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'SELECT key FROM results.page_key';
