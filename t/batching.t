#!/usr/bin/env perl

# Batches: rows that wait leave together, a bad one harms none of its
# neighbours, no key is twice in a statement, and two workers never deadlock.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

my $t = Results::Test->new;
my $pg = $t->pg;

$pg->no_timeouts;

# what passes the module and not the database
$pg->do(q{
    CREATE FUNCTION results.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.item_id = 'refused' THEN
            RAISE EXCEPTION 'refused' USING ERRCODE = '23514';
        END IF;
        RETURN NEW;
    END $$
});
$pg->do(q{
    CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON results.result
    FOR EACH ROW EXECUTE FUNCTION results.refuse()
});

my $nginx = $t->nginx(
    store => 'connections 1; write_timeout 60s; read_timeout 60s;');

my $bad = { sourcedId => 'refused' };


sub statements { $pg->calls('%write_records%') }


# Sends PUTs while the one connection is busy, so that they make a batch:
# [id, fields] each.  Returns the responses in that order, and the number of
# statements.
sub batch {
    my (@puts) = @_;

    my @clients = map { $t->http } @puts;
    my $first = $t->http;
    my $before;

    $t->put('warm', $t->result);

    $pg->with_lock('results.result', 'SHARE', sub {
        $first->send($t->put_request('first', $t->result));
        $pg->wait_for_blocked(1) or die "nothing is in flight\n";
        $before = statements();

        for my $i (0 .. $#puts) {
            my ($id, %fields) = @{ $puts[$i] };

            $clients[$i]->send($t->put_request($id, $t->result(%fields)));
            wait_for(sub { $t->status->{queue}{rows} > $i })
                or die "row $i is not queued\n";
        }
    });

    my @responses = map { $_->response('PUT') } @clients;
    $first->response('PUT');

    return (\@responses, statements() - $before - 1);
}

sub statuses { map { $_->status } @{ $_[0] } }


subtest 'rows that wait leave together' => sub {
    my ($responses, $n) = batch(map { ["together-$_", score => $_] } 1 .. 20);

    is_deeply([statuses($responses)], [(201) x 20], 'all created');
    is_deeply([map { $_->json->{result}{score} } @$responses], [1 .. 20],
              'each gets its own answer');
    is($n, 1, 'one statement');
};


for my $place ('first', 'last', 'middle') {
    subtest "a bad row among good ones: $place" => sub {
        my @puts = map { ["$place-$_"] } 1 .. 10;
        my $at = $place eq 'first' ? 0 : $place eq 'last' ? 9 : 5;

        $puts[$at] = ["$place-bad", lineItem => $bad];

        my ($responses) = batch(@puts);
        my @statuses = statuses($responses);
        my ($refused) = splice @statuses, $at, 1;

        is_deeply(\@statuses, [(201) x 9], 'the good ones are created');
        is($refused, 422, 'the bad one is refused');
        like($responses->[$at]->json->{imsx_description}, qr/23514/,
             'by its SQLSTATE');
        is($pg->value('SELECT count(*) FROM results.result WHERE id LIKE ?',
                      "$place-%"), 9, 'nine rows');
    };
}


subtest 'nothing but bad rows' => sub {
    my ($responses) = batch(map { ["all-bad-$_", lineItem => $bad] } 1 .. 5);

    is_deeply([statuses($responses)], [(422) x 5], 'all refused');
    is($t->put('after', $t->result)->status, 201, 'the next one is fine');
};


subtest 'one key twice' => sub {
    my ($responses, $n) = batch(
        ['other'], ['twice', score => 1], ['twice', score => 2],
        ['twice', score => 3]);

    is_deeply([statuses($responses)], [201, 201, 200, 200],
              'every event is acknowledged');
    is($n, 3, 'no statement has a key twice');
    is($t->row('twice')->{version}, 3, 'and stored');
    is($t->row('twice')->{score}, 3, 'the last one last');
};


subtest 'one key twice, the bad one first' => sub {
    my ($responses) = batch(['bad-good', lineItem => $bad],
                            ['bad-good', score => 2]);

    is_deeply([statuses($responses)], [422, 201], 'refused, then created');
};


subtest 'one key twice, the bad one last' => sub {
    my ($responses) = batch(['good-bad', score => 1],
                            ['good-bad', lineItem => $bad]);

    is_deeply([statuses($responses)], [201, 422], 'created, then refused');
    is($t->row('good-bad')->{score}, 1, 'the good one stays');
};


subtest 'two workers, the same keys in both orders' => sub {
    $nginx->set(workers => 2, store => 'connections 2;');
    $nginx->reload;

    my $n = $ENV{TEST_RESULTS_VALGRIND} ? 10 : 100;
    my @up = map { sprintf 'key-%02d', $_ } 1 .. 30;

    my @requests = map { my $round = $_;
        map { $t->put_request($_, $t->result(score => $round)) }
            $round % 2 ? @up : reverse @up
    } 1 .. $n;

    my @statuses = map { $_ ? $_->status : 0 }
        $t->many(\@requests, connections => 32);

    is(scalar(grep { $_ == 200 || $_ == 201 } @statuses), scalar @requests,
       'all acknowledged');
    is($pg->value(q{SELECT sum(version) FROM results.result
                    WHERE id LIKE 'key-%'}), scalar @requests,
       'each is a version');
    is($pg->value(q{SELECT deadlocks FROM pg_stat_database
                    WHERE datname = current_database()}), 0, 'no deadlock');
};


my $status = $t->status;
my $largest = (sort { $b <=> $a } grep { $status->{batch_rows}{$_} }
               grep { /^\d+$/ } keys %{ $status->{batch_rows} })[0];

cmp_ok($largest // 0, '>=', 8, 'results_status has large batches');
