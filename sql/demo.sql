--
-- Demo data: two institutions with people, items and one client for each
-- part somebody may play.  For trying out and for bin/run, not for an
-- installation that matters.
--
--     psql -d results -qAt -f sql/demo.sql
--
-- Safe to run again: what is there stays, the tokens of earlier runs are
-- revoked, and new secrets and tokens are made.  Prints them, which are
-- nowhere else, as lines of NAME=value that a shell can read.
--

\set ON_ERROR_STOP on
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset footer off

BEGIN;

SET LOCAL client_min_messages = warning;
SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'results_demo') THEN
        CREATE ROLE results_demo LOGIN IN ROLE results_reader;
    END IF;

    IF NOT pg_has_role('results_demo', 'results_monitor', 'MEMBER') THEN
        GRANT results_monitor TO results_demo;
    END IF;
END
$$;

SET LOCAL ROLE results_owner;

INSERT INTO results.institution (name)
SELECT n FROM unnest('{demo,other}'::text[]) n
WHERE NOT EXISTS (SELECT FROM results.institution i WHERE i.name = n);

SELECT id AS demo FROM results.institution WHERE name = 'demo' \gset
SELECT id AS other FROM results.institution WHERE name = 'other' \gset

INSERT INTO results.department (institution_id, id, parent_id, name) VALUES
    (:demo, 'school', NULL, 'The school'),
    (:demo, 'languages', 'school', 'Languages'),
    (:demo, 'english', 'languages', 'English'),
    (:demo, 'science', 'school', 'Science')
ON CONFLICT DO NOTHING;

INSERT INTO results.person (institution_id, id, role, given_name,
    family_name, center_id, department_id)
VALUES
    (:demo, 'a1d4f6e0-0001-4000-8000-000000000001', 'student',
     'Sam', 'Student', 'center-1', 'english'),
    (:demo, 'a1d4f6e0-0002-4000-8000-000000000002', 'staff',
     'Steph', 'Staff', 'center-1', 'english'),
    (:demo, 'a1d4f6e0-0003-4000-8000-000000000003', 'staff',
     'Eli', 'Elsewhere', 'center-2', 'science'),
    (:demo, 'a1d4f6e0-0004-4000-8000-000000000004', 'prospect_with_trial',
     'Pat', 'Prospect', 'center-1', 'english'),
    (:demo, 'a1d4f6e0-0005-4000-8000-000000000005', 'account_admin',
     'Alex', 'Admin', NULL, 'school'),
    (:demo, 'a1d4f6e0-0006-4000-8000-000000000006', 'department_admin',
     'Dana', 'Department', NULL, 'languages'),
    (:demo, 'a1d4f6e0-0007-4000-8000-000000000007', 'custom',
     'Chris', 'Custom', NULL, 'science'),
    (:demo, '114dba08-a75e-11eb-b4e5-0242ac13002a', 'student',
     'Robin', 'Report', NULL, 'english')
ON CONFLICT DO NOTHING;

INSERT INTO results.manager (institution_id, person_id, department_id) VALUES
    (:demo, 'a1d4f6e0-0006-4000-8000-000000000006', 'languages'),
    (:demo, 'a1d4f6e0-0007-4000-8000-000000000007', 'science')
ON CONFLICT DO NOTHING;

INSERT INTO results.item (institution_id, id, type, title, course_id) VALUES
    (:demo, 'b2e5a7f1-0001-4000-8000-000000000001', 'contentItem',
     'Unit 1, workbook', 'english-1'),
    (:demo, 'b2e5a7f1-0002-4000-8000-000000000002', 'lineItem',
     'Unit 1, test', 'english-1'),
    (:demo, 'b2e5a7f1-0003-4000-8000-000000000003', 'assessmentLineItem',
     'Placement test', NULL)
ON CONFLICT DO NOTHING;

-- the three rows of the example that iSpring's page on module results has;
-- the results of two of them are below

INSERT INTO results.assignment (institution_id, learner_id, course_id,
    module_title, module_id, course_item_id, enrollment_id, access_date,
    due_date, expiration_date)
VALUES
    (:demo, '114dba08-a75e-11eb-b4e5-0242ac13002a',
     'f0e7400a-ca31-11e9-b6fc-0a580af40a22', 'Course 1',
     '5a98720f-41e2-11ea-8a66-0a580af40c6f',
     '553964ac-3c5c-11ef-b1c4-02420a200163',
     'b9b41af0-f062-11eb-a99d-0242ac190033',
     '2021-07-28T21:00:00Z', NULL, NULL),
    (:demo, '114dba08-a75e-11eb-b4e5-0242ac13002a',
     'f0e7400a-ca31-11e9-b6fc-0a580af40a22', 'Course 2',
     '55e716fa-3c5c-11ef-96f2-02420a200177',
     '65a773eb-3c5c-11ef-b1c4-02420a200163',
     'bc2b7f9a-f066-11eb-bfc4-0242ac190033',
     '2021-07-28T21:00:00Z', '2021-07-29T21:00:00Z', '2021-07-29T21:00:00Z'),
    (:demo, '114dba08-a75e-11eb-b4e5-0242ac13002a',
     'f0e7400a-ca31-11e9-b6fc-0a580af40a22', 'Course 3',
     '6657451e-3c5c-11ef-ae43-02420a200177',
     '81fdb5be-3c5c-11ef-9bec-02420a200177',
     'b44e7392-f389-11eb-b462-0242ac130033',
     '2021-08-01T21:00:00Z', '2021-08-03T21:00:00Z', NULL)
