--
-- What a result was before it was replaced or deleted.  A trigger keeps it,
-- in the statement that replaces; an insert pays nothing for it.
--
-- Replacing a row costs about 18 us more with its history kept (13 without
-- the trigger, at 32 rows a statement), and 8 us where institution says no.
-- Where none says yes, ALTER TABLE ... DISABLE TRIGGER saves those too.
--

-- The columns of result come last, so that one that is added to both tables
-- some day has the same place in both.

CREATE TABLE IF NOT EXISTS results.result_history (
    replaced_at      timestamptz NOT NULL,
    replaced_by      int NOT NULL,
    replaced_op      smallint NOT NULL,
    LIKE results.result,
    PRIMARY KEY (institution_id, kind, id, version)
);

COMMENT ON COLUMN results.result_history.replaced_by IS
    'The api_client that wrote the next version.';
COMMENT ON COLUMN results.result_history.replaced_op IS
    'What it did: 1 put, 2 create, 3 delete, 4 replace.';


CREATE OR REPLACE FUNCTION results.keep_version() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    -- no SET search_path: write_records() has set it, and setting it for
    -- every row would cost as much as the look at the institution
    INSERT INTO results.result_history
    SELECT NEW.updated_at, NEW.client_id, NEW.op, OLD.*
    FROM results.institution i
    WHERE i.id = OLD.institution_id AND i.keep_history;

    RETURN NULL;
END
$$;


CREATE OR REPLACE TRIGGER result_keep_version
    AFTER UPDATE ON results.result FOR EACH ROW
    WHEN (NEW.version <> OLD.version)
    EXECUTE FUNCTION results.keep_version();
