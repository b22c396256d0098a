--
-- For data protection officers: export of all data about a learner, erasure of
-- it, removal of what is too old, and all results as CSV.  nginx can't call
-- these.  docs/operations.md shows how they are used.
--

CREATE OR REPLACE FUNCTION results.find_institution(institution text)
RETURNS int
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    school  int;
BEGIN
    SELECT i.id INTO school FROM results.institution i
    WHERE i.name = find_institution.institution;

    IF NOT FOUND THEN
        RAISE EXCEPTION 'no institution "%"', institution
              USING ERRCODE = 'no_data_found';
    END IF;

    RETURN school;
END
$$;


-- All data about a learner, as one JSON document.

CREATE OR REPLACE FUNCTION results.export_learner(
    institution text, learner text)
RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    school  int := results.find_institution(institution);
    who     text := results.normal_id(learner);
BEGIN
    RETURN jsonb_build_object(
        'institution', institution,
        'learner', who,
        'exported_at', now(),
        'person', (
            SELECT to_jsonb(p) - 'institution_id'
            FROM results.person p
            WHERE p.institution_id = school AND p.id = who),
        'manages', (
            SELECT coalesce(jsonb_agg(m.department_id
                                      ORDER BY m.department_id), '[]')
            FROM results.manager m
            WHERE m.institution_id = school AND m.person_id = who),
        'roles', (
            SELECT coalesce(jsonb_agg(to_jsonb(h) - 'institution_id'
                                      ORDER BY h.id), '[]')
            FROM results.held_role h
            WHERE h.institution_id = school AND h.person_id = who),
        'clients', (
            SELECT coalesce(jsonb_agg(to_jsonb(c) - 'institution'
                                      ORDER BY c.client_id), '[]')
            FROM results.clients c
            WHERE c.institution = export_learner.institution
                  AND c.person_id = who),
        'assignments', (
            SELECT coalesce(jsonb_agg(to_jsonb(a) - 'institution_id'
                                      ORDER BY a.course_item_id,
                                               a.enrollment_id), '[]')
            FROM results.assignment a
            WHERE a.institution_id = school AND a.learner_id = who),
        -- current ones and those that were replaced
        'results', (
            SELECT coalesce(jsonb_agg(to_jsonb(v) - 'institution'
                                      - 'id_space'
                                      ORDER BY v.written_at, v.kind, v.id,
                                               v.version), '[]')
            FROM results.history_of_learner(institution, who) v));
END
$$;


-- JSON as text without needless escapes, as jsonb writes it, so that a search
-- also finds what a restored row or SQL has as "\u00e9" or "\/".  The module
-- writes no such escapes, so most texts are returned as they are; so is one
-- that jsonb can't contain, as "\u0000".

CREATE OR REPLACE FUNCTION results.json_text(value json) RETURNS text
LANGUAGE plpgsql
IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF value::text !~ '\\[u/]' THEN
        RETURN value::text;
    END IF;

    RETURN value::jsonb::text;

EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN replace(value::text, '\/', '/');
END
$$;


-- Results of other learners that contain the id of this one anywhere in their
-- detail, in upper or lower case, a GUID also without hyphens.  Reads all
-- results of the institution.

CREATE OR REPLACE FUNCTION results.mentions_of_learner(
    institution text, learner text)
RETURNS SETOF results.versions
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT v.*
    FROM results.versions v
         -- as JSON has it, without its quotes
         CROSS JOIN (
             SELECT lower(regexp_replace(to_jsonb(results.normal_id(
                 mentions_of_learner.learner))::text, '^"|"$', '', 'g'))
                        AS id) AS s
         CROSS JOIN LATERAL (
             SELECT lower(results.json_text(v.detail)) AS text
             OFFSET 0) AS d
    WHERE v.institution = mentions_of_learner.institution
          AND v.learner_id IS DISTINCT FROM results.normal_id(
              mentions_of_learner.learner)
          AND (strpos(d.text, s.id) > 0
               OR s.id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                  AND strpos(d.text, replace(s.id, '-', '')) > 0)
    ORDER BY v.written_at, v.kind, v.id, v.version;
END;


-- Erases a learner, and returns how many rows of each kind there were.
-- Clients that act for this person are disabled, but their rows stay, since
-- results of others refer to them as their writers.

