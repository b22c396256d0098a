--
-- The people: departments, persons, who manages what, and what learners were
-- given to do.  Loaded by plain SQL, or from CSV files (roster_csv.sql);
-- docs/operations.md shows both.
--
-- A GUID is kept in one form, lower case with hyphens, whatever form it comes
-- in: it must equal the one that the module stores in a result.
--

-- The same as results_id_normalize() of ngx_results_module/base.  The length
-- of most ids shows that they are not GUIDs, so the regular expression, which
-- takes 10 us, is not reached: loading a row of assignment takes 60 us, not
-- 175.

CREATE OR REPLACE FUNCTION results.normal_id(value text) RETURNS text
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN length(value) NOT IN (32, 36, 38, 45) THEN value
    WHEN length(value) = 36 AND value = lower(value) THEN value
    WHEN value ~* replace('^([0-9a-f]{32}|(urn:uuid:)?D|[{]D[}]|[(]D[)])$',
        'D', '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}')
    THEN regexp_replace(value, '^urn:uuid:|[(){}]', '', 'gi')::uuid::text
    ELSE value END;


-- The arguments of the trigger are the columns that hold ids.

CREATE OR REPLACE FUNCTION results.normalize_ids() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    row      jsonb := to_jsonb(NEW);
    changed  jsonb := '{}';
    name     text;
    id       text;
BEGIN
    FOREACH name IN ARRAY TG_ARGV LOOP
        id := row ->> name;

        IF results.normal_id(id) <> id THEN
            changed := changed
                       || jsonb_build_object(name, results.normal_id(id));
        END IF;
    END LOOP;

    IF changed <> '{}' THEN
        RETURN jsonb_populate_record(NEW, changed);
    END IF;

    RETURN NEW;
END
$$;

DO $$
BEGIN
    IF to_regtype('results.person_role') IS NULL THEN
        CREATE TYPE results.person_role AS ENUM (
            'student', 'staff', 'prospect_with_trial', 'account_owner',
            'account_admin', 'department_admin', 'custom');
    END IF;

    IF to_regtype('results.person_status') IS NULL THEN
        CREATE TYPE results.person_status AS ENUM (
            'active', 'blocked', 'terminated');
    END IF;
END
$$;


-- deferrable: a COPY may bring a child before its parent

CREATE TABLE IF NOT EXISTS results.department (
    institution_id  int NOT NULL REFERENCES results.institution,
    id              text COLLATE "C" NOT NULL CHECK (id <> ''),
    parent_id       text COLLATE "C",
    name            text NOT NULL DEFAULT '',
    type            text NOT NULL DEFAULT '',
    PRIMARY KEY (institution_id, id),
    CHECK (parent_id <> id),
    FOREIGN KEY (institution_id, parent_id) REFERENCES results.department
        DEFERRABLE INITIALLY DEFERRED
);

CALL pg_temp.define_comment('COLUMN results.department.type',
    'As OneRoster has it: department, school, district, local, state, national.');

CREATE TABLE IF NOT EXISTS results.person (
    institution_id  int NOT NULL REFERENCES results.institution,
    id              text COLLATE "C" NOT NULL CHECK (id <> ''),
    role            results.person_role NOT NULL,
    status          results.person_status NOT NULL DEFAULT 'active',
    given_name      text,
    family_name     text,
    center_id       text COLLATE "C",
    department_id   text COLLATE "C",
    role_ends       date,
    PRIMARY KEY (institution_id, id),
    FOREIGN KEY (institution_id, department_id) REFERENCES results.department
        DEFERRABLE INITIALLY DEFERRED
);

DO $$
BEGIN
    -- an earlier person has its role for ever
    IF NOT EXISTS (SELECT FROM pg_attribute
                   WHERE attrelid = 'results.person'::regclass
                         AND attname = 'role_ends')
    THEN
        ALTER TABLE results.person ADD role_ends date;
    END IF;

    IF NOT EXISTS (SELECT FROM pg_constraint
                   WHERE conrelid = 'results.api_client'::regclass
                         AND conname = 'api_client_person')
    THEN
        ALTER TABLE results.api_client ADD CONSTRAINT api_client_person
            FOREIGN KEY (institution_id, person_id) REFERENCES results.person;
    END IF;
END
$$;


CALL pg_temp.define_comment('COLUMN results.person.role_ends',
    'The last day on which the role counts; null: it does not end.');


CREATE TABLE IF NOT EXISTS results.manager (
    institution_id  int NOT NULL,
    person_id       text COLLATE "C" NOT NULL,
    department_id   text COLLATE "C" NOT NULL,
    PRIMARY KEY (institution_id, person_id, department_id),
    FOREIGN KEY (institution_id, person_id)
        REFERENCES results.person ON DELETE CASCADE,
    FOREIGN KEY (institution_id, department_id)
        REFERENCES results.department ON DELETE CASCADE
);

CALL pg_temp.define_comment('TABLE results.manager',
    'Who manages a department, and with it all departments below.');


-- The key is the order in which the module report lists and pages
-- (report.sql).  The learner needs no row in person.  Dates are what RFC 3339
-- can write, which 'infinity' is not: no due date is null.

