--
-- Which learners a page of the module report (report.sql) is about: the next
-- ones in order, found by the narrowest filter that has an index, and what of
-- a filter by courses the items tell.
--

-- The items whose course, where a result tells none, is one of these.

CREATE OR REPLACE FUNCTION results.listed(institution int, courses text[])
RETURNS text[]
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
RETURN ARRAY(
    SELECT DISTINCT i.id
    FROM results.item i
    WHERE i.institution_id = institution AND i.course_id = ANY (courses));


-- The items that courses have results for, each found behind the one before,
-- and those that are listed.

DROP FUNCTION IF EXISTS results.taught(int, text[]);

CREATE OR REPLACE FUNCTION results.taught(
    institution int, courses text[], listed text[])
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
        SELECT i.id
        FROM item i
        WHERE i.id <> ''
        UNION
        SELECT unnest(listed));
END
$$;


-- The next learners in order, up to a number; empty after the last one.  All
-- who can have a row are among them, and not many more: the narrowest filter
-- that has an index finds them.  taught and listed: what the functions above
-- have of courses.

DROP FUNCTION IF EXISTS results.report_learners(
    int, text, int, text[], text[], text[], text[], text[], text[],
    timestamptz, timestamptz, text[], results.person_status[], boolean);

CREATE OR REPLACE FUNCTION results.report_learners(
    institution int, after text, wanted int, users text[], courses text[],
    taught text[], listed text[], modules text[], course_items text[], enrollments text[],
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
                                 OR r.course_id IS NULL
                                    AND i.id IN (SELECT unnest(listed))
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
