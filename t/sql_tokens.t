#!/usr/bin/env perl

# Clients, secrets and tokens in SQL: what nginx looks up and issues, what
# operators create, revoke and list.

use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

my $t = Results::Test->new;
my $pg = $t->pg;
my $gateway = $pg->connect(user => $pg->gateway);

$pg->do(q{SELECT results.create_institution('college')});
my $college = $pg->value(
    q{SELECT id FROM results.institution WHERE name = 'college'});

$pg->do('INSERT INTO results.person (institution_id, id, role) VALUES '
        . "(?, 'sam', 'student')", $college);


# [ord, column...] of each valid token
sub lookup {
    my ($columns, @tokens) = @_;

    return $gateway->selectall_arrayref(
        "SELECT ord, $columns FROM results_api.lookup_tokens("
        . '(SELECT array_agg(decode(h, \'hex\') ORDER BY o) '
        . 'FROM unnest($1::text[]) WITH ORDINALITY AS u (h, o))) ORDER BY ord',
        {}, [map { sha256_hex($_) } @tokens]);
}


sub valid { scalar @{ lookup('ttl', @_) } }


# status and scopes of a token request
sub request_token {
    my ($client, $secret, $scopes, $token) = @_;

    return [$gateway->selectrow_array(
        "SELECT * FROM results_api.issue_access_token(\$1, decode(\$2, 'hex'),"
        . " \$3, decode(\$4, 'hex'), 60, null)", {}, $client, sha256_hex($secret),
        $scopes, sha256_hex($token))];
}


is($gateway->selectrow_array('SELECT results_api.api_version()'), 2,
   'the version of the API');

my $app = '0d1e2f30-0000-4000-8000-00000000000a';
my ($name, $secret) = $pg->dbh->selectrow_array(
    q{SELECT * FROM results.create_client('college', 'lms', '{read,write}',
      'sam', ?)}, {}, $app);


subtest 'a client' => sub {
    is($name, 'lms', 'its id');
    like($secret, qr/^[A-Za-z0-9_-]{43}\z/, 'a secret of 256 bits');
    ok($pg->value("SELECT secret_sha256 = decode(?, 'hex') "
                  . 'FROM results.client_secret', sha256_hex($secret)),
       'of which the hash is kept');

    for my $wrong (["'college', 'lms'", 'the name is taken'],
                   ["'nowhere', 'x'", 'no such institution'],
                   ["'college', repeat('x', 49)", 'too long for the cache'],
                   ["'college', 'x', '{}', 'nobody'", 'no such person'])
    {
        ok(!eval { $pg->do("SELECT results.create_client($wrong->[0])"); 1 },
           $wrong->[1]);
    }
};


subtest 'a token' => sub {
    my $token = $pg->value(q{SELECT results.issue_token('lms')});
    my $short = $pg->value(
        q{SELECT results.issue_token('lms', '90 s', '{read}')});

    like($token, qr/^[A-Za-z0-9_-]{43}\z/, 'of 256 bits');
    is_deeply(lookup('institution_id, institution, client, person_id, role, '
                     . 'ed_app, scopes, ttl BETWEEN 3590 AND 3600', $token),
        [[1, $college, 'college', 'lms', 'sam', 'student', $app, 'read write',
          1]], 'is a principal');
    is_deeply(lookup('scopes, ttl BETWEEN 80 AND 90', 'x', $short, $token,
                     'y'), [[2, 'read', 1], [3, 'read write', 0]],
              'is found by its place among others');
    is_deeply(lookup('ttl', 'x', 'y'), [], 'unknown ones are not');
    is_deeply(lookup('ttl', $token, $token), [[1, 3600], [2, 3600]],
              'twice the same');

    ok(!eval { $pg->do(q{SELECT results.issue_token('lms', '1 h',
                                                    '{admin}')}); 1 },
       'of a scope that the client lacks is not issued');
};


