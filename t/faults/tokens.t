#!/usr/bin/env perl

# Tokens that are revoked or expire under load, a flood of random ones beside
# the good, and ten thousand requests with one that nobody has seen.

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use Results::Checker;
use Results::Test;
use Time::HiRes qw(sleep);

my $WORKERS = 2;
my $TTL = 2;
my $MANY = 10_000;
my $SECONDS = 6;    # of a flood

my $t = Results::Test->new(timeout => 240);
my $pg = $t->pg;

my $nginx = $t->nginx(workers => $WORKERS, connections => 8192,
    globals => 'worker_rlimit_nofile  20000;', log => 'notice',
    zone => "tokens:16m ttl=${TTL}s negative_ttl=1h",
    http => 'map $request_method $write { PUT 1; } '
        . 'log_format token $results_token;',
    server => Results::Checker->server
        . ' access_log token.log token if=$write;'
        . ' location /plain { return 401; }');


sub now { Results::Checker::now() }

# seconds until a token is refused, while others write
sub refused_after {
    my ($token, $code) = @_;

    my $checker = Results::Checker->start($t);
    my $put = sub { $t->put('refused', $t->result, token => $token)->status };

    $checker->flows;
    like($put->(), qr/^20[01]$/, 'the token is good');

    my $from = $code->();
    my %seen;

    ok(wait_for(sub { $seen{ my $status = $put->() }++; $status == 401 }),
       'until it is refused');
    my $seconds = now() - $from;

    is(join(' ', sort keys %seen), $seen{200} ? '200 401' : '401',
       'and nothing in between');
    is(scalar(grep { $put->() != 401 } 1 .. 20), 0, 'for good');
    is($t->row('refused')->{version}, 1 + ($seen{200} // 0),
       'what was refused is not stored') if !$seen{201};
    $pg->do(q{DELETE FROM results.result WHERE id = 'refused'});

    $checker->flows;
    return ($seconds, $checker);
}


subtest 'revoked' => sub {
    my $token = $t->token(client => $t->client);

    my ($seconds, $checker) = refused_after($token, sub {
        $pg->do(q{UPDATE results.access_token SET revoked_at = now()
                  WHERE token_sha256 = sha256(?::bytea)}, $token);
        return now();
    });

    is($checker->finish('a token is revoked')->failed, 0,
       'others have not noticed');
    cmp_ok($seconds, '<=', $TTL + 1, sprintf 'after %.2f s', $seconds);
    Results::Checker->bound('revoked: refused after, s', $seconds, $TTL);
};


subtest 'expired' => sub {
    my $token = $t->token(client => $t->client, ttl => 3);
    my $from = now() + 3;

    my ($seconds, $checker) = refused_after($token, sub { $from });

    is($checker->finish('a token expires')->failed, 0,
       'others have not noticed');

    # its seconds are whole ones
    cmp_ok($seconds, '<=', 1 + 1, sprintf 'after %.2f s', $seconds);
    Results::Checker->bound('expired: refused after, s', $seconds, 1);
};


# p99 of the acknowledged writes, ms
sub p99 {
    my ($report) = @_;

    my @ms = sort { $a <=> $b } map { 1000 * ($_->[3] - $_->[2]) }
        grep { $_->[4] =~ /^2/ } @{ $report->{log} };

    return $ms[0.99 * $#ms];
}


# writes while wrk sends random tokens to a URI: the checker's report, and the
# requests of wrk, with a test that all were refused
sub beside {
    my ($name, $uri) = @_;

    my $script = $t->dir . '/flood.lua';
    open my $file, '>', $script or die "$script: $!\n";
    print $file <<'EOL';
init = function() math.randomseed(os.time()) end
request = function()
    return wrk.format("GET", nil, { Authorization = string.format(
        "Bearer %08x%08x%08x", math.random(0, 0x7fffffff),
        math.random(0, 0x7fffffff), math.random(0, 0x7fffffff)) })
end
EOL
    close $file;

    my $checker = Results::Checker->start($t, kinds => ['put']);
    $checker->flows;

    my (undef, $text) = Results::Test::Process->run(
        ['wrk', '-t', 1, '-c', 64, '-d', "${SECONDS}s", '-s', $script,
         'http://127.0.0.1:' . $nginx->port . $uri]);

    my $report = $checker->finish($name);
    my ($n) = $text =~ /(\d+) requests in/ or die "wrk: $text\n";
    my ($bad) = $text =~ /Non-2xx or 3xx responses: (\d+)/;

    is($bad, $n, 'all of the flood is refused');
    is($report->failed, 0, 'nobody else has noticed');

    return ($report, $n);
}


# a token is looked up when it is new, and each TTL: of seconds in the tests
# above
subtest 'a flood of random tokens' => sub {
    unlink "$nginx->{prefix}/token.log";
    $nginx->set(zone => 'tokens:16m ttl=30s negative_ttl=1h');
    $nginx->reload(wait => 1);

    my $checker = Results::Checker->start($t, kinds => ['put']);
    sleep $SECONDS / 2;
    my $calm = $checker->finish('before the flood');

    # what wrk, and as many requests, take from the machine
    my ($plain) = beside('a flood of 401s of nginx alone', '/plain');
    my ($flooded, $n) = beside('a flood of random tokens', $t->uri('flood'));

    # nobody else writes
    my %tokens;
    open my $log, '<', "$nginx->{prefix}/token.log" or die "token.log: $!\n";
    $tokens{$_}++ for <$log>;

    my $hits = $tokens{"HIT\n"} // 0;
    my $rate = 100 * $hits / ($hits + ($tokens{"MISS\n"} // 0));
    my ($calm_p99, $plain_p99, $p99) = map { p99($_) } $calm, $plain, $flooded;

    note(sprintf '%d random tokens a second; valid ones: p99 %.1f ms, before'
         . ' %.1f ms, beside 401s of nginx alone %.1f ms; %.2f%% hits',
         $n / $SECONDS, $p99, $calm_p99, $plain_p99, $rate);

    cmp_ok($rate, '>=', 99, 'valid tokens stay in the cache');

    Results::Checker->bound('a flood of tokens: valid p99, ms', $p99,
        sprintf '%.1f', 2 * ($plain_p99 > $calm_p99 ? $plain_p99 : $calm_p99));
};


subtest "$MANY requests at once with a new token" => sub {
    my $token = $t->token(client => $t->client);
    my $before = $pg->calls('%lookup_tokens%');
    my @sockets;

    # what a body is worth is looked at when its token is known
    my $bytes = $t->put_request('new', '{', token => $token);

    for (1 .. $MANY) {
        push @sockets, IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $nginx->port, Proto => 'tcp') || die "connect: $!\n";
    }

    my $held = now();

    $pg->with_lock('results.access_token', 'ACCESS EXCLUSIVE', sub {
        syswrite $_, $bytes for @sockets;
        $held = now() - $held;
    });

    # at most 4096 wait in a worker; the others are told to come again
    my (%statuses, @again);

    for my $socket (@sockets) {
        sysread $socket, my $answer, 4096;
        my ($status) = ($answer // '') =~ m{^HTTP/1.1 (\d+)};
        $statuses{$status // 'none'}++;
        push @again, $bytes if ($status // 0) == 503;
        close $socket;
    }

    my $calls = $pg->calls('%lookup_tokens%') - $before;

    note(sprintf '%s; %d lookups; sent in %.2f s',
         join(', ', map { "$statuses{$_} of $_" } sort keys %statuses),
         $calls, $held);

    is(($statuses{400} // 0) + @again, $MANY, 'all are answered');
    cmp_ok($statuses{400} // 0, '>=', 4096, 'as many as may wait know it');
    cmp_ok($calls, '<=', $WORKERS, 'one lookup a worker');
    is(scalar(grep { $_->status == 400 } $t->many(\@again)), @again,
       'the others do, a moment later');
    is($pg->calls('%lookup_tokens%') - $before, $calls,
       'without another lookup');
    is($t->row('new'), undef, 'nothing is stored');
};
