#!/usr/bin/env perl

# A token that the database can't look up: a lookup that fails for one token
# answers the others, takes few statements, and one line in the log.

use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

my $NEIGHBOURS = 60;

my $t = Results::Test->new;
my $pg = $t->pg;

# what is in the table fails, with the SQLSTATE that stands there
$pg->do($_) for split /;;/, <<'SQL';
CREATE TABLE public.failing (digest bytea, code text);;
ALTER FUNCTION results_api.lookup_tokens(bytea[]) RENAME TO lookup_really;;
CREATE FUNCTION results_api.lookup_tokens(digests bytea[])
RETURNS TABLE (ord int, institution_id int, institution text, client_id int,
               client text, person_id text, role text, ed_app text,
               scopes text, ttl int)
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    failing  text := (SELECT f.code FROM public.failing f
                      WHERE f.digest = any (digests) LIMIT 1);
BEGIN
    IF failing = 'minus' THEN
        RETURN QUERY SELECT r.ord, r.institution_id, r.institution,
            r.client_id, r.client, r.person_id, r.role, r.ed_app, r.scopes,
            CASE WHEN f.digest IS NULL THEN r.ttl ELSE -1 END
            FROM results_api.lookup_really(digests) r
                 LEFT JOIN public.failing f ON f.digest = digests[r.ord];
        RETURN;
    END IF;

    IF failing IS NOT NULL THEN
        RAISE EXCEPTION 'a lookup that fails' USING ERRCODE = failing;
    END IF;

    RETURN QUERY SELECT * FROM results_api.lookup_really(digests);
END
$$;;
GRANT EXECUTE ON FUNCTION results_api.lookup_tokens(bytea[])
    TO results_gateway
SQL

$pg->no_timeouts;
my $nginx = $t->nginx(zone => 'tokens:1m ttl=1h',
                      store => 'readers 2; read_timeout 60s;');


sub queries { $t->status->{tokens}{queries} }

sub request { $t->put_request('r', '{', token => $_[0]) }

sub status { $t->put('r', '{', token => $_[0])->status }

# lines of the log since a place in it, that are an error
sub errors {
    my ($from) = @_;
    return grep { /\[error\].*token lookups fail/ }
        split /^/, substr $nginx->log_text, $from;
}


subtest 'a token that lives very long' => sub {
    for my $life ('infinity', '4000-01-01', '200000-01-01') {
        my $token = $t->token(client => $t->client);

        $pg->do('UPDATE results.access_token SET expires_at = ?
                 WHERE token_sha256 = decode(?, \'hex\')', $life,
                sha256_hex($token));
        is(status($token), 400, "until $life: it is good");
    }

    my ($client) = $pg->value('SELECT client_id FROM results.api_client
                               ORDER BY id LIMIT 1');
    my $token = $pg->value(q{SELECT results.issue_token(?, '70 years')},
                           $client);

    is(status($token), 400, 'issued for 70 years: it is good');
    is($pg->value('SELECT max(ttl) FROM results_api.lookup_tokens(
                   array(SELECT token_sha256 FROM results.access_token))'),
       30 * 86400, 'a month of it is told');
    is(scalar(errors(0)), 0, 'nothing failed');
};


# one token fails with an SQLSTATE, among others in one statement
sub among_others {
    my ($code, %opt) = @_;

    my $client = $t->client;
    my $bad = $t->token(client => $client);
    my @good = map { $t->token(client => $client) } 1 .. $NEIGHBOURS;
    my @unknown = map { sprintf '%s-unknown%032d', $code, $_ } 1 .. 5;
    my @busy = map { $t->token(client => $client) } 1 .. 2;
    my @first = map { $t->http } @busy;
    my @others = map { $t->http } @good, $bad, @unknown;
    my $from = $nginx->log_size;
    my $before = queries();

    $pg->do(q{INSERT INTO public.failing VALUES (decode(?, 'hex'), ?)},
            sha256_hex($bad), $code);

    # both readers wait for the lock; whoever comes then is asked for together
    $pg->with_lock('results.access_token', 'ACCESS EXCLUSIVE', sub {
        for (0, 1) {
            $first[$_]->send(request($busy[$_]));
            ok($pg->wait_for_blocked(1 + $_), 'a lookup waits for a lock');
        }
        my @tokens = (@good, $bad, @unknown);
        $others[$_]->send(request($tokens[$_])) for 0 .. $#tokens;
        is(scalar(grep { !$_->silent } @others), 0, 'nobody has an answer');
    });

    $_->response('PUT') for @first;

    my @statuses = map { $_->response('PUT')->status } @others;

    is(join(' ', @statuses[0 .. $NEIGHBOURS - 1]),
       join(' ', (400) x $NEIGHBOURS), 'its neighbours are good');
    is($statuses[$NEIGHBOURS], $opt{status} // 503, "the one: $statuses[$NEIGHBOURS]");
    is(join(' ', @statuses[$NEIGHBOURS + 1 .. $#statuses]),
       join(' ', (401) x 5), 'who is unknown is unknown');

    my $queries = queries() - $before;
    cmp_ok($queries, '<=', $opt{queries}, "$queries statements");

    is(scalar(errors($from)), $opt{lines} // 1, 'a line in the log')
        or diag(errors($from));

    # and by itself
    $before = queries();
    $from = $nginx->log_size;

    is(status($bad), $opt{status} // 503, 'again: the same');
    $queries = queries() - $before;
    cmp_ok($queries, '<=', $opt{alone}, "$queries statements");
    is(scalar(errors($from)), 0, 'no other line within a minute');

    $pg->do('DELETE FROM public.failing');
    is(status($bad), $opt{then} // 400, 'it is good when it can be looked up');

    return;
}


# two for those that waited, some to find it, as many for the others
subtest 'data that is refused' => sub {
    among_others('22003', queries => 20, alone => 1);
};

subtest 'an error of any other kind' => sub {
    among_others('P0001', queries => 20, alone => 1);
};

subtest 'an error that wants the same again' => sub {
    among_others('55P03', queries => 30, alone => 10);
};

# of an older lookup_tokens(): it has ended since
subtest 'a life that is over' => sub {
    among_others('minus', queries => 4, alone => 1, status => 401, lines => 0,
                 then => 401);
};


subtest 'every lookup fails' => sub {
    my $client = $t->client;
    my @tokens = map { $t->token(client => $client) } 1 .. 200;
    my $before = queries();

    $pg->do(q{INSERT INTO public.failing
              SELECT token_sha256, 'P0001' FROM results.access_token});

    my @statuses = map { $_ ? $_->status : 0 }
        $t->many([map { request($_) } @tokens]);
    my $queries = queries() - $before;

    is(scalar(grep { $_ == 503 } @statuses), 200, 'all are told');
    cmp_ok($queries, '<=', 2 * @tokens, "$queries statements");

    $pg->do('DELETE FROM public.failing');
    is(scalar(grep { $_ && $_->status == 400 }
              $t->many([map { request($_) } @tokens])), 200, 'then all work');
};
