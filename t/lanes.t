#!/usr/bin/env perl

# Large pages, single reads, new tokens and their issue do not wait for each
# other, with the readers there are by default: one client leaves page after
# page unread, another asks for one after the other, and another institution
# is served as if there were neither, but that its pages wait for one of theirs.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use POSIX ();
use Results::Test::Http;
use Socket qw(AF_INET SOCK_STREAM SOL_SOCKET SO_RCVBUF inet_aton
              pack_sockaddr_in);
use Time::HiRes qw(sleep time);

my $ROWS = 8000;
my $SECONDS = $ENV{TEST_RESULTS_VALGRIND} ? 20 : 5;

my $t = Results::Test->new(timeout => 300);
my $pg = $t->pg;
my $nginx = $t->nginx(server => 'location = /token { results_token_endpoint; }');

my $uri = '/ims/oneroster/gradebook/v1p2/results';
my $page = "$uri?limit=$ROWS";

is($t->put('r-1', $t->result)->status, 201, 'a result');

$pg->do(q{
    INSERT INTO results.result (institution_id, kind, id, learner_id, item_id,
        status, score, completion, scored_at, detail, payload_hash, version,
        op, client_id, created_at, updated_at)
    SELECT institution_id, kind, 's-' || n, learner_id, item_id, status, n,
           completion, scored_at,
           detail::jsonb || jsonb_build_object('comment', repeat('text ', 400)),
           n, 1, 1, client_id, created_at, updated_at
    FROM results.result, generate_series(1, ?) n
}, $ROWS);
$pg->do('ANALYZE results.result');

# who must not notice
my $other = $t->client(institution => 'other');
my $token = $t->token(client => $other);

is($t->put('mine', $t->result, token => $token)->status, 201,
   'a result of another institution');

my $name = $pg->value('SELECT client_id FROM results.api_client WHERE id = ?',
                      $other);

$pg->do(q{
    INSERT INTO results.client_secret (institution_id, client_id, slot,
        secret_sha256)
    SELECT institution_id, id, 1, sha256('secret')
    FROM results.api_client WHERE id = ?
}, $other);


# one request: its status, and how long it took
sub timed {
    my ($request) = @_;

    my $start = time;
    my $response = $request->();

    return [$response->status, time - $start];
}

my %work = (
    'a result is read' => sub {
        $t->request('GET', "$uri/mine", $t->headers(type => undef,
            token => $token));
    },
    'a new token is looked up' => sub {
        $t->request('GET', "$uri/mine", $t->headers(type => undef,
            token => $t->token(client => $other)));
    },
    'a token is issued' => sub {
        $t->request('POST', '/token',
            ['Content-Type' => 'application/x-www-form-urlencoded'],
            "grant_type=client_credentials&client_id=$name"
            . '&client_secret=secret');
    },
    'a small page is read' => sub {
        $t->request('GET', "$uri?limit=1", $t->headers(type => undef,
            token => $token));
    },
);


# each of them again and again: the times by name, and the longest of each
sub serve {
    my ($seconds) = @_;

    my (%times, %failed);
    my $end = time + $seconds;

    while (time < $end) {
        for my $what (sort keys %work) {
            my ($status, $time) = @{ timed($work{$what}) };

            push @{ $times{$what} }, $time;
            $failed{$what} .= " $status" if $status != 200;
        }

        sleep 0.02;
    }

    my %median = map {
        my @sorted = sort { $a <=> $b } @{ $times{$_} };
        ($_ => $sorted[@sorted / 2]);
    } keys %times;

    return (\%median, \%failed, scalar @{ $times{'a result is read'} });
}


# a child with a client of its own until it is ended
sub start_client {
    my ($client) = @_;

    pipe my $reader, my $stop or die "pipe: $!";
    my $pid = fork() // die "fork: $!";

    if ($pid) {
        close $reader;
        return { pid => $pid, stop => $stop };
    }

    close $stop;

    my $over = sub {
        my $mask = '';
        vec($mask, fileno $reader, 1) = 1;
        return select $mask, undef, undef, $_[0];
    };

    $client->($over);
    POSIX::_exit(0);
}

sub stop_client {
    my ($client) = @_;

    close $client->{stop};
    local $?;
    waitpid $client->{pid}, 0;
}


# takes nothing of what it asks for
sub unread {
    my ($headers) = @_;

    socket my $socket, AF_INET, SOCK_STREAM, 0 or die "socket: $!";
    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, pack 'i', 1 << 16;
    connect $socket, pack_sockaddr_in($nginx->port, inet_aton('127.0.0.1'))
        or die "connect: $!";
    syswrite $socket, Results::Test::Http->format('GET', $page, $headers);

    return $socket;
}


serve(0.5);
my ($before, $none, $n) = serve(2);

is_deeply($none, {}, 'nothing fails');
note(sprintf '%s: %.1f ms', $_, 1000 * $before->{$_}) for sort keys %$before;


sub not_slowed {
    my ($name, $page_time) = @_;

    my ($median, $failed, $asked) = serve($SECONDS);

    for my $what (sort keys %work) {
        my $limit = 10 * $before->{$what} + 0.1;

        # the time of the page that is being read, but not of all that wait
        $limit += 6 * $page_time if $what =~ /page/ && $page_time;

        is($failed->{$what}, undef, "$name: $what");
        cmp_ok($median->{$what}, '<', $limit, sprintf '... %.1f ms, not %.1f',
               1000 * $median->{$what}, 1000 * $limit);
    }
}


subtest 'a client that leaves pages unread, one more every second' => sub {
    my $headers = $t->headers(type => undef);
    my $client = start_client(sub {
        my ($over) = @_;
        my @sockets;

        do { push @sockets, unread($headers) } while !$over->(1);
    });

    not_slowed('unread');
    stop_client($client);
};


subtest 'a client that asks for pages without end' => sub {
    my $headers = $t->headers(type => undef,
                              token => $t->token(client => $t->client));
    my (undef, $alone) = @{ timed(sub { $t->request('GET', $page, $headers) }) };

    my $client = start_client(sub {
        my ($over) = @_;

        my $bytes = Results::Test::Http->format('GET', $page, $headers);

        $t->many([($bytes) x 16], connections => 16) while !$over->(0);
    });

    not_slowed('pages', $alone);
    stop_client($client);
};
