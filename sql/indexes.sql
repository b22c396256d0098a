--
-- The indexes, but those of primary keys.  install.sql runs this outside a
-- transaction, twice: before the other files, so that new functions find the
-- indexes that they need, and after them, for indexes on new columns.
--
-- CREATE INDEX, also with IF NOT EXISTS, takes a lock for which sessions that
-- write to the table wait.  With CONCURRENTLY no session waits; it waits
-- itself for all transactions that began before, and may be ended and run
-- again at any time.
--
-- A definition must be written as pg_get_indexdef() writes it, or the index is
-- built anew by every installation.
--
-- The indexes of result, person and department are partial, though most rows
-- have a value: so only the primary key can serve a search by key.  For a
-- table that is still empty the planner would find another index as good, and
-- each session would keep a plan that reads a whole institution for every row.
-- A query without "=" on the column of such an index needs IS NOT NULL to use
-- it.
--
-- B-tree deduplication keeps an index small whose keys are repeated often:
-- those of results by learner, and by course and item.  The index by item also
-- has the learners, in the order of the module report (report.sql), and is ten
-- times as large.
--
-- assignment has one index for each filter of the report by which learners are
-- found, in the order of learners.
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
      -- in the first run the table may not have all columns yet
      AND NOT EXISTS (
          SELECT FROM regexp_matches(substring(definition FROM '\((.*?)\)'),
                                     '\w+', 'g') AS c (name)
          WHERE c.name[1] NOT IN (
              SELECT a.attname FROM pg_attribute a
              WHERE a.attrelid = to_regclass('results.' || tab)));

-- drop what an earlier run did not finish

SELECT format('DROP INDEX CONCURRENTLY results.%I', c.relname)
FROM pg_temp.wanted_indexes w
     JOIN pg_index i ON i.indexrelid IN (w.old, w.new) AND NOT i.indisvalid
     JOIN pg_class c ON c.oid = i.indexrelid \gexec

-- build what is missing; an index whose definition has changed is built under
-- another name and then takes the place of the old one

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
