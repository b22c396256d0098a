--
-- The tables around a result: institutions, API clients with their secrets
-- and tokens, items, and the results themselves.  roster.sql has the people.
--
-- The key of every table begins with institution_id, so that the schema can be
-- distributed by it; comments give the reason for each exception.
--
-- Ids are COLLATE "C": they are compared byte by byte, which is the order in
-- which the module sorts a batch, and the cheapest collation.
--

-- The position of a word, from 1, is its number between the module and SQL
-- (docs/wire.md).  New words are added at the end.

DO $$
BEGIN
    IF to_regtype('results.record_kind') IS NULL THEN
        CREATE TYPE results.record_kind AS ENUM (
            'result', 'assessment_result', 'content_item_result',
            'learning_event', 'module_result');
    END IF;

    IF to_regtype('results.record_status') IS NULL THEN
        CREATE TYPE results.record_status AS ENUM ('active', 'tobedeleted');
    END IF;

    IF to_regtype('results.completion') IS NULL THEN
        CREATE TYPE results.completion AS ENUM (
            'not_started', 'in_progress', 'pending', 'complete', 'passed',
            'accepted', 'incomplete', 'failed', 'declined');
    END IF;
END
$$;


CREATE TABLE IF NOT EXISTS results.institution (
    id            int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL UNIQUE
                  CHECK (octet_length(name) BETWEEN 1 AND 48),
    keep_history  boolean NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL DEFAULT now()
);

CALL pg_temp.define_comment('TABLE results.institution',
    'A tenant. Nothing of one is ever visible to another.');
CALL pg_temp.define_comment('COLUMN results.institution.keep_history',
    'Whether a replaced or deleted result goes to result_history.');


-- The key does not begin with institution_id: a token request contains only
-- the client_id, and results refer to their client by its id alone.  The
-- lengths are those of the module's token cache (results_principal.h).

CREATE TABLE IF NOT EXISTS results.api_client (
    id              int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution_id  int NOT NULL REFERENCES results.institution,
    client_id       text COLLATE "C" NOT NULL UNIQUE
                    CHECK (octet_length(client_id) BETWEEN 1 AND 48),
    name            text NOT NULL DEFAULT '',
    scopes          text[] NOT NULL DEFAULT '{}',
    person_id       text COLLATE "C"
                    CHECK (octet_length(person_id) BETWEEN 1 AND 64),
    ed_app          uuid,
    created_at      timestamptz NOT NULL DEFAULT now(),
    disabled_at     timestamptz,
    UNIQUE (institution_id, id)
);

CALL pg_temp.define_comment('COLUMN results.api_client.client_id',
    'What the client calls itself when it asks for a token.');
CALL pg_temp.define_comment('COLUMN results.api_client.person_id',
    'The person whose role its tokens act with; null: none.');
CALL pg_temp.define_comment('COLUMN results.api_client.ed_app',
    'The only edApp it may report for (educacional); null: any.');


-- A client may have two secrets, so that a new one can be distributed while
-- the old one still works.

CREATE TABLE IF NOT EXISTS results.client_secret (
    institution_id  int NOT NULL,
    client_id       int NOT NULL,
    slot            smallint NOT NULL CHECK (slot IN (1, 2)),
    secret_sha256   bytea NOT NULL CHECK (octet_length(secret_sha256) = 32),
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (institution_id, client_id, slot),
    FOREIGN KEY (institution_id, client_id)
        REFERENCES results.api_client (institution_id, id) ON DELETE CASCADE
);


-- The key with which every node that uses this database seals the page tokens
-- of the module report.  One row, for all institutions.

CREATE TABLE IF NOT EXISTS results.page_key (
    single  boolean PRIMARY KEY DEFAULT true CHECK (single),
    key     bytea NOT NULL CHECK (octet_length(key) = 32)
);

INSERT INTO results.page_key (key)
SELECT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
              || uuid_send(gen_random_uuid()))
WHERE NOT EXISTS (SELECT FROM results.page_key);


-- The key does not begin with institution_id: a request has only its token,
-- from which the institution is found.