ON CONFLICT DO NOTHING;


-- one client with every scope, one for each person, one that is not of demo

CREATE OR REPLACE FUNCTION results.demo_client(institution int, client text,
    scopes text[], person text, OUT secret text, OUT token text)
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO results.api_client AS c (institution_id, client_id, name,
        scopes, person_id)
    VALUES (institution, client, 'Demo: ' || client, scopes, person)
    ON CONFLICT (client_id) DO UPDATE SET scopes = EXCLUDED.scopes;

    DELETE FROM results.client_secret s USING results.api_client c
    WHERE c.client_id = client AND s.institution_id = c.institution_id
          AND s.client_id = c.id;

    PERFORM results.revoke_tokens(client);

    secret := results.add_secret(client);
    token := results.issue_token(client, '30 days');
END
$$;

SELECT array(
    SELECT 'https://purl.imsglobal.org/spec/or/' || v || '/scope/' || s
    FROM unnest('{v1p2,v1p1}'::text[]) v,
         unnest('{assessment.readonly,assessment.createput,assessment.delete,
                  gradebook.readonly,gradebook-core.readonly,
                  gradebook.createput,gradebook.createpost,gradebook.delete,
                  admin}'::text[]) s
    ORDER BY v DESC, s)
    || '{la-apiauthidentifier/authorization}'::text[] AS scopes \gset

SELECT * FROM results.demo_client(:demo, 'demo', :'scopes', NULL) \gset

SELECT token AS student FROM results.demo_client(:demo, 'demo-student', '{}',
    'a1d4f6e0-0001-4000-8000-000000000001') \gset
SELECT token AS staff FROM results.demo_client(:demo, 'demo-staff', '{}',
    'a1d4f6e0-0002-4000-8000-000000000002') \gset
SELECT token AS elsewhere FROM results.demo_client(:demo,
    'demo-staff-elsewhere', '{}',
    'a1d4f6e0-0003-4000-8000-000000000003') \gset
SELECT token AS prospect FROM results.demo_client(:demo, 'demo-prospect',
    '{}', 'a1d4f6e0-0004-4000-8000-000000000004') \gset
SELECT token AS account_admin FROM results.demo_client(:demo,
    'demo-account-admin', '{}',
    'a1d4f6e0-0005-4000-8000-000000000005') \gset
SELECT token AS department_admin FROM results.demo_client(:demo,
    'demo-department-admin', '{}',
    'a1d4f6e0-0006-4000-8000-000000000006') \gset
SELECT token AS custom FROM results.demo_client(:demo, 'demo-custom', '{}',
    'a1d4f6e0-0007-4000-8000-000000000007') \gset
SELECT token AS of_other FROM results.demo_client(:other, 'other', :'scopes',
    NULL) \gset

DROP FUNCTION results.demo_client;

INSERT INTO results.result (institution_id, kind, id, learner_id, item_id,
    course_id, status, completion, progress, time_spent, started_at,
    payload_hash, version, op, client_id, created_at, updated_at)
SELECT c.institution_id, 'module_result', v.id,
       '114dba08-a75e-11eb-b4e5-0242ac13002a', v.item_id,
       'f0e7400a-ca31-11e9-b6fc-0a580af40a22', 'active', 'in_progress',
       v.progress, v.time_spent, v.started_at, 0, 1, 1, c.id, v.started_at,
       v.started_at
FROM results.api_client c,
     (VALUES
         ('c3f6b802-0001-4000-8000-000000000001',
          '5a98720f-41e2-11ea-8a66-0a580af40c6f', 9.09, 10,
          timestamptz '2021-07-29T08:00:00Z'),
         ('c3f6b802-0002-4000-8000-000000000002',
          '55e716fa-3c5c-11ef-96f2-02420a200177', 50, 0,
          timestamptz '2021-07-29T08:10:00Z')
     ) v (id, item_id, progress, time_spent, started_at)
WHERE c.client_id = 'demo'
ON CONFLICT DO NOTHING;

COMMIT;

\echo PGUSER=results_demo
\echo CLIENT_ID=demo
\echo CLIENT_SECRET=:secret
\echo TOKEN=:token
\echo TOKEN_STUDENT=:student
\echo TOKEN_STAFF=:staff
\echo TOKEN_STAFF_ELSEWHERE=:elsewhere
\echo TOKEN_PROSPECT=:prospect
\echo TOKEN_ACCOUNT_ADMIN=:account_admin
\echo TOKEN_DEPARTMENT_ADMIN=:department_admin
\echo TOKEN_CUSTOM=:custom
\echo TOKEN_OTHER=:of_other
\echo STUDENT_ID=a1d4f6e0-0001-4000-8000-000000000001
\echo CONTENT_ITEM_ID=b2e5a7f1-0001-4000-8000-000000000001
