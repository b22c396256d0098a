#!/usr/bin/env perl

# What one institution, one result or one large request waits for delays nobody
# else: institutions take turns, so do large groups and single rows, the rows of
# one result cost the others nothing, and a full queue takes from whoever has
# more than its share.

use FindBin;
use POSIX ();
use lib "$FindBin::Bin/lib";
use Results::Test;
use Results::Test::OneRoster;
use Results::Test::Port qw(free_port);

my $BATCH = 8;
my $WAITING = 64;    # groups that may wait for one key

my $t = Results::Test->new;
my $pg = $t->pg;

$pg->no_timeouts;

my $store = 'connections 1; write_timeout 60s; read_timeout 60s;';
my $nginx = $t->nginx(store => "$store batch $BATCH;", connections => 512,
                      server => Results::Test::OneRoster->servers);
my $or = Results::Test::OneRoster->new($t, 'oneroster');
my $other = $t->token(institution => 'other');


# the bytes of a PUT, and of a bulk POST
sub put { my ($id, %opt) = @_; return $t->put_request($id, $t->result, %opt) }

sub bulk {
    my (@ids) = @_;
    return Results::Test::Http->format('POST',
        $or->base . '/lineItems/line-item-1/results', $t->headers,
        $t->encode({ results => [map { $or->member($_) } @ids] }));
}


# what changes when a request waits, or is refused, or takes another's place
sub queued { join ' ', @{ $t->status->{queue} }{qw(rows refused key_refused)} }


# Sends requests while the one connection is busy: each is in the queue, or refused,
# when the next one is sent.  Then runs the code, lets them go, and returns their
# responses.
sub waiting {
    my ($requests, $code) = @_;

    my @clients = map { $t->http } @$requests;
    my $first = $t->http;

    $t->put('warm', $t->result);
    $t->put('warm-other', $t->result, token => $other);

    $pg->with_lock('results.result', 'SHARE', sub {
        $first->send(put('first'));
        $pg->wait_for_blocked(1) or die "nothing is in flight\n";

        for my $i (0 .. $#clients) {
            my $before = queued();

            $clients[$i]->send($requests->[$i]);
            wait_for(sub { queued() ne $before })
                or die "nothing happens to request $i\n";
        }

        $code->(@clients) if $code;
    });

    my @responses = map { $_->response('PUT') } @clients;
    $first->response('PUT');

    return @responses;
}


# how many statements have stored rows like that before the one with the id
sub statements_before {
    my ($like, $id) = @_;

    return $pg->value(q{
        SELECT count(DISTINCT xmin::text) FROM results.result
        WHERE id LIKE ? AND xmin::text::bigint < (
            SELECT min(xmin::text::bigint) FROM results.result WHERE id = ?)
    }, $like, $id);
}


sub statuses { join ' ', map { $_->status } @_ }


subtest 'an institution that sends much, and another' => sub {
    my @responses = waiting([(map { put("much-$_") } 1 .. 6 * $BATCH),
                             put('little', token => $other)]);

    is(statuses(@responses), join(' ', (201) x @responses), 'all are stored');
    is(statements_before('much-%', 'little'), 0,
       'the one who came last is in the first statement');
};


subtest 'a large group among single rows' => sub {
    my @responses = waiting([(map { put("single-$_") } 1 .. 6 * $BATCH),
                             bulk(map { "large-$_" } 1 .. 5),
                             bulk(map { "larger-$_" } 1 .. 5)]);

    is(statuses(@responses), join(' ', (201) x @responses), 'all are stored');
    cmp_ok(statements_before('single-%', 'large-1'), '<=', 1,
           'it is sent behind one statement of single rows');
    cmp_ok(statements_before('single-%', 'larger-1'), '<=', 2,
           'the next one behind two');
};


subtest 'single rows among large groups' => sub {
    my @responses = waiting([
        (map { my $i = $_; bulk(map { "bulk-$i-$_" } 1 .. 2) } 1 .. 6),
        map { put("alone-$_") } 1 .. 3]);

    is(statuses(@responses), join(' ', (201) x @responses), 'all are stored');
    cmp_ok(statements_before('bulk-%', "alone-$_"), '<=', 1,
           'they are sent behind one large group') for 1 .. 3;
};


