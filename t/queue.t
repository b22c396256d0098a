#!/usr/bin/env perl

# The queue is bounded, in rows and in bytes: what does not fit is refused
# before its body is read, and may be sent again.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;
use Results::Test::OneRoster;

my $t = Results::Test->new;
my $pg = $t->pg;

$pg->no_timeouts;

my $store = 'connections 1; write_timeout 60s; read_timeout 60s;';
my $nginx = $t->nginx(store => "$store queue 4;",
                      server => Results::Test::OneRoster->servers);


# fills the queue with PUTs of the body, then runs the code with their number
sub when_full {
    my ($name, $body, $code) = @_;

    $t->put("$name-warm", $t->result);

    my (@clients, $refused);

    $pg->with_lock('results.result', 'SHARE', sub {
        push @clients, my $first = $t->http;
        $first->send($t->put_request("$name-0", $t->result));
        $pg->wait_for_blocked(1) or die "nothing is in flight\n";

        for my $i (1 .. 20) {
            my $c = $t->http;
            $c->send($t->put_request("$name-$i", $body));

            wait_for(sub {
                $t->status->{queue}{rows} >= $i || !$c->silent
            }) or die "nothing happens to request $i\n";

            last if $refused = !$c->silent && $c->response('PUT');
            push @clients, $c;
        }

        $code->($refused, @clients - 1);
    });

    is_deeply([map { $_->response('PUT')->status } @clients],
              [(201) x @clients], 'all that were queued are created');
}


subtest 'rows' => sub {
    # its body is still to come when there is room
    my $late = $t->http;
    my $last = $t->put_request('late', $t->result);

    $late->send(substr $last, 0, -1, '');
    when_full('rows', $t->result, sub {
        my ($refused, $n) = @_;

        $late->send($last);
        is($late->response('PUT')->status, 503,
           'and what began before it was full');

        cmp_ok($n, '>=', 3, 'some fit');
        cmp_ok($n, '<=', 5, 'no more than the queue has room for');
        is($refused->status, 503, 'then 503');
        ok($refused->header('Retry-After'), 'with Retry-After');
        is($refused->json->{imsx_CodeMinor}{imsx_codeMinorField}[0]
             {imsx_codeMinorFieldValue}, 'server_busy', 'and the payload');

        my ($head) = $t->put_request('head', $t->result)
            =~ /^(.*?\r\n\r\n)/s;

        my $c = $t->http;
        $c->send($head);
        is($c->response('PUT')->status, 503, 'before the body has come');

        is($t->put('unknown', $t->result, token => 'x' x 43)->status, 401,
           'a bad token gets its 401');
        is($t->put('invalid', '{', type => 'text/plain')->status, 415,
           'and another type its 415');
    });

    is($t->put('head', $t->result)->status, 201, 'sent again: created');
    cmp_ok($t->status->{queue}{refused}, '>=', 2, 'and counted');
    is($t->status->{queue}{rows}, 0, 'the queue is empty');
};


subtest 'what no time will make fit' => sub {
    my $refused = $t->status->{queue}{refused};
    my $or = Results::Test::OneRoster->new($t, 'oneroster');

    my $response = $or->post('lineItems/line-item-1/results', {
        results => [map { $or->member("fit-$_") } 1 .. 5] });

    is($response->status, 413, 'more rows than the queue: 413');
    like($or->description($response), qr/\b5\b.*\b4\b/, 'says how many');
    ok(!$response->header('Retry-After'), 'not to be sent again');
    is($or->post('lineItems/line-item-1/results', {
        results => [map { $or->member("fit-$_") } 1 .. 4] })->status, 201,
       'as many as the queue has: stored');

    $nginx->set(store => "$store queue 1000 size=64k;");
    $nginx->reload(wait => 1);

    my $large = $t->result(metadata => { text => 'x' x (64 * 1024) });
    my ($head) = $t->put_request('large', $large) =~ /^(.*?\r\n\r\n)/s;
    my $c = $t->http;

    $c->send($head);
    $response = $c->response('PUT');
    is($response->status, 413, 'more bytes: 413, before the body has come');
    ok(!$response->header('Retry-After'), 'not to be sent again');

    # the record that is made of it takes more than the body
    my $close = $t->result(metadata => { text => '' });
    $close->{result}{metadata}{text}
        = 'x' x (64 * 1024 - 1 - length $t->encode($close));
    is(length $t->encode($close), 64 * 1024 - 1, 'a body that would fit');
    is($t->put('close', $close)->status, 413, 'and its record does not: 413');

    is($t->status->{queue}{refused}, $refused, 'none of it is a full queue');
};


subtest 'bytes' => sub {
    $nginx->set(store => "$store queue 1000 size=64k;");
    $nginx->reload;

    my $body = $t->result(metadata => { text => 'x' x 15000 });

    when_full('bytes', $body, sub {
        my ($refused, $n) = @_;

        cmp_ok($n, '>=', 1, 'some fit');
        cmp_ok($n, '<=', 5, 'no more than the queue has room for');
        is($refused && $refused->status, 503, 'then 503');
    });

    is($t->status->{queue}{bytes}, 0, 'the queue is empty');
};
