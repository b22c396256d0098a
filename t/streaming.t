#!/usr/bin/env perl

# Large collections: rows leave as they come.  They are held nowhere, a client
# that does not read stops them, and a reply that is cut off looks it.

use FindBin;
use lib "$FindBin::Bin/lib";
use Compress::Zlib qw(memGunzip);
use IO::Socket::INET;
use Results::Test;
use Results::Test::Http;
use Results::Test::Http2;
use Socket qw(SOL_SOCKET SO_LINGER SO_RCVBUF inet_aton pack_sockaddr_in);
use Time::HiRes qw(time);

# a checker is slow, but 4000 rows are more than the buffers of sockets, too
my $ROWS = $ENV{TEST_RESULTS_VALGRIND} ? 4000 : 10_000;
my $BIG = 1_000_000;

my $t = Results::Test->new(timeout => 400);
my $pg = $t->pg;

$pg->no_timeouts;

my $nginx = $t->nginx(http2 => 1, connections => 512,
    store => 'readers 3; read_timeout 120s; queue 100;');

my $uri = '/ims/oneroster/gradebook/v1p2/results';
my $page = "$uri?limit=$ROWS";

is($t->put('r-00000', $t->result)->status, 201, 'a result');

# 2 KB a row: more than all socket buffers on the way hold
$pg->do(q{
    INSERT INTO results.result (institution_id, kind, id, learner_id, item_id,
        status, score, completion, scored_at, detail, payload_hash, version,
        op, client_id, created_at, updated_at)
    SELECT institution_id, kind, 'r-' || to_char(n, 'FM00000'), learner_id,
           item_id, status, n, completion, scored_at,
           detail::jsonb || jsonb_build_object('comment', repeat('text ', 400)),
           n, 1, 1, client_id, created_at, updated_at
    FROM results.result, generate_series(1, ?) n
}, $ROWS - 1);

is($t->rows, $ROWS, "$ROWS of them");
$pg->do('ANALYZE results.result');


# a connection to nginx that takes little more than it reads
sub slow {
    my ($request) = @_;

    my $socket = IO::Socket::INET->new(Proto => 'tcp') or die;

    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, pack 'i', 1 << 17;
    connect $socket, pack_sockaddr_in($nginx->port, inet_aton('127.0.0.1'))
        or die "connect: $!";

    $socket->autoflush(1);
    print $socket $request;

    return $socket;
}


sub request {
    my ($what, %opt) = @_;
    return Results::Test::Http->format($opt{method} || 'GET', $what,
        $t->headers(type => undef, %opt));
}


# up to n bytes, or the end
sub take {
    my ($socket, $n) = @_;

    my $bytes = '';

    while (!defined $n || length $bytes < $n) {
        my $got = sysread $socket, $bytes, 65536, length $bytes;
        last if !$got;
    }

    return $bytes;
}


# the readers that stand in the middle of an answer
sub blocked {
    return $pg->value(q{
        SELECT count(*) FROM pg_stat_activity
        WHERE usename = ? AND wait_event = 'ClientWrite'
    }, $pg->gateway);
}

# they stand still, and do not only wait for nginx to come round
sub wait_for_pause {
    my ($n) = @_;

    my $seen = 0;

    ok(wait_for(sub {
        $seen = blocked() >= ($n || 1) ? $seen + 1 : 0;
        return $seen == 10;
    }), 'its rows wait');
}


# what is wrong with the text of the whole collection; empty when nothing is
sub wrong {
    my ($text) = @_;

    my @ids = $text =~ /\{"sourcedId":"(r-\d{5})",/g;

    return 'begins otherwise' if $text !~ /^\{"results":\[\{"sourcedId"/;
    return 'ends otherwise: ' . substr $text, -100
        if $text !~ /\}\],"totalCount":$ROWS,"pageCount":1,"pageNumber":1,"offset":0,"limit":$ROWS\}\z/;
    return scalar(@ids) . ' rows' if @ids != $ROWS;

    for my $i (0 .. $#ids) {
        return "row $i is $ids[$i]" if $ids[$i] ne sprintf 'r-%05d', $i;
    }

    return () = $text =~ /\}\},?(?:\{|\])/g, '';
}

sub complete { is((wrong($_[0]))[-1], '', $_[1]) }


sub memory {
    my ($name) = @_;

    open my $file, '<', '/proc/' . ($nginx->worker_pids)[0] . '/status'
        or die;
    my ($kb) = join('', <$file>) =~ /^$name:\s+(\d+) kB/m;
    return $kb;
}


