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
-- Sessions keep plans, which must not depend on the size of the tables when
-- they were made.  LATERAL (... OFFSET 0) can only be a nested loop over an
-- index; everything else is hashed.
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


-- The rows of a page, 17 columns each.  A row without a completion is not
-- shown: it is the last one, the page ends here though it is not full, and the
-- next one begins after the key in this row.  So a filter that matches little
-- costs many short calls, not one that exceeds its time.
--
-- completion, as a parameter and a column, is a number of results_record.h;
-- user_statuses are those of the API.  manager is the person whose departments
-- limit what is seen; null: nothing does.

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

    -- how many results are read at a time, and at most for a page
    share      int := 4096;
    too_much   CONSTANT int := 131072;

    -- a filter that only rows with an assignment can match
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

    -- the items of the courses, and those that they have results for
    listed     CONSTANT text[] := CASE WHEN courses IS NOT NULL
        THEN results.listed(institution, courses) END;
    taught     CONSTANT text[] := CASE WHEN way = 'course'
        THEN results.taught(institution, courses, listed) END;

    repeats    boolean;          -- somebody was given something again
    known      boolean;          -- there are items
    rules      boolean;          -- items have something to say about scores
    to_pass    boolean;          -- ... what is to be passed
    told_by    CONSTANT smallint[] := results.told_by(completions);

    first_access  CONSTANT timestamptz := coalesce(access_from, '-infinity');
    last_access   CONSTANT timestamptz := coalesce(access_to, 'infinity');
    first_completed  CONSTANT timestamptz :=
        coalesce(completed_from, '-infinity');
    last_completed   CONSTANT timestamptz :=
        coalesce(completed_to, 'infinity');
    first_due     CONSTANT timestamptz := coalesce(due_from, '-infinity');
    last_due      CONSTANT timestamptz := coalesce(due_to, 'infinity');

    take       int := 4;
    learners   text[];
    others     results.assignment[];
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
    SELECT EXISTS (SELECT FROM results.repeated_item i
                   WHERE i.institution_id = institution),
           EXISTS (SELECT FROM results.item i
                   WHERE i.institution_id = institution),
           EXISTS (SELECT FROM results.item i
                   WHERE i.institution_id = institution
                         AND (i.passing_score IS NOT NULL
                              OR i.score_rule <> 'latest')),
           EXISTS (SELECT FROM results.item i
                   WHERE i.institution_id = institution
                         AND i.passing_score IS NOT NULL)
    INTO repeats, known, rules, to_pass;

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
                users, courses, taught, listed, modules, course_items,
                enrollments, due_from, due_to, departments, statuses,
                strangers);
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

        IF way = 'course' THEN
            -- results may be of another course than their assignment
            others := ARRAY(
                SELECT o::results.assignment
                FROM (SELECT DISTINCT a.*
                      FROM unnest(taught) AS i (id)
                           CROSS JOIN LATERAL (
                               SELECT a.*
                               FROM results.assignment a
                               WHERE a.institution_id = institution
                                     AND a.module_id = i.id
                                     AND a.learner_id >= first
                                     AND a.learner_id <= last
                               UNION ALL
                               SELECT a.*
                               FROM results.assignment a
                               WHERE a.institution_id = institution
                                     AND a.course_item_id = i.id
                                     AND a.learner_id >= first
                                     AND a.learner_id <= last
                               OFFSET 0) a
                      WHERE a.course_id <> ALL (courses)) o);
        END IF;

        RETURN QUERY
        WITH hit AS MATERIALIZED (
            -- learners and items of results that may make a row
            SELECT h.learner_id, h.item_id, bool_or(h.sure) AS sure
            FROM (SELECT r.learner_id, r.item_id, true AS sure
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
                        OR r.course_id IS NULL
                           AND r.item_id IN (SELECT unnest(listed))
                  UNION ALL
                  -- a score tells passed and failed where there is something
                  -- to pass
                  SELECT l.id, r.item_id,
                         to_pass OR way = 'access' OR completions IS NULL
                         OR results.completion_code(r.completion)
                            = ANY (completions)
                  FROM unnest(learners) AS l (id)
                       CROSS JOIN LATERAL (
                           SELECT r.item_id, r.completion
                           FROM results.result r
                           WHERE way IN ('access', 'result')
                                 AND r.institution_id = institution
                                 AND r.learner_id = l.id
                                 -- what a row says may come from several
                                 -- results: each alone makes it one to look at
                                 AND CASE
                                     WHEN way = 'access' THEN
                                     r.started_at BETWEEN first_access
                                         AND last_access
                                     OR r.created_at BETWEEN first_access
                                         AND last_access
                                     WHEN completed_from IS NULL
                                          AND completed_to IS NULL THEN
                                     results.completion_code(r.completion)
                                         = ANY (told_by)
                                     ELSE
                                     r.completed_at BETWEEN first_completed
                                         AND last_completed
                                     END
                           OFFSET 0) r) h
            WHERE NOT assigned
            GROUP BY h.learner_id, h.item_id
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
                           OFFSET 0) a
                  UNION ALL
                  SELECT o.* FROM unnest(others) o) a
            WHERE a.learner_id IN (SELECT unnest(learners))
                  AND (a.course_item_id > low
                       OR a.course_item_id = low
                          AND a.enrollment_id > low_enrollment)
                  AND (modules IS NULL OR a.module_id = ANY (modules))
                  AND (course_items IS NULL
                       OR a.course_item_id = ANY (course_items))
                  AND (enrollments IS NULL
                       OR a.enrollment_id = ANY (enrollments))
                  -- without a date it is when the learner began
                  AND (a.access_date IS NULL
                       OR a.access_date BETWEEN first_access AND last_access)
                  AND (due_from IS NULL OR a.due_date >= first_due)
                  AND (due_to IS NULL OR a.due_date <= last_due)
                  AND (way <> 'result'
                       OR (a.learner_id, a.module_id) IN
                          (SELECT h.learner_id, h.item_id FROM hit h
                           WHERE h.sure)
                       OR (a.learner_id, a.course_item_id) IN
                          (SELECT h.learner_id, h.item_id FROM hit h
                           WHERE h.sure)
                       OR a.passing_score IS NOT NULL
                          AND ((a.learner_id, a.module_id) IN
                               (SELECT h.learner_id, h.item_id FROM hit h)
                               OR (a.learner_id, a.course_item_id) IN
                                  (SELECT h.learner_id, h.item_id
                                   FROM hit h)))
        ), pair AS MATERIALIZED (
            -- learners and items whose results belong to an assignment
            SELECT a.learner_id, a.module_id AS item_id FROM a
            UNION
            SELECT a.learner_id, a.course_item_id FROM a
        ), again AS MATERIALIZED (
            -- those of several enrollments
            SELECT i.*
            FROM (SELECT p.* FROM pair p WHERE repeats) p
                 CROSS JOIN LATERAL (
                     SELECT i.learner_id, i.item_id, i.access_dates
                     FROM results.repeated_item i
                     WHERE i.institution_id = institution
                           AND i.learner_id = p.learner_id
                           AND i.item_id = p.item_id
                     OFFSET 0) i
        ), r AS (
            SELECT r.*
            FROM unnest(learners) AS l (id)
                 CROSS JOIN LATERAL (
                     SELECT r.learner_id, r.item_id, r.kind, r.course_id,
                            r.status, r.score, r.completion, r.progress,
                            r.time_spent, r.started_at, r.completed_at,
                            r.scored_at, r.detail, r.created_at, r.updated_at
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
                  WHERE h.sure AND h.item_id > low
                        AND h.learner_id IN (SELECT unnest(learners))) p
                 CROSS JOIN LATERAL (
                     SELECT r.learner_id, r.item_id, r.kind, r.course_id,
                            r.status, r.score, r.completion, r.progress,
                            r.time_spent, r.started_at, r.completed_at,
                            r.scored_at, r.detail, r.created_at, r.updated_at
                     FROM results.result r
                     WHERE r.institution_id = institution
                           AND r.item_id = p.item_id
                           AND r.learner_id >= p.learner_id
                           AND r.learner_id <= p.learner_id
                     OFFSET 0) r
        ), g AS MATERIALIZED (
            -- what the results of a learner, an item and an enrollment have
            -- to say
            SELECT t.learner_id, t.item_id, t.since,
                   min(t.course_id) FILTER (
                       WHERE courses IS NULL OR t.course_id = ANY (courses))
                       AS course_id,
                   count(t.course_id) AS courses_told,
                   min(t.title) AS title,
                   min(t.started_at) AS started,
                   min(t.created_at) AS written,
                   coalesce(sum(t.time_spent), 0) AS seconds,
                   max(t.progress) AS progress,
                   nullif(count(*) FILTER (WHERE t.viewed), 0) AS views,
                   -- arrays are compared element by element
                   max(ARRAY[t.weight, t.moment, t.updated, t.completion])
                       AS decision,
                   max(ARRAY[t.weight / 2, t.moment, t.updated, t.score])
                       FILTER (WHERE t.score IS NOT NULL) AS score,
                   max(t.score) FILTER (WHERE t.weight = 2) AS best,
                   max(t.score) AS highest,
                   min(t.completed_at) FILTER (WHERE t.weight = 2) AS ended,
                   min(t.completed_at) FILTER (
                       WHERE t.completion BETWEEN 4 AND 6) AS succeeded,
                   array_agg(ARRAY[date_part('epoch', t.completed_at),
                       CASE t.completion WHEN 4 THEN t.score END])
                       FILTER (WHERE t.completion BETWEEN 4 AND 6
                                     AND t.completed_at IS NOT NULL)
                       AS successes,
                   min(t.told_at) FILTER (WHERE t.completion = 3) AS handed_in
            FROM (SELECT t.*, results.weight(t.completion) AS weight,
                         date_part('epoch', t.told_at) AS moment,
                         date_part('epoch', t.updated_at) AS updated,
                         CASE WHEN w.access_dates IS NOT NULL THEN coalesce(
                             (SELECT max(d) FROM unnest(w.access_dates) AS d
                              WHERE d <= t.told_at), w.access_dates[1])
                             END AS since
                  FROM (SELECT r.learner_id, r.item_id, r.course_id, r.score,
                               r.progress, r.time_spent, r.started_at,
                               r.completed_at, r.created_at, r.updated_at,
                               results.completion_code(r.completion)
                                   AS completion,
                               results.result_time(r.completed_at,
                                   r.scored_at, r.started_at, r.updated_at)
                                   AS told_at,
                               CASE r.kind WHEN 'learning_event' THEN
                                   results.readable(r.detail) ->> 'type'
                                   IN ('ViewEvent', 'GradeViewEvent',
                                       'ViewGradeEvent')
                                   END AS viewed,
                               CASE r.kind WHEN 'learning_event' THEN
                                   nullif(btrim(results.readable(r.detail)
                                       #>> '{object,assignable,extension,
                                             name}'), '')
                                   COLLATE "C" END AS title
                        FROM r
                        WHERE r.status = 'active'
                        OFFSET 0) t
                       LEFT JOIN again w
                       ON w.learner_id = t.learner_id
                          AND w.item_id = t.item_id
                  OFFSET 0) t
            GROUP BY t.learner_id, t.item_id, t.since
        ), line AS (
            SELECT a.learner_id, a.module_id, a.course_item_id,
                   a.enrollment_id,
                   CASE WHEN m.courses_told > 0 OR c.courses_told > 0
                        THEN least(m.course_id, c.course_id)
                        ELSE a.course_id END AS course_id,
                   coalesce(nullif(a.module_title, ''),
                            nullif(i.title, ''), m.title,
                            c.title, a.module_id) AS title,
                   results.begun_at(a.access_date,
                       least(m.started, c.started),
                       least(m.written, c.written)) AS access_date,
                   a.due_date, a.expiration_date,
                   coalesce(a.passing_score, i.passing_score) AS passing,
                   i.score_rule = 'best' AS best_rule,
                   coalesce(m.seconds, 0) + coalesce(c.seconds, 0) AS seconds,
                   greatest(m.progress, c.progress) AS progress,
                   CASE WHEN m.views IS NULL THEN c.views
                        ELSE m.views + coalesce(c.views, 0) END AS views,
                   greatest(m.decision, c.decision) AS decision,
                   greatest(m.score, c.score) AS score,
                   greatest(m.best, c.best) AS best,
                   greatest(m.highest, c.highest) AS highest,
                   least(m.ended, c.ended) AS ended,
                   least(m.succeeded, c.succeeded) AS succeeded,
                   m.successes || c.successes AS successes,
                   least(m.handed_in, c.handed_in) AS handed_in
            FROM a
                 LEFT JOIN g m
                 ON m.learner_id = a.learner_id AND m.item_id = a.module_id
                    AND (m.since IS NULL
                         OR m.since = coalesce(a.access_date, '-infinity'))
                 LEFT JOIN g c
                 ON c.learner_id = a.learner_id
                    AND c.item_id = a.course_item_id
                    AND a.course_item_id <> a.module_id
                    AND (c.since IS NULL
                         OR c.since = coalesce(a.access_date, '-infinity'))
                 LEFT JOIN LATERAL (
                     SELECT i.*
                     FROM results.item i
                     WHERE (rules OR a.module_title = '')
                           AND i.institution_id = institution
                           AND i.id = a.module_id
                     OFFSET 0) i ON true
            UNION ALL
            SELECT g.learner_id, g.item_id, g.item_id, null,
                   CASE WHEN g.courses_told > 0 THEN g.course_id
                        ELSE i.course_id END,
                   coalesce(nullif(i.title, ''), g.title, g.item_id),
                   results.begun_at(null, g.started, g.written), null, null,
                   i.passing_score, i.score_rule = 'best', g.seconds,
                   g.progress, g.views, g.decision, g.score, g.best, g.highest,
                   g.ended, g.succeeded, g.successes, g.handed_in
            FROM g
                 LEFT JOIN LATERAL (
                     SELECT i.*
                     FROM results.item i
                     WHERE known
                           AND i.institution_id = institution
                           AND i.id = g.item_id
                     OFFSET 0) i ON true
            WHERE NOT assigned
                  AND g.item_id > low
                  AND (items IS NULL OR g.item_id = ANY (items))
                  AND NOT EXISTS (
                      SELECT FROM pair p
                      WHERE p.learner_id = g.learner_id
                            AND p.item_id = g.item_id)
                  -- a has all assignments there are, or the table is asked
                  AND (way IN ('learner', 'result', 'course')
                       AND items IS NULL AND access_from IS NULL
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
                   results.verdict(l.told, l.awarded, l.passing) AS completion,
                   coalesce(CASE WHEN l.passing IS NULL
                                      OR l.successes IS NULL
                            THEN l.succeeded
                            ELSE (SELECT to_timestamp(
                                      min(l.successes[place][1]))
                                  FROM generate_subscripts(l.successes, 1)
                                       AS place
                                  WHERE (l.successes[place][2] < l.passing)
                                        IS NOT TRUE) END,
                            l.ended) AS completed_at
            FROM (SELECT l.*,
                         coalesce(l.decision[4], 1)::smallint AS told,
                         CASE WHEN l.best_rule
                              THEN coalesce(l.best, l.highest)
                              ELSE l.score[4] END AS awarded
                  FROM line l
                  WHERE (courses IS NULL OR l.course_id = ANY (courses))
                        AND (access_from IS NULL
                             OR l.access_date >= access_from)
                        AND (access_to IS NULL OR l.access_date <= access_to)
                  OFFSET 0) l
        )
        SELECT d.learner_id, d.course_id, d.title, d.module_id,
               d.course_item_id, d.enrollment_id, d.access_date, d.due_date,
               d.expiration_date, d.completed_at, d.seconds, d.completion,
               d.progress,
               results.overdue(d.due_date, d.completion, d.completed_at,
                               d.handed_in),
               d.views, d.awarded, d.passing
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


-- The key that page tokens are sealed with, as they contain ids.

CREATE OR REPLACE FUNCTION results_api.page_key() RETURNS bytea
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'SELECT key FROM results.page_key';
