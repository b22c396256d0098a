--
-- The roster from CSV files with the columns of OneRoster 1.2: orgs.csv,
-- users.csv, roles.csv.  For operators, in one session: stage_roster(), COPY,
-- load_roster().  docs/operations.md shows it.
--
-- A file may bring all or only what has changed, alone or with the others, in
-- any order: what no row speaks of stays, and of a row what it does not speak
-- of.  So what users.csv and roles.csv said last is kept (roster_user,
-- held_role), and persons and managers are worked out from all of it: whatever
-- came when, they are the same.
--
-- A column that a file does not have is null in its temporary table.  A field
-- that is there and empty is '', and says that there is none.
--

-- The institution's people as the files have them.  null: not said; '': none.
-- A person may be in neither, and is then what SQL made of it.

CREATE TABLE IF NOT EXISTS results.roster_user (
    institution_id  int NOT NULL REFERENCES results.institution,
    id              text COLLATE "C" NOT NULL,
    removed         boolean,
    enabled         boolean,
    given_name      text,
    family_name     text,
    role            text,
    org_id          text COLLATE "C",
    center_id       text COLLATE "C",
    PRIMARY KEY (institution_id, id)
);

CALL pg_temp.define_comment('TABLE results.roster_user',
    'What users.csv said last of each user.');

CREATE TABLE IF NOT EXISTS results.held_role (
    institution_id  int NOT NULL REFERENCES results.institution,
    id              text COLLATE "C" NOT NULL,
    person_id       text COLLATE "C" NOT NULL,
    role            results.person_role,
    org_id          text COLLATE "C",
    is_primary      boolean NOT NULL,
    begins          date,
    ends            date,
    PRIMARY KEY (institution_id, id)
);

CALL pg_temp.define_comment('TABLE results.held_role',
    'The rows of roles.csv; role is null where its word is no role here.');


-- Empty temporary tables to COPY the files into, and one for what of them is
-- not used.  Two columns of roster_users
-- are not OneRoster's: role, for those who have no roles.csv, and
-- centerSourcedId.

CREATE OR REPLACE FUNCTION results.stage_roster() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
BEGIN
    DROP TABLE IF EXISTS pg_temp.roster_orgs, pg_temp.roster_users,
        pg_temp.roster_roles, pg_temp.roster_unused;

    CREATE TEMPORARY TABLE roster_unused (
        file text NOT NULL, sourcedId text NOT NULL, why text NOT NULL);

    CREATE TEMPORARY TABLE roster_orgs (
        sourcedId text NOT NULL PRIMARY KEY, status text,
        dateLastModified text, name text, type text, identifier text,
        parentSourcedId text);

    CREATE TEMPORARY TABLE roster_users (
        sourcedId text NOT NULL PRIMARY KEY, status text,
        dateLastModified text, enabledUser text, username text, userIds text,
        givenName text, familyName text, middleName text, identifier text,
        email text, sms text, phone text, agentSourcedIds text, grades text,
        password text, userMasterIdentifier text, resourceSourcedIds text,
        preferredGivenName text, preferredMiddleName text,
        preferredFamilyName text, primaryOrgSourcedId text, pronouns text,
        role text, centerSourcedId text);

    CREATE TEMPORARY TABLE roster_roles (
        sourcedId text NOT NULL PRIMARY KEY, status text,
        dateLastModified text, userSourcedId text NOT NULL, roleType text,
        role text NOT NULL, beginDate text, endDate text, orgSourcedId text,
        userProfileSourcedId text);
END
$$;


-- The role of OneRoster's word, or of one of ours; null where it has none.

CREATE OR REPLACE FUNCTION results.roster_role(word text)
RETURNS results.person_role
LANGUAGE sql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE
    WHEN word IN ('teacher', 'aide', 'proctor', 'counselor') THEN 'staff'
    WHEN word IN ('principal', 'siteAdministrator') THEN 'department_admin'
    WHEN word IN ('districtAdministrator', 'systemAdministrator')
        THEN 'account_admin'
    WHEN word = ANY (enum_range(null::results.person_role)::text[]) THEN word
    END::results.person_role;


