#!/usr/bin/env perl

# The token endpoint: OAuth 2.0 client credentials (RFC 6749 2.3.1, 4.4, 5).

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Results::Test::BadInput;
use Results::Test::Http2;

my $t = Results::Test->new;
my $pg = $t->pg;

$t->nginx(
    zone   => 'tokens:1m ttl=1s negative_ttl=1s',
    store  => 'read_timeout 3s;',
    http2  => 1,
    server => <<'EOC',
        location = /token         { results_token_endpoint; }
        location /auth/           { results_token_endpoint ttl=30m; }
        location = /short         { results_token_endpoint ttl=1s; }
        location = /small         { results_token_endpoint;
                                    client_max_body_size 10; }
        location = /denied        { results_token_endpoint; deny all; }
        location = /denied-any    { results_token_endpoint; satisfy any;
                                    deny all; }
        location = /elsewhere     { results_token_endpoint;
                                    results_institution elsewhere; }
EOC
);

my $READ = $t->scope('gradebook.readonly');
my $WRITE = $t->scope('gradebook.createput');

my @FORM = ('Content-Type' => 'application/x-www-form-urlencoded');
my @JSON = ('Content-Type' => 'application/json');


# a client's id and secret; both must not be in a log
sub client {
    my ($name, %opt) = @_;

    my $institution = $opt{institution} // 'school';
    $t->fixtures->institution($institution);

    my $secret = $pg->value(
        'SELECT secret FROM results.create_client(?, ?, ?, ?)', $institution,
        $name, $opt{scopes} // [$READ, $WRITE], $opt{person});

    push @{ $t->fixtures->{tokens} }, $secret;

    return ($name, $secret);
}

sub basic {
    my $text = encode_base64(join(':', @_), '');

    push @{ $t->fixtures->{tokens} }, $text;
    return (Authorization => "Basic $text");
}

sub escape { $_[0] =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger }

sub form {
    my (@pairs) = @_;
    my @text;

    while (my ($name, $value) = splice @pairs, 0, 2) {
        push @text, "$name=" . escape($value);
    }

    return join '&', @text;
}

# the token of a response, of which the log must say nothing
sub token {
    my ($response) = @_;

    my $token = $response->json->{access_token};
    push @{ $t->fixtures->{tokens} }, $token if defined $token;

    return $token;
}

sub stored {
    my ($token) = @_;

    return $pg->row(q{
        SELECT array_to_string(scopes, ' ') AS scopes, client_id,
               round(extract(epoch FROM expires_at - created_at)) AS ttl
        FROM results.access_token WHERE token_sha256 = decode(?, 'hex')
    }, sha256_hex($token));
}

sub put { $t->put($_[0], $t->result, token => $_[1])->status }

sub granted {
    my ($response, $name) = @_;

    is($response->status, 200, "$name: granted");
    my $token = token($response);

    ok($token && stored($token), 'and the hash is stored');
    return $token;
}

# a refusal as RFC 6749 5.2 has it
sub refused {
    my ($response, $status, $error, $text, $name) = @_;

    my $json = $response->json || {};

    is($response->status, $status, "$name: $status");
    is($json->{error}, $error, $error);
    like($json->{error_description}, $text, 'and why');
    like($json->{error_description}, qr/^[\x20-\x21\x23-\x5b\x5d-\x7e]+\z/,
         'in the characters that are allowed');
    is(join(' ', sort keys %$json), 'error error_description', 'no more');
    is($response->header('Cache-Control'), 'private, no-store',
       'not to be kept');

    if ($status == 401) {
        like($response->header('WWW-Authenticate'), qr/^Basic realm="/,
             'with a challenge');
    } else {
        ok(!$response->header('WWW-Authenticate'), 'without a challenge');
    }
}

my ($id, $secret) = client('lms');
my @basic = basic($id, $secret);
my $grant = 'grant_type=client_credentials';


subtest 'three ways to say who one is' => sub {
    my %ways = (
        'Basic' => [[@basic, @FORM], $grant],
        'Basic and JSON' => [[@basic, @JSON],
            $t->encode({ grant_type => 'client_credentials' })],
        'a form' => [\@FORM, form(grant_type => 'client_credentials',
            client_id => $id, client_secret => $secret)],
        'JSON' => [[@JSON], $t->encode({ grant_type => 'client_credentials',
            client_id => $id, client_secret => $secret, scope => undef,
            more => [1] })],
    );

    my %seen;

    for my $way (sort keys %ways) {
        my $response = $t->request('POST', '/token', @{ $ways{$way} });
        my $token = granted($response, $way);

        like($token, qr/^[A-Za-z0-9_-]{43}\z/, '256 bits of base64url');
        ok(!$seen{$token}++, 'that nobody else has');
        is($response->json->{token_type}, 'Bearer', 'a bearer token');
        is($response->json->{expires_in}, 3600, 'for an hour');
        is($response->json->{scope}, "$READ $WRITE", 'of all scopes');
        is($response->header('Content-Type'), 'application/json', 'in JSON');
        is($response->header('Cache-Control'), 'private, no-store',
           'not to be kept');
        is($response->header('Pragma'), 'no-cache', 'by nobody');

        my $n = keys %seen;

        is(put("way-$n", $token), 201, 'which is good at once');
        ok($t->row("way-$n"), 'and what it wrote is there');
    }

    my @raw = map { ($_, unpack 'H*', $_) } keys %seen;

    for my $table (map { $_->{tablename} } @{ $pg->rows(
                   q{SELECT tablename FROM pg_tables
                     WHERE schemaname = 'results'}) })
    {
        is($pg->value("SELECT count(*) FROM results.$table t
                       WHERE t::text ~ ?", join '|', @raw), 0,
           "no token is in $table");
    }
};


subtest 'what clients send' => sub {
    my %requests = (
        'the scheme in lower case' => [[(Authorization => 'basic '
            . encode_base64("$id:$secret", '')), @FORM], $grant],
        'the client_id in the body, too' => [[@basic, @FORM],
            "$grant&client_id=$id"],
        'an unknown parameter, twice' => [[@basic, @FORM],
            "a=1&$grant&a=%zz&b"],
        'empty parameters' => [[@basic, @FORM],
            "$grant&scope=&client_secret=&client_id="],
        'a charset' => [[@basic, 'Content-Type' =>
            'Application/X-WWW-Form-Urlencoded; charset=UTF-8'], $grant],
        'names that are encoded' => [[@basic, @FORM],
            '%67rant_type=client%5fcredentials'],
        'chunks' => [[@basic, @FORM, 'Transfer-Encoding' => 'chunked'],
            Results::Test::Http->chunked($grant, 3)],
        'an Idempotency-Key' => [[@basic, @FORM, 'Idempotency-Key' => 'k'],
            $grant],
    );

    granted($t->request('POST', '/token', @{ $requests{$_} }), $_)
        for sort keys %requests;

    granted($t->request('POST', '/token?client_id=x&client_secret=y',
                        [@basic, @FORM], $grant), 'a query is not read');

    my $h2 = Results::Test::Http2->new(port => $t->{nginx}->http2_port);
    granted($h2->request('POST', '/token', [@basic, @FORM], $grant), 'HTTP/2');
    $h2->close;
};


subtest 'an id and a secret of any characters' => sub {
    my $name = "odd :+%&=\"\\ \x{c3}\x{a9}";
    my $password = "p:a+b %41&=\x{c3}\x{a9}\"\\";

    push @{ $t->fixtures->{tokens} }, $password;

    my $number = $pg->value(q{
        INSERT INTO results.api_client (institution_id, client_id, scopes)
        VALUES (?, convert_from(decode(?, 'hex'), 'UTF8'), '{}') RETURNING id
    }, $t->fixtures->institution('school'), unpack('H*', $name));

    $pg->do(q{INSERT INTO results.client_secret VALUES
              (?, ?, 1, decode(?, 'hex'))},
            $t->fixtures->institution('school'), $number,
            sha256_hex($password));

    my $response = $t->request('POST', '/token',
        [basic(escape($name), escape($password)), @FORM], $grant);

    granted($response, 'Basic');
    ok(!exists $response->json->{scope}, 'no scopes, none named');

    granted($t->request('POST', '/token', [@FORM],
                        form(grant_type => 'client_credentials',
                             client_id => $name, client_secret => $password)),
            'a form');
};


subtest 'scopes' => sub {
    my $ask = sub {
        return $t->request('POST', '/token', [@basic, @FORM],
            form(grant_type => 'client_credentials', scope => $_[0]));
    };

    for my $case (
        [$READ, $READ, 'one'],
        ["$WRITE $READ", "$WRITE $READ", 'all'],
        ["  $READ   $READ ", $READ, 'one, twice'],
        [join(' ', ($READ) x 70), $READ, 'one, many times'],
    ) {
        my ($asked, $scopes, $name) = @$case;
        my $response = $ask->($asked);
        my $token = granted($response, $name);

        is($response->json->{scope}, $scopes, 'named');
        is(stored($token)->{scopes}, $scopes, 'and stored');
    }

    my $token = token($ask->($READ));

    is(put('read', $token), 403, 'a token of one scope has no other');
    ok(!$t->row('read'), 'nothing is written');

    refused($ask->($_->[0]), 400, 'invalid_scope', $_->[1], $_->[2]) for
        ["$READ " . $t->scope('admin'), qr/not have/, 'one that it lacks'],
        ['x', qr/not have/, 'one that nobody knows'],
        ['{,NULL,}', qr/not have/, 'an array'],
        ["a\"b", qr/malformed/, 'a quote'],
        ["a\\b", qr/malformed/, 'a backslash'],
        ["a\tb", qr/malformed/, 'a tab'],
        ["\x{c3}\x{a9}", qr/malformed/, 'no ASCII'],
        ["a\0b", qr/malformed/, 'a zero byte'],
        [join(' ', 1 .. 65), qr/too many/, '65'];
};


subtest 'how long a token is good' => sub {
    my $response = $t->request('POST', '/auth/', [@basic, @FORM], $grant);

    is($response->json->{expires_in}, 1800, 'ttl=30m');
    is(stored(token($response))->{ttl}, 1800, 'is stored');

    my $token = token($t->request('POST', '/short', [@basic, @FORM], $grant));

    ok(wait_for(sub { put('short', $token) == 401 }), 'ttl=1s: then 401');
};


subtest 'what is no request' => sub {
    my $other = (client('other'))[1];
    my $grant_json = '"grant_type":"client_credentials"';
    my $malformed = qr/Basic scheme, or malformed/;
    my $needed = qr/id and secret are needed/;
    my $wrong = qr/unknown, or its secret is wrong/;

    my @cases = (
        # the grant
        [400, 'invalid_request', qr/grant_type is missing/,
         'an empty body', [@basic, @FORM], ''],
        [400, 'invalid_request', qr/grant_type is missing/,
         'an empty grant_type', [@basic, @FORM], 'grant_type='],
        [400, 'unsupported_grant_type', qr/client_credentials/,
         'another grant', [@basic, @FORM], 'grant_type=password'],
        [400, 'unsupported_grant_type', qr/client_credentials/,
         'a grant_type that goes on', [@basic, @FORM], "$grant\%00"],
        [400, 'invalid_request', qr/grant_type: .*more than once/,
         'one parameter twice', [@basic, @FORM], "$grant&$grant"],
        [400, 'invalid_request', qr/scope: malformed percent-encoding/,
         'half a percent-encoding', [@basic, @FORM], "$grant&scope=%4"],

        # the client
        [401, 'invalid_client', $needed, 'no client', [@FORM], $grant],
        [401, 'invalid_client', $needed, 'no secret', [@FORM],
         "$grant&client_id=lms"],
        [401, 'invalid_client', $needed, 'a secret only', [@FORM],
         "$grant&client_secret=$secret"],
        [401, 'invalid_client', $needed, 'an empty secret',
         [basic($id, ''), @FORM], $grant],
        [401, 'invalid_client', $malformed, 'another scheme',
         [Authorization => 'Bearer x', @FORM], $grant],
        [401, 'invalid_client', $malformed, 'the scheme alone',
         [Authorization => 'Basic', @FORM], $grant],
        [401, 'invalid_client', $malformed, 'no base64',
         [Authorization => 'Basic %%%%', @FORM], $grant],
        [401, 'invalid_client', $malformed, 'base64 that is cut off',
         [Authorization => 'Basic bG1zO', @FORM], $grant],
        [401, 'invalid_client', $malformed, 'base64 that ends before its end',
         [Authorization => 'Basic bG==bG1z', @FORM], $grant],
        [401, 'invalid_client', $malformed, 'nothing but padding',
         [Authorization => 'Basic ====', @FORM], $grant],
        [401, 'invalid_client', $malformed, 'no colon',
         [Authorization => 'Basic ' . encode_base64('lms', ''), @FORM],
         $grant],
        [401, 'invalid_client', $malformed, 'an id that can not be decoded',
         [basic('%zz', $secret), @FORM], $grant],
        [400, 'invalid_request', qr/or a secret, in the body/,
         'two ways at once', [@basic, @FORM], "$grant&client_secret=$secret"],
        [400, 'invalid_request', qr/another, or/,
         'two clients', [@basic, @FORM], "$grant&client_id=other"],
        [401, 'invalid_client', $wrong, 'a wrong secret',
         [basic($id, 'wrong'), @FORM], $grant],
        [401, 'invalid_client', $wrong, 'a secret of another client',
         [basic($id, $other), @FORM], $grant],
        [401, 'invalid_client', $wrong, 'a token for a secret',
         [basic($id, $t->token), @FORM], $grant],
        [401, 'invalid_client', $wrong, 'an unknown client',
         [basic('nobody', $secret), @FORM], $grant],
        [401, 'invalid_client', $wrong, 'a client in another case',
         [basic('LMS', $secret), @FORM], $grant],
        [401, 'invalid_client', $wrong, 'an id too long',
         [basic('x' x 49, $secret), @FORM], $grant],
        [401, 'invalid_client', $wrong, 'an id with a zero byte',
         [basic('lms%00', $secret), @FORM], $grant],
        [401, 'invalid_client', $wrong, 'an id that is not UTF-8',
         [basic("\xff", $secret), @FORM], $grant],

        # the body
        [400, 'invalid_request', qr/the body is empty/, 'no JSON at all',
         [@basic, @JSON], ''],
        [400, 'invalid_request', qr/./, 'truncated JSON',
         [@basic, @JSON], '{"grant_type":"cl'],
        [400, 'invalid_request', qr/expected an object/, 'an array',
         [@basic, @JSON], '["client_credentials"]'],
        [400, 'invalid_request', qr/expected an object/, 'a scalar',
         [@basic, @JSON], '"client_credentials"'],
        [400, 'invalid_request', qr/./, 'a member twice',
         [@basic, @JSON], "{$grant_json,$grant_json}"],
        [400, 'invalid_request', qr/byte order mark/, 'a BOM',
         [@basic, @JSON], "\xef\xbb\xbf{$grant_json}"],
        [400, 'invalid_request', qr/levels/, 'too many levels',
         [@basic, @JSON], "{$grant_json,\"x\":" . '[' x 33 . ']' x 33 . '}'],
        [400, 'invalid_request', qr/./, 'invalid UTF-8',
         [@basic, @JSON], "{$grant_json,\"x\":\"\xff\"}"],
        [400, 'invalid_request', qr/./, '\\u0000',
         [@basic, @JSON], "{$grant_json,\"x\":\"\\u0000\"}"],
        [400, 'invalid_request', qr/grant_type: expected/,
         'a grant_type that is a number', [@basic, @JSON],
         '{"grant_type":1}'],
        [400, 'invalid_request', qr/client_id: .*client_secret: /,
         'all that is wrong', [@JSON],
         "{$grant_json,\"client_id\":{},\"client_secret\":true}"],
        [415, 'invalid_request', qr/x-www-form-urlencoded/, 'no type',
         [@basic], $grant],
        [415, 'invalid_request', qr/x-www-form-urlencoded/, 'another type',
         [@basic, 'Content-Type' => 'text/plain'], $grant],
        [415, 'invalid_request', qr/utf-8/, 'another charset',
         [@basic, 'Content-Type' => "$FORM[1]; charset=latin1"], $grant],
        [415, 'invalid_request', qr/Content-Encoding/, 'gzip',
         [@basic, @FORM, 'Content-Encoding' => 'gzip'], $grant],
    );

    my $before = $pg->value('SELECT count(*) FROM results.access_token');

    for my $case (@cases) {
        my ($status, $error, $text, $name, $headers, $body) = @$case;

        refused($t->request('POST', '/token', $headers, $body), $status,
                $error, $text, $name);
    }

    is($pg->value('SELECT count(*) FROM results.access_token'), $before,
       'no token was stored');
};


subtest 'bad input' => sub {
    my %good = (grant_type => 'client_credentials', client_id => $id,
                client_secret => $secret, scope => $READ);
    my $good = $t->encode(\%good);
    my $decoder = JSON::PP->new->utf8->allow_nonref;

    my (@requests, @cases);

    my $add = sub {
        my ($name, $type, $text, @statuses) = @_;

        push @cases, [$name, @statuses];
        push @requests,
            Results::Test::Http->format('POST', '/token', $type, $text),
            Results::Test::Http->format('POST', '/token', \@JSON, $good);
    };

    $add->($_->[0], \@JSON, $_->[1], 400)
        for Results::Test::BadInput->bodies($good);

    for my $name (sort keys %good) {
        my %rest = %good;
        delete $rest{$name};

        for my $value (Results::Test::BadInput->values('id')) {
            my $text = $t->encode(\%rest) =~ s/^\{/{"$name":$value,/r;
            my $decoded = eval { $decoder->decode($value) };

            # a scope may be left out, and spaces are none
            my $none = $name eq 'scope'
                && grep { $value eq $_ } '""', '" "', 'null';

            $add->("$name: $value", \@JSON, $text, $none ? 200 : (400, 401));

            next if !defined $decoded || ref $decoded || $value !~ /^"/;

            utf8::encode($decoded);
            $add->("$name in a form: $value", \@FORM,
                   form(%rest, $name => $decoded), $none ? 200 : (400, 401));
        }
    }

    my @responses = $t->many(\@requests);

    while (my ($response, $beside) = splice @responses, 0, 2) {
        my ($name, @statuses) = @{ shift @cases };
        my $json = $response->json || {};

        token($_) for grep { $_->status == 200 } $response, $beside;

        ok((grep { $response->status == $_ } @statuses)
           && ($response->status == 200
               || $json->{error} && $json->{error_description})
           && $beside->status == 200, $name)
            or diag($response->status . ' ' . $response->body);
    }

    is(scalar @cases, 0, 'all of them');
};


subtest 'where and how' => sub {
    for my $method (qw(GET PUT DELETE PATCH)) {
        my $response = $t->request($method, '/token', [@basic, @FORM], $grant);

        refused($response, 405, 'invalid_request', qr/method/, $method);
        is($response->header('Allow'), 'POST, OPTIONS', 'with Allow');
    }

    is($t->request('OPTIONS', '/token')->status, 204, 'OPTIONS');

    refused($t->request('POST', '/auth/x', [@basic, @FORM], $grant), 404,
            'invalid_request', qr/no such/, 'below the location');
    refused($t->request('POST', '/small', [@basic, @FORM], $grant), 413,
            'invalid_request', qr/larger than 10/, 'a body too large');

    for my $uri ('/denied', '/denied-any') {
        refused($t->request('POST', $uri, [@basic, @FORM], $grant), 403,
                'access_denied', qr/forbidden/, $uri);
    }

    refused($t->request('POST', '/elsewhere', [@basic, @FORM], $grant), 401,
            'invalid_client', qr/unknown/, 'a client of another institution');

    my @elsewhere = basic(client('elsewhere', institution => 'elsewhere'));

    granted($t->request('POST', '/elsewhere', [@elsewhere, @FORM], $grant),
            'a client of its own');
};


subtest 'a client that is bound to a person' => sub {
    $pg->do(q{INSERT INTO results.person (institution_id, id, role)
              VALUES (?, 'sam', 'student')},
            $t->fixtures->institution('school'));

    my @sam = (basic(client('of-sam', person => 'sam')), @FORM);
    my $token = granted($t->request('POST', '/token', \@sam, $grant), 'sam');

    is($pg->value(q{SELECT person_id || ' ' || role
                    FROM results_api.lookup_tokens(array[decode(?, 'hex')])},
                  sha256_hex($token)), 'sam student', 'acts as that person');

    $pg->do(q{UPDATE results.person SET status = 'blocked'
              WHERE id = 'sam'});
    refused($t->request('POST', '/token', \@sam, $grant), 401,
            'invalid_client', qr/unknown/, 'who is blocked');
};


subtest 'secrets come and go' => sub {
    my ($name, $first) = client('rotates');
    my $second = $pg->value('SELECT results.add_secret(?)', $name);
    push @{ $t->fixtures->{tokens} }, $second;

    my $ask = sub {
        $t->request('POST', '/token', [basic($name, $_[0]), @FORM], $grant);
    };

    granted($ask->($first), 'the first');
    granted($ask->($second), 'the second');

    $pg->do('SELECT results.retire_secret(?, 1)', $name);

    refused($ask->($first), 401, 'invalid_client', qr/unknown/, 'retired');
    my $token = granted($ask->($second), 'the second, still');

    $pg->do('UPDATE results.api_client SET disabled_at = now()
             WHERE client_id = ?', $name);

    refused($ask->($second), 401, 'invalid_client', qr/unknown/, 'disabled');
    ok(wait_for(sub { put('disabled', $token) == 401 }),
       'and its token is good no longer');
};


subtest 'many at once' => sub {
    my $request = Results::Test::Http->format('POST', '/token',
                                              [@basic, @FORM], $grant);
    my %tokens;

    for my $response ($t->many([($request) x 200], connections => 20)) {
        $tokens{ token($response) }++ if $response->status == 200;
    }

    is(scalar keys %tokens, 200, '200 tokens');
    is($pg->value(q{SELECT count(*) FROM results.access_token
                    WHERE encode(token_sha256, 'hex') = ANY (?)},
                  [map { sha256_hex($_) } keys %tokens]), 200, 'are stored');
};


subtest 'a connection is lost on the way' => sub {
    my $http = $t->http;
    my $count = sub {
        $pg->value('SELECT count(*) FROM results.access_token');
    };
    my $before = $count->();

    $pg->with_lock('results.access_token', 'EXCLUSIVE', sub {
        my ($dbh) = @_;

        $http->send(Results::Test::Http->format('POST', '/token',
                                                [@basic, @FORM], $grant));
        ok($pg->wait_for_blocked(1), 'the statement waits');

        $dbh->do(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE usename = ? AND wait_event_type = 'Lock'}, {},
                 $pg->gateway);
        ok($pg->wait_for_blocked(1), 'and is sent again');
    });

    granted($http->response('POST'), 'then');
    is($count->(), $before + 1, 'once');
    $http->close;
};


subtest 'PostgreSQL is away' => sub {
    $pg->stop;

    my $response = $t->request('POST', '/token', [@basic, @FORM], $grant);

    refused($response, 503, 'temporarily_unavailable', qr/again/, 'away');
    ok($response->header('Retry-After'), 'with Retry-After');

    $pg->start;

    ok(wait_for(sub {
        $response = $t->request('POST', '/token', [@basic, @FORM], $grant);
        return $response->status == 200;
    }), 'back');
    granted($response, 'and');
};
