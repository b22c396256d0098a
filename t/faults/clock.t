#!/usr/bin/env perl

# Clocks: that of a node jumps an hour, either way, under load; and two nodes
# whose clocks differ by ten seconds write to the same results.

use FindBin;
use lib "$FindBin::Bin/../lib";
use Results::Checker;
use Results::Test;
use Results::Test::Port qw(free_port);

my ($LIB) = glob '/usr/lib/*/faketime/libfaketimeMT.so.1';
my $TTL = 2;

my $t = Results::Test->new(timeout => 180);
my $pg = $t->pg;
my $both = free_port();
my $first = free_port();
my $second = free_port();

plan(skip_all => 'libfaketime and ASan take over the same functions')
    if $ENV{TEST_RESULTS_ASAN};
BAIL_OUT('no libfaketime') if !$LIB;


# how far a node's clock is off: read again whenever it looks at it
sub set_clock {
    my ($node, $offset) = @_;

    my $path = $t->dir . "/clock-$node";

    open my $file, '>', "$path.new" or die "$path: $!\n";
    print $file "$offset\n";
    close $file;
    rename "$path.new", $path or die "$path: $!\n";

    return (LD_PRELOAD => $LIB, FAKETIME_TIMESTAMP_FILE => $path,
            FAKETIME_NO_CACHE => 1, FAKETIME_DONT_FAKE_MONOTONIC => 1,
            DONT_FAKE_MONOTONIC => 1);
}


# a write's stamp, which is the node's time, from PostgreSQL's, in seconds
sub offset {
    my ($port) = @_;

    my $http = Results::Test::Http->new(port => $port);

    $http->send($t->put_request('offset', $t->result(score => rand 100)));
    my $response = $http->response('PUT');
    $http->close;

    my $offset = $pg->value(q{
        SELECT extract(epoch FROM updated_at - clock_timestamp())
        FROM results.result WHERE id = 'offset'
    });
    $pg->do(q{DELETE FROM results.result WHERE id = 'offset'});

    return $offset;
}


my $nginx = $t->nginx(workers => 2, port => $first, env => { set_clock(1, '+0') },
    zone => "tokens:1m ttl=${TTL}s negative_ttl=1s",
    server => Results::Checker->server, http => qq{
    upstream nodes {
        server  127.0.0.1:$first;
        server  127.0.0.1:$second;
        keepalive  32;
    }

    server {
        listen  127.0.0.1:$both;

        location / {
            proxy_pass  http://nodes;
            proxy_http_version  1.1;
            proxy_set_header  Connection "";
            proxy_next_upstream  off;
        }
    }
});


for my $jump (['an hour on', '+3600'], ['an hour back', '+0'],
              ['an hour into the past', '-3600'], ['and back', '+0'])
{
    my ($name, $offset) = @$jump;

    subtest "the clock jumps: $name" => sub {
        my $checker = Results::Checker->start($t);
        my $token = $t->token(client => $t->client);
        my $put = sub {
            $t->put('token', $t->result, token => $token)->status;
        };

        $checker->flows;
        like($put->(), qr/^20[01]$/, 'a token is good');
        $checker->mark;
        set_clock(1, $offset);

        my $seconds = $checker->flows(100);
        my $off = offset($nginx->port);

        # stamps never go back: those of a clock that does are what they were
        ok(abs($off - $offset) < 5 || $off > $offset,
           sprintf 'stamps are %.0f s off', $off);

        like($put->(), qr/^20[01]$/, 'the token is still good');

        my $from = Results::Checker::now();
        $pg->do(q{UPDATE results.access_token SET revoked_at = now()
                  WHERE token_sha256 = sha256(?::bytea)}, $token);

        ok(wait_for(sub { $put->() == 401 }, timeout => 3 * $TTL + 5),
           'until it is revoked');
        Results::Checker->bound("the clock jumps $name: revoked after, s",
                                Results::Checker::now() - $from, $TTL);

        my $report = $checker->finish("the clock jumps: $name");

        is($report->hit, 1, 'requests were open');
        is($report->requests, $report->acknowledged, 'nobody has noticed');
        $checker->bound("the clock jumps $name: longest gap, s",
                        $report->gap, 0.3);
    };
}


subtest 'two nodes, ten seconds apart' => sub {
    my $dir = $t->dir . '/second';
    mkdir $dir, 0755;

    my $other = Results::Test::Nginx->new(dir => $dir, root => $t->root,
        conninfo => $pg->conninfo, port => $second, workers => 2,
        env => { set_clock(2, '-10') }, server => Results::Checker->server);

    $nginx->reload(wait => 1);
    $other->start;

    my ($now, $later) = (offset($nginx->port), offset($second));
    cmp_ok($now - $later, '>', 5,
           sprintf 'stamps differ by %.1f s', $now - $later);

    # each client's writes go to the one and the other in turn
    my $checker = Results::Checker->start($t, port => $both,
                                          kinds => [qw(shared put post)]);

    my $seconds = $checker->flows(1500);
    my $report = $checker->finish('two nodes, clocks 10 s apart');

    # of the node that is behind: what it had to write again
    my $http = Results::Test::Http->new(port => $second);
    my $status = $http->request('GET', '/status', [])->json;
    $http->close;

    cmp_ok($status->{groups}{superseded}, '>', 0,
           "the later one wrote again: $status->{groups}{superseded} times");
    is($report->requests, $report->acknowledged, 'nobody has noticed');
    Results::Checker->bound('clocks 10 s apart: slowest write, s',
                            $report->slowest, 0.3);

    is($other->quit, 0, 'the second node quits');
};