CREATE OR REPLACE FUNCTION results.erase_learner(
    institution text, learner text, OUT results bigint, OUT versions bigint,
    OUT assignments bigint, OUT clients bigint, OUT persons bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    school  int := results.find_institution(institution);
    who     text := results.normal_id(learner);
    own     int[];
BEGIN
    -- Clients first: a session that stores a token locks its client (FOR
    -- SHARE).  So this waits for such sessions, and later ones wait for this,
    -- and find the client disabled.
    own := ARRAY(
        SELECT c.id FROM results.api_client c
        WHERE c.institution_id = school AND c.person_id = who
        ORDER BY c.id
        FOR UPDATE);
    clients := cardinality(own);

    UPDATE results.api_client c
    SET person_id = NULL, name = '', scopes = '{}',
        disabled_at = coalesce(c.disabled_at, clock_timestamp())
    WHERE c.id = ANY (own);

    DELETE FROM results.access_token t
    WHERE t.institution_id = school AND t.client_id = ANY (own);

    DELETE FROM results.client_secret s
    WHERE s.institution_id = school AND s.client_id = ANY (own);

    -- in the order in which writers lock rows, or this could deadlock with
    -- them
    PERFORM FROM results.result r
    WHERE r.institution_id = school AND r.learner_id = who
    ORDER BY r.id_space, r.id
    FOR UPDATE;

    DELETE FROM results.result r
    WHERE r.institution_id = school AND r.learner_id = who;
    GET DIAGNOSTICS results = ROW_COUNT;

    -- after the results are locked, so that no writer adds versions any more
    DELETE FROM results.result_history h
    WHERE h.institution_id = school AND h.learner_id = who;
    GET DIAGNOSTICS versions = ROW_COUNT;

    DELETE FROM results.assignment a
    WHERE a.institution_id = school AND a.learner_id = who;
    GET DIAGNOSTICS assignments = ROW_COUNT;

    DELETE FROM results.held_role h
    WHERE h.institution_id = school AND h.person_id = who;

    DELETE FROM results.roster_user u
    WHERE u.institution_id = school AND u.id = who;

    DELETE FROM results.person p
    WHERE p.institution_id = school AND p.id = who;
    GET DIAGNOSTICS persons = ROW_COUNT;
END
$$;


-- Removes results that have not been written for so long, and versions that
-- were replaced so long ago.  It walks along each primary key, some rows in
-- each transaction.  It skips rows that another session has locked, which are
-- not old any more, so it never waits for a writer.
--
-- A procedure with SET could not COMMIT, so all names are qualified.

CREATE OR REPLACE PROCEDURE results.purge_results(
    institution text, older_than interval, rows int DEFAULT 5000,
    INOUT results bigint DEFAULT 0, INOUT versions bigint DEFAULT 0)
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
    school  int := results.find_institution(institution);
    ended   timestamptz := now() - older_than;
    n       bigint;
    more    boolean;
    -- the walk's last step ended at, and this one ends at
    r_from  results.result;
    r_to    results.result;
    h_from  results.result_history;
    h_to    results.result_history;
BEGIN
    IF older_than <= '0' OR rows < 1 THEN
        RAISE EXCEPTION 'the time and the rows have to be more than none'
              USING ERRCODE = 'invalid_parameter_value';
    END IF;

    results := 0;
    versions := 0;
    -- before the first key there can be
    r_from.id_space := 0;
    r_from.id := '';
    h_from.id_space := 0;
    h_from.id := '';
    h_from.version := 0;
    h_from.replaced_at := '-infinity';

    LOOP
        SELECT o.id_space, o.id
        INTO r_to.id_space, r_to.id
        FROM results.result o
        WHERE o.institution_id = school
              AND (o.id_space, o.id) > (r_from.id_space, r_from.id)
        ORDER BY o.id_space, o.id
        OFFSET rows - 1 LIMIT 1;

        more := FOUND;

        IF NOT more THEN
            r_to.id_space := 32767;
            r_to.id := '';
        END IF;

        WITH old AS (
            SELECT o.id_space, o.id
            FROM results.result o
            WHERE o.institution_id = school
                  AND (o.id_space, o.id) > (r_from.id_space, r_from.id)
                  AND (o.id_space, o.id) <= (r_to.id_space, r_to.id)
                  AND o.updated_at < ended
            FOR UPDATE SKIP LOCKED)
        DELETE FROM results.result d USING old
        WHERE d.institution_id = school AND d.id_space = old.id_space
              AND d.id = old.id;

        GET DIAGNOSTICS n = ROW_COUNT;
        results := results + n;
        r_from := r_to;
        COMMIT;
        EXIT WHEN NOT more;
    END LOOP;

    LOOP
        SELECT o.id_space, o.id, o.version, o.replaced_at
        INTO h_to.id_space, h_to.id, h_to.version, h_to.replaced_at
        FROM results.result_history o
        WHERE o.institution_id = school
              AND (o.id_space, o.id, o.version, o.replaced_at)
                  > (h_from.id_space, h_from.id, h_from.version,
                     h_from.replaced_at)
        ORDER BY o.id_space, o.id, o.version, o.replaced_at
        OFFSET rows - 1 LIMIT 1;

        more := FOUND;

        IF NOT more THEN
            h_to.id_space := 32767;
            h_to.id := '';
            h_to.version := 0;
            h_to.replaced_at := 'infinity';
        END IF;

        DELETE FROM results.result_history d
        WHERE d.institution_id = school
              AND (d.id_space, d.id, d.version, d.replaced_at)
                  > (h_from.id_space, h_from.id, h_from.version,
                     h_from.replaced_at)
              AND (d.id_space, d.id, d.version, d.replaced_at)
                  <= (h_to.id_space, h_to.id, h_to.version,
                      h_to.replaced_at)
              AND d.replaced_at < ended;

        GET DIAGNOSTICS n = ROW_COUNT;
        versions := versions + n;
        h_from := h_to;
        COMMIT;
        EXIT WHEN NOT more;
    END LOOP;
END
$$;


-- The results in words, for spreadsheets and for load_results() of another
-- installation.

CALL pg_temp.define_view('result_list', $$
SELECT i.name AS institution, r.kind, r.id, r.learner_id, p.given_name,
       p.family_name, r.item_id, t.title AS item_title, r.course_id,
       r.status, r.score, r.score_max, r.completion, r.progress,
       r.time_spent, r.started_at, r.completed_at, r.scored_at, r.detail,
       r.version, c.client_id AS written_by, r.created_at,
       r.updated_at AS written_at
FROM results.result r
     JOIN results.institution i ON i.id = r.institution_id
     LEFT JOIN results.person p ON p.institution_id = r.institution_id
                                   AND p.id = r.learner_id
     LEFT JOIN results.item t ON t.institution_id = r.institution_id
                                 AND t.id = r.item_id
     LEFT JOIN results.api_client c ON c.id = r.client_id
$$);
