--
-- Installs or upgrades the database side of ngx_results_module:
--
--     psql -d results -f sql/install.sql
--
-- Safe to run again, and while results are written and read; a newer version
-- of these files upgrades what an older one installed, and keeps serving the
-- API version before its own.
--
-- Everything but the indexes and repeated_item is one transaction, so it is
-- installed as a whole or not at all.  An object that has not changed is not
-- locked against readers or writers.  One that has changed must get its lock
-- within lock_timeout, since writers wait behind it; else the installation
-- fails, changes nothing, and may be run again.  What other sessions lock for
-- long, such as a view that an export reads, comes early, before anything that
-- writers need is locked; the triggers come last.
--
-- Indexes are built concurrently before and after the transaction: writers do
-- not wait for them, however long they take (indexes.sql).
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
    -- an error ends psql with the exit status 3
    DO $$ BEGIN RAISE EXCEPTION 'PostgreSQL is too old'; END $$;
\endif

-- Clients send UTF-8, in any script; other encodings can't store all of it,
-- and SQL_ASCII would not check it.
SELECT current_setting('server_encoding') = 'UTF8' AS utf8 \gset
\if :utf8
\else
    \warn 'ngx_results_module needs a database of the encoding UTF8:'
    \warn 'CREATE DATABASE results ENCODING ''UTF8'' TEMPLATE template0'
    DO $$ BEGIN RAISE EXCEPTION 'the encoding of the database is not UTF8';
          END $$;
\endif

-- these files need them, whatever the settings of the installing role are
SET standard_conforming_strings = on;
SET array_nulls = on;

-- Two installations at once would fail at each other's CREATE.  The second one
-- ends here and does not wait: CREATE INDEX CONCURRENTLY of the first one
-- would wait for the transaction in which it waits.
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

-- Fills repeated_item for assignments that an older version stored: after its
-- triggers are there, one institution in each transaction.  The comment on the
-- table is added at the end, and shows the next installation that this is
-- done.

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
