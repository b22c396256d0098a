#!/usr/bin/env perl

# Large collections: rows leave as they come.  What a client does not take is
# kept in a temporary file, so that it holds neither a reader nor memory; and a
# reply that is cut off looks it.

use FindBin;
use lib "$FindBin::Bin/lib";
use Compress::Zlib qw(memGunzip);
use IO::Socket::INET;
use Results::Test;
use Results::Test::Http;
use Results::Test::Http2;
use Results::Test::Report;
use Socket qw(SOL_SOCKET SO_LINGER SO_RCVBUF inet_aton pack_sockaddr_in);
use Time::HiRes qw(time);

# 4000 rows are more than the buffers of sockets, too
my $ROWS = $ENV{TEST_RESULTS_VALGRIND} ? 4000 : 5000;
my $BIG = 1_000_000;

my $t = Results::Test->new(timeout => 400);
my $pg = $t->pg;

$pg->no_timeouts;

my $nginx = $t->nginx(http2 => 1, connections => 512,
    server => Results::Test::Report::server(),
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


# replies that went on in a temporary file so far
sub spooled {
    return scalar(() = $nginx->log_text
                  =~ /results: a reply is buffered to a temporary file/g);
}

# the temporary files that are open
sub files {
    return scalar grep { (readlink($_) // '') =~ m{/client_body/} }
        map { glob "/proc/$_/fd/*" } $nginx->worker_pids;
}

# no reader is at work, though nobody has read
sub is_free {
    my ($name) = @_;
    ok(wait_for(sub { !$t->status->{connections}{busy} }), $name);
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


subtest 'a client that does not read holds no reader' => sub {
    my $before = memory('VmRSS');
    my $spooled = spooled();
    my @slow = map { slow(request($page) =~ s/HTTP\/1\.1/HTTP\/1.0/r) } 1 .. 3;

    ok(wait_for(sub { spooled() == $spooled + 3 }), 'three pages wait for it');
    is_free('and the readers are free');
    is(files(), 3, 'the rows are in files');

    is($t->request('GET', "$uri/r-00001", $t->headers(type => undef))->status,
       200, 'a result is read');
    like($t->request('GET', "$uri?limit=1", $t->headers(type => undef))->body,
         qr/"totalCount":$ROWS,/, 'and a page');

    cmp_ok(memory('VmRSS') - $before, '<', 3072, 'no page is in memory')
        if !$ENV{TEST_RESULTS_ASAN} && !$ENV{TEST_RESULTS_VALGRIND};

    complete((split /\r\n\r\n/, take($_), 2)[1], 'they come when it reads')
        for @slow;
    ok(wait_for(sub { !files() }), 'and the files are gone');
};


subtest 'replies that a client leaves unread are bounded' => sub {
    my @slow = map { slow(request($page)) } 1 .. 16;

    ok(wait_for(sub { files() == 16 }), 'sixteen');

    for my $more ($page, "$uri?limit=1") {
        my $response = $t->request('GET', $more, $t->headers(type => undef));

        is($response->status, 503, 'one more is refused');
        is($response->header('Retry-After'), 1, 'for now');
    }

    is($t->request('GET', "$uri/r-00001", $t->headers(type => undef))->status,
       200, 'a single result is not');

    my $other = $t->token(client => $t->client);

    complete($t->request('GET', $page,
        $t->headers(type => undef, token => $other))->body,
        'nor is another client');

    close $slow[0];
    ok(wait_for(sub { files() < 16 }), 'one leaves');
    complete($t->request('GET', $page, $t->headers(type => undef))->body,
             'then there is room');

    # asked at once, so that none is large yet when the last one is asked
    my @responses = $t->many([(request($page)) x 4], connections => 4);
    my @status = sort map { $_->status } @responses;

    is($status[-1], 503, 'where several come at once the one too many as well')
        if grep { $_ == 503 } @status;
    complete($_->body, 'the others are whole')
        for grep { $_->status == 200 } @responses;
};


subtest 'a client that leaves' => sub {
    is_free('none is busy');
    ok(wait_for(sub { !files() }), 'and there is no file');

    my $aborted = $t->status->{requests}{aborted};
    my $pids = sub { join ' ', sort @{ $pg->dbh->selectcol_arrayref(
        'SELECT pid FROM pg_stat_activity WHERE usename = ?', undef,
        $pg->gateway) } };
    my $before = $pids->();

    for my $how (qw(close reset)) {
        my $socket = slow(request($page));

        take($socket, 100_000);
        ok(wait_for(sub { files() }), 'its rows wait');

        setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0
            if $how eq 'reset';
        close $socket;

        ok(wait_for(sub { !files() }), "$how: the file is gone");
    }

    my $h2 = Results::Test::Http2->new(port => $nginx->http2_port);
    my $id = $h2->open('GET', $page, $t->headers(type => undef));

    ok(wait_for(sub { files() }), 'rows of HTTP/2 wait');
    $h2->reset($id);
    ok(wait_for(sub { !files() }), 'a stream of HTTP/2 that is reset');

    $h2 = Results::Test::Http2->new(port => $nginx->http2_port);
    $h2->open('GET', $page, $t->headers(type => undef));
    ok(wait_for(sub { files() }), 'rows of HTTP/2 wait');
    $h2->close;
    ok(wait_for(sub { !files() }), 'a connection of HTTP/2 that is closed');

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

# from here on through a proxy, which loses rows in the middle
my $direct = $nginx->{conninfo};
my $proxy = $t->proxy;

$nginx->set(conninfo => $direct =~ s/host=\S+(?: port=\d+)?/
                                     $proxy->conninfo_host/er);
$nginx->reload(wait => 1);

subtest 'a connection that is lost behind what has left' => sub {
    my $cut = $t->status->{requests}{unavailable};

    $proxy->cut_after('down', 5_000_000);
    is_cut(take(slow(request($page))), 'read at once');
    $proxy->cut_after('down', 5_000_000);
    is_cut(take(slow(request($page) =~ s/HTTP\/1\.1/HTTP\/1.0/r)),
           'HTTP/1.0');

    $proxy->cut_after('down', 7_000_000);

    my $unread = slow(request($page));
    ok(wait_for(sub { $t->status->{requests}{unavailable} == $cut + 3 }),
       'one that is not read: they are counted');
    is_cut(take($unread), 'not read');

    my $h2 = Results::Test::Http2->new(port => $nginx->http2_port);

    $proxy->cut_after('down', 5_000_000);
    my $response = $h2->request('GET', $page, $t->headers(type => undef));

    ok(($response ? $response->body : '') !~ /"totalCount"/,
       'HTTP/2: the stream is reset');

    complete($t->request('GET', $page, $t->headers(type => undef))->body,
             'and then nginx lists all of it');
};


# the rows have come, and the end of the statement is lost
subtest 'a connection that is lost before anything has left' => sub {
    my $unavailable = $t->status->{requests}{unavailable};
    my $owner = $pg->value(q{
        INSERT INTO results.person (institution_id, id, role)
        VALUES (?, 'owner', 'account_owner') RETURNING id
    }, $t->fixtures->institution);
    my $headers = $t->headers(type => undef);
    my $base = $uri =~ s{/results\z}{}r;

    is($t->request('PUT', "$base/assessmentResults/a", $t->headers,
                   $t->encode({ assessmentResult => {
                       %{ $t->result->{result} }, lineItem => undef,
                       assessmentLineItem => { sourcedId => 'i' } } }))
       ->status, 201, 'an assessment result');

    my %requests = (
        'a page'   => ['GET', "$uri?limit=12", $headers],
        'a report' => ['GET', '/learners/modules/results', $t->headers(
            type => undef, token => $t->token(person => $owner))],
        'a result' => ['GET', "$base/assessmentResults/a", $headers],
        'no result' => ['GET', "$uri/nobody", $headers],
    );

    for my $what (sort keys %requests) {
        my ($whole, $bytes);

        # fewer bytes than with a check of the connection between
        for (1 .. 3) {
            my $before = $proxy->stats->{down};

            $whole = $t->request(@{ $requests{$what} });
            my $n = $proxy->stats->{down} - $before;
            $bytes = $n if !$bytes || $n < $bytes;
        }

        my $closed = $proxy->stats->{closed};
        $proxy->cut_after('down', $bytes - 3);

        my $again = $t->request(@{ $requests{$what} });

        is($proxy->stats->{closed}, $closed + 1, "$what: a connection is lost");
        is($again->status, $whole->status, 'the read is answered');
        is($again->body, $whole->body, 'as before');
        is($again->header('Link'), $whole->header('Link'), 'with its links');
        next if $what ne 'a result';

        # its read is that one
        $proxy->cut_after('down', $bytes - 3);
        is($t->request('PATCH', $requests{$what}[1], $t->headers,
            '{"assessmentResult":{"textScore":"patched"}}')->status, 200,
           'PATCH');
        is($proxy->stats->{closed}, $closed + 2, 'has lost one, too');
        like($t->row('a')->{detail}, qr/"patched"/, 'and is stored');
    }

    is($t->status->{requests}{unavailable}, $unavailable, 'no 503');
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

    $nginx->set(location => $nginx->{location} =~ s/16m/200k/r);
    $nginx->reload(wait => 1);

    my $spooled = spooled();
    my $http = $t->http;

    $http->send(Results::Test::Http->format('GET', $page,
        $t->headers(type => undef, more => ['Accept-Encoding' => 'gzip'])));

    is_free('gzip to a slow client: the reader is free');
    complete(memGunzip($http->response->body), '... and all of it comes');
    is(spooled(), $spooled + 1, '... from a file');
};


subtest 'send_timeout' => sub {
    $nginx->set(location => 'send_timeout 1s;');
    $nginx->reload(wait => 1);

    my $socket = slow(request($page));

    ok(wait_for(sub { files() }), 'its rows wait');
    ok(wait_for(sub { !files() }), 'it is given up');
    is_cut(take($socket), 'send_timeout');
};


subtest 'read_timeout' => sub {
    $nginx->set(location => '', store => 'readers 3; read_timeout 1s;');
    $nginx->reload(wait => 1);

    $proxy->hold_after('down', 5_000_000);
    is_cut(take(slow(request($page))), 'read_timeout');
    $proxy->pass;
    is_free('the reader is free');

    my $response;

    $pg->with_lock('results.result', 'ACCESS EXCLUSIVE', sub {
        $response = $t->request('GET', $page, $t->headers(type => undef));
    });

    is($response->status, 503, 'a read that waits too long is refused');
    is($response->header('Retry-After'), 1, 'and may come again');
};


subtest 'results_max_temp_file_size' => sub {
    $nginx->set(store => 'readers 1; read_timeout 120s;',
                location => 'results_max_temp_file_size 1m;');
    $nginx->reload(wait => 1);

    my $socket = slow(request($page));

    ok($nginx->wait_for_log(
        qr/larger than results_max_temp_file_size/), 'the log says so');
    is_cut(take($socket), 'beyond it');

    my $token = $t->token(client => $t->client);

    is($t->request('GET', "$uri/r-00001",
                   $t->headers(type => undef, token => $token))->status, 200,
       'with one reader a token is looked up, and a result is read');
};


subtest 'a reload' => sub {
    $nginx->set(store => 'readers 3; read_timeout 120s;', location => '');
    $nginx->reload(wait => 1);

    my $socket = slow(request($page) =~ s/HTTP\/1\.1/HTTP\/1.0/r);

    ok(wait_for(sub { files() }), 'a client does not read');
    $nginx->reload;

    is($t->request('GET', "$uri?limit=1", $t->headers(type => undef))->status,
       200, 'new workers serve');
    complete((split /\r\n\r\n/, take($socket), 2)[1],
             'the old one ends what it began');
};
