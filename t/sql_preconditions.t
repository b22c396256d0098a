#!/usr/bin/env perl

# Preconditions in write_records(): what they say of a version, and that they
# are held against the row that is locked, whoever is quicker; again after a
# lost connection.

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

# a record with preconditions, as the module writes them
sub under {
    my ($precondition, %record) = @_;
    return { %record, guards => 4, actor => $precondition };
}

# the tag of what a key holds
sub tag {
    return $pg->value(q{
        SELECT version || '-' || (extract(epoch FROM updated_at)
                                  * 1000000)::bigint
        FROM results.result WHERE id = ?}, $_[0]);
}

sub state_of {
    my $row = $pg->row('SELECT version, status, score FROM results.result
                        WHERE id = ?', $_[0]) or return 'nothing';
    return join ' ', map { $_ // 'null' } @$row{qw(version status score)};
}

sub words { join ' ', map { $_->[0] } @_ }


subtest 'what holds' => sub {
    my $stamp = '2026-01-01 00:00:10.000001+00';
    my $n = 1767225610000001;

    my @cases = (
        # precondition, of version 3 of that stamp: active, deleted
        [';',                        't', 't'],
        ['*;',                       't', 'f'],
        ["=3-$n;",                   't', 'f'],
        ["=1-5,3-$n,4-5;",           't', 'f'],
        ['=;',                       'f', 'f'],
        ["=4-$n;",                   'f', 'f'],
        ['=3-1767225610000000;',     'f', 'f'],
        ["<$n;",                     'f', 't'],
        ['<1767225610000002;',       't', 't'],
        [';*',                       'f', 't'],
        [";=3-$n",                   'f', 't'],
        [";=1-5,3-$n",               'f', 't'],
        [';=1-5',                    't', 't'],
        ["=3-$n;*",                  'f', 'f'],
        ["=3-$n;=1-5",               't', 'f'],
    );

    for my $case (@cases) {
        my ($precondition, @expected) = @$case;

        is_deeply([map { $pg->value(
            'SELECT results.precondition_holds(?, 3, ?, ?)::text',
            $precondition, $_, $stamp) =~ /^(.)/ }
            qw(active tobedeleted)], \@expected, $precondition);
    }
};


subtest 'in a batch with others, in order' => sub {
    $w->write({ id => 'b', score => 1 }, { id => 'd', score => 1 },
              { id => 'f', score => 1 });

    my $tag = tag('b');

    is(words($w->write(map { { score => 2, stamp => 20, hash => 2, %$_ } }
        under(';*', id => 'a'), under("=$tag;", id => 'b'), { id => 'c' },
        under('=9-9;', id => 'd'), under('*;', id => 'e'), { id => 'f' },
        under('<1;', id => 'g'))),
        'created updated created precondition_failed precondition_failed '
        . 'updated created', 'each has its own outcome');

    is_deeply([map { state_of($_) } 'a' .. 'g'],
        ['1 active 2', '2 active 2', '1 active 2', '1 active 1', 'nothing',
         '2 active 2', '1 active 2'], 'and row');
};


subtest 'a second run of it' => sub {
    my %run = (score => 2, stamp => 20, hash => 2);

    $w->write({ id => 'run', stamp => 10 });
    my $tag = tag('run');

    is(words($w->write(under("=$tag;", id => 'run', %run))), 'updated', $_)
        for 'first', 'second';
    is(state_of('run'), '2 active 2', 'is known');

    is(words($w->write(under(';*', id => 'run-new', %run))), 'created', $_)
        for 'first', 'second';
    is(state_of('run-new'), '1 active 2', 'is known');

    $w->write({ id => 'run', stamp => 30, score => 3, hash => 3 });
    is(words($w->write(under("=$tag;", id => 'run', %run))), 'updated',
       'as it is by the history');

    $tag = tag('run');

    is(words($w->write(under("=$tag;", id => 'run', op => 'delete',
                             stamp => 40, hash => 0))), 'deleted', $_)
        for 'delete', 'again';

    $pg->do('UPDATE results.institution SET keep_history = false');
    $w->write({ id => 'none', stamp => 10 });
    $tag = tag('none');
    $w->write({ id => 'none', stamp => 30, hash => 3 });
    is(words($w->write(under("=$tag;", id => 'none', %run))),
       'forgotten precondition_failed', 'without history nothing tells');
    $pg->do('UPDATE results.institution SET keep_history = true');
};


# The row changes, or comes to be, while the statement waits for it.

sub race {
    my ($name, $first, $second, $outcome, $state) = @_;

    my $one = writer();
    my $two = writer();

    $one->dbh->begin_work;
    $one->write($first);

    my $statement = $two->dbh->prepare($two->statement('write_records'),
                                       { pg_async => PG_ASYNC });

    $statement->execute($two->arrays($second));
    ok($pg->wait_for_blocked(1), "$name: it waits");

    $one->dbh->commit;
    $statement->pg_result;

    my ($outcomes) = $statement->fetchrow_array;

    is($outcomes->[0], $outcome, 'for what then counts');
    is(state_of($second->{id}), $state, 'and is stored or not');

    $_->dbh->disconnect for $one, $two;
    return;
}

subtest 'somebody is quicker' => sub {
    my %one = (score => 5, hash => 5, stamp => 20, client => 1);
    my %two = (score => 6, hash => 6, stamp => 30, client => 2);

    $w->write({ id => "quick-$_" }) for 1 .. 3;

    race('If-Match', { id => 'quick-1', %one },
         under('=' . tag('quick-1') . ';', id => 'quick-1', %two),
         11, '2 active 5');
    race('If-None-Match: *, of what is not there', { id => 'quick-4', %one },
         under(';*', id => 'quick-4', %two), 11, '1 active 5');
    race('If-Unmodified-Since, the same',
         { id => 'quick-5', %one },
         under('<1767225620000000;', id => 'quick-5', %two),
         11, '1 active 5');

    # it holds all the same, but was held against nothing: once more
    race('If-None-Match of another tag, the same', { id => 'quick-6', %one },
         under(';=9-9', id => 'quick-6', %two), 5, '1 active 5');

    race('the same request, twice at once', { id => 'quick-7', %one },
         under(';*', id => 'quick-7', %one, stamp => 30), 1, '1 active 5');
    race('a delete', { id => 'quick-2', op => 'delete', hash => 0,
                       stamp => 20 },
         under('*;', id => 'quick-2', %two), 11, '2 tobedeleted null');
};


# Rows are locked in the order of their keys, with preconditions or without.

subtest 'no deadlock' => sub {
    my @ids = map { sprintf 'lock-%02d', $_ } 1 .. 40;
    my $errors = 0;

    $w->write(map { { id => $_ } } grep { /[02468]$/ } @ids);

    my @sessions = map { writer() } 1 .. 3;
    my $stamp = 20;

    for (1 .. 20) {
        $stamp++;

        my @running = map {
            my $session = $sessions[$_];
            my $who = $_;
            my $statement = $session->dbh->prepare(
                $session->statement('write_records'),
                { pg_async => PG_ASYNC });
            my $n = 0;

            $statement->execute($session->arrays(map {
                my %record = (id => $_, stamp => $stamp, client => $who + 1,
                              hash => $stamp * 10 + $who);
                ($n++ + $who) % 3
                    ? \%record : under('<4000000000000000;', %record) } @ids));
            $statement;
        } 0 .. $#sessions;

        eval { $_->pg_result; 1 } || $errors++ for @running;
    }

    is($errors, 0, 'in any order of preconditions');
    $_->dbh->disconnect for @sessions;
};


subtest 'removed by an operator meanwhile' => sub {
    $w->write({ id => 'removed' });

    my $dbh = $pg->connect;
    my $session = writer();

    $dbh->begin_work;
    $dbh->do(q{DELETE FROM results.result WHERE id = 'removed'});

    my $statement = $session->dbh->prepare(
        $session->statement('write_records'), { pg_async => PG_ASYNC });

    $statement->execute($session->arrays(under('*;', id => 'removed',
                                               stamp => 20, hash => 2)));
    ok($pg->wait_for_blocked(1), 'it waits');
    $dbh->commit;

    ok(!eval { local $SIG{__WARN__} = sub {}; $statement->pg_result; 1 },
       'it fails');
    is($session->dbh->state, '40001', 'in a way that is tried again');
    is(state_of('removed'), 'nothing', 'and nothing is there');

    is(words($session->write(under('*;', id => 'removed', stamp => 20,
                                   hash => 2))), 'precondition_failed',
       'which is what it finds then');

    $_->disconnect for $dbh, $session->dbh;
};
