--
-- The triggers.  They come last: when one has changed, sessions that write to
-- its table wait from here until the COMMIT.
--

CALL pg_temp.define_trigger('result_keep_version', 'AFTER UPDATE', 'result',
    'keep_version', condition => '(new.version <> old.version)');

-- the arguments of normalize_ids() are the columns that have ids

CALL pg_temp.define_trigger('department_ids', 'BEFORE INSERT OR UPDATE',
    'department', 'normalize_ids', '{id,parent_id}');

CALL pg_temp.define_trigger('person_ids', 'BEFORE INSERT OR UPDATE',
    'person', 'normalize_ids', '{id,center_id,department_id}');

CALL pg_temp.define_trigger('manager_ids', 'BEFORE INSERT OR UPDATE',
    'manager', 'normalize_ids', '{person_id,department_id}');

CALL pg_temp.define_trigger('assignment_ids', 'BEFORE INSERT OR UPDATE',
    'assignment', 'normalize_ids',
    '{learner_id,course_item_id,enrollment_id,course_id,module_id}');

CALL pg_temp.define_trigger('item_ids', 'BEFORE INSERT OR UPDATE', 'item',
    'normalize_ids', '{id,course_id}');

CALL pg_temp.define_trigger('api_client_ids', 'BEFORE INSERT OR UPDATE',
    'api_client', 'normalize_ids', '{person_id}');


-- Statement triggers that maintain repeated_item, with the changed rows as a
-- transition table.  An update may move an assignment from one item to
-- another, so it has one trigger for the old rows and one for the new.

DO $$
DECLARE
    wanted  record;
BEGIN
    FOR wanted IN
        SELECT *
        FROM (VALUES
                 ('assignment_given', 'INSERT', 'NEW'),
                 ('assignment_changed_from', 'UPDATE', 'OLD'),
                 ('assignment_changed_to', 'UPDATE', 'NEW'),
                 ('assignment_taken', 'DELETE', 'OLD')
             ) AS w (name, event, rows)
        WHERE NOT EXISTS (
            SELECT FROM pg_trigger t
            WHERE t.tgrelid = 'results.assignment'::regclass
                  AND t.tgname = w.name)
    LOOP
        EXECUTE format(
            'CREATE TRIGGER %I AFTER %s ON results.assignment '
            'REFERENCING %s TABLE AS changed FOR EACH STATEMENT '
            'EXECUTE FUNCTION results.note_repeated_items()',
            wanted.name, wanted.event, wanted.rows);
    END LOOP;
END
$$;
