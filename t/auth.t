#!/usr/bin/env perl

# Who may write: bearer tokens (RFC 6750), scopes, and that no configuration
# of nginx leads around them.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

my $t = Results::Test->new;

my $base = $Results::Test::BASE;

$t->nginx(
    zone   => 'tokens:1m ttl=1h negative_ttl=1s',
    store  => 'write_timeout 2s; read_timeout 2s;',
    server => <<"EOC",
        location /mirrored/ {
            mirror  $base/results/mirrored;
            return  204;
        }

        location /asks/ {
            auth_request  $base/results/asked;
            root          %%DIR%%;
        }

        location /any/ {
            satisfy      any;
            allow        all;
            results_api  timeback;
        }

        location /moved/ {
            rewrite  ^/moved/(.*)  $base/results/\$1  last;
        }

        location /fails/ {
            error_page  404 = $base/results/failed;
            root        %%DIR%%;
        }
EOC
);

my $body = $t->encode($t->result);


sub put_with {
    my ($headers, $uri) = @_;

    return $t->request('PUT', $uri // $t->uri('r'),
                       ['Content-Type' => 'application/json', @$headers],
                       $body);
}


sub refused {
    my ($response, $status, $error, $name) = @_;

    my $challenge = $response->header('WWW-Authenticate') // '';

    is($response->status, $status, $name);
    like($challenge, qr/^Bearer realm="[^"]+"/, 'with a challenge');

    if ($error) {
        like($challenge, qr/error="$error"/, "that says $error");
    } else {
        unlike($challenge, qr/error/, 'that names no error');
    }

    ok($response->json && $response->json->{imsx_codeMajor},
       'and the payload of the dialect');
}


subtest 'no token' => sub {
    refused(put_with([]), 401, undef, 'no Authorization');
    refused(put_with([Authorization => 'Basic dTpw']), 401, undef,
            'another scheme');

    my $token = $t->token(client => $t->client, logged => 1);

    refused(put_with([], $t->uri('r') . "?access_token=$token"), 401, undef,
            'a token in the query');
};


subtest 'tokens that are none' => sub {
    my %tokens = (
        'unknown'          => 'x' x 43,
        'with a space'     => 'abc def',
        'with a comma'     => 'abc,def',
        'equals first'     => '=abc',
        'too long'         => 'x' x 4097,
        'expired'          => $t->token(ttl => -1),
        'revoked'          => $t->token(revoked => 1),
    );

    my $disabled = $t->client;
    $tokens{'of a disabled client'} = $t->token(client => $disabled);
    $t->pg->do('UPDATE results.api_client SET disabled_at = now()
                WHERE id = ?', $disabled);

    for my $name (sort keys %tokens) {
        refused(put_with([Authorization => "Bearer $tokens{$name}"]), 401,
                'invalid_token', $name);
    }

    is(put_with([Authorization => 'Bearer'])->status, 401, 'only the scheme');
};


subtest 'the scheme' => sub {
    my $token = $t->token;

    is(put_with([Authorization => "$_ $token"])->status / 100 | 0, 2,
       "\"$_\"") for 'Bearer', 'bearer', 'BEARER', 'Bearer ';

    # nginx itself refuses it, and logs it
    $token = $t->token(client => $t->client, logged => 1);

    my $twice = put_with([Authorization => "Bearer $token",
                          Authorization => "Bearer $token"]);
    is($twice->status, 400, 'two Authorization headers');
};


subtest 'scopes' => sub {
    my $v1p1 = $t->scope('gradebook.createput') =~ s/v1p2/v1p1/r;

    for my $scopes ([$t->scope('gradebook.createput')], [$v1p1],
                    [$t->scope('admin')],
                    ['other', $t->scope('gradebook.createput')])
    {
        my $token = $t->token(scopes => $scopes);
        is(put_with([Authorization => "Bearer $token"])->status / 100 | 0, 2,
           "@$scopes");
    }

    for my $scopes ([], [$t->scope('gradebook.readonly')],
                    [$t->scope('assessment.createput')],
                    [$t->scope('gradebook.createput') . 'x'])
    {
        my $token = $t->token(scopes => $scopes);
        my $response = put_with([Authorization => "Bearer $token"]);

        refused($response, 403, 'insufficient_scope', "not @$scopes");
        like($response->header('WWW-Authenticate'),
             qr/scope="[^"]*gradebook\.createput"/, 'and which it takes');
    }
};


subtest 'institutions' => sub {
    my $mine = $t->token;
    my $other = $t->token(institution => 'elsewhere');

    for my $token ($mine, $other) {
        is(put_with([Authorization => "Bearer $token"], $t->uri('shared'))
             ->status, 201, 'created in its own institution');
    }

    is($t->pg->value(q{SELECT count(DISTINCT institution_id)
                       FROM results.result WHERE id = 'shared'}), 2,
       'one id, two records');
};


subtest 'no way around it' => sub {
    my $token = $t->token;
    my @with = (Authorization => "Bearer $token");

    put_with(\@with, '/mirrored/x');
    ok(!$t->row('mirrored'), 'a subrequest with a body writes nothing');

    is(put_with(\@with, '/asks/x')->status, 403, 'a subrequest is refused');
    ok(!$t->row('asked'), 'and writes nothing');

    refused(put_with([], '/any/results/any'), 401, undef,
            'satisfy any without a token');
    ok(!$t->row('any'), 'writes nothing');
    is(put_with(\@with, '/any/results/any')->status, 201, 'and with one');

    refused(put_with([], '/moved/moved'), 401, undef, 'a rewritten URI');
    is(put_with(\@with, '/moved/moved')->status, 201, 'and with a token');

    cmp_ok(put_with([], '/fails/x')->status, '>=', 400,
           'an error_page that leads here');
    ok(!$t->row('failed'), 'writes nothing');
};


subtest 'PostgreSQL is away' => sub {
    my $cached = $t->token;
    my $unknown = 'y' x 43;

    put_with([Authorization => "Bearer $cached"]);
    $t->pg->stop;

    my $response = put_with([Authorization => "Bearer $unknown"]);

    is($response->status, 503, 'a token it can\'t look up: 503, not 401');
    ok($response->header('Retry-After'), 'with Retry-After');

    $response = put_with([Authorization => "Bearer $cached"]);
    is($response->status, 503, 'a write with a cached token: 503');
    ok($response->header('Retry-After'), 'with Retry-After');

    is($t->request('OPTIONS', $t->uri('r'))->status, 204, 'OPTIONS: 204');

    $t->pg->start;
    ok(wait_for(sub {
        put_with([Authorization => "Bearer $cached"])->status == 200;
    }), 'PostgreSQL is back: 200');
};
