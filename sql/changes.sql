--
-- Procedures that create or change a view, a trigger or a comment only if it
-- is not yet as it should be.
--
-- CREATE OR REPLACE VIEW, CREATE OR REPLACE TRIGGER and COMMENT ON lock their
-- object even when nothing changes.  The lock of a view waits for all sessions
-- that read it, that of a trigger for all that write to its table, and
-- sessions that come later wait behind it.  So each procedure looks into the
-- catalog first.
--
-- They are in pg_temp, and so end with the session that installs.
--

CREATE OR REPLACE PROCEDURE pg_temp.define_view(name text, query text)
LANGUAGE plpgsql
AS $$
DECLARE
    -- a view of another name with this query shows how PostgreSQL writes it
    trial  text := name || '_trial';
BEGIN
    IF to_regclass('results.' || name) IS NOT NULL THEN
        EXECUTE format('CREATE VIEW results.%I AS %s', trial, query);

        IF pg_get_viewdef(to_regclass('results.' || name))
           <> pg_get_viewdef(to_regclass('results.' || trial))
        THEN
            EXECUTE format('CREATE OR REPLACE VIEW results.%I AS %s', name,
                           query);
        END IF;

        EXECUTE format('DROP VIEW results.%I', trial);
    ELSE
        EXECUTE format('CREATE VIEW results.%I AS %s', name, query);
    END IF;
END
$$;


-- moment is BEFORE or AFTER with the events.  It and the condition must be
-- written as pg_get_triggerdef() writes them, or the trigger is replaced by
-- every installation.

CREATE OR REPLACE PROCEDURE pg_temp.define_trigger(
    name text, moment text, tab text, function text,
    arguments text[] DEFAULT '{}', condition text DEFAULT NULL)
LANGUAGE plpgsql
AS $$
DECLARE
    definition  text := format(
        'TRIGGER %I %s ON results.%I FOR EACH ROW %sEXECUTE FUNCTION '
        'results.%I(%s)',
        name, moment, tab, 'WHEN (' || condition || ') ', function,
        (SELECT string_agg(quote_literal(a.text), ', ' ORDER BY a.place)
         FROM unnest(arguments) WITH ORDINALITY AS a (text, place)));
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_trigger t
        WHERE t.tgrelid = to_regclass('results.' || tab)
              AND t.tgname = name
              AND pg_get_triggerdef(t.oid) = 'CREATE ' || definition)
    THEN
        EXECUTE 'CREATE OR REPLACE ' || definition;
    END IF;
END
$$;


-- what is TABLE or COLUMN, and its name with the schema.

CREATE OR REPLACE PROCEDURE pg_temp.define_comment(what text, comment text)
LANGUAGE plpgsql
AS $$
DECLARE
    kind    text := split_part(what, ' ', 1);
    path    text[] := string_to_array(split_part(what, ' ', 2), '.');
    tab     oid := to_regclass(path[1] || '.' || path[2]);
    place   int := (SELECT a.attnum FROM pg_attribute a
                    WHERE a.attrelid = tab AND a.attname = path[3]);
BEGIN
    IF comment IS DISTINCT FROM (
           CASE kind WHEN 'TABLE' THEN obj_description(tab, 'pg_class')
           ELSE col_description(tab, place) END)
    THEN
        EXECUTE format('COMMENT ON %s IS %L', what, comment);
    END IF;
END
$$;
