--
-- Installs or upgrades the database side of ngx_results_module:
--
--     psql -d results -f sql/install.sql
--
-- One transaction: it is there as a whole or not at all.  Safe to run again;
-- a newer version of these files upgrades what an older one installed, and
-- keeps serving the API version before its own.
--
-- Who may run it: a superuser, or the owner of the database if it has
-- CREATEROLE.  Needs PostgreSQL 14 or newer and no extension.
--

\set ON_ERROR_STOP on
\set QUIET on

SELECT current_setting('server_version_num')::int >= 140000 AS new_enough \gset
\if :new_enough
\else
    \warn 'ngx_results_module needs PostgreSQL 14 or newer'
    -- the error that ends psql with a status of its own
    DO $$ BEGIN RAISE EXCEPTION 'PostgreSQL is too old'; END $$;
\endif

BEGIN;

SET LOCAL client_min_messages = warning;
SET LOCAL search_path = pg_catalog, pg_temp;

-- two installations at once would trip over each other's CREATE
SELECT pg_advisory_xact_lock(hashtext('ngx_results_module')) AS locked \gset

\ir roles.sql

SET LOCAL ROLE results_owner;

\ir schema.sql
\ir roster.sql
\ir roster_csv.sql
\ir history.sql
\ir write.sql
\ir read.sql
\ir read_collection.sql
\ir report.sql
\ir api.sql
\ir admin.sql
\ir officer.sql
\ir backfill.sql

\ir grants.sql

RESET ROLE;

COMMIT;
