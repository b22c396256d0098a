--
-- What nginx calls besides writes and reads of records: the version of this
-- API, the lookup of tokens, and the token endpoint.
--

-- The version of results_api.  A version serves modules that need it, and
-- those that need the one before it.
--
--   2  preconditions: guard 4 and outcome 11 of write.sql

CREATE OR REPLACE FUNCTION results_api.api_version() RETURNS int
LANGUAGE sql
IMMUTABLE
AS 'SELECT 2';


-- The principals of those access tokens that are valid now; no row for any
-- other digest.  ord is the subscript of the digest in the array, ttl the
-- seconds until it expires, a month at most: no cache keeps a token for
-- longer, and the lifetime of a token may exceed an int.

CREATE OR REPLACE FUNCTION results_api.lookup_tokens(digests bytea[])
RETURNS TABLE (ord int, institution_id int, institution text, client_id int,
               client text, person_id text, role text, ed_app text,
               scopes text, ttl int)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT d.ord::int, i.id, i.name, c.id, c.client_id::text,
           p.id::text, p.role::text, c.ed_app::text,
           array_to_string(t.scopes, ' '),
           greatest(ceil(extract(epoch FROM
               least(t.expires_at, clock_timestamp() + interval '30 days')
               - clock_timestamp())), 0)::int
    FROM unnest(digests) WITH ORDINALITY AS d (token_sha256, ord)
         JOIN results.access_token t ON t.token_sha256 = d.token_sha256
         JOIN results.api_client c ON c.id = t.client_id
         JOIN results.institution i ON i.id = c.institution_id
         LEFT JOIN results.person p ON p.institution_id = c.institution_id
                                       AND p.id = c.person_id
    WHERE t.expires_at > clock_timestamp()
          AND t.revoked_at IS NULL
          AND c.disabled_at IS NULL
          AND (c.person_id IS NULL
               OR p.status = 'active'
                  AND coalesce(p.role_ends >= current_date, true));
END
$$;


-- The token endpoint: checks a client's secret and stores the hash of a token
-- that nginx has made.  status is one of
--
--   granted         the token is stored; the scopes are separated by spaces
--   invalid_client  the client is unknown, disabled or of another institution
--                   (null: any), the secret is wrong, or the person is not
--                   active: the same answer for all (RFC 6749 5.2)
--   invalid_scope   the client does not have a scope that was asked for
--
-- Without scopes the token gets all of the client's.  The same call may be
-- made again after a lost connection, and has the same answer.

CREATE OR REPLACE FUNCTION results_api.issue_access_token(
    client text, secret_sha256 bytea, requested text[], token_sha256 bytea,
    ttl int, institution text, OUT status text, OUT scopes text)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    c        results.api_client;
    granted  text[];
BEGIN
    SELECT a.* INTO c
    FROM results.api_client a
    WHERE a.client_id = issue_access_token.client
          AND a.disabled_at IS NULL
          -- the hashes are of 256 random bits, so the time that a comparison
          -- takes is of no use to an attacker
          AND EXISTS (
              SELECT FROM results.client_secret s
              WHERE s.institution_id = a.institution_id
                    AND s.client_id = a.id
                    AND s.secret_sha256 = issue_access_token.secret_sha256)
          AND (a.person_id IS NULL OR EXISTS (
              SELECT FROM results.person p
              WHERE p.institution_id = a.institution_id
                    AND p.id = a.person_id AND p.status = 'active'
                    AND coalesce(p.role_ends >= current_date, true)))
          AND (issue_access_token.institution IS NULL
               OR a.institution_id = (
                   SELECT i.id FROM results.institution i
                   WHERE i.name = issue_access_token.institution))
    -- waits for a session that disables the client: erase_learner() must leave
    -- no token behind
    FOR SHARE OF a;

    IF NOT FOUND THEN
        status := 'invalid_client';
        RETURN;
    END IF;

    granted := CASE WHEN cardinality(requested) > 0 THEN requested
                    ELSE c.scopes END;

    IF NOT granted <@ c.scopes THEN
        status := 'invalid_scope';
        RETURN;
    END IF;

    INSERT INTO results.access_token (token_sha256, institution_id,
        client_id, scopes, expires_at)
    VALUES (issue_access_token.token_sha256, c.institution_id, c.id, granted,
        clock_timestamp() + make_interval(secs => ttl))
    ON CONFLICT DO NOTHING;

    status := 'granted';
    scopes := array_to_string(granted, ' ');
END
$$;