-- The center of every department that has one: the nearest school, from the
-- department upwards.

CREATE OR REPLACE FUNCTION results.centers(institution int)
RETURNS TABLE (department_id text, center_id text)
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE above (department_id, id, parent_id, type, steps) AS (
        SELECT d.id, d.id, d.parent_id, d.type, 0
        FROM results.department d
        WHERE d.institution_id = institution
        UNION ALL
        SELECT a.department_id, d.id, d.parent_id, d.type, a.steps + 1
        FROM above a JOIN results.department d
             ON d.institution_id = institution AND d.id = a.parent_id
        WHERE a.type <> 'school' AND a.steps < 64
    )
    SELECT a.department_id, a.id FROM above a WHERE a.type = 'school';
END;


-- orgs.csv: departments that are added, changed and removed.  What refers to a
-- removed one refers to nothing then: departments, persons, and what the files
-- said of users and roles.

CREATE OR REPLACE FUNCTION results.load_roster_orgs(school int)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    gone  text[] := ARRAY(SELECT results.normal_id(o.sourcedId)
                          FROM roster_orgs o WHERE o.status = 'tobedeleted');
    n     bigint;
BEGIN
    INSERT INTO results.department AS d (institution_id, id, parent_id, name,
        type)
    SELECT school, o.sourcedId, nullif(o.parentSourcedId, ''),
           coalesce(o.name, ''), coalesce(o.type, '')
    FROM roster_orgs o
    WHERE o.status IS DISTINCT FROM 'tobedeleted'
    ON CONFLICT (institution_id, id) DO NOTHING;

    UPDATE results.department d
    SET parent_id = CASE WHEN o.parentSourcedId IS NULL THEN d.parent_id
                    ELSE nullif(o.parentSourcedId, '') END,
        name = coalesce(o.name, d.name),
        type = coalesce(o.type, d.type)
    FROM roster_orgs o
    WHERE d.institution_id = school AND d.id = results.normal_id(o.sourcedId)
          AND o.status IS DISTINCT FROM 'tobedeleted'
          AND (d.parent_id IS DISTINCT FROM
                   CASE WHEN o.parentSourcedId IS NULL THEN d.parent_id
                   ELSE results.normal_id(nullif(o.parentSourcedId, '')) END
               OR d.name <> o.name OR d.type <> o.type);

    SELECT count(*) INTO n FROM roster_orgs o
    WHERE o.status IS DISTINCT FROM 'tobedeleted';

    INSERT INTO roster_unused
    SELECT 'orgs', o.sourcedId, 'is removed and was not there'
    FROM roster_orgs o
    WHERE o.status = 'tobedeleted' AND NOT EXISTS (
        SELECT FROM results.department d
        WHERE d.institution_id = school
              AND d.id = results.normal_id(o.sourcedId));

    UPDATE results.department d SET parent_id = NULL
    WHERE d.institution_id = school AND d.parent_id = ANY (gone);

    UPDATE results.roster_user u SET org_id = ''
    WHERE u.institution_id = school AND u.org_id = ANY (gone);

    UPDATE results.roster_user u SET center_id = NULL
    WHERE u.institution_id = school AND u.center_id = ANY (gone);

    UPDATE results.held_role h SET org_id = NULL
    WHERE h.institution_id = school AND h.org_id = ANY (gone);

    UPDATE results.person p
    SET department_id = CASE WHEN p.department_id = ANY (gone) THEN NULL
                        ELSE p.department_id END,
        center_id = CASE WHEN p.center_id = ANY (gone) THEN NULL
                    ELSE p.center_id END
    WHERE p.institution_id = school
          AND (p.department_id = ANY (gone) OR p.center_id = ANY (gone));

    DELETE FROM results.department d
    WHERE d.institution_id = school AND d.id = ANY (gone);

    RETURN n;
END
$$;


-- users.csv and roles.csv: what they say is kept.  Whom roles.csv speaks of.

