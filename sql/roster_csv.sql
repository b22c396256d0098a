--
-- The roster from CSV files with the columns of OneRoster 1.2: orgs.csv,
-- users.csv, roles.csv.  For operators, in one session: stage_roster(), COPY,
-- load_roster().  docs/operations.md shows it.
--
-- A file may bring all or only what has changed: rows that are there are
-- added or replaced, what no row speaks of stays.
--

-- Empty temporary tables to COPY the files into.  Two columns of roster_users
-- are not OneRoster's: role, for those who have no roles.csv, and
-- centerSourcedId.

CREATE OR REPLACE FUNCTION results.stage_roster() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
BEGIN
    DROP TABLE IF EXISTS pg_temp.roster_orgs, pg_temp.roster_users,
        pg_temp.roster_roles;

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


-- What was staged becomes departments, persons and managers.  skipped: users
-- who have no role here, as parents.
--
-- What refers to something that is nowhere fails when the transaction ends.

CREATE OR REPLACE FUNCTION results.load_roster(
    institution text, OUT departments bigint, OUT persons bigint,
    OUT managers bigint, OUT skipped bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    school  int;
BEGIN
    SELECT i.id INTO school FROM results.institution i
    WHERE i.name = load_roster.institution;

    IF NOT FOUND THEN
        RAISE EXCEPTION 'no institution "%"', institution
              USING ERRCODE = 'no_data_found';
    END IF;

    INSERT INTO results.department AS d (institution_id, id, parent_id, name,
        type)
    SELECT school, o.sourcedId, nullif(o.parentSourcedId, ''),
           coalesce(o.name, ''), coalesce(o.type, '')
    FROM roster_orgs o
    WHERE o.status IS DISTINCT FROM 'tobedeleted'
    ON CONFLICT (institution_id, id) DO UPDATE SET
        parent_id = EXCLUDED.parent_id, name = EXCLUDED.name,
        type = EXCLUDED.type;

    GET DIAGNOSTICS departments = ROW_COUNT;

    -- the roles that count today, best first: the primary, then the highest

    CREATE TEMPORARY TABLE roster_best ON COMMIT DROP AS
    SELECT results.normal_id(r.userSourcedId) AS person_id,
           results.normal_id(nullif(r.orgSourcedId, '')) AS department_id,
           results.roster_role(r.role) AS role,
           row_number() OVER (
               PARTITION BY results.normal_id(r.userSourcedId)
               ORDER BY r.roleType = 'primary' DESC NULLS LAST,
                        results.roster_role(r.role) DESC) AS place
    FROM roster_roles r
    WHERE r.status IS DISTINCT FROM 'tobedeleted'
          AND results.roster_role(r.role) IS NOT NULL
          AND coalesce(nullif(r.beginDate, '')::date <= current_date, true)
          AND coalesce(nullif(r.endDate, '')::date >= current_date, true);

    -- a center is the nearest school, from the department upwards

    WITH RECURSIVE above (department_id, id, parent_id, type, steps) AS (
        SELECT d.id, d.id, d.parent_id, d.type, 0
        FROM results.department d
        WHERE d.institution_id = school
        UNION ALL
        SELECT a.department_id, d.id, d.parent_id, d.type, a.steps + 1
        FROM above a JOIN results.department d
             ON d.institution_id = school AND d.id = a.parent_id
        WHERE a.type <> 'school' AND a.steps < 64
    )
    INSERT INTO results.person AS p (institution_id, id, role, status,
        given_name, family_name, center_id, department_id)
    SELECT school, u.sourcedId, n.role,
           CASE WHEN u.status = 'tobedeleted' THEN 'terminated'
                WHEN lower(u.enabledUser) = 'false' THEN 'blocked'
                ELSE 'active' END::results.person_status,
           u.givenName, u.familyName,
           coalesce(nullif(u.centerSourcedId, ''), c.id), n.department_id
    FROM roster_users u
         LEFT JOIN roster_best b
         ON b.person_id = results.normal_id(u.sourcedId) AND b.place = 1
         LEFT JOIN results.person o
         ON o.institution_id = school
            AND o.id = results.normal_id(u.sourcedId)
         CROSS JOIN LATERAL (
             SELECT coalesce(results.roster_role(u.role), b.role, o.role)
                        AS role,
                    coalesce(results.normal_id(
                                 nullif(u.primaryOrgSourcedId, '')),
                             b.department_id) AS department_id) n
         LEFT JOIN above c
         ON c.department_id = n.department_id AND c.type = 'school'
    WHERE n.role IS NOT NULL
    ON CONFLICT (institution_id, id) DO UPDATE SET
        role = EXCLUDED.role, status = EXCLUDED.status,
        given_name = EXCLUDED.given_name, family_name = EXCLUDED.family_name,
        center_id = EXCLUDED.center_id,
        department_id = EXCLUDED.department_id;

    GET DIAGNOSTICS persons = ROW_COUNT;

    SELECT count(*) - persons INTO skipped FROM roster_users;

    -- whom roles.csv speaks of manages what it says, and nothing else

    DELETE FROM results.manager m
    WHERE m.institution_id = school
          AND m.person_id IN (SELECT results.normal_id(r.userSourcedId)
                              FROM roster_roles r);

    INSERT INTO results.manager (institution_id, person_id, department_id)
    SELECT DISTINCT school, b.person_id, b.department_id
    FROM roster_best b
    WHERE b.role IN ('department_admin', 'custom')
          AND b.department_id IS NOT NULL;

    GET DIAGNOSTICS managers = ROW_COUNT;

    -- last, when nobody is left who has moved away

    UPDATE results.department d SET parent_id = NULL
    WHERE d.institution_id = school
          AND d.parent_id IN (SELECT results.normal_id(o.sourcedId)
                              FROM roster_orgs o
                              WHERE o.status = 'tobedeleted');

    UPDATE results.person p SET department_id = NULL
    WHERE p.institution_id = school
          AND p.department_id IN (SELECT results.normal_id(o.sourcedId)
                                  FROM roster_orgs o
                                  WHERE o.status = 'tobedeleted');

    DELETE FROM results.department d
    WHERE d.institution_id = school
          AND d.id IN (SELECT results.normal_id(o.sourcedId)
                       FROM roster_orgs o WHERE o.status = 'tobedeleted');

    DROP TABLE pg_temp.roster_best;
END
$$;