# the most that the worker had since
sub reset_peak {
    open my $file, '>', '/proc/' . ($nginx->worker_pids)[0] . '/clear_refs'
        or return 0;
    print $file 5;
    return close $file;
}


subtest 'all of it' => sub {
    my $http = $t->http;

    # what the first one takes stays: buffers of libpq, pools
    complete($http->request('GET', $page, $t->headers(type => undef))->body,
             'the first time');

    my $checked = $ENV{TEST_RESULTS_ASAN} || $ENV{TEST_RESULTS_VALGRIND};
    my $before = memory('VmRSS');
    my $peak = reset_peak();

    for my $i (1 .. 3) {
        my $response = $http->request('GET', $page,
            $t->headers(type => undef));

        is($response->status, 200, 'again');
        complete($response->body, 'every row, in order');
        cmp_ok(length $response->body, '>', 2000 * $ROWS, 'of megabytes');
        is($response->header('Transfer-Encoding'), 'chunked', 'in chunks');
        is($response->header('Content-Length'), undef, 'of no known length');
        is($response->header('X-Total-Count'), $ROWS, 'and the total');
    }

    SKIP: {
        skip 'a checker keeps memory of its own', 1 if $checked || !$peak;

        my $grown = memory('VmHWM') - $before;

        cmp_ok($grown, '<', 2048, "the worker grew by $grown kB meanwhile");
    }

    $http->send(request($page) . request("$uri?limit=1&offset=7"));
    complete($http->response->body, 'and with the next request behind it');
    ok($http->response->body =~ /^\{"results":\[\{"sourcedId":"r-00007"/,
       'which is answered, too');
};


subtest 'HEAD' => sub {
    my $http = $t->http;
    my $response = $http->request('HEAD', $page, $t->headers(type => undef));

    is($response->status, 200, 'is answered');
    is($response->header('X-Total-Count'), $ROWS, 'with the total');

    $response = $http->request('GET', "$uri?limit=1&offset=5",
        $t->headers(type => undef));
    ok($response->body =~ /^\{"results":\[\{"sourcedId":"r-00005"/,
       'and nothing but its header was sent');
};


subtest 'HTTP/1.0 and HTTP/2' => sub {
    my $socket = slow(request($page) =~ s/HTTP\/1\.1/HTTP\/1.0/r);
    my ($head, $body) = split /\r\n\r\n/, take($socket), 2;

    unlike($head, qr/Transfer-Encoding/i, 'HTTP/1.0: no chunks');
    complete($body, 'HTTP/1.0');

    my $h2 = Results::Test::Http2->new(port => $nginx->http2_port);
    my $response = $h2->request('GET', "$uri?limit=2000",
        $t->headers(type => undef));

    like($response->body, qr/"totalCount":$ROWS,.*"limit":2000\}\z/, 'HTTP/2');
    is(scalar(() = $response->body =~ /\{"sourcedId":"r-/g), 2000, 'of rows');
    is($h2->request('GET', "$uri?limit=1", $t->headers(type => undef))
        ->status, 200, 'and the connection goes on');
};


subtest 'a row of a megabyte' => sub {
    my $body = $t->result(comment => 'x' x $BIG);

    is($t->put('s-big', $body)->status, 201, 'is stored');
    is($t->row('s-big')->{version}, 1, 'in the table');

    my $response = $t->request('GET', "$uri?limit=3&offset=" . ($ROWS - 2),
        $t->headers(type => undef));

    is($response->status, 200, 'and listed');
    is(length $response->json->{results}[2]{comment}, $BIG, 'with all of it');

    $pg->do("DELETE FROM results.result WHERE id = 's-big'");
};


subtest 'a client that stops reading stops the rows' => sub {
    my $before = memory('VmRSS');
    my $socket = slow(request($page) =~ s/HTTP\/1\.1/HTTP\/1.0/r);

    wait_for_pause();

    my $written = $t->put('while-1', $t->result);
    is($written->status, 201, 'writes go on');
    ok($t->row('while-1'), '... are stored');
    is($t->request('GET', "$uri/r-00001", $t->headers(type => undef))->status,
       200, 'other reads as well');

    my $start = time;
    my @requests = map { $t->put_request("while-$_", $t->result) } 2 .. 200;
    my @ok = grep { $_ && $_->status == 201 } $t->many(\@requests);

    is(scalar @ok, 199, 'many of them');
    note(sprintf '%d writes in %.2f s', scalar @ok, time - $start);
    is($t->rows, $ROWS + 200, '... all are stored');
    $pg->do("DELETE FROM results.result WHERE id LIKE 'while-%'");

    is(blocked(), 1, 'the rows have waited all the time');
    cmp_ok(memory('VmRSS') - $before, '<', 4096, 'and were held nowhere')
        if !$ENV{TEST_RESULTS_ASAN} && !$ENV{TEST_RESULTS_VALGRIND};

    complete((split /\r\n\r\n/, take($socket), 2)[1],
             'they come when it reads');
};


subtest 'lookups have a reader of their own' => sub {
    my @slow = map { slow(request($page)) } 1, 2;

    wait_for_pause(2);

    # all readers but one are taken: a GET has to wait, a lookup need not
    my $waits = $t->http;
    $waits->send(request("$uri/r-00001"));

    my $token = $t->token(client => $t->client);
    is($t->put('looked-up', $t->result, token => $token)->status, 201,
       'a new token is looked up');
    ok($t->row('looked-up'), '... and its result stored');
    $pg->do("DELETE FROM results.result WHERE id = 'looked-up'");

    ok($waits->silent, 'a GET waits');
    close $slow[0];
    is($waits->response('GET')->status, 200, 'until a reader is free');
};


subtest 'a client that leaves frees the reader' => sub {
    ok(wait_for(sub { !$t->status->{connections}{busy} }), 'none is busy');

    my $aborted = $t->status->{requests}{aborted};
    my $pids = sub { join ' ', sort @{ $pg->dbh->selectcol_arrayref(
        'SELECT pid FROM pg_stat_activity WHERE usename = ?', undef,
        $pg->gateway) } };
    my $before = $pids->();

    for my $how (qw(close reset)) {
        my $socket = slow(request($page));

        take($socket, 100_000);
        wait_for_pause();

        setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0
            if $how eq 'reset';
        close $socket;

        ok(wait_for(sub { !$t->status->{connections}{busy} }),
           "$how: the reader is free");
        is($pids->(), $before, 'on the connection it had');
    }

    my $h2 = Results::Test::Http2->new(port => $nginx->http2_port);
    my $id = $h2->open('GET', $page, $t->headers(type => undef));

    wait_for_pause();
    $h2->reset($id);
    ok(wait_for(sub { !$t->status->{connections}{busy} }),
       'a stream of HTTP/2 that is reset');

    $h2 = Results::Test::Http2->new(port => $nginx->http2_port);
    $h2->open('GET', $page, $t->headers(type => undef));
    wait_for_pause();
    $h2->close;
    ok(wait_for(sub { !$t->status->{connections}{busy} }),
       'a connection of HTTP/2 that is closed');

    is($pids->(), $before, 'no reader was lost');
    is($t->status->{requests}{aborted}, $aborted + 4, 'they are counted');
};


subtest 'many at once' => sub {
    my @requests = (request($page)) x 6;
    my @responses = $t->many(\@requests, connections => 6);

    complete($_ ? $_->body : '', 'whole') for @responses;
};


# a reply that was begun and can't be ended
sub is_cut {
    my ($bytes, $name) = @_;

    ok($bytes =~ /^HTTP\/1\.[01] 200 /, "$name: it had begun");
    ok($bytes !~ /\r\n0\r\n\r\n\z/, 'it has no last chunk');
    ok($bytes !~ /"totalCount"/, 'nor is the list closed');
}

sub cut_off {
    my ($name, $how) = @_;

    subtest $name => sub {
        my $cut = $t->status->{requests}{unavailable};
        my $socket = slow(request($page));
        my $old = slow(request($page) =~ s/HTTP\/1\.1/HTTP\/1.0/r);

        wait_for_pause(2);
        $how->();

        is_cut(take($socket), $name);
        is_cut(take($old), 'HTTP/1.0');
        is($t->status->{requests}{unavailable}, $cut + 2, 'that is counted');

        ok(wait_for(sub { $t->request('GET', "$uri?limit=1",
            $t->headers(type => undef))->status == 200 }),
           'then nginx goes on');
        complete($t->request('GET', $page, $t->headers(type => undef))->body,
                 'and lists all of it');
    };
}

cut_off('a backend that is terminated', sub {
    $pg->do('SELECT pg_terminate_backend(pid) FROM pg_stat_activity '
            . 'WHERE usename = ?', $pg->gateway);
});

cut_off('a statement that is cancelled', sub {
    $pg->do('SELECT pg_cancel_backend(pid) FROM pg_stat_activity '
            . 'WHERE usename = ?', $pg->gateway);
});

cut_off('PostgreSQL killed', sub {
    $pg->restart('kill');
});

subtest 'PostgreSQL killed: HTTP/2' => sub {
    my $h2 = Results::Test::Http2->new(port => $nginx->http2_port);
    my $id = $h2->open('GET', $page, $t->headers(type => undef));

    wait_for_pause();
    $pg->restart('kill');

    my $response = $h2->response($id);

    ok(($response ? $response->body : '') !~ /"totalCount"/,
       'the stream is reset');

    ok(wait_for(sub { $t->request('GET', "$uri?limit=1",
        $t->headers(type => undef))->status == 200 }), 'nginx goes on');
};


subtest 'before the first row nothing is lost' => sub {
    my $http = $t->http;

    $pg->with_lock('results.result', 'ACCESS EXCLUSIVE', sub {
        $http->send(request("$uri?limit=3"));
        ok($pg->wait_for_blocked(1), 'a read waits for a lock');

        $pg->do('SELECT pg_terminate_backend(pid) FROM pg_stat_activity '
                . 'WHERE usename = ? AND wait_event_type = ?', $pg->gateway,
                'Lock');
        ok($pg->wait_for_blocked(1), 'it is asked again');
    });

    is($http->response->status, 200, 'and answered');
};


subtest 'gzip, limit_rate' => sub {
    $nginx->set(location => 'gzip on; gzip_types application/json;'
                . 'gzip_min_length 0; limit_rate 16m;');
    $nginx->reload(wait => 1);

    complete($t->request('GET', $page, $t->headers(type => undef))->body,
             'with limit_rate');

    my $response = $t->request('GET', $page, $t->headers(type => undef,
        more => ['Accept-Encoding' => 'gzip']));

    is($response->header('Content-Encoding'), 'gzip', 'compressed');
    complete(memGunzip($response->body), 'and with gzip');
};


subtest 'send_timeout' => sub {
    $nginx->set(location => 'send_timeout 1s;');
    $nginx->reload(wait => 1);

    my $socket = slow(request($page));

    wait_for_pause();
    ok(wait_for(sub { !blocked() }), 'it is given up');
    is_cut(take($socket), 'send_timeout');
    ok($nginx->wait_for_log(qr/results: the client does not read its reply/),
       'and the log says why');
    ok(wait_for(sub { !$t->status->{connections}{busy} }),
       'the reader is free');
};


subtest 'read_timeout' => sub {
    $nginx->set(location => '', store => 'readers 3; read_timeout 3s;');
    $nginx->reload(wait => 1);

    my $socket = slow(request($page));

    wait_for_pause();
    ok(wait_for(sub { !blocked() }), 'the read is given up');
    is_cut(take($socket), 'read_timeout');
    ok(wait_for(sub { !$t->status->{connections}{busy} }),
       'the reader is free');

    my $response;

    $pg->with_lock('results.result', 'ACCESS EXCLUSIVE', sub {
        $response = $t->request('GET', $page, $t->headers(type => undef));
    });

    is($response->status, 503, 'a read that waits too long is refused');
    is($response->header('Retry-After'), 1, 'and may come again');
};


# its connection is the same structure again
subtest 'the only reader is given up while its rows wait' => sub {
    $nginx->set(store => 'readers 1; read_timeout 3s;');
    $nginx->reload(wait => 1);

    my $socket = slow(request($page));

    wait_for_pause();
    ok(wait_for(sub { !blocked() }), 'it is given up');

    my $token = $t->token(client => $t->client);

    is($t->request('GET', "$uri/r-00001",
                   $t->headers(type => undef, token => $token))->status, 200,
       'a token is looked up, and a result is read');
    close $socket;
};


subtest 'a reload' => sub {
    $nginx->set(store => 'readers 3; read_timeout 120s;');
    $nginx->reload(wait => 1);

    my $socket = slow(request($page) =~ s/HTTP\/1\.1/HTTP\/1.0/r);

    wait_for_pause();
    $nginx->reload;

    is($t->request('GET', "$uri?limit=1", $t->headers(type => undef))->status,
       200, 'new workers serve');
    complete((split /\r\n\r\n/, take($socket), 2)[1],
             'the old one ends what it began');
};
