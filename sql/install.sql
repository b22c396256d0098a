--
-- Installs or upgrades the database side of ngx_results_module:
--
--     psql -d results -f sql/install.sql
--
-- Safe to run again, and while results are written and read; a newer version
-- of these files upgrades what an older one installed, and keeps serving the
-- API version before its own.
--
-- All but the indexes is one transaction: it is there as a whole or not at
-- all.  Where nothing has changed it takes no lock that anybody waits for.
-- What has changed needs its lock within lock_timeout, or all of it fails,
-- changes nothing, and may be run again: whoever wants to write waits behind
-- this transaction meanwhile.  So what others hold for long, as an export
-- holds its views, comes first, while nothing that a writer needs is locked.
-- Indexes are built without a lock that a writer waits for, before and after
-- it, and take the time that they need (indexes.sql).
--
-- Who may run it: a superuser, or the owner of the database if it has
-- CREATEROLE.  Needs PostgreSQL 14 or newer, a database of the encoding UTF8,
-- and no extension.
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

-- Names and texts of any script are stored; and in a database without an
-- encoding (SQL_ASCII) nothing would say what bytes are.
SELECT current_setting('server_encoding') = 'UTF8' AS utf8 \gset
\if :utf8
\else
    \warn 'ngx_results_module needs a database of the encoding UTF8:'
    \warn 'CREATE DATABASE results ENCODING ''UTF8'' TEMPLATE template0'
    DO $$ BEGIN RAISE EXCEPTION 'the encoding of the database is not UTF8';
          END $$;
\endif

-- whatever the installer's role has
SET standard_conforming_strings = on;
SET array_nulls = on;

-- Two installations at once would trip over each other's CREATE.  The second
-- one does not wait: CREATE INDEX CONCURRENTLY would wait for it.
SELECT pg_try_advisory_lock(hashtext('ngx_results_module')) AS alone \gset
\if :alone
\else
    \warn 'another sql/install.sql is at work in this database'
    DO $$ BEGIN RAISE EXCEPTION 'not alone'; END $$;
\endif

SET client_min_messages = warning;
SET search_path = pg_catalog, pg_temp;
SET statement_timeout = 0;
SET lock_timeout = 0;

\ir changes.sql
\ir indexes.sql

BEGIN;

SET LOCAL lock_timeout = '300ms';

\ir roles.sql

SET LOCAL ROLE results_owner;

\ir schema.sql
\ir roster.sql
\ir roster_csv.sql
\ir history.sql
\ir write.sql
\ir read.sql
\ir read_collection.sql
\ir meaning.sql
\ir report_learners.sql
\ir report.sql
\ir api.sql
\ir admin.sql
\ir officer.sql
\ir backfill.sql

\ir grants.sql

\ir triggers.sql

COMMIT;

\ir indexes.sql

-- Of assignments that a version without the table has stored, behind the
-- triggers and an institution at a time.  The comment comes last: it tells
-- that this was not ended half-way.

SET ROLE results_owner;

SELECT format('DO $x$ BEGIN PERFORM results.find_repeated_items(%s); END $x$',
              i.id)
FROM results.institution i
WHERE obj_description('results.repeated_item'::regclass, 'pg_class') IS NULL
ORDER BY i.id \gexec

CALL pg_temp.define_comment('TABLE results.repeated_item',
    'What a learner was given more than once.  Triggers of assignment fill it.');

SELECT pg_advisory_unlock(hashtext('ngx_results_module')) AS alone \gset
RESET ALL;