CREATE TABLE IF NOT EXISTS results.assignment (
    institution_id   int NOT NULL REFERENCES results.institution,
    learner_id       text COLLATE "C" NOT NULL CHECK (learner_id <> ''),
    course_item_id   text COLLATE "C" NOT NULL CHECK (course_item_id <> ''),
    enrollment_id    text COLLATE "C" NOT NULL CHECK (enrollment_id <> ''),
    course_id        text COLLATE "C" NOT NULL CHECK (course_id <> ''),
    module_id        text COLLATE "C" NOT NULL CHECK (module_id <> ''),
    module_title     text NOT NULL DEFAULT '',
    access_date      timestamptz
                     CHECK (access_date >= '0001-01-01 00:00Z'
                            AND access_date < '10000-01-01 00:00Z'),
    due_date         timestamptz
                     CHECK (due_date >= '0001-01-01 00:00Z'
                            AND due_date < '10000-01-01 00:00Z'),
    expiration_date  timestamptz
                     CHECK (expiration_date >= '0001-01-01 00:00Z'
                            AND expiration_date < '10000-01-01 00:00Z'),
    passing_score    float8
                     CHECK (passing_score > '-infinity'
                            AND passing_score < 'infinity'),
    PRIMARY KEY (institution_id, learner_id, course_item_id, enrollment_id)
);

CALL pg_temp.define_comment('TABLE results.assignment',
    'What a learner was given: one row for each module of an enrollment.');


-- The items that a learner was given more than once, as a training that comes
-- back every year, with the dates at which the enrollments give access, in
-- order.  Only for these does the report ask which enrollment a result falls
-- into, and what it needs for that is here: looking for other assignments of
-- each row would cost a page a fifth more.

CREATE TABLE IF NOT EXISTS results.repeated_item (
    institution_id  int NOT NULL REFERENCES results.institution,
    learner_id      text COLLATE "C" NOT NULL,
    item_id         text COLLATE "C" NOT NULL,
    access_dates    timestamptz[] NOT NULL,
    PRIMARY KEY (institution_id, learner_id, item_id)
);

CALL pg_temp.define_comment('COLUMN results.repeated_item.access_dates',
    'When, in order; -infinity: no date is known.');


-- Those of an institution anew: after assignments were stored without
-- triggers, and when this table is new.  Whoever gives something meanwhile
-- waits, as below.

CREATE OR REPLACE FUNCTION results.find_repeated_items(institution int)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
    PERFORM FROM results.institution i
    WHERE i.id = institution
    FOR NO KEY UPDATE;

    DELETE FROM results.repeated_item i
    WHERE i.institution_id = institution;

    INSERT INTO results.repeated_item
    WITH given AS NOT MATERIALIZED (
        SELECT a.learner_id, a.module_id AS item_id,
               coalesce(a.access_date, '-infinity') AS access_date
        FROM results.assignment a
        WHERE a.institution_id = institution
        UNION ALL
        SELECT a.learner_id, a.course_item_id,
               coalesce(a.access_date, '-infinity')
        FROM results.assignment a
        WHERE a.institution_id = institution
              AND a.course_item_id <> a.module_id
    )
    SELECT institution, g.learner_id, g.item_id,
           array_agg(DISTINCT g.access_date)
    FROM given g
         JOIN (SELECT g.learner_id, g.item_id
               FROM given g
               GROUP BY g.learner_id, g.item_id
               HAVING min(g.access_date) < max(g.access_date)) AS r
         USING (learner_id, item_id)
    GROUP BY g.learner_id, g.item_id;
END
$$;


-- What became of items that assignments in changed are about.  Two who give
-- one item to the same learner at once must not both find that they are the
-- only one: they wait for each other at the institution, with a lock that is
-- in nobody else's way.

CREATE OR REPLACE FUNCTION results.note_repeated_items() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    PERFORM FROM results.institution i
    WHERE i.id IN (SELECT c.institution_id FROM changed c)
    ORDER BY i.id
    FOR NO KEY UPDATE;

    WITH pair AS (
        SELECT c.institution_id, c.learner_id, i.id AS item_id,
               ARRAY(SELECT DISTINCT coalesce(a.access_date, '-infinity')
                     FROM (SELECT a.access_date
                           FROM results.assignment a
                           WHERE a.institution_id = c.institution_id
                                 AND a.learner_id = c.learner_id
                                 AND a.course_item_id = i.id
                           UNION ALL
                           SELECT a.access_date
                           FROM results.assignment a
                           WHERE a.institution_id = c.institution_id
                                 AND a.module_id = i.id
                                 AND a.learner_id = c.learner_id) AS a
                     ORDER BY 1) AS dates
        FROM changed c
             CROSS JOIN LATERAL (
                 SELECT c.module_id UNION SELECT c.course_item_id) AS i (id)
    ), gone AS (
        DELETE FROM results.repeated_item i
        USING pair p
        WHERE i.institution_id = p.institution_id
              AND i.learner_id = p.learner_id AND i.item_id = p.item_id
              AND cardinality(p.dates) < 2
    )
    INSERT INTO results.repeated_item AS i
    SELECT DISTINCT p.institution_id, p.learner_id, p.item_id, p.dates
    FROM pair p
    WHERE cardinality(p.dates) > 1
    ON CONFLICT (institution_id, learner_id, item_id) DO UPDATE
    SET access_dates = EXCLUDED.access_dates
    WHERE i.access_dates <> EXCLUDED.access_dates;

    RETURN NULL;
END
$$;
