--
-- What changes an object only where it is not yet as it should be.
--
-- CREATE OR REPLACE VIEW, CREATE OR REPLACE TRIGGER and COMMENT ON lock what
-- they are about also where they change nothing.  A view's lock waits for
-- everybody who reads it, a trigger's for everybody who writes to its table;
-- and whoever wants to write meanwhile waits behind it.  So each of these
-- looks into the catalog first.
--
-- They are temporary: they end with the session that installs.
--

CREATE OR REPLACE PROCEDURE pg_temp.define_view(name text, query text)
LANGUAGE plpgsql
AS $$
DECLARE
    -- the same query under another name tells what PostgreSQL makes of it
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


-- moment is BEFORE or AFTER and the events; it and the condition are written
-- as pg_get_triggerdef() has them, or the trigger is replaced each time.

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


-- what is TABLE or COLUMN and its name with that of the schema.

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
