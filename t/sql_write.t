#!/usr/bin/env perl

# write_records() and write_group(): every operation on every state a key can
# be in, again after a lost connection, guards, groups, two sessions at once,
# history.

use DBD::Pg qw(:async);
use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;
use Results::Test::Records;

my $t = Results::Test->new;
my $pg = $t->pg;
my $school = $t->fixtures->institution;

my $w = writer();


sub writer {
    return Results::Test::Records->new($pg->connect(user => $pg->gateway),
                                       institution => $school);
}


sub stored {
    my ($id) = @_;
    return $pg->row('SELECT * FROM results.result WHERE institution_id = ? '
                    . 'AND id = ?', $school, $id);
}


# status, score, hash, version, op, client, updated_at of what a key holds
sub state_of {
    my $row = stored($_[0]) or return 'nothing';
    return join ' ', map { $_ // 'null' } @$row{qw(status score payload_hash
        version op client_id)}, $row->{updated_at} =~ /(\d\d:\d\d:\d\d)/;
}


subtest 'plans that were made while the tables were empty' => sub {
    my $dbh = $pg->connect;
    my $session = Results::Test::Records->new($dbh, institution => $school);
    my @records = (
        { id => 'plan-1', op => 'create', hash => 2 },
        { id => 'plan-2', op => 'delete' },
        { id => 'plan-3', guards => 3, learner => 'p1', actor => 'p1' },
    );

    $session->write(@records);
    $w->write({ id => 'plan-1', stamp => 11 });
    $session->write(@records);

    $pg->do(q{INSERT INTO results.person (institution_id, id, role)
              SELECT ?, 'p' || i, 'student' FROM generate_series(1, 3000) i},
            $school);
    $w->write(map { { id => sprintf 'plan-1-%04d', $_ } } 1 .. 3000);

    $dbh->begin_work;
    is_deeply([map { $_->[0] } $session->write(@records)],
              ['created', 'not_found', 'unknown_item'], 'serve');

    cmp_ok($dbh->selectrow_array(q{
        SELECT sum(pg_stat_get_xact_tuples_returned(oid))
        FROM pg_class WHERE relnamespace = 'results'::regnamespace
    }), '<', 30, 'and read no more than the rows of the batch');

    $dbh->rollback;
    $dbh->disconnect;
};


subtest 'every value is stored as it came' => sub {
    my %all = (id => 'all', kind => 4, learner => 'l', item => 'i',
        course => 'c', status => 2, score => 0.1, score_max => 1e308,
        completion => 9, progress => 100, time_spent => 77,
        started => '2026-01-01 10:00:00.000001+00',
        completed => '0001-01-01 00:00:00+00',
        scored => '9999-12-31 23:59:59.999999+00', detail => '{"a": [1, "é"]}',
        hash => '-9223372036854775808', client => 7, stamp => 3);

    is_deeply([$w->write(\%all)], [['created', 1]], 'created');

    my $row = stored('all');
    is($row->{$_->[0]}, $_->[1], $_->[0]) for
        [kind => 'learning_event'], [learner_id => 'l'], [item_id => 'i'],
        [course_id => 'c'], [status => 'tobedeleted'], [score => 0.1],
        [score_max => 1e308], [completion => 'declined'], [progress => 100],
        [time_spent => 77], [started_at => '2026-01-01 10:00:00.000001+00'],
        [completed_at => '0001-01-01 00:00:00+00'],
        [scored_at => '9999-12-31 23:59:59.999999+00'],
        [payload_hash => '-9223372036854775808'], [client_id => 7],
        [updated_at => '2026-01-01 00:00:03+00'],
        [created_at => '2026-01-01 00:00:03+00'];

    ok($pg->value(q{SELECT detail::jsonb = '{"a": [1, "é"]}' FROM results.result
                    WHERE id = 'all'}), 'detail');

    $w->write({ id => 'none', learner => undef, item => undef });
    is_deeply([@{ stored('none') }{qw(learner_id item_id course_id score
        score_max completion progress time_spent started_at completed_at
        scored_at detail)}], [(undef) x 12], 'nulls');
};


