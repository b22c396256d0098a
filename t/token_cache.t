#!/usr/bin/env perl

# The token cache: what it answers by itself, what it forgets and when, and
# what lives through a reload.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

my $t = Results::Test->new;
my $pg = $t->pg;
my $nginx = $t->nginx(zone => 'tokens:64k ttl=1h negative_ttl=1h');

my $slow = $ENV{TEST_RESULTS_VALGRIND};


sub put_status {
    my ($token) = @_;
    return $t->put('r', $t->result, token => $token)->status;
}

sub put_request {
    my ($token) = @_;
    return $t->put_request('r', $t->result, token => $token);
}

sub asked { $t->status->{tokens}{lookups} }


subtest 'a token is looked up once' => sub {
    my $before = asked();

    put_status($t->token) for 1 .. 5;
    is(asked() - $before, 1, 'five requests, one lookup');

    $before = asked();

    put_status('nobodys' . 'x' x 40) for 1 .. 5;
    is(asked() - $before, 1, 'one that is nobody\'s, too');
};


subtest 'a flood of unknown tokens pushes out no good one' => sub {
    my $n = $slow ? 500 : 5000;
    my @flood = map { put_request(sprintf 'unknown%036d', $_) } 1 .. $n;
    my $before = asked();

    my @statuses = map { $_ ? $_->status : 0 } $t->many(\@flood);

    is(scalar(grep { $_ == 401 } @statuses), $n, "$n of them get 401");
    is(asked() - $before, $n, 'each was looked up');

    $before = asked();

    is(put_status($t->token), 200, 'the good token is good');
    is(asked() - $before, 0, 'and still in the cache');
};


subtest 'a zone that is too small for its tokens' => sub {
    my $client = $t->client;
    my $n = 600;
    my @tokens = map { $t->token(client => $client) } 1 .. $n;

    for my $round (1, 2) {
        my @statuses = map { $_ ? $_->status : 0 }
            $t->many([map { put_request($_) } @tokens]);

        is(scalar(grep { $_ == 200 } @statuses), $n,
           "round $round: every token is good");
    }

    my $tokens = $t->status->{tokens};

    cmp_ok($tokens->{capacity}, '<', $n, 'more tokens than entries');
    cmp_ok($tokens->{entries}, '<=', $tokens->{capacity}, 'none too many');
    cmp_ok($tokens->{evictions}, '>', 0, 'some were pushed out');
};


subtest 'a reload keeps the zone' => sub {
    put_status($t->token);

    my $before = asked();

    $nginx->reload;
    is(put_status($t->token), 200, 'served by the new worker');
    is(asked() - $before, 0, 'without a lookup');
};


subtest 'another size starts cold' => sub {
    my $from = $nginx->log_size;

    $nginx->set(zone => 'tokens:256k ttl=1s negative_ttl=1s');
    $nginx->reload;

    is(put_status($t->token), 200, 'served by the new worker');
    like(substr($nginx->log_text, $from),
         qr/results: .*"tokens" starts (?:empty|cold)/,
         'a line in the log says so');
    cmp_ok($t->status->{tokens}{capacity}, '>', 600, 'with more entries');
};


subtest 'nothing is remembered longer than its ttl' => sub {
    my $token = $t->token(client => $t->client);
    my $unborn = 'unborn' . 'x' x 37;

    is(put_status($token), 200, 'a good token');
    $pg->do('UPDATE results.access_token SET revoked_at = now()');
    ok(wait_for(sub { put_status($token) == 401 }), 'revoked: 401 in time');

    is(put_status($unborn), 401, 'an unknown token');
    $t->token(raw => $unborn);
    ok(wait_for(sub { put_status($unborn) == 200 }), 'issued: 200 in time');
};


subtest 'nor longer than the token lives' => sub {
    $nginx->set(zone => 'tokens:256k ttl=1h negative_ttl=1s');
    $nginx->reload;

    my $token = $t->token(ttl => 3);

    is(put_status($token), 200, 'a token with three seconds left');
    ok(wait_for(sub { put_status($token) == 401 }), 'expires in time');
};
