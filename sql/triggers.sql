--
-- The triggers.  They come last: where one has changed, writers of its table
-- wait from here to the COMMIT.
--

CALL pg_temp.define_trigger('result_keep_version', 'AFTER UPDATE', 'result',
    'keep_version', condition => '(new.version <> old.version)');

-- the arguments are the columns that hold ids

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