CREATE OR REPLACE FUNCTION results.keep_roster(school int) RETURNS text[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO results.roster_user AS o (institution_id, id, removed,
        enabled, given_name, family_name, role, org_id, center_id)
    SELECT school, results.normal_id(u.sourcedId),
           nullif(u.status, '') = 'tobedeleted',
           CASE lower(u.enabledUser) WHEN 'true' THEN true
                WHEN 'false' THEN false END,
           u.givenName, u.familyName,
           CASE WHEN u.role <> ''
                THEN coalesce(results.roster_role(u.role)::text, '')
                ELSE u.role END,
           results.normal_id(u.primaryOrgSourcedId),
           results.normal_id(u.centerSourcedId)
    FROM roster_users u
    ON CONFLICT (institution_id, id) DO UPDATE SET
        removed = coalesce(EXCLUDED.removed, o.removed),
        enabled = coalesce(EXCLUDED.enabled, o.enabled),
        given_name = coalesce(EXCLUDED.given_name, o.given_name),
        family_name = coalesce(EXCLUDED.family_name, o.family_name),
        role = coalesce(EXCLUDED.role, o.role),
        org_id = coalesce(EXCLUDED.org_id, o.org_id),
        center_id = coalesce(EXCLUDED.center_id, o.center_id);

    INSERT INTO results.held_role AS o (institution_id, id, person_id, role,
        org_id, is_primary, begins, ends)
    SELECT school, r.sourcedId, results.normal_id(r.userSourcedId),
           results.roster_role(r.role),
           results.normal_id(nullif(r.orgSourcedId, '')),
           coalesce(r.roleType = 'primary', false),
           nullif(r.beginDate, '')::date, nullif(r.endDate, '')::date
    FROM roster_roles r
    WHERE r.status IS DISTINCT FROM 'tobedeleted'
    ON CONFLICT (institution_id, id) DO UPDATE SET
        person_id = EXCLUDED.person_id,
        role = EXCLUDED.role,
        org_id = EXCLUDED.org_id,
        is_primary = EXCLUDED.is_primary,
        begins = EXCLUDED.begins,
        ends = EXCLUDED.ends;

    -- of somebody without any it may be one that SQL gave: that ends
    INSERT INTO roster_unused
    SELECT 'roles', r.sourcedId, 'is removed and was not there'
    FROM roster_roles r
    WHERE r.status = 'tobedeleted'
          AND EXISTS (
              SELECT FROM results.held_role h
              WHERE h.institution_id = school
                    AND h.person_id = results.normal_id(r.userSourcedId))
          AND NOT EXISTS (
              SELECT FROM results.held_role h
              WHERE h.institution_id = school AND h.id = r.sourcedId);

    DELETE FROM results.held_role h
    USING roster_roles r
    WHERE h.institution_id = school AND h.id = r.sourcedId
          AND r.status = 'tobedeleted';

    RETURN ARRAY(SELECT DISTINCT results.normal_id(r.userSourcedId)
                 FROM roster_roles r);
END
$$;


-- What was staged becomes departments, persons and managers.  skipped: rows
-- that are not used, or not yet; roster_unused names them and says why.
--
-- persons: of whom the files speak and who are there.  managers: what those
-- manage whom roles.csv speaks of.
--
-- A role that is taken away, or whose endDate is over, ends: person.role_ends
-- is the last day on which a role counts, and lookup_tokens() knows nobody
-- beyond it.  Where another role goes on it takes over at the next load, so
-- a load without files, once a day, is of use.
--
-- What refers to a department that is nowhere fails when the transaction ends.

CREATE OR REPLACE FUNCTION results.load_roster(
    institution text, OUT departments bigint, OUT persons bigint,
    OUT managers bigint, OUT skipped bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    school  int := results.find_institution(institution);
    spoken  text[];
BEGIN
    -- two at once would each work with what the other one replaces
    PERFORM FROM results.institution i WHERE i.id = school
    FOR NO KEY UPDATE;

    DELETE FROM roster_unused;

    -- whose center is the one of their department, or of an org that is
    -- removed, and not one of their own; and whose department is one that the
    -- files gave them

    CREATE TEMPORARY TABLE roster_before ON COMMIT DROP AS
    SELECT p.id,
           p.center_id IS NOT DISTINCT FROM c.center_id
           OR p.center_id IN (SELECT results.normal_id(o.sourcedId)
                              FROM roster_orgs o
                              WHERE o.status = 'tobedeleted')
               AS center_follows,
           p.department_id IN (
               SELECT h.org_id FROM results.held_role h
               WHERE h.institution_id = school AND h.person_id = p.id
               UNION ALL
               SELECT u.org_id FROM results.roster_user u
               WHERE u.institution_id = school AND u.id = p.id)
               AS department_follows
    FROM results.person p
         LEFT JOIN results.centers(school) c
         ON c.department_id = p.department_id
    WHERE p.institution_id = school;

    departments := results.load_roster_orgs(school);
    spoken := results.keep_roster(school);

    -- the roles that count today, best first: the primary, then the highest

    CREATE TEMPORARY TABLE roster_roles_today ON COMMIT DROP AS
    SELECT h.person_id, h.org_id, h.role, h.ends,
           row_number() OVER (
               PARTITION BY h.person_id
               ORDER BY h.is_primary DESC, h.role DESC, h.id) AS place
    FROM results.held_role h
    WHERE h.institution_id = school AND h.role IS NOT NULL
          AND coalesce(h.begins <= current_date, true)
          AND coalesce(h.ends >= current_date, true);

    -- every person as the files and, where they say nothing, SQL have it

    CREATE TEMPORARY TABLE roster_persons ON COMMIT DROP AS
    SELECT n.id, coalesce(nullif(u.role, '')::results.person_role, b.role,
                          p.role) AS role,
           CASE WHEN u.role <> '' THEN null
                WHEN b.role IS NOT NULL THEN b.ends
                -- it had one, and has none any more
                WHEN u.role = '' OR n.id = ANY (spoken) OR h.has_roles
                THEN least(p.role_ends, h.ended, current_date - 1)
                ELSE p.role_ends END AS role_ends,
           CASE WHEN u.removed THEN 'terminated'
                WHEN NOT u.enabled THEN 'blocked'
                WHEN u.enabled THEN 'active'
                WHEN NOT u.removed AND p.status = 'terminated' THEN 'active'
                ELSE coalesce(p.status, 'active')
                END::results.person_status AS status,
           coalesce(u.given_name, p.given_name) AS given_name,
           coalesce(u.family_name, p.family_name) AS family_name,
           nullif(coalesce(nullif(u.org_id, ''), b.org_id,
                           CASE WHEN u.org_id IS NULL
                                     AND f.department_follows IS NOT TRUE
                                THEN p.department_id END), '')
               AS department_id,
           u.center_id AS own_center, p.center_id,
           coalesce(f.center_follows, true) AS center_follows
    FROM (SELECT u.id FROM results.roster_user u
          WHERE u.institution_id = school
          UNION
          SELECT h.person_id FROM results.held_role h
          WHERE h.institution_id = school
          UNION
          SELECT unnest(spoken)
          UNION
          SELECT f.id FROM roster_before f
          WHERE f.center_follows AND EXISTS (SELECT FROM roster_orgs)
         ) AS n (id)
         LEFT JOIN results.person p
         ON p.institution_id = school AND p.id = n.id
         LEFT JOIN results.roster_user u
         ON u.institution_id = school AND u.id = n.id
         LEFT JOIN roster_before f ON f.id = n.id
         LEFT JOIN roster_roles_today b
         ON b.person_id = n.id AND b.place = 1
         CROSS JOIN LATERAL (
             SELECT count(*) > 0 AS has_roles,
                    max(h.ends) FILTER (WHERE h.ends < current_date) AS ended
             FROM results.held_role h
             WHERE h.institution_id = school AND h.person_id = n.id) h
    -- roles.csv alone makes nobody
    WHERE p.id IS NOT NULL OR u.id IS NOT NULL;

    UPDATE roster_persons n
    SET center_id = CASE WHEN n.own_center <> '' THEN n.own_center
                         WHEN n.center_follows OR n.own_center = ''
                         THEN (SELECT c.center_id
                               FROM results.centers(school) c
                               WHERE c.department_id = n.department_id)
                         ELSE n.center_id END;

    INSERT INTO results.person AS p (institution_id, id, role, role_ends,
        status, given_name, family_name, center_id, department_id)
    SELECT school, n.id, n.role, n.role_ends, n.status, n.given_name,
           n.family_name, n.center_id, n.department_id
    FROM roster_persons n
    WHERE n.role IS NOT NULL
    ON CONFLICT (institution_id, id) DO UPDATE SET
        role = EXCLUDED.role, role_ends = EXCLUDED.role_ends,
        status = EXCLUDED.status, given_name = EXCLUDED.given_name,
        family_name = EXCLUDED.family_name, center_id = EXCLUDED.center_id,
        department_id = EXCLUDED.department_id
    -- who is as before is left alone: nobody waits for a whole school
    WHERE (p.role, p.role_ends, p.status, p.given_name, p.family_name,
           p.center_id, p.department_id)
          IS DISTINCT FROM
          (EXCLUDED.role, EXCLUDED.role_ends, EXCLUDED.status,
           EXCLUDED.given_name, EXCLUDED.family_name, EXCLUDED.center_id,
           EXCLUDED.department_id);

    SELECT count(*) INTO persons
    FROM results.person p
    WHERE p.institution_id = school
          AND (p.id = ANY (spoken)
               OR p.id IN (SELECT results.normal_id(u.sourcedId)
                           FROM roster_users u));

    -- whom roles.csv speaks of, or spoke of, manages what it says and nothing
    -- else

    CREATE TEMPORARY TABLE roster_managers ON COMMIT DROP AS
    SELECT DISTINCT t.person_id, t.org_id
    FROM roster_roles_today t
         JOIN results.person p
         ON p.institution_id = school AND p.id = t.person_id
    WHERE t.role IN ('department_admin', 'custom') AND t.org_id IS NOT NULL;

    DELETE FROM results.manager m
    WHERE m.institution_id = school
          AND (m.person_id = ANY (spoken)
               OR m.person_id IN (SELECT h.person_id
                                  FROM results.held_role h
                                  WHERE h.institution_id = school))
          AND NOT EXISTS (SELECT FROM roster_managers r
                          WHERE r.person_id = m.person_id
                                AND r.org_id = m.department_id);

    INSERT INTO results.manager (institution_id, person_id, department_id)
    SELECT school, r.person_id, r.org_id FROM roster_managers r
    ON CONFLICT DO NOTHING;

    SELECT count(*) INTO managers
    FROM roster_managers r WHERE r.person_id = ANY (spoken);

    INSERT INTO roster_unused
    SELECT 'users', u.sourcedId, 'has no role here'
    FROM roster_users u
    WHERE NOT EXISTS (
        SELECT FROM results.person p
        WHERE p.institution_id = school
              AND p.id = results.normal_id(u.sourcedId));

    INSERT INTO roster_unused
    SELECT 'roles', r.sourcedId,
           CASE WHEN results.roster_role(r.role) IS NULL
                THEN format('"%s" is no role here', r.role)
                WHEN h.ends < current_date THEN 'is over'
                WHEN h.begins > current_date THEN 'has not begun'
                ELSE 'its user is not there yet' END
    FROM roster_roles r
         JOIN results.held_role h
         ON h.institution_id = school AND h.id = r.sourcedId
    WHERE results.roster_role(r.role) IS NULL
          OR h.ends < current_date OR h.begins > current_date
          OR NOT EXISTS (SELECT FROM results.person p
                         WHERE p.institution_id = school
                               AND p.id = h.person_id);

    SELECT count(*) INTO skipped FROM roster_unused;

    DROP TABLE pg_temp.roster_before, pg_temp.roster_roles_today,
        pg_temp.roster_persons, pg_temp.roster_managers;
END
$$;