subtest 'data that is refused' => sub {
    $pg->do(q{ALTER TABLE results.result
              ADD CONSTRAINT no_bad CHECK (item_id <> 'bad')});

    my $body = $t->result(lineItem => { sourcedId => 'bad' });
    my @clients = map { $t->http } 1 .. 4 * $BATCH;

    $t->put('warm-other', $t->result, token => $other);
    my $before = $pg->calls('%write_records%');

    # many statements are refused, one after the other
    $clients[$_]->send($t->put_request("bad-$_", $body)) for 0 .. $#clients;

    my @good = map { $t->put("good-$_", $t->result, token => $other) } 1 .. 3;

    is(statuses(@good), '201 201 201', 'another institution\'s are stored');
    is(statuses(map { $_->response('PUT') } @clients),
       join(' ', (422) x @clients), 'all bad ones are refused');
    cmp_ok($pg->calls('%write_records%') - $before, '<=', 2 * @clients + 20,
           'in as many statements as that takes');

    $pg->do('ALTER TABLE results.result DROP CONSTRAINT no_bad');
};


subtest 'one result that many write' => sub {
    my $refused = $t->status->{queue}{key_refused};
    my $more = 3;
    my @silent;

    # the first one is in flight already, and perhaps for so long that the next
    # one is let by
    my @responses = waiting([(map { put('first') } 1 .. $WAITING + $more),
                             (map { put("beside-$_") } 1 .. 3)], sub {
        @silent = map { $_->silent } @_;
    });

    my $n = grep { $_->status == 200 } @responses;
    my @beyond = splice @responses, $n, $WAITING + $more - $n;

    ok($n == $WAITING || $n == $WAITING + 1, "$n wait, and are stored");
    is(statuses(splice @responses, 0, $n), join(' ', (200) x $n),
       'those who came first');
    is(statuses(@beyond), join(' ', (503) x @beyond), 'the others get 503');
    ok(!(grep { $_ } splice @silent, $n, scalar @beyond), 'at once');
    ok($beyond[0]->header('Retry-After'), 'with Retry-After');
    like($beyond[0]->json->{imsx_description}, qr/the same result/, 'and why');
    is(statuses(@responses), '201 201 201', 'and those of other results');
    is($t->status->{queue}{key_refused} - $refused, scalar @beyond, 'counted');
    ok($nginx->wait_for_log(qr/64 requests wait to write one result/),
       'and told');

    # ... of which a statement has one
    cmp_ok($pg->value(q{
        SELECT count(*) FROM results.versions
        WHERE id = 'first' AND written_at > (
            SELECT updated_at FROM results.result WHERE id = 'beside-1')
    }), '>=', $WAITING - 1, 'what is beside it goes with the first of them');
};


subtest 'a queue that is full' => sub {
    $nginx->set(store => "$store queue 20; batch $BATCH;");
    $nginx->reload(wait => 1);

    my $refused = $t->status->{queue}{refused};
    my @greedy = map { put("greedy-$_") } 1 .. 22;
    my @modest = map { put("modest-$_", token => $other) } 1 .. 3;

    my @responses = waiting([@greedy, @modest]);
    my @theirs = splice @responses, 22;

    is(statuses(@theirs), '201 201 201',
       'has room for whoever has less than its share');
    is(statuses(@responses), join(' ', (201) x 17, (503) x 5),
       'at the cost of whoever has more, the latest first');
    is($t->status->{queue}{refused} - $refused, 5, 'counted');
    is($t->status->{queue}{rows}, 0, 'nothing is left');
};


subtest 'two nodes, one result' => sub {
    $pg->delay_writes(10);
    $nginx->set(store => 'connections 1; write_timeout 3s; read_timeout 3s;');
    $nginx->reload(wait => 1);

    my $dir = $t->dir . '/second';
    mkdir $dir, 0755;

    my $second = Results::Test::Nginx->new(dir => $dir, root => $t->root,
        conninfo => $pg->conninfo, port => free_port(),
        store => $nginx->{store})->start;

    # many on the one node, few on the other
    my %ports = ($nginx->port => 16, $second->port => 2);
    my (@children, %statuses);

    for my $port (keys %ports) {
        pipe my $reader, my $writer or die "pipe: $!\n";
        my $pid = fork() // die "fork: $!\n";

        if ($pid == 0) {
            my @requests = map { put('contended') }
                1 .. $ports{$port} * ($port == $nginx->port ? 15 : 120);

            print $writer statuses(map { $_ || Results::Test::Response->new(
                status => 0) } Results::Test::Http->many($port, \@requests,
                connections => $ports{$port}));
            close $writer;
            POSIX::_exit(0);
        }

        close $writer;
        push @children, [$pid, $reader, $port];
    }

    for my $child (@children) {
        my ($pid, $reader, $port) = @$child;

        $statuses{$_}++ for split ' ', join '', <$reader>;
        local $?;
        waitpid $pid, 0;
    }

    is(join(' ', sort grep { $_ != 201 } keys %statuses), '200',
       'all are stored, on both') or diag(explain(\%statuses));
    is($t->row('contended')->{version}, 480, 'each of them');
    is($second->quit, 0, 'the second node quits');
};
