#!/usr/bin/env perl

# sql/install.sql while results are written: again, with nothing to change and
# others who hold what they hold for long; and over the schema of 20f787f.
#
# TEST_RESULTS_ROWS says how many results there are (t/faults/sql_upgrade.t).

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use IO::Uncompress::Gunzip qw(gunzip);
use Results::Test::Process;
use Results::Test::Waits;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $ROWS = $ENV{TEST_RESULTS_ROWS} || 20_000;

my $t = Results::Test->new(timeout => $ENV{TEST_RESULTS_ROWS} ? 600 : 120);
my $pg = $t->pg;

$pg->do(q{SELECT results.create_institution('school')});
fill();


# install.sql: exit status, what it says, seconds
sub install {
    my $began = clock_gettime(CLOCK_MONOTONIC);
    my ($rc, $text) = Results::Test::Process->run(
        ['psql', '-qAtX', '-h', $pg->{run}, '-U', 'postgres', '-d',
         $pg->database, '-f', $t->root . '/sql/install.sql']);

    return ($rc, $text, clock_gettime(CLOCK_MONOTONIC) - $began);
}

sub fill {
    $pg->do(q{
        INSERT INTO results.result (institution_id, kind, id, learner_id,
            item_id, course_id, status, score, detail, payload_hash, version,
            op, client_id, created_at, updated_at)
        SELECT 1, 'result', 'r-' || n, 'p-' || n % 1000, 'i-' || n % 77,
               'c-' || n % 11, 'active', n, '{"scoreStatus":"fully graded"}',
               n, 1, 1, 1, now(), now()
        FROM generate_series(1, ?) n}, $ROWS);
}

# a write never waits long, and is never refused
sub nobody_waited {
    my ($waits, $what) = @_;

    my $seen = $waits->finish;

    note("$what: $seen->{writes} writes, longest $seen->{longest} s");
    cmp_ok($seen->{longest}, '<', 1, "$what: no write waits for a second");
    is($seen->{failed}, 0, "$what: and none is refused")
        or diag($seen->{why});
}

# what the schema is: names, definitions, privileges
sub schema {
    return $pg->dbh->selectcol_arrayref(q{
        SELECT concat_ws(' ', 'column', a.attrelid::regclass, a.attname,
                         format_type(a.atttypid, a.atttypmod), a.attnotnull)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'results'::regnamespace AND a.attnum > 0
              AND NOT a.attisdropped AND c.relkind IN ('r', 'v')
        UNION ALL
        SELECT concat_ws(' ', 'table', c.oid::regclass, ARRAY(
                   SELECT x::text FROM unnest(c.relacl) x ORDER BY 1))
        FROM pg_class c
        WHERE c.relnamespace = 'results'::regnamespace
              AND c.relkind IN ('r', 'v')
        UNION ALL
        SELECT concat_ws(' ', 'view', c.oid::regclass, pg_get_viewdef(c.oid))
        FROM pg_class c
        WHERE c.relnamespace = 'results'::regnamespace AND c.relkind = 'v'
        UNION ALL
        SELECT concat_ws(' ', i.indexdef, x.indisvalid)
        FROM pg_indexes i JOIN pg_index x
             ON x.indexrelid = format('results.%I', i.indexname)::regclass
        WHERE i.schemaname = 'results'
        UNION ALL
        SELECT concat_ws(' ', 'constraint', c.conrelid::regclass,
                         pg_get_constraintdef(c.oid))
        FROM pg_constraint c
        WHERE c.connamespace = 'results'::regnamespace
        UNION ALL
        SELECT concat_ws(' ', 'function', p.oid::regprocedure,
                         md5(pg_get_functiondef(p.oid)), ARRAY(
                   SELECT x::text FROM unnest(p.proacl) x ORDER BY 1))
        FROM pg_proc p
        WHERE p.pronamespace IN ('results'::regnamespace,
                                 'results_api'::regnamespace)
        UNION ALL
        SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t
        WHERE t.tgrelid::regclass::text LIKE 'results.%' AND NOT tgisinternal
        UNION ALL
        SELECT concat_ws(' ', 'comment', d.objoid::regclass, d.objsubid,
                         d.description)
        FROM pg_description d
        WHERE d.classoid = 'pg_class'::regclass
              AND d.objoid::regclass::text LIKE 'results.%'
        ORDER BY 1
    });
}

my $fresh = schema();


# Those who hold a lock for as long as they are there: a reader of the views,
# a backfill of which the transaction is open, a VACUUM that sleeps.
sub others {
    my ($reader, $backfill, $vacuum) = map { $pg->connect } 1 .. 3;

    $_->begin_work for $reader, $backfill;
    $reader->selectrow_array("SELECT count(*) FROM results.$_")
        for qw(versions result_list clients tokens);

    $backfill->do(q{INSERT INTO results.result (institution_id, kind, id,
        status, payload_hash, version, op, client_id, created_at, updated_at)
        VALUES (1, 'result', 'backfilled', 'active', 0, 1, 1, 1, now(),
                now())});

    $vacuum->do("SET vacuum_cost_$_") for 'delay = 100', 'limit = 1';
    $vacuum->do('VACUUM results.result', { pg_async => 1 });

    ok(wait_for(sub {
        $pg->value(q{SELECT count(*) FROM pg_locks
                     WHERE mode = 'ShareUpdateExclusiveLock'
                           AND relation = 'results.result'::regclass})
    }), 'a VACUUM is at work');

    return sub {
        $vacuum->pg_cancel;
        $_->rollback for $reader, $backfill;
        $_->disconnect for $reader, $backfill, $vacuum;
    };
}


