#!/usr/bin/env perl

# A worker is killed at every store into the token zone there is.  Whoever
# comes after it knows each token for what it is, or asks the database; never
# for somebody else's; and goes on serving.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Killed;

BEGIN { Results::Killed->module }

use Results::Test;
use Results::Test::Http;

# the smallest zone that is none too small has place for fewer tokens
my $SIZE = 64 * 1024;
my $TOKENS = 180;

my $t = Results::Test->new(timeout => 120);
my $pg = $t->pg;
my $killed = Results::Killed->new;

$t->allow_log(qr{shared memory zone "tokens" was locked by});

my $nginx = $t->nginx(globals => $killed->globals,
    zone => "tokens:$SIZE ttl=1h negative_ttl=1h",
    location => 'add_header X-Client "$results_institution/$results_client/'
        . '$results_token" always;');

my %owner;      # the name of a token's client, by token
my @tokens;

for my $institution ('school', 'college') {
    my $client = $t->client(institution => $institution);
    my @of = map { $t->token(client => $client) } 1 .. $TOKENS / 2;

    push @tokens, \@of;
    @owner{@of} = map { "$institution/" . $pg->value(
        'SELECT client_id FROM results.api_client WHERE id = ?', $client) } @of;
}

# neighbours in the order of use are of two institutions
@tokens = map { ($tokens[0][$_], $tokens[1][$_]) } 0 .. $#{ $tokens[0] };


# a request that ends when its token is known: its body is none
sub request { $t->put_request('r', '{', token => $_[0]) }


# [whose the token is, how that is known] of a response; nobody: 401
sub answer {
    my ($response) = @_;

    return ['none', 'none'] if !$response || !$response->status;

    my $client = $response->header('X-Client') // '//';
    my ($name, $how) = $client =~ m{^(.*)/(\w*)$};

    return [$response->status == 400 ? $name
            : $response->status == 401 ? 'nobody' : $response->status, $how];
}


sub ask { map { answer($_) } $t->many([map { request($_) } @_], connections => 1) }


# tokens of those given that are taken for another's
sub wrong {
    my (@asked) = @_;

    my @answers = ask(@asked);

    return map {
        my ($name, $how) = @{ $answers[$_] };
        my $right = $owner{ $asked[$_] } // 'nobody';
        $name eq $right ? () : "$right is $name by a $how";
    } 0 .. $#asked;
}


# kills a worker at each store of what a request for next() does, and looks at
# all tokens each time
sub each_store {
    my ($name, $next) = @_;

    my ($n, $carved, @wrong) = (0, 0);

    while (1) {
        my @prepared = $next->();
        my $token = shift @prepared;

        ask(@prepared);

        my $from = $nginx->log_size;
        my ($pid) = $nginx->worker_pids;

        $killed->watch($SIZE, ++$n);
        my ($answer) = ask($token);
        my $seen = $killed->seen;
        $killed->watch(0);

        if ($seen < $n) {
            is($answer->[0], $owner{$token} // 'nobody', 'the last is whole');
            last;
        }

        $nginx->{killed}++;
        wait_for(sub {
            my ($new) = $nginx->worker_pids;
            $new && $new != $pid;
        }) or last;

        push @wrong, map { "at store $n: $_" } wrong($token, @tokens, $token);
        $carved++ if substr($nginx->log_text, $from)
            =~ /the token zone "tokens" starts empty: process $pid died/;
        last if @wrong > 10;
    }

    cmp_ok($n, '>', 5, "$name: a worker was killed at " . ($n - 1)
           . " stores, $carved zones were carved anew");
    is("@wrong", '', 'no token was taken for another\'s');

    # not where it died before it began, or after it had ended
    cmp_ok($carved, '>=', $n - 4, 'whoever came then knew it');

    return;
}


ok(!wrong(@tokens), 'all tokens are good');
cmp_ok($t->status->{tokens}{capacity}, '<', $TOKENS, 'more than the zone has');
cmp_ok($t->status->{tokens}{evictions}, '>', 0, 'some were pushed out');

my $unknown = 'a' x 43;

subtest 'a token takes the place of another' => sub {
    # behind all the others it is the one that was used least lately
    each_store('a miss', sub { ($tokens[0], @tokens[1 .. $#tokens]) });
};

subtest 'a token is found' => sub {
    each_store('a hit', sub { ($tokens[0], $tokens[0], $tokens[1]) });
};

subtest 'an unknown token' => sub {
    each_store('a miss', sub { $unknown++ });
};

subtest 'the same zone, after all that' => sub {
    ask(@tokens[0 .. 49]);

    my $before = $t->status->{tokens}{lookups};

    ok(!wrong(@tokens[0 .. 49]), 'all are good');
    is($t->status->{tokens}{lookups}, $before, 'without a lookup');
};
