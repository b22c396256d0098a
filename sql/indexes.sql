--
-- The indexes but for those of the keys.  This runs outside a transaction,
-- before everything else and again after it: what the new functions need is
-- there before they are, unless it takes a new column.
--
-- CREATE INDEX waits for who writes to its table, and who wants to write
-- waits for it until it is built.  With CONCURRENTLY nobody waits for it; it
-- waits for all transactions that began before, and may be ended and run
-- again at any time.  Without it CREATE INDEX IF NOT EXISTS takes its lock
-- before it looks whether there is anything to do.
--
-- How an index is written here is how pg_get_indexdef() writes it.
--
-- Those of result, by learner and by course, and those of person and
-- department are partial, though most rows have all three: so nothing but the
-- primary key can serve a search by key.  The planner knows nothing about a
-- table that is still empty, finds these just as good, and the plan that reads
-- a whole institution for every row would be kept by each session.  Who wants
-- one of them in a query without "=" on its column says IS NOT NULL.
--
-- Equal keys share their entries, so an index whose keys come again and again
-- is small, and most of it in memory: those by learner and by course, which
-- lists the items of a course.  The one by item lists learners, in the order
-- of the module report (report.sql), and is ten times as large.  With learners
-- in that by course as well, a table of 10 million results took 70 to 80% of
-- what it takes now.
--
-- assignment has one for each filter of the report that finds learners, in
-- their order.
--

CREATE OR REPLACE VIEW pg_temp.wanted_indexes AS
SELECT name, tab, definition, o.oid AS old, n.oid AS new,
       pg_get_indexdef(o.oid) = format('CREATE INDEX %I ON results.%I %s',
                                       name, tab, definition) AS good
FROM (VALUES
         ('access_token_client', 'access_token',
          'USING btree (institution_id, client_id)'),
         ('result_learner', 'result',
          'USING btree (institution_id, learner_id) '
          'WHERE (learner_id IS NOT NULL)'),
         ('result_item', 'result',
          'USING btree (institution_id, item_id, learner_id) '
          'WHERE (item_id IS NOT NULL)'),
         ('result_course', 'result',
          'USING btree (institution_id, course_id, item_id) '
          'WHERE (course_id IS NOT NULL)'),
         ('result_history_learner', 'result_history',
          'USING btree (institution_id, learner_id) '
          'WHERE (learner_id IS NOT NULL)'),
         ('item_course', 'item',
          'USING btree (institution_id, course_id) '
          'WHERE (course_id IS NOT NULL)'),
         ('item_rule', 'item',
          'USING btree (institution_id, score_rule, passing_score) '
          'WHERE ((passing_score IS NOT NULL) OR '
          '(score_rule <> ''latest''::text))'),
         ('department_parent', 'department',
          'USING btree (institution_id, parent_id) '
          'WHERE (parent_id IS NOT NULL)'),
         ('person_department', 'person',
          'USING btree (institution_id, department_id, id) '
          'WHERE (department_id IS NOT NULL)'),
         ('assignment_enrollment', 'assignment',
          'USING btree (institution_id, enrollment_id, learner_id)'),
         ('assignment_course_item', 'assignment',
          'USING btree (institution_id, course_item_id, learner_id)'),
         ('assignment_module', 'assignment',
          'USING btree (institution_id, module_id, learner_id)'),
         ('assignment_course', 'assignment',
          'USING btree (institution_id, course_id, learner_id)'),
         ('assignment_due', 'assignment',
          'USING btree (institution_id, learner_id, due_date) '
          'WHERE (due_date IS NOT NULL)')
     ) AS w (name, tab, definition)
     LEFT JOIN pg_class o
     ON o.oid = to_regclass('results.' || name)
     LEFT JOIN pg_class n
     ON n.oid = to_regclass('results.' || name || '_new')
WHERE to_regclass('results.' || tab) IS NOT NULL
      -- of a later version, whose columns the table does not have yet
      AND NOT EXISTS (
          SELECT FROM regexp_matches(substring(definition FROM '\((.*?)\)'),
                                     '\w+', 'g') AS c (name)
          WHERE c.name[1] NOT IN (
              SELECT a.attname FROM pg_attribute a
              WHERE a.attrelid = to_regclass('results.' || tab)));

-- what an earlier run was building when it was ended

SELECT format('DROP INDEX CONCURRENTLY results.%I', c.relname)
FROM pg_temp.wanted_indexes w
     JOIN pg_index i ON i.indexrelid IN (w.old, w.new) AND NOT i.indisvalid
     JOIN pg_class c ON c.oid = i.indexrelid \gexec

-- what there is not, and beside an index with another definition a new one

SELECT format('CREATE INDEX CONCURRENTLY %I ON results.%I %s',
              CASE WHEN old IS NULL THEN name ELSE name || '_new' END, tab,
              definition)
FROM pg_temp.wanted_indexes
WHERE good IS NOT TRUE AND new IS NULL \gexec

SELECT format('DROP INDEX CONCURRENTLY results.%I', name)
FROM pg_temp.wanted_indexes
WHERE NOT good AND new IS NOT NULL \gexec

SELECT format('ALTER INDEX results.%I RENAME TO %I', name || '_new', name)
FROM pg_temp.wanted_indexes
WHERE old IS NULL AND new IS NOT NULL \gexec
