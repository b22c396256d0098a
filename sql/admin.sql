--
-- For operators, in psql; nginx can't call these.  A secret or a token is
-- shown once, by the function that makes it: the database keeps only its
-- SHA-256.  No function takes a secret or token as an argument, since the text
-- of a statement is in pg_stat_activity and may be logged.  docs/operations.md
-- shows how they are used.
--

-- 256 random bits as base64url without padding.  A UUID has 122 random bits;
-- the hash of three makes 256 of 366.

CREATE OR REPLACE FUNCTION results.random_text() RETURNS text
LANGUAGE sql
VOLATILE
SET search_path = pg_catalog, pg_temp
RETURN rtrim(translate(encode(
    sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
           || uuid_send(gen_random_uuid())),
    'base64'), '+/', '-_'), '=');


CREATE OR REPLACE FUNCTION results.text_sha256(value text) RETURNS bytea
LANGUAGE sql
IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
RETURN sha256(convert_to(value, 'UTF8'));


-- The client with a client_id, or an error.  It is locked: it can't be
-- disabled or erased until the transaction ends.

CREATE OR REPLACE FUNCTION results.find_client(client text)
RETURNS results.api_client
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c  results.api_client;
BEGIN
    SELECT a.* INTO c FROM results.api_client a WHERE a.client_id = client
    FOR SHARE;

    IF NOT FOUND THEN
        RAISE EXCEPTION 'no client "%"', client
              USING ERRCODE = 'no_data_found';
    END IF;

    RETURN c;
END
$$;


CREATE OR REPLACE FUNCTION results.create_institution(
    name text, keep_history boolean DEFAULT true)
RETURNS int
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO results.institution (name, keep_history)
    VALUES (create_institution.name, create_institution.keep_history)
    RETURNING id;
END;


-- Makes a secret in a free slot, and returns it.

CREATE OR REPLACE FUNCTION results.add_secret(client text) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c       results.api_client := results.find_client(client);
    secret  text := results.random_text();
BEGIN
    INSERT INTO results.client_secret (institution_id, client_id, slot,
        secret_sha256)
    SELECT c.institution_id, c.id, s.slot, results.text_sha256(secret)
    FROM generate_series(1, 2) AS s (slot)
    WHERE NOT EXISTS (
        SELECT FROM results.client_secret o
        WHERE o.institution_id = c.institution_id AND o.client_id = c.id
              AND o.slot = s.slot)
    ORDER BY s.slot
    LIMIT 1;

    IF NOT FOUND THEN
        RAISE EXCEPTION 'client "%" has two secrets: retire one first',
              client USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;

    RETURN secret;
END
$$;


-- Removes a secret; tokens that were issued for it are valid until they
-- expire.

CREATE OR REPLACE FUNCTION results.retire_secret(
    client text, slot int)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c  results.api_client := results.find_client(client);
BEGIN
    DELETE FROM results.client_secret s
    WHERE s.institution_id = c.institution_id AND s.client_id = c.id
          AND s.slot = retire_secret.slot;

    IF NOT FOUND THEN
        RAISE EXCEPTION 'client "%" has no secret %', client, slot
              USING ERRCODE = 'no_data_found';
    END IF;
END
$$;