subtest 'again: locks' => sub {

    # every lock that is held when a command of the installation ends
    $pg->do(q{CREATE TABLE public.held (tab text, mode text)});
    $pg->do(q{
        CREATE FUNCTION public.note_locks() RETURNS event_trigger
        LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
            INSERT INTO public.held
            SELECT l.relation::regclass, l.mode
            FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
            WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation'
                  AND c.relnamespace = 'results'::regnamespace
                  -- those that reading, locking rows and writing take
                  AND l.mode NOT IN ('AccessShareLock', 'RowShareLock',
                                     'RowExclusiveLock')
                  -- a view that is new
                  AND c.xmin <> pg_current_xact_id()::xid;
        END $$});
    $pg->do(q{CREATE EVENT TRIGGER note_locks ON ddl_command_end
              EXECUTE FUNCTION public.note_locks()});

    my ($rc, $text) = install();

    is($rc, 0, 'install.sql') or diag($text);
    is($text, '', 'says nothing');

    $pg->do('DROP EVENT TRIGGER note_locks');
    is_deeply($pg->dbh->selectcol_arrayref(
        'SELECT DISTINCT tab || mode FROM public.held ORDER BY 1'), [],
        'no lock that a writer waits for, nor a VACUUM');
    is_deeply(schema(), $fresh, 'and nothing is changed');
    $pg->do('DROP TABLE public.held');
    $pg->do('DROP FUNCTION public.note_locks()');
};


subtest 'again, beside others who hold theirs' => sub {
    my $end = others();
    my $waits = Results::Test::Waits->start($pg);
    my ($rc, $text, $took) = install();

    is($rc, 0, 'install.sql') or diag($text);
    cmp_ok($took, '<', 10, 'waits for nobody');
    nobody_waited($waits, 'nothing to change');
    $end->();
};


subtest 'a change, beside others who hold theirs' => sub {
    $pg->do('DROP VIEW results.result_list');
    $pg->do('CREATE VIEW results.result_list AS
             SELECT i.name AS institution, r.kind, r.id, r.learner_id
             FROM results.result r JOIN results.institution i
                  ON i.id = r.institution_id');
    $pg->do('ALTER VIEW results.result_list OWNER TO results_owner');
    $pg->do('DROP TRIGGER person_ids ON results.person');

    my $before = schema();
    my $end = others();
    my $waits = Results::Test::Waits->start($pg);
    my ($rc, $text, $took) = install();

    isnt($rc, 0, 'fails');
    like($text, qr/lock timeout/, 'by lock_timeout');
    cmp_ok($took, '<', 10, 'soon');
    is_deeply(schema(), $before, 'as a whole');
    nobody_waited($waits, 'what can not be changed now');
    $end->();
};


subtest 'and again when they have gone, over indexes of all kinds' => sub {
    $pg->do($_) for
        'DROP INDEX results.result_learner',
        'DROP INDEX results.result_course',
        'CREATE INDEX result_course
         ON results.result (institution_id, course_id)',
        'ALTER INDEX results.result_course OWNER TO results_owner',
        # as an installation leaves it that was ended
        q{UPDATE pg_index SET indisvalid = false
          WHERE indexrelid = 'results.assignment_module'::regclass};

    my $waits = Results::Test::Waits->start($pg);
    my ($rc, $text) = install();

    is($rc, 0, 'install.sql') or diag($text);
    nobody_waited($waits, 'a view, a trigger and three indexes');
    is_deeply(schema(), $fresh, 'all is as it should be');
};


subtest 'two at once' => sub {
    my $other = $pg->connect;
    $other->do(q{SELECT pg_advisory_lock(hashtext('ngx_results_module'))});

    my ($rc, $text, $took) = install();

    isnt($rc, 0, 'the second one fails');
    like($text, qr/another sql\/install.sql is at work/, 'and says why');
    $other->disconnect;
};


subtest 'over the schema of 20f787f' => sub {
    my $old = $t->dir . '/old.sql';
    gunzip($t->root . '/t/data/schema-20f787f.sql.gz', $old) or die;

    $pg->do('DROP SCHEMA results CASCADE');
    $pg->do('DROP SCHEMA results_api CASCADE');

    my ($code, $said) = $pg->psql("\\i $old");
    is($code, 0, 'that schema') or diag($said);

    $pg->do('GRANT pg_monitor TO results_reader');
    $pg->do(q{SELECT results.create_institution('school')});
    fill();

    my $rows = sub {
        join '|', $pg->dbh->selectrow_array(q{
            SELECT count(*), sum(hashtext(r::text)::bigint)
            FROM results.result r WHERE id LIKE 'r-%'})
    };
    my $before = $rows->();
    my $end = others();
    my $waits = Results::Test::Waits->start($pg);
    my ($rc, $text, $took) = install();

    cmp_ok($took, '<', 20, 'install.sql, beside others: soon over');
    note("status $rc: $text");
    nobody_waited($waits, 'the upgrade beside others');
    $end->();

    $waits = Results::Test::Waits->start($pg);
    ($rc, $text, $took) = install();

    is($rc, 0, 'install.sql, alone') or diag($text);
    note(sprintf '%d results: %.1f s', $ROWS, $took);
    nobody_waited($waits, 'the upgrade');

    is_deeply(schema(), $fresh, 'the schema is the new one');
    is($rows->(), $before, 'what it held is there');

    is(scalar $pg->dbh->selectrow_array(q{
           SELECT pg_has_role('results_reader', 'pg_monitor', 'MEMBER')}), 0,
       'who reads does not watch any more');
};
