--
-- The roles and the two schemas.
--
--   results_owner    owns everything; nobody logs in as it.  So the API's
--                    SECURITY DEFINER functions never run as a superuser.
--   results_gateway  nginx logs in as it; may call results_api and no more.
--   results_reader   a group: may read the tables but no secret or token
--                    hash.
--   results_monitor  a group: may watch the server and reads no table.
--
-- The last two are two, since who watches sees the text of everybody's
-- statements (pg_stat_activity), which is more than a reader of results has
-- to know.  It is pg_read_all_stats and not pg_monitor, which also shows
-- settings as primary_conninfo with its password.
--
-- Authentication is pg_hba.conf's: peer or cert for results_gateway, or a
-- password that the operator sets.
--

DO $$
DECLARE
    name   text;
    value  text;
BEGIN
    FOREACH name IN ARRAY
        '{results_owner,results_reader,results_monitor}'::text[]
    LOOP
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
        IF NOT pg_has_role('results_monitor', 'pg_read_all_stats', 'MEMBER')
        THEN
            GRANT pg_read_all_stats TO results_monitor;
        END IF;
    EXCEPTION WHEN insufficient_privilege THEN
        RAISE WARNING 'results_monitor is not in pg_read_all_stats: '
                      'a superuser may grant it';
    END;

    -- an earlier version put it there
    BEGIN
        IF EXISTS (SELECT FROM pg_auth_members m
                   WHERE m.roleid = 'pg_monitor'::regrole
                         AND m.member = 'results_reader'::regrole)
        THEN
            REVOKE pg_monitor FROM results_reader;
        END IF;
    EXCEPTION WHEN insufficient_privilege THEN
        RAISE WARNING 'results_reader is in pg_monitor: '
                      'a superuser may revoke it';
    END;

    FOR name, value IN VALUES
        -- The last resort, above read_timeout (10 s): the module gives up on a
        -- statement before, and the backend notices
        -- (client_connection_check_interval below).  Not lower, though writes
        -- are done by then: the rows of a read leave as fast as its client
        -- takes them, and that time is the statement's, too.
        ('statement_timeout', '12s'),

        -- What writes wait for is locks.  One that is not to be had has an
        -- SQLSTATE of its own (55P03) before write_timeout (5 s) ends: "not
        -- stored" can be said, where it would be "outcome unknown" later.
        ('lock_timeout', '3s'),

        -- the module never opens a transaction of its own
        ('idle_in_transaction_session_timeout', '10s'),

        -- a backend notices that its nginx is gone, and lets go of its locks
        ('client_connection_check_interval', '1s'),

        -- write_records() reads, after its INSERT, what others committed
        -- meanwhile
        ('default_transaction_isolation', 'read committed'),

        -- What nginx refuses to work with otherwise, as these would change
        -- what its statements mean (connection_setup.c says how); here they
        -- hold against other ones of the server and the database.
        ('array_nulls', 'on'),
        ('standard_conforming_strings', 'on'),
        ('client_min_messages', 'notice'),
        ('exit_on_error', 'off'),

        ('search_path', '""'),

        -- estimates of array parameters are guesses; compiling for them never
        -- pays
        ('jit', 'off')
    LOOP
        IF NOT EXISTS (
            SELECT FROM pg_db_role_setting s
            WHERE s.setrole = 'results_gateway'::regrole
                  AND s.setdatabase = 0
                  AND s.setconfig @> ARRAY[name || '=' || value])
        THEN
            EXECUTE format('ALTER ROLE results_gateway SET %I = %L', name,
                           CASE value WHEN '""' THEN '' ELSE value END);
        END IF;
    END LOOP;
END
$$;


CREATE SCHEMA IF NOT EXISTS results AUTHORIZATION results_owner;
CREATE SCHEMA IF NOT EXISTS results_api AUTHORIZATION results_owner;


-- What PostgreSQL allows everybody and the gateway must not be able to do: it
-- could fill the disk with it.  This is taken from everybody in this database;
-- who needs it can be granted it.
--
--   temporary tables
--   tables in the schema public: before PostgreSQL 15, and in a database that
--   was upgraded from there
--   large objects
--
-- The last two are not the database owner's to take away.

DO $$
DECLARE
    f  regprocedure;
BEGIN
    IF EXISTS (
        SELECT FROM pg_database d,
                    aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
        WHERE d.datname = current_database() AND a.grantee = 0
              AND a.privilege_type = 'TEMPORARY')
    THEN
        EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC',
                       current_database());
    END IF;

    IF EXISTS (
        SELECT FROM pg_namespace n,
                    aclexplode(coalesce(n.nspacl,
                                        acldefault('n', n.nspowner))) a
        WHERE n.nspname = 'public' AND a.grantee = 0
              AND a.privilege_type = 'CREATE')
    THEN
        IF pg_has_role(current_user, (SELECT n.nspowner FROM pg_namespace n
                                      WHERE n.nspname = 'public'), 'USAGE')
        THEN
            REVOKE CREATE ON SCHEMA public FROM PUBLIC;
        ELSE
            RAISE WARNING 'everybody may make tables in the schema public: '
                          'a superuser may revoke it';
        END IF;
    END IF;

    FOR f IN
        SELECT p.oid
        FROM pg_proc p,
             aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        WHERE p.pronamespace = 'pg_catalog'::regnamespace
              AND p.proname IN ('lo_creat', 'lo_create', 'lo_from_bytea')
              AND a.grantee = 0
    LOOP
        IF pg_has_role(current_user, (SELECT p.proowner FROM pg_proc p
                                      WHERE p.oid = f), 'USAGE')
        THEN
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
        ELSE
            RAISE WARNING 'everybody may make large objects (%): '
                          'a superuser may revoke it', f;
        END IF;
    END LOOP;
END
$$;