CREATE TABLE IF NOT EXISTS results.access_token (
    token_sha256    bytea PRIMARY KEY
                    CHECK (octet_length(token_sha256) = 32),
    institution_id  int NOT NULL,
    client_id       int NOT NULL,
    scopes          text[] NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL,
    revoked_at      timestamptz,
    FOREIGN KEY (institution_id, client_id)
        REFERENCES results.api_client (institution_id, id) ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS results.item (
    institution_id  int NOT NULL REFERENCES results.institution,
    id              text COLLATE "C" NOT NULL CHECK (id <> ''),
    type            text NOT NULL DEFAULT '',
    title           text NOT NULL DEFAULT '',
    course_id       text COLLATE "C",
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (institution_id, id)
);

CALL pg_temp.define_comment('TABLE results.item',
    'What results are about: line items, content items, modules.');


-- Upgrades a table in which detail is jsonb and id_space smallint.  The views
-- that are dropped, and the functions that use them, are created again later.

DO $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_attribute a
        WHERE a.attrelid = to_regclass('results.result')
              AND a.attname = 'id_space'
              AND a.atttypid = 'smallint'::regtype)
    THEN
        DROP VIEW IF EXISTS results.versions, results.result_list CASCADE;
        ALTER TABLE results.result
            ALTER detail TYPE json, ALTER id_space TYPE int;
        ALTER TABLE IF EXISTS results.result_history
            ALTER detail TYPE json, ALTER id_space TYPE int;

        DROP FUNCTION results.id_space(smallint);
        DROP FUNCTION IF EXISTS results_api.write_records(
            smallint[], int[], smallint[], text[], text[], text[], text[],
            smallint[], float8[], float8[], smallint[], float8[], int[],
            timestamptz[], timestamptz[], timestamptz[], jsonb[], bigint[],
            int[], timestamptz[], int[], smallint[], text[]);
        DROP FUNCTION IF EXISTS results_api.write_group(
            smallint[], int[], smallint[], text[], text[], text[], text[],
            smallint[], float8[], float8[], smallint[], float8[], int[],
            timestamptz[], timestamptz[], timestamptz[], jsonb[], bigint[],
            int[], timestamptz[], int[], smallint[], text[]);
    END IF;
END
$$;


-- The id_space of a kind, which is given by its number.

CREATE OR REPLACE FUNCTION results.id_space(kind smallint) RETURNS int
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE kind WHEN 2 THEN 2 ELSE 1 END;


-- A result has no foreign key: its institution and client come from a valid
-- token, results may arrive before the roster does, and each key would cost
-- a lookup a row.
--
-- The records of all APIs share one id space, since each of them can be read
-- as a OneRoster result by its id; only assessment results have a collection,
-- and an id space, of their own.  So the primary key finds an id that a record
-- of another API has, at no cost; a lookup of the other kinds in the statement
-- cost 7 us a row.  id_space is an int, though a smallint would do: behind a
-- smallint the alignment of text in an index entry varies, and finding it took
-- 3% of the instructions that a row costs.
--
-- detail is json, the text as it came: converting it to jsonb was a tenth of
-- the cost of a row, and details are written more often than they are
-- searched.
--
-- Most updates change no indexed column, so they are HOT updates, for which
-- fillfactor leaves room on the page.  That is why there is no index on
-- updated_at: replacing a row would cost more than twice as much.

CREATE TABLE IF NOT EXISTS results.result (
    institution_id  int NOT NULL,
    kind            results.record_kind NOT NULL,
    id              text COLLATE "C" NOT NULL,
    learner_id      text COLLATE "C",
    item_id         text COLLATE "C",
    course_id       text COLLATE "C",
    status          results.record_status NOT NULL,
    score           float8,
    score_max       float8,
    completion      results.completion,
    progress        float8,
    time_spent      int,
    started_at      timestamptz,
    completed_at    timestamptz,
    scored_at       timestamptz,
    detail          json,
    payload_hash    bigint NOT NULL,
    version         int NOT NULL,
    op              smallint NOT NULL,
    id_space        int NOT NULL DEFAULT 1,
    client_id       int NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (institution_id, id_space, id),
    CHECK ((id_space = 2) = (kind = 'assessment_result'))
) WITH (fillfactor = 90);

CALL pg_temp.define_comment('COLUMN results.result.id_space',
    'What id is unique in: 2 assessment results, 1 the records of all APIs.');
CALL pg_temp.define_comment('COLUMN results.result.payload_hash',
    'Of the canonical body: tells a replay from a conflict.');
CALL pg_temp.define_comment('COLUMN results.result.version',
    '1 when created, one more with every change.');
CALL pg_temp.define_comment('COLUMN results.result.op',
    'What wrote this version: 1 put, 2 create, 3 delete, 4 replace.');
CALL pg_temp.define_comment('COLUMN results.result.client_id',
    'The api_client that wrote this version.');
CALL pg_temp.define_comment('COLUMN results.result.updated_at',
    'When nginx sent this version to the database.');


-- Logical replication copies rows, but not sequences: on a former subscriber
-- the next institution would get an id that is in use.

DO $$
DECLARE
    tab    text;
    seq    text;
    last   bigint;
    used   bigint;
BEGIN
    FOREACH tab IN ARRAY '{institution,api_client}'::text[] LOOP
        seq := pg_get_serial_sequence('results.' || tab, 'id');

        EXECUTE format('SELECT max(id) FROM results.%I', tab) INTO used;
        EXECUTE format('SELECT last_value - (NOT is_called)::int FROM %s',
                       seq) INTO last;

        IF used > last THEN
            PERFORM setval(seq, used);
        END IF;
    END LOOP;
END
$$;
