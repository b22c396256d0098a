--
-- The roles and the two schemas.
--
--   results_owner    owns everything; nobody logs in as it.  So the API's
--                    SECURITY DEFINER functions never run as a superuser.
--   results_gateway  nginx logs in as it; may call results_api and no more.
--   results_reader   a group: may read the tables but no secret or token
--                    hash, and watch the server (pg_monitor).
--
-- Authentication is pg_hba.conf's: peer or cert for results_gateway, or a
-- password that the operator sets.
--

DO $$
DECLARE
    name  text;
BEGIN
    FOREACH name IN ARRAY '{results_owner,results_reader}'::text[] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;

    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'results_gateway') THEN
        CREATE ROLE results_gateway LOGIN;
    END IF;

    -- an installer who is no superuser acts as the owner by membership
    IF NOT pg_has_role(current_user, 'results_owner', 'MEMBER') THEN
        EXECUTE format('GRANT results_owner TO %I', current_user);
    END IF;

    BEGIN
        IF NOT pg_has_role('results_reader', 'pg_monitor', 'MEMBER') THEN
            GRANT pg_monitor TO results_reader;
        END IF;
    EXCEPTION WHEN insufficient_privilege THEN
        RAISE WARNING 'results_reader is not in pg_monitor: '
                      'a superuser may grant it';
    END;
END
$$;


-- The last resort, above read_timeout (10 s): the module gives up on a
-- statement before, and the backend notices (client_connection_check_interval
-- below).  Not lower, though writes are done by then: the rows of a read leave
-- as fast as its client takes them, and that time is the statement's, too.
ALTER ROLE results_gateway SET statement_timeout = '12s';

-- What writes wait for is locks.  One that is not to be had has an SQLSTATE of
-- its own (55P03) before write_timeout (5 s) ends: "not stored" can be said,
-- where it would be "outcome unknown" later.
ALTER ROLE results_gateway SET lock_timeout = '3s';

-- the module never opens a transaction of its own
ALTER ROLE results_gateway SET idle_in_transaction_session_timeout = '10s';

-- a backend notices that its nginx is gone, and lets go of its locks
ALTER ROLE results_gateway SET client_connection_check_interval = '1s';

-- write_records() reads, after its INSERT, what others committed meanwhile
ALTER ROLE results_gateway SET default_transaction_isolation =
    'read committed';

ALTER ROLE results_gateway SET search_path = '';

-- estimates of array parameters are guesses; compiling for them never pays
ALTER ROLE results_gateway SET jit = off;


CREATE SCHEMA IF NOT EXISTS results AUTHORIZATION results_owner;
CREATE SCHEMA IF NOT EXISTS results_api AUTHORIZATION results_owner;

-- By default everybody may make temporary tables; the gateway must not be
-- able to fill the disk with them.
DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC',
                   current_database());
END
$$;