CREATE OR REPLACE FUNCTION results.create_client(
    institution text, client text, scopes text[] DEFAULT '{}',
    person text DEFAULT NULL, ed_app uuid DEFAULT NULL,
    name text DEFAULT '',
    OUT client_id text, OUT secret text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO results.api_client (institution_id, client_id, name, scopes,
        person_id, ed_app)
    SELECT i.id, create_client.client, create_client.name,
           create_client.scopes, create_client.person, create_client.ed_app
    FROM results.institution i
    WHERE i.name = create_client.institution;

    IF NOT FOUND THEN
        RAISE EXCEPTION 'no institution "%"', institution
              USING ERRCODE = 'no_data_found';
    END IF;

    client_id := client;
    secret := results.add_secret(client);
END
$$;


-- Issues a token for a client that is not disabled, and returns it.  Without
-- scopes it has all of the client's.

CREATE OR REPLACE FUNCTION results.issue_token(
    client text, ttl interval DEFAULT '1 hour', scopes text[] DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c      results.api_client := results.find_client(client);
    token  text := results.random_text();
BEGIN
    IF c.disabled_at IS NOT NULL THEN
        RAISE EXCEPTION 'client "%" is disabled', client
              USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;

    IF NOT coalesce(scopes, '{}') <@ c.scopes THEN
        RAISE EXCEPTION 'client "%" has not all of these scopes', client
              USING ERRCODE = 'invalid_parameter_value';
    END IF;

    INSERT INTO results.access_token (token_sha256, institution_id,
        client_id, scopes, expires_at)
    VALUES (results.text_sha256(token), c.institution_id, c.id,
        coalesce(scopes, c.scopes), clock_timestamp() + ttl);

    RETURN token;
END
$$;


-- Revokes the token with a SHA-256, in hexadecimal digits; returns whether
-- there was one that had not been revoked.  The module accepts it until its
-- cached copy expires, after the ttl of results_token_zone at the latest.
--
-- In an earlier version this function took the token itself.  An argument of
-- 43 characters is a token: it is revoked, too, since it may be in a log now.

DO $$
BEGIN
    IF 'token' = ANY ((SELECT p.proargnames FROM pg_proc p
                       WHERE p.oid = to_regprocedure(
                                 'results.revoke_token(text)'))::text[])
    THEN
        DROP FUNCTION results.revoke_token(text);
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION results.revoke_token(sha256 text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    hash   bytea;
    token  boolean := sha256 ~ '^[A-Za-z0-9_-]{43}$';
BEGIN
    IF token THEN
        hash := results.text_sha256(sha256);

    ELSIF sha256 ~ '^[0-9A-Fa-f]{64}$' THEN
        hash := decode(sha256, 'hex');

    ELSE
        -- without the value, which may be a token with something around it
        RAISE EXCEPTION 'not a SHA-256 in 64 hexadecimal digits'
              USING ERRCODE = 'invalid_parameter_value';
    END IF;

    UPDATE results.access_token t SET revoked_at = clock_timestamp()
    WHERE t.token_sha256 = hash AND t.revoked_at IS NULL;

    IF token THEN
        RAISE WARNING 'give the SHA-256 of a token, not the token'
              USING DETAIL = 'It may be in a log of this server now.';
    END IF;

    RETURN FOUND;
END
$$;


-- Revokes all tokens of a client; returns how many were still valid.

CREATE OR REPLACE FUNCTION results.revoke_tokens(client text) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c  results.api_client := results.find_client(client);
    n  bigint;
BEGIN
    UPDATE results.access_token t SET revoked_at = clock_timestamp()
    WHERE t.institution_id = c.institution_id AND t.client_id = c.id
          AND t.revoked_at IS NULL AND t.expires_at > clock_timestamp();

    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END
$$;


-- Deletes tokens that expired or were revoked some time ago; for a daily cron
-- job.

CREATE OR REPLACE FUNCTION results.purge_tokens(
    ended_for interval DEFAULT '30 days')
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    n  bigint;
BEGIN
    DELETE FROM results.access_token t
    WHERE least(t.expires_at, t.revoked_at) < clock_timestamp() - ended_for;

    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END
$$;


-- Views for operators, without hashes.

CALL pg_temp.define_view('clients', $$
SELECT i.name AS institution, c.client_id, c.name, c.scopes, c.person_id,
       c.ed_app, c.created_at, c.disabled_at,
       (SELECT array_agg(s.slot ORDER BY s.slot)
        FROM results.client_secret s
        WHERE s.institution_id = c.institution_id AND s.client_id = c.id)
           AS secrets
FROM results.api_client c
     JOIN results.institution i ON i.id = c.institution_id
$$);

CALL pg_temp.define_view('tokens', $$
SELECT i.name AS institution, c.client_id, c.person_id, t.scopes,
       t.created_at, t.expires_at, t.revoked_at,
       t.revoked_at IS NULL AND t.expires_at > clock_timestamp() AS valid
FROM results.access_token t
     JOIN results.api_client c ON c.id = t.client_id
     JOIN results.institution i ON i.id = c.institution_id
$$);