subtest 'a token is good no longer' => sub {
    my $token = $pg->value(q{SELECT results.issue_token('lms')});

    for my $case (
        ['the person is blocked',
         q{UPDATE results.person SET status = 'blocked'},
         q{UPDATE results.person SET status = 'active'}],
        ['the client is disabled',
         'UPDATE results.api_client SET disabled_at = now()',
         'UPDATE results.api_client SET disabled_at = null'],
        ['it has expired',
         q{UPDATE results.access_token SET expires_at = now()},
         q{UPDATE results.access_token SET expires_at = now() + '1 h'}],
    ) {
        my ($why, $off, $on) = @$case;

        is(valid($token), 1, 'good');
        $pg->do($off);
        is(valid($token), 0, $why);
        $pg->do($on);
    }

    my $hash = sha256_hex($token);

    ok($pg->value('SELECT results.revoke_token(?)', $hash), 'revoked');
    is(valid($token), 0, 'it is revoked');
    ok(!$pg->value('SELECT results.revoke_token(?)', $hash), 'only once');

    my $said = '';
    local $SIG{__WARN__} = sub { $said .= "@_" };
    local $pg->dbh->{PrintWarn} = 1;

    my $other = $pg->value(q{SELECT results.issue_token('lms')});
    ok($pg->value('SELECT results.revoke_token(?)', $other),
       'a token itself is revoked as well');
    like($said, qr/give the SHA-256/, 'with a warning');

    ok(!eval { $pg->value('SELECT results.revoke_token(?)', "$other "); 1 },
       'anything else is refused');
    unlike($@ =~ s/ \[for Statement.*//sr, qr/\Q$other/, 'and not quoted');

    my @tokens = map { $pg->value(q{SELECT results.issue_token('lms')}) }
        1 .. 2;
    cmp_ok($pg->value(q{SELECT results.revoke_tokens('lms')}), '>=', 2,
           'all of a client');
    is(valid(@tokens), 0, 'none is left');
};


subtest 'the token endpoint' => sub {
    is_deeply(request_token('lms', $secret, [], 'new'),
              ['granted', 'read write'], 'all scopes of the client');
    is_deeply(lookup('client, scopes, ttl', 'new'),
              [[1, 'lms', 'read write', 60]], 'the token is good');
    is_deeply(request_token('lms', $secret, [], 'new'),
              ['granted', 'read write'], 'again after a lost connection');
    is_deeply(request_token('lms', $secret, undef, 'other'),
              ['granted', 'read write'], 'no list of scopes at all');
    is_deeply(request_token('lms', $secret, ['read'], 'one'),
              ['granted', 'read'], 'one scope');
    is_deeply(lookup('scopes', 'one'), [[1, 'read']], 'the token has only it');

    is_deeply(request_token('lms', $secret, ['read', 'admin'], 'more'),
              ['invalid_scope', undef], 'one that the client lacks');
    is_deeply(request_token('lms', 'wrong', [], 'more'),
              ['invalid_client', undef], 'a wrong secret');
    is_deeply(request_token('nobody', $secret, [], 'more'),
              ['invalid_client', undef], 'an unknown client');

    $pg->do('UPDATE results.api_client SET disabled_at = now()');
    is_deeply(request_token('lms', $secret, [], 'more'),
              ['invalid_client', undef], 'a disabled client');
    $pg->do('UPDATE results.api_client SET disabled_at = null');

    $pg->do(q{UPDATE results.person SET status = 'terminated'});
    is_deeply(request_token('lms', $secret, [], 'more'),
              ['invalid_client', undef], 'a person who is gone');
    $pg->do(q{UPDATE results.person SET status = 'active'});

    is(valid('more'), 0, 'no token was stored');
};


subtest 'two secrets' => sub {
    my $second = $pg->value(q{SELECT results.add_secret('lms')});

    isnt($second, $secret, 'a second one');
    is(request_token('lms', $_, [], $_)->[0], 'granted', 'both are good')
        for $secret, $second;
    ok(!eval { $pg->do(q{SELECT results.add_secret('lms')}); 1 },
       'there is no third');

    $pg->do(q{SELECT results.retire_secret('lms', 1)});
    is(request_token('lms', $secret, [], 'x')->[0], 'invalid_client',
       'the first is retired');
    is(request_token('lms', $second, [], 'x')->[0], 'granted',
       'the second is not');
    ok(!eval { $pg->do(q{SELECT results.retire_secret('lms', 1)}); 1 },
       'what is not there is not retired');

    ok($pg->value(q{SELECT results.add_secret('lms')}),
       'then there is room for another');
};


subtest 'lists' => sub {
    my $client = $pg->row('SELECT * FROM results.clients');
    is_deeply([@$client{qw(institution client_id person_id ed_app)}],
              ['college', 'lms', 'sam', $app], 'clients');
    is_deeply($client->{secrets}, [1, 2], 'with the slots of their secrets');

    is($pg->value('SELECT count(*) FROM results.tokens WHERE valid'),
       $pg->value('SELECT count(*) FROM results.access_token '
                  . 'WHERE revoked_at IS NULL'), 'tokens');

    is($pg->value(q{SELECT count(*) FROM information_schema.columns
                    WHERE table_name IN ('clients', 'tokens')
                          AND data_type = 'bytea'}), 0, 'without a hash');

    is($pg->value('SELECT results.purge_tokens()'), 0, 'none ended long ago');
    $pg->do(q{UPDATE results.access_token SET expires_at = now() - '1 y'
              ::interval WHERE revoked_at IS NULL});
    cmp_ok($pg->value('SELECT results.purge_tokens()'), '>', 0, 'purged');
    cmp_ok($pg->value('SELECT count(*) FROM results.access_token'), '>', 0,
           'those that ended a moment ago are kept');
};


$gateway->disconnect;