subtest 'the codes are those of the enums, in their order' => sub {
    for my $case ([kind => 'kind', 'record_kind'],
                  [status => 'status', 'record_status'],
                  [completion => 'completion', 'completion'])
    {
        my ($param, $column, $type) = @$case;
        my $words = $pg->value(
            "SELECT enum_range(null::results.$type)::text[]");

        $w->write(map { { id => "code-$param-$_", $param => $_ } }
                  1 .. @$words);

        is_deeply($pg->value("SELECT array_agg($column ORDER BY id)::text[]
                FROM results.result WHERE id LIKE 'code-$param-%'"),
            $words, "$type: @$words");

        ok(!eval { $w->write({ id => 'wrong', $param => @$words + 1 }); 1 },
           "no $type of " . (@$words + 1)) if $param ne 'completion';
    }
};


# What each operation does to each state.  The state is that of a key after
# the writes in its list; stamps are 10 for those, as the operation says for
# itself.  Client 2 operates.

my %before = (
    nothing => [],
    active  => [{ hash => 5, score => 50, stamp => 10 }],
    deleted => [{ hash => 5, score => 50, stamp => 9 },
                { op => 'delete', hash => 0, stamp => 10 }],
);

my @cases = (
    # state, operation, outcome, version, what is stored then
    [nothing => { op => 'put' }, 'created', 1, 'active 60 6 1 1 2 00:00:20'],
    [active  => { op => 'put' }, 'updated', 2, 'active 60 6 2 1 2 00:00:20'],
    [deleted => { op => 'put' }, 'updated', 3, 'active 60 6 3 1 2 00:00:20'],
    [active  => { op => 'put', hash => 5 }, 'updated', 2,
     'active 60 5 2 1 2 00:00:20'],
    [active  => { op => 'put', stamp => 10 }, 'superseded', 1,
     'active 50 5 1 1 1 00:00:10'],
    [active  => { op => 'put', stamp => 9 }, 'superseded', 1,
     'active 50 5 1 1 1 00:00:10'],
    [deleted => { op => 'put', stamp => 9 }, 'superseded', 2,
     'tobedeleted 50 5 2 3 1 00:00:10'],
    [active  => { op => 'put', status => 2 }, 'updated', 2,
     'tobedeleted 60 6 2 1 2 00:00:20'],

    [nothing => { op => 'create' }, 'created', 1,
     'active 60 6 1 2 2 00:00:20'],
    [active  => { op => 'create' }, 'conflict', 1,
     'active 50 5 1 1 1 00:00:10'],
    [active  => { op => 'create', hash => 5 }, 'replayed', 1,
     'active 50 5 1 1 1 00:00:10'],
    [active  => { op => 'create', hash => 5, stamp => 9 }, 'replayed', 1,
     'active 50 5 1 1 1 00:00:10'],
    [deleted => { op => 'create' }, 'conflict', 2,
     'tobedeleted 50 5 2 3 1 00:00:10'],
    [deleted => { op => 'create', hash => 5 }, 'replayed', 2,
     'tobedeleted 50 5 2 3 1 00:00:10'],

    [active  => { op => 'create', stamp => 10 }, 'conflict', 1,
     'active 50 5 1 1 1 00:00:10'],
    [active  => { op => 'create', hash => 5, stamp => 10 }, 'replayed', 1,
     'active 50 5 1 1 1 00:00:10'],

    [nothing => { op => 'delete' }, 'not_found', undef, 'nothing'],
    [active  => { op => 'delete' }, 'deleted', 2,
     'tobedeleted 50 5 2 3 2 00:00:20'],
    [deleted => { op => 'delete' }, 'deleted', 2,
     'tobedeleted 50 5 2 3 1 00:00:10'],
    [deleted => { op => 'delete', stamp => 9 }, 'deleted', 2,
     'tobedeleted 50 5 2 3 1 00:00:10'],
    [active  => { op => 'delete', stamp => 9 }, 'superseded', 1,
     'active 50 5 1 1 1 00:00:10'],

    [nothing => { op => 'replace', version => 1 }, 'not_found', undef,
     'nothing'],
    [active  => { op => 'replace', version => 1 }, 'updated', 2,
     'active 60 6 2 4 2 00:00:20'],
    [active  => { op => 'replace', version => 2 }, 'conflict', 1,
     'active 50 5 1 1 1 00:00:10'],
    [active  => { op => 'replace', version => 1, stamp => 9 }, 'superseded',
     1, 'active 50 5 1 1 1 00:00:10'],
    [deleted => { op => 'replace', version => 2 }, 'updated', 3,
     'active 60 6 3 4 2 00:00:20'],
    [deleted => { op => 'replace', version => 1 }, 'conflict', 2,
     'tobedeleted 50 5 2 3 1 00:00:10'],
);

my $n = 0;
my @again;

for my $case (@cases) {
    my ($state, $op, $outcome, $version, $after) = @$case;

    my $id = sprintf 'case-%02d', ++$n;
    my %record = (id => $id, client => 2, hash => 6, score => 60,
                  stamp => 20, %$op);
    my $name = join ' ', $state, map { "$_=$op->{$_}" } sort keys %$op;

    $w->write({ id => $id, %$_ }) for @{ $before{$state} };

    is_deeply([$w->write(\%record)], [[$outcome, $version]],
              "$name: $outcome");
    is(state_of($id), $after, "$name: stored");

    push @again, [$name, \%record, $outcome, $version, $after];
}


subtest 'again after a lost connection: nothing changes' => sub {
    my $history = $pg->value('SELECT count(*) FROM results.result_history');

    for my $case (@again) {
        my ($name, $record, $outcome, $version, $after) = @$case;

        is_deeply([$w->write($record)], [[$outcome, $version]],
                  "$name: $outcome");
        is(state_of($record->{id}), $after, "$name: stored");
    }

    is_deeply([$w->write(map { $_->[1] } @again)],
              [map { [@$_[2, 3]] } @again], 'all of them in one batch');

    is($pg->value('SELECT count(*) FROM results.result_history'), $history,
       'no history of it');
};


# Two workers that were superseded by one stored stamp both take the next one,
# and their clocks may be equal.  The run of the first that was lost must not
# come again over the second, which was acknowledged.

subtest 'two writes with one stamp' => sub {
    for my $op ({ op => 'put' }, { op => 'delete' },
                { op => 'replace', version => 2 })
    {
        my $id = "one-stamp-$op->{op}";
        my %first = (id => $id, hash => 2, stamp => 20);
        my %second = (id => $id, hash => 3, stamp => 20, client => 2, %$op);

        $w->write({ id => $id });

        is_deeply([$w->write(\%first)], [['updated', 2]], 'the first');
        my $state = state_of($id);

        is_deeply([$w->write(\%second)], [['superseded', 2]],
                  "$op->{op}, the second: not with that stamp");
        is_deeply([$w->write(\%first)], [['updated', 2]],
                  'the first again: what it was');
        is(state_of($id), $state, 'one version of it');
    }
};


subtest 'again, when somebody has replaced it' => sub {
    my @writes = (
        # what it was, what it wrote
        [put     => { op => 'put' }, 'created', 1],
        [create  => { op => 'create' }, 'created', 1],
        [update  => { op => 'put' }, 'updated', 2],
        [replace => { op => 'replace', version => 1 }, 'updated', 2],
        [delete  => { op => 'delete' }, 'deleted', 2],
    );

    for my $case (@writes) {
        my ($name, $op, $outcome, $version) = @$case;

        my %write = (id => "since-$name", hash => 2, stamp => 20, %$op);
        my %other = (id => "since-$name", hash => 3, stamp => 21, client => 2);

        $w->write({ id => "since-$name" }) if $version > 1;

        is_deeply([$w->write(\%write)], [[$outcome, $version]], $name);
        $w->write(\%other);
        my $state = state_of("since-$name");

        is_deeply([$w->raw(\%write)]->[1], [$version], "$name: again");
        is_deeply([$w->write(\%write)], [[$outcome, $version]],
                  "$name: what it was");
        is(state_of("since-$name"), $state, "$name: the other one stays");

        is_deeply([$w->write({ %write, stamp => 19 })],
                  [[$name eq 'create' ? 'replayed'
                    : $name eq 'replace' ? 'conflict' : 'superseded',
                    $version + 1]],
                  "$name: of another stamp, it never was");
    }
};


subtest 'again, when nobody remembers what was replaced' => sub {
    $pg->do('UPDATE results.institution SET keep_history = false '
            . 'WHERE id = ?', $school);

    my @writes = (
        [put     => { op => 'put' }, 'forgotten superseded'],
        [create  => { op => 'create' }, 'forgotten conflict'],
        [replace => { op => 'replace', version => 1 }, 'forgotten conflict'],
        [delete  => { op => 'delete' }, 'forgotten superseded'],
    );

    for my $case (@writes) {
        my ($name, $op, $outcome) = @$case;
        my $id = "forgotten-$name";
        my %write = (id => $id, hash => 2, stamp => 20, %$op);

        $w->write({ id => $id }) if $name =~ /replace|delete/;
        $w->write(\%write);
        is_deeply([$w->write({ %write, stamp => 19 })]->[0][0],
                  $name eq 'create' ? 'replayed'
                  : $name eq 'delete' ? 'deleted' : $outcome,
                  "$name: of an earlier stamp");

        $w->write({ id => $id, hash => 3, stamp => 21, client => 2 });
        my $state = state_of($id);

        is([$w->write(\%write)]->[0][0], $outcome, "$name: again");
        is(state_of($id), $state, "$name: the other one stays");
        is([$w->group(\%write, { id => "$id-member" })]->[0][0], $outcome,
           "$name: in a group");
        ok(!stored("$id-member"), "$name: of which nothing is stored");
    }

    is_deeply([$w->write({ id => 'forgotten-put', op => 'create', hash => 9,
                           stamp => 30 })], [['conflict', 2]],
              'what comes after what is stored was never written');

    $pg->do('UPDATE results.institution SET keep_history = true '
            . 'WHERE id = ?', $school);
};


subtest 'not the same write: it is stored' => sub {
    $w->write({ id => 'same', hash => 5, client => 1 });

    is_deeply([$w->write({ id => 'same', hash => 5, client => 2,
                           stamp => 11 })],
              [['updated', 2]], 'another client');
    is_deeply([$w->write({ id => 'same', hash => 6, client => 2,
                           stamp => 12 })],
              [['updated', 3]], 'another body');
    is_deeply([$w->write({ id => 'same', op => 'delete', client => 2,
                           stamp => 13 })],
              [['deleted', 4]], 'another operation');
    is_deeply([$w->write({ id => 'same', hash => 6, client => 2,
                           stamp => 14 })],
              [['updated', 5]], 'and back');

    $w->write({ id => 'mine', op => 'create' });
    is_deeply([$w->write({ id => 'mine', op => 'create', client => 2 })],
              [['replayed', 1]], 'a create that another client made');
    is_deeply([$w->write({ id => 'mine', op => 'create', hash => 2 })],
              [['conflict', 1]], 'a create that had another body');
};


subtest 'a create again, though it was replaced since' => sub {
    $w->write({ id => 'was', op => 'create', hash => 5 });
    $w->write({ id => 'was', op => 'put', hash => 6, stamp => 20 });

    is_deeply([map { $_->[0] } map { $w->write({ id => 'was',
                   op => 'create', stamp => 30, %$_ }) }
               { hash => 5 }, { hash => 6 }, { hash => 7 }],
              [qw(replayed replayed conflict)],
              'the body it was created with, the one it has, another one');
    is(state_of('was'), 'active  6 2 1 1 00:00:20' =~ s/  / null /r,
       'nothing changes');

    $w->write({ id => 'was-put', op => 'put', hash => 5 });
    $w->write({ id => 'was-put', op => 'put', hash => 6, stamp => 20 });
    is_deeply([$w->write({ id => 'was-put', op => 'create', hash => 5,
                           stamp => 30 })], [['conflict', 2]],
              'one that a put had is none');
};


subtest 'which columns a write changes' => sub {
    my %one = (learner => 'l', item => 'i', course => 'c', score => 1,
        score_max => 2, completion => 4, progress => 3, time_spent => 4,
        started => '2026-01-01 00:00:01+00',
        completed => '2026-01-01 00:00:02+00',
        scored => '2026-01-01 00:00:03+00', detail => '{"a": 1}',
        hash => 5);
    my %none = map { $_ => undef } keys %one;
    my %columns = (learner => 'learner_id', item => 'item_id',
        course => 'course_id', started => 'started_at',
        completed => 'completed_at', scored => 'scored_at',
        hash => 'payload_hash');
    my $content = sub {
        my $row = stored($_[0]);
        return { map { $_ => $row->{$columns{$_} || $_} } keys %one };
    };

    $w->write({ %one, id => 'columns' });
    my $first = $content->('columns');
    is_deeply([grep { !defined $first->{$_} } keys %$first], [], 'create: all');

    $w->write({ %none, id => 'columns', op => 'delete', hash => 0,
                stamp => 11 });
    is_deeply($content->('columns'), $first, 'delete: none');

    $w->write({ %none, id => 'columns', hash => 6, stamp => 12 });
    is_deeply($content->('columns'), { %none, hash => 6 }, 'put: all');

    $w->write({ %one, id => 'columns', op => 'replace', version => 3,
                stamp => 13 });
    is_deeply($content->('columns'), $first, 'replace: all');
};


subtest 'the answer of a batch' => sub {
    my @answer = $w->raw(map { { id => "batch-$_" } } 1 .. 5);
    is_deeply(\@answer, [[(1) x 5], [(1) x 5], undef],
              'all stored: no stamps');

    @answer = $w->raw({ id => 'batch-1', stamp => 11 },
                      { id => 'batch-2', stamp => 9 },
                      { id => 'batch-3', op => 'delete', stamp => 12 },
                      { id => 'batch-6' });
    is_deeply($answer[0], [2, 5, 3, 1], 'outcomes by place');
    is_deeply($answer[1], [2, 1, 2, 1], 'versions by place');
    is_deeply($answer[2], [map { Results::Test::Records::stamp($_)
        =~ s/\+00/+00/r } 11, 10, 12, 10], 'stamps as stored');

    @answer = $w->raw({ id => 'batch-1', stamp => 13 }, { id => 'batch-7' },
                      { id => 'batch-8', op => 'create' });
    is_deeply(\@answer, [[2, 1, 1], [3, 1, 1], undef],
              'updated and created together');

    is($pg->value('SELECT created_at < updated_at FROM results.result '
                  . q{WHERE id = 'batch-1'}), 1, 'created_at stays');

    my @all = $w->write(
        { kind => 1, id => 'key' }, { kind => 2, id => 'key' },
        { kind => 2, id => 'key', institution => $school + 1 });
    is_deeply(\@all, [(['created', 1]) x 3],
              'a key is institution, space of ids, and id');
};


subtest 'an id that a record of another API holds' => sub {
    $w->write({ id => 'held', kind => 3, hash => 5 });

    for my $case (['a put', op => 'put'], ['a create', op => 'create'],
                  ['a create of the same hash', op => 'create', hash => 5],
                  ['a delete', op => 'delete', hash => 0],
                  ['a replace', op => 'replace', version => 1])
    {
        my ($name, %op) = @$case;
        is_deeply([$w->write({ id => 'held', kind => 1, hash => 6,
                               stamp => 20, %op })], [['conflict', 1]],
                  "$name is a conflict");
    }

    is_deeply([$w->write({ id => 'held', kind => 2 })], [['created', 1]],
              'assessment results have ids of their own');
    is_deeply([map { $_->[0] } $w->write({ id => 'free' },
              { id => 'held', kind => 4, stamp => 20 })],
              ['created', 'conflict'], 'the rest of a batch is stored');
    is($pg->value(q{SELECT string_agg(kind::text || version, ' '
                        ORDER BY kind)
                    FROM results.result WHERE id = 'held'}),
       'assessment_result1 content_item_result1', 'nothing else was stored');
};


subtest 'a column that does not fit raises' => sub {
    for my $bad ([{ id => undef }, '23502'], [{ hash => undef }, '23502'],
                 [{ id => join '', map { chr 33 + rand 90 } 1 .. 9000 },
                  '54000'])
    {
        my ($record, $state) = @$bad;
        ok(!eval { $w->write({ id => 'good' }, $record); 1 }, 'raises');
        is($w->dbh->state, $state, "with $state");
    }

    is(state_of('good'), 'nothing', 'nothing was stored');
};


subtest 'guards' => sub {
    my %people = (
        sam   => ['student', 'active', 'center-1'],
        pat   => ['prospect_with_trial', 'active', 'center-1'],
        lone  => ['student', 'active', undef],
        gone  => ['student', 'terminated', 'center-1'],
        steph => ['staff', 'active', 'center-1'],
        eli   => ['staff', 'active', 'center-2'],
        nora  => ['staff', 'active', undef],
        fired => ['staff', 'blocked', 'center-1'],
        alex  => ['account_admin', 'active', 'center-1'],
        bill  => ['student', 'blocked', 'center-1'],
        olga  => ['account_owner', 'active', 'center-1'],
        dana  => ['department_admin', 'active', 'center-1'],
        cory  => ['custom', 'active', 'center-1'],
        empty => ['student', 'active', ''],
        blank => ['student', 'active', ' '],
        nell  => ['staff', 'active', ''],
        nick  => ['staff', 'active', ' '],
    );

    $pg->do('INSERT INTO results.person (institution_id, id, role, status, '
            . 'center_id) VALUES (?, ?, ?, ?, ?)', $school, $_,
            @{ $people{$_} }) for keys %people;
    $pg->do('INSERT INTO results.item (institution_id, id) VALUES (?, ?)',
            $school, 'known');

    my $guarded = 0;

    for my $case (
        # actor, learner, what comes of it
        ['sam', 'sam', 1], ['pat', 'pat', 1], ['lone', 'lone', 1],
        ['steph', 'sam', 1], ['steph', 'pat', 1],
        ['steph', 'lone', 0], ['nora', 'lone', 0], ['eli', 'sam', 0],
        ['sam', 'pat', 0], ['steph', 'steph', 0],

        # a student is one in any status, and nobody else is
        ['steph', 'gone', 1], ['steph', 'bill', 1], ['bill', 'bill', 0],
        ['steph', 'alex', 0], ['steph', 'olga', 0], ['steph', 'dana', 0],
        ['steph', 'cory', 0],

        # no center is none
        ['nell', 'empty', 0], ['nick', 'blank', 0], ['nell', 'lone', 0],
        ['empty', 'empty', 1],
        ['gone', 'gone', 0], ['fired', 'sam', 0], ['alex', 'sam', 0],
        ['alex', 'alex', 0], ['steph', 'nobody', 0], ['steph', undef, 0],
        [undef, 'sam', 0], ['nobody', 'nobody', 0],
    ) {
        my ($actor, $learner, $may) = @$case;

        is_deeply([$w->write({ id => 'guarded-' . ++$guarded, guards => 2,
                               actor => $actor, learner => $learner })],
            [$may ? ['created', 1] : ['forbidden', undef]],
            sprintf '%s writes for %s', map { $_ // 'nobody' }
                $actor, $learner);
        is(defined stored("guarded-$guarded") ? 1 : 0, $may, 'stored or not');
    }

    for my $case (
        ['sam', 'known', 'created'], ['nobody', 'known', 'unknown_learner'],
        ['sam', 'unknown', 'unknown_item'], ['gone', 'known', 'created'],
        ['nobody', 'unknown', 'unknown_learner'],
    ) {
        my ($learner, $item, $outcome) = @$case;

        is(($w->write({ id => 'guarded-' . ++$guarded, guards => 1,
                        learner => $learner, item => $item }))[0][0], $outcome,
           "strict references: $learner, $item");
    }

    is_deeply([map { $_->[0] } $w->write(
        { id => 'guard-1', guards => 0, learner => 'nobody' },
        { id => 'guard-2', guards => 1, learner => 'nobody' },
        { id => 'guard-3', guards => 3, learner => 'sam', actor => 'sam',
          item => 'known' },
        { id => 'guard-4', guards => 2, learner => 'sam', actor => 'eli' },
        { id => 'guard-5', op => 'delete' })],
        [qw(created unknown_learner created forbidden not_found)],
        'each row of a batch has its own');

    is_deeply([map { $_->[0] } $w->write(
        { id => 'guard-1', guards => 2, learner => 'sam', actor => 'eli',
          hash => 9, stamp => 30 })], ['forbidden'], 'nor may it replace');
    is(stored('guard-1')->{version}, 1, 'what is stored stays');

    # what was stored once is answered again when the roster has changed

    my %own = (op => 'create', guards => 2, learner => 'sam', actor => 'sam');
    my $blocked = q{UPDATE results.person SET status = ? WHERE id = 'sam'};

    is_deeply([$w->write({ id => 'guard-6', %own })], [['created', 1]],
              'a student creates');
    $pg->do($blocked, 'blocked');
    is_deeply([$w->write({ id => 'guard-6', %own })], [['created', 1]],
              'blocked since: the same write again is that write');
    is_deeply([$w->write({ id => 'guard-6', %own, stamp => 20 })],
              [['replayed', 1]], 'the same request again is a replay');
    is_deeply([map { $_->[0] } $w->write({ id => 'guard-6', %own, hash => 2 }),
               $w->write({ id => 'guard-6', %own, client => 2, stamp => 20 }),
               $w->write({ id => 'guard-7', %own })],
              [('forbidden') x 3], 'anything else is forbidden');
    $pg->do($blocked, 'active');

    $pg->do(q{INSERT INTO results.institution (name) VALUES ('guarded')});
    my $other = $pg->value(
        q{SELECT id FROM results.institution WHERE name = 'guarded'});
    is(($w->write({ institution => $other, id => 'foreign', guards => 2,
                    actor => 'sam', learner => 'sam' }))[0][0],
       'forbidden', 'people of another institution are nobody');
};


subtest 'a group is stored as a whole or not at all' => sub {
    is_deeply([$w->group(map { { id => "group-$_" } } 1 .. 3)],
              [(['created', 1]) x 3], 'all of it');

    for my $case (
        [superseded => { id => 'group-3', stamp => 9, hash => 2 }],
        [conflict   => { id => 'group-3', op => 'create', hash => 2 }],
        [not_found  => { id => 'group-5', op => 'delete' }],
        [forbidden  => { id => 'group-5', guards => 2, actor => 'eli',
                         learner => 'sam' }],
    ) {
        my ($outcome, $record) = @$case;

        my @outcomes = map { $_->[0] } $w->group(
            { id => 'group-1', hash => 2, stamp => 11 }, $record,
            { id => 'group-9' });

        is_deeply(\@outcomes, ['updated', $outcome, 'created'],
                  "$outcome: the outcomes tell");
        is(stored('group-1')->{version}, 1, "$outcome: nothing is replaced");
        ok(!stored('group-9'), "$outcome: nor created");
    }

    is_deeply([map { $_->[0] } $w->group({ id => 'group-1', op => 'create' },
                                         { id => 'group-9' })],
              ['replayed', 'created'], 'a replay is no refusal');
    ok(stored('group-9'), 'and the rest is stored');

    ok(!eval { $w->group({ id => undef }); 1 }, 'bad data raises');
    is($w->dbh->state, '23502', 'with its own state');
};


subtest 'history' => sub {
    my $sql = 'SELECT version, score, client_id, replaced_by, replaced_op, '
        . 'replaced_at FROM results.result_history WHERE institution_id = ? '
        . 'AND id = ? ORDER BY version';

    $w->write({ id => 'h', score => $_->[0], client => $_->[1],
                stamp => $_->[2], op => $_->[3] })
        for [1, 1, 20, 'create'], [2, 2, 21, 'put'], [3, 3, 20, 'put'],
            [undef, 4, 22, 'delete'], [undef, 4, 23, 'delete'];

    my @rows = map { join ' ', map { $_ // 'null' } @$_ }
        @{ $pg->dbh->selectall_arrayref($sql, {}, $school, 'h') };

    is_deeply(\@rows, ['1 1 1 2 1 2026-01-01 00:00:21+00',
                       '2 2 2 4 3 2026-01-01 00:00:22+00'],
              'every version that is no more, and who replaced it');

    $pg->do('UPDATE results.institution SET keep_history = false '
            . 'WHERE id = ?', $school);
    $w->write({ id => 'h', stamp => 24 });
    is(scalar @{ $pg->rows($sql, $school, 'h') }, 2,
       'none where the institution keeps none');
    $pg->do('UPDATE results.institution SET keep_history = true '
            . 'WHERE id = ?', $school);
};


# The module runs a write again when its connection is lost, while the first run
# commits; and meanwhile somebody changes the roster.

subtest 'again, while the first run commits, and refused by now' => sub {
    my @sessions = (writer(), writer());
    my @records = (
        { id => 'late-1', guards => 1, learner => 'late', item => 'known' },
        { id => 'late-2', guards => 3, learner => 'late', actor => 'late',
          item => 'known', op => 'create' },
        { id => 'late-3', guards => 1, learner => 'late', item => 'known' },
    );

    for my $end ('commit', 'rollback') {
        $pg->do("DELETE FROM results.$_ WHERE id LIKE 'late-%'")
            for 'result', 'result_history';
        $w->write({ id => 'late-3', stamp => 1 });

        $pg->do(q{INSERT INTO results.person (institution_id, id, role)
                  VALUES (?, 'late', 'student')}, $school);
        $sessions[0]->dbh->begin_work;
        is_deeply([$sessions[0]->write(@records)],
                  [['created', 1], ['created', 1], ['updated', 2]],
                  'the first run');
        $pg->do(q{DELETE FROM results.person WHERE id = 'late'});

        my $answer = start($sessions[1], @records);
        ok($pg->wait_for_blocked(1), 'the second waits for it')
            or diag('answered already');

        $sessions[0]->dbh->$end;
        my ($outcomes, $versions) = finish($answer);

        if ($end eq 'commit') {
            is_deeply([$outcomes, $versions], [[1, 1, 2], [1, 1, 2]],
                      'committed: it answers what was stored');

        } else {
            is_deeply($outcomes, [8, 10, 8], 'rolled back: it is refused');
            is($pg->value(q{SELECT count(*) FROM results.result
                            WHERE id LIKE 'late-%'}), 1, 'and leaves nothing');
            is(stored('late-3')->{version}, 1, 'nor touches what is there');
        }
    }

    is(($w->group(@records))[0][0], 'unknown_learner', 'a group, too');

    $pg->do(q{ALTER TABLE results.result ADD CONSTRAINT scored
              CHECK (score > 0) NOT VALID});
    $pg->do(q{ALTER TABLE results.result ADD CONSTRAINT has_learner
              CHECK (learner_id IS NOT NULL) NOT VALID});
    is_deeply([map { $_->[0] } $w->write(@records)],
              ['unknown_learner', 'forbidden', 'unknown_learner'],
              'beside constraints of the operator\'s own');
    $pg->do('ALTER TABLE results.result DROP CONSTRAINT scored, '
            . 'DROP CONSTRAINT has_learner');

    # two at once that refuse each other's rows
    my $failed = 0;

    for my $round (1 .. 50) {
        my @started = map {
            my $mine = $_;
            start($sessions[$mine], map { { id => "cross-$_", item => 'known',
                stamp => 2 * $round + $mine, guards => ($_ + $mine) % 2,
                learner => 'nobody' } } 1 .. 10)
        } 0, 1;

        eval { finish($_); 1 } or $failed++ for @started;
    }

    is($failed, 0, 'no deadlock');
};


subtest 'two sessions at once' => sub {
    my @sessions = (writer(), writer());

    $sessions[0]->dbh->begin_work;
    $sessions[0]->write(map { { id => "two-$_", hash => 1 } } 1 .. 3);

    my @calls = (
        [put    => { op => 'put', hash => 2, stamp => 11 }, 'updated'],
        [same   => { op => 'put', hash => 1 }, 'created'],
        [replay => { op => 'create', hash => 1, client => 3 }, 'replayed'],
    );

    my $answer = start($sessions[1], map { { id => "two-$_",
        %{ $calls[$_ - 1][1] } } } 1 .. 3);
    ok($pg->wait_for_blocked(1), 'the second waits for the first');

    $sessions[0]->dbh->commit;
    is_deeply([finish($answer)], [[2, 1, 4], [2, 1, 1]],
              'and sees what it committed');

    # a row that was locked but not changed is not written by anybody else
    my $rounds = 200;
    my @batches = map {
        my $seed = $_;
        [map { { id => sprintf('many-%02d', $_), hash => $seed * 10 + $_ % 3,
                 stamp => 30 + $seed, op => (qw(put create delete
                 replace))[($seed + $_) % 4], version => 1 + $seed % 3 } }
         grep { ($_ * 7 + $seed) % 3 } 1 .. 40]
    } 1 .. $rounds;

    my $failed = 0;

    while (my @pair = splice @batches, 0, 2) {
        my @started = map { start($sessions[$_], @{ $pair[$_] }) } 0, 1;
        eval { finish($_); 1 } or $failed++ for @started;
    }

    is($failed, 0, "$rounds batches of the same keys: no deadlock");
};


sub start {
    my ($writer, @records) = @_;

    my $call = $writer->dbh->prepare($writer->statement('write_records'),
                                     { pg_async => PG_ASYNC });
    $call->execute($writer->arrays(@records));

    return $call;
}


# outcomes and versions
sub finish {
    my ($call) = @_;

    $call->pg_result;
    my @row = $call->fetchrow_array;
    $call->finish;

    return @row[0, 1];
}
