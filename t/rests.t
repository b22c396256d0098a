#!/usr/bin/env perl

# What the database could not store just now is sent again: once at once, then
# after rests that grow, until its deadline, and apart from what was beside it.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;
use Results::Test::OneRoster;

my $t = Results::Test->new;
my $pg = $t->pg;

my @BAD = qw(always_fails always_warns always_bulk);

# rests of 20, 40, 80 ms ...: whoever is alone is sent at 2.6 s and at 3.9 s
my $nginx = $t->nginx(store => 'connections 1; write_timeout 3200ms;',
                      server => Results::Test::OneRoster->servers);
my $or = Results::Test::OneRoster->new($t, 'oneroster');
my $other = $t->token(institution => 'other');

# Results of some items fail.  A sequence counts their statements, as it is not
# rolled back with them.
$pg->do("CREATE SEQUENCE results.$_") for @BAD, qw(twice_fails twice_bulk);
$pg->do(q{
    CREATE FUNCTION results.fails() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
        n bigint := nextval('results.' || NEW.item_id);
    BEGIN
        IF NEW.item_id = 'always_warns' THEN
            RAISE WARNING 'not replicated';
        ELSIF NEW.item_id LIKE 'always%' OR n <= 2 THEN
            RAISE EXCEPTION 'not now' USING ERRCODE = '40001';
        END IF;
        RETURN NEW;
    END $$
});
$pg->do(q{
    CREATE TRIGGER fails BEFORE INSERT ON results.result
    FOR EACH ROW WHEN (NEW.item_id ~ '^(always|twice)_')
    EXECUTE FUNCTION results.fails()
});


sub statements { $pg->value("SELECT last_value FROM results.$_[0]") }
sub rows { $t->status->{queue}{rows} }

sub put {
    my ($id, $item, %opt) = @_;
    return $t->put_request($id,
        $t->result($item ? (lineItem => { sourcedId => $item }) : ()), %opt);
}

sub bulk {
    my ($item) = @_;
    return Results::Test::Http->format('POST',
        $or->base . "/lineItems/$item/results", $t->headers,
        $t->encode({ results => [map {
            $or->member("$item-$_", lineItem => { sourcedId => $item })
        } 1, 2] }));
}


# sends requests that wait together; their clients
sub together {
    my (@requests) = @_;

    my @clients = map { $t->http } @requests;
    my $first = $t->http;

    $pg->with_lock('results.result', 'SHARE', sub {
        my $rows;

        $first->send(put('first'));
        $pg->wait_for_blocked(1) or die "nothing is in flight\n";

        for my $i (0 .. $#clients) {
            $rows = rows();
            $clients[$i]->send($requests[$i]);
            wait_for(sub { rows() > $rows })
                or die "request $i is not queued\n";
        }
    });

    $first->response('PUT');

    return @clients;
}


$t->put('warm', $t->result);
$t->put('warm-other', $t->result, token => $other);


subtest 'some that can never be stored just now' => sub {
    my ($fails, $warns, $bulk, $behind, @beside) = together(
        put('fails', 'always_fails'), put('warns', 'always_warns'),
        bulk('always_bulk'), put('fails'), map { put("beside-$_") } 1 .. 6);

    is(join(' ', map { $_->response('PUT')->status } @beside),
       join(' ', (201) x 6), 'those beside them are stored');
    is($behind->response('PUT')->status, 201, 'and another of the same result');
    is($t->put('other', $t->result, token => $other)->status, 201,
       'and another institution\'s');
    is($t->put('fails', $t->result)->status, 200, 'and one that comes later');
    ok($_->silent, 'before it is given up') for $fails, $warns, $bulk;

    my $response = $fails->response('PUT');

    is($response->status, 503, 'until the deadline');
    ok($response->header('Retry-After'), 'it may be sent again');
    like($response->json->{imsx_description}, qr/not stored/,
         'and is not stored');

    is($bulk->response('POST')->status, 503, 'so it is with several rows');
    like($warns->response('PUT')->json->{imsx_description}, qr/unknown/,
         'what was warned about may be stored');

    for my $bad (@BAD) {
        my $n = statements($bad);

        cmp_ok($n, '>=', 5, "$bad was sent again");
        cmp_ok($n, '<=', 20, "in $n statements");
    }

    is(rows(), 0, 'nothing is left');
};


subtest 'one that can be stored the third time' => sub {
    is($t->put('twice', $t->result(lineItem => { sourcedId => 'twice_fails' }))
           ->status, 201, 'is stored');
    is(statements('twice_fails'), 3, 'by then');

    my $client = $t->http;

    $client->send(bulk('twice_bulk'));
    is($client->response('POST')->status, 201, 'so it is with several rows');
    is($t->row('twice_bulk-1')->{version}, 1, 'once');
};


subtest 'a client that leaves meanwhile' => sub {
    my $client = $t->http;
    my $before = statements('always_fails');
    my $aborted = $t->status->{requests}{aborted};

    $client->send(put('leaves', 'always_fails'));
    wait_for(sub { statements('always_fails') >= $before + 3 && rows() == 1 })
        or die "it does not rest\n";
    $client->close;

    ok(wait_for(sub { rows() == 0 }), 'is waited for no more');
    is($t->status->{requests}{aborted}, $aborted + 1, 'nor until its deadline');
    is($t->put('leaves', $t->result)->status, 201, 'its result is free');
};


subtest 'a worker that exits meanwhile' => sub {
    my $client = $t->http;
    my $before = statements('always_warns');

    $client->send(put('exits', 'always_warns'));
    wait_for(sub { statements('always_warns') >= $before + 3 })
        or die "it does not rest\n";

    is($nginx->quit, 0, 'exits');
    is($client->response('PUT')->status, 503, 'and has told it');

    my $n = statements('always_warns') - $before;

    cmp_ok($n, '<=', 20, "after $n statements");
};
