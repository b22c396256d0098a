#!/usr/bin/env perl

# Errors that nginx itself raises where an API is served: in the API's shape,
# whatever the connection, and unless the operator says otherwise.  What an
# error_page leads to is served as any other request is.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use Results::Test::Http2;

my $t = Results::Test->new;

# every API there is
open my $source, '<', $t->root
    . '/ngx_results_module/dialect/results_dialects.c' or die "the table: $!\n";
my @apis = map { /^ {4}&results_(\w+),/ ? $1 : () } <$source>;

my @statuses = (400, 403, 404, 405, 413, 414, 415, 429, 500, 502, 503, 504);
my $returns = join ' ', map { "if (\$arg_code = $_) { return $_; }" } @statuses;
my $locations = join "\n",
    map { "location /of-$_->[0]/ { $_->[1]; $returns }" }
    ['tokens', 'results_token_endpoint'], map { [$_, "results_api $_"] } @apis;

$t->nginx(
    http2  => 1,
    http   => <<'EOC',
        charset_map      a b { 80 81; }
        limit_req_zone   $arg_key zone=requests:1m rate=1r/m;
        limit_conn_zone  $arg_key zone=connections:1m;
EOC
    server => $locations . <<'EOC',
        location /api/       { results_api timeback;
                               client_body_timeout 300ms;
                               rewrite ^/api/away/  /elsewhere break; }
        location /small/     { results_api timeback;
                               client_max_body_size 100; }
        location /denied/    { results_api timeback; deny all; }
        location /r429/      { results_api timeback;
                               limit_req zone=requests;
                               limit_req_status 429; }
        location /r503/      { results_api timeback;
                               limit_conn connections 1; }
        location /says/      { results_api timeback;
                               if ($arg_code = 400) { return 400; }
                               if ($arg_code = 404) { return 404; }
                               if ($arg_code = 405) { return 405; }
                               if ($arg_code = 418) { return 418; }
                               if ($arg_code = 500) { return 500; } }
        location /inside/    { results_api timeback; internal; }
        location /copied/    { results_api timeback; deny all;
                               output_buffers 1 64;
                               charset a; source_charset b; charset_types *; }
        location /zipped/    { results_api timeback; deny all; gzip on;
                               gzip_min_length 1; gzip_types *; }

        location /page/      { results_api timeback;
                               client_max_body_size 100;
                               client_body_timeout 300ms;
                               error_page 408 413 /own; }
        location /named/     { results_api timeback;
                               client_max_body_size 100;
                               error_page 413 = @own; }
        location /fails/     { results_api timeback;
                               client_max_body_size 100;
                               error_page 413 = @fails; }
        location /leads/     { results_api timeback;
                               client_max_body_size 100;
                               error_page 413 http://127.0.0.1/elsewhere; }
        location = /own      { internal; return 200 "the operator's"; }
        location @own        { return 507 "the operator's"; }
        location @fails      { return 502; }

        location /into/      { error_page 403 = /api/results/into;
                               deny all; }
        location /into200/   { error_page 403 =200 /api/results/into;
                               deny all; }
        location /around/    { error_page 403 =200 @around; deny all; }
        location @around     { rewrite ^/around/(.*)  /api/$1 last; }
        location /large/     { error_page 413 = @large;
                               client_max_body_size 1; }
        location @large      { rewrite ^/large/(.*)  /api/$1 last; }

EOC
);

my $body = $t->encode($t->result);
my @json = ('Content-Type' => 'application/json');
my @token = (Authorization => 'Bearer ' . $t->token);
my @put = (@json, @token);
my $port = $t->{nginx}->http2_port;


sub put {
    my ($uri, @more) = @_;
    return $t->request('PUT', $uri, [@put, @more], $body);
}

sub error {
    my ($response, $status, $text, $name) = @_;

    is($response->status, $status, "$name: $status");
    is($response->header('Content-Type'), 'application/json', 'in JSON');
    is($response->json->{imsx_codeMajor}, 'failure', 'of the API');
    like($response->json->{imsx_description}, $text, 'that says why');
}

sub closes { is($_[0]->header('Connection'), 'close', 'and ends') }


subtest 'a body that does not come' => sub {
    my $http = $t->http;

    $http->send(Results::Test::Http->format('PUT', '/api/results/late',
        [@put, 'Content-Length' => length $body], substr $body, 0, 20));

    my $response = $http->response('PUT');

    error($response, 408, qr/not come in time, nothing was stored/, 'HTTP/1.1');
    closes($response);
    $http->close;

    my $h2 = Results::Test::Http2->new(port => $port);
    my $id = $h2->open('PUT', '/api/results/late', \@put, \'');

    $h2->data($id, substr($body, 0, 20), 0);
    error($h2->response($id), 408, qr/in time/, 'HTTP/2');

    # the rest, as a frame by hand: the stream is closed for the library
    my $rest = substr $body, 20;
    $h2->{h2}->enqueue_raw(pack('NCN', length($rest) << 8, 1, $id) . $rest);

    is($h2->request('PUT', '/api/results/next', \@put, $body)->status, 201,
       'the connection goes on');
    $h2->close;

    ok(!$t->row('late'), 'nothing is stored');
};


subtest 'a body that is none' => sub {
    my $http = $t->http;

    $http->send(Results::Test::Http->format('PUT', '/api/results/chunks',
        [@put, 'Transfer-Encoding' => 'chunked', Expect => '100-continue']));

    local $SIG{PIPE} = 'IGNORE';
    wait_for(sub { !$http->silent });
    $http->send("zz\r\n");

    my $response = $http->response('PUT');

    error($response, 400, qr/malformed/, 'no chunk');
    closes($response);

    ok($http->send('x') && $http->send('x'), 'and is read to its end');
    $http->close;
};


subtest 'a body too large' => sub {
    my $chunked = Results::Test::Http->chunked($body, 40);
    my $h2 = Results::Test::Http2->new(port => $port);

    for my $case (
        ['by its length', put('/small/results/x')],
        ['in chunks', $t->request('PUT', '/small/results/x',
            [@put, 'Transfer-Encoding' => 'chunked'], $chunked)],
        ['HTTP/2, by its length', $h2->request('PUT', '/small/results/x',
            [@put, 'Content-Length' => length $body], $body)],
        ['HTTP/2, without one', $h2->request('PUT', '/small/results/x',
            [@put], $body)],
    ) {
        error($case->[1], 413, qr/larger than 100 bytes/, $case->[0]);
        closes($case->[1]) if $case->[0] !~ /HTTP/;
    }

    # the client has sent nothing of it yet
    my $http = $t->http;
    $http->send(Results::Test::Http->format('PUT', '/small/results/x',
        [@put, 'Content-Length' => 1000, Expect => '100-continue']));

    my $response = $http->response('PUT');
    error($response, 413, qr/larger/, 'a body that is asked for');
    is($response->interim, 0, 'without an interim response');
    closes($response);

    ok(!$t->row('x'), 'nothing is stored');
};


subtest 'limits' => sub {
    is(put('/r429/results/one?key=1')->status, 201, 'limit_req: one');

    my $response = put('/r429/results/two?key=1');
    error($response, 429, qr/too many requests, nothing was stored/,
          'and not another one');
    ok($response->header('Retry-After'), 'with Retry-After');

    my $http = $t->http;
    $t->pg->no_timeouts;
    $t->pg->with_lock('results.result', 'EXCLUSIVE', sub {
        $http->send(Results::Test::Http->format('PUT',
            '/r503/results/waits?key=1', \@put, $body));
        ok($t->pg->wait_for_blocked(1), 'limit_conn: one waits');

        $response = put('/r503/results/two?key=1');
        error($response, 503, qr/nothing was stored/, 'and not another one');
        ok($response->header('Retry-After'), 'with Retry-After');
    });
    is($http->response('PUT')->status, 201, 'that one is stored');
    $http->close;

    ok(!$t->row('two'), 'and no other');
};


subtest 'what a rewrite says' => sub {
    error(put('/says/results/x?code=400'), 400, qr/malformed/, 'return 400');
    error(put('/says/results/x?code=404'), 404, qr/./, 'return 404');
    error(put('/says/results/x?code=418'), 418, qr/./, 'return 418');
    error(put('/says/results/x?code=500'), 500, qr/internal/, 'return 500');
    error(put('/inside/results/x'), 404, qr/./, 'internal');
    error(put('/api/away/x'), 404, qr/no such/, 'break, and elsewhere');

    my $response = put('/says/results/x?code=405');
    error($response, 405, qr/not allowed/, 'return 405');
    like($response->header('Allow'), qr/PUT.*OPTIONS/, 'with Allow');

    $response = put('/says/?code=405');
    error($response, 405, qr/not allowed/, 'where there is nothing');
    is($response->header('Allow'), '', 'with an empty Allow');
};


subtest 'HEAD' => sub {
    for my $uri ('/denied/results/x', '/says/results/x?code=500') {
        my $http = $t->http;
        my $get = $http->request('GET', $uri, \@token);
        my $head = $t->request('HEAD', $uri, \@token);

        is($head->status, $get->status, $uri);
        is($head->header('Content-Length'), length $get->body,
           'the length of GET');
        is($head->body, '', 'and no body');
        $http->close;
    }
};


subtest 'the connection goes on' => sub {
    my $http = $t->http;

    for my $n (1 .. 3) {
        error($http->request('PUT', '/denied/results/x', \@put, $body), 403,
              qr/forbidden/, "refused, $n");
    }

    is($http->request('PUT', '/api/results/kept', \@put, $body)->status, 201,
       'and served');

    # two at once, of which the first has a body that nobody reads
    $http->send(Results::Test::Http->format('PUT', '/denied/results/x', \@put,
                                            $body)
              . Results::Test::Http->format('PUT', '/api/results/piped', \@put,
                                            $body));
    error($http->response('PUT'), 403, qr/forbidden/, 'the first');
    is($http->response('PUT')->status, 201, 'the second');
    ok($t->row('piped'), 'is stored');
    $http->close;

    my $h2 = Results::Test::Http2->new(port => $port);
    my @streams = map { $h2->open('PUT', $_, \@put, $body) }
        ('/denied/results/x', '/api/results/stream') x 2;

    error($h2->response($streams[$_]), 403, qr/forbidden/, 'HTTP/2')
        for 0, 2;
    like($h2->response($streams[$_])->status, qr/^20[01]\z/, 'beside it')
        for 1, 3;
    $h2->close;

    # a body that was announced and may never come
    $http = $t->http;
    $http->send(Results::Test::Http->format('PUT', '/denied/results/x',
        [@put, 'Content-Length' => 1000, Expect => '100-continue']));

    my $response = $http->response('PUT');
    error($response, 403, qr/forbidden/, 'Expect');
    is($response->interim, 0, 'without an interim response');
    closes($response);

    # HTTP/1.0
    $http = $t->http;
    $http->send("GET /denied/results/x HTTP/1.0\r\n@{[join ': ', @token]}"
                . "\r\n\r\n");
    error($http->response('GET'), 403, qr/forbidden/, 'HTTP/1.0');
    ok($http->closed, 'and ends');
};


subtest 'filters of nginx' => sub {
    my $http = $t->http;

    for (1 .. 2) {
        my $response = $http->request('PUT', '/copied/results/x', \@put,
                                      $body);
        is($response->status, 403, 'one that copies, piece by piece');
        is($response->json->{imsx_codeMajor}, 'failure', 'of the API');
        is($response->header('Content-Type'), 'application/json; charset=a',
           'and recodes');
    }

    $http->close;

    error(put('/zipped/results/x'), 403, qr/forbidden/, 'one that is idle');

    my $response = put('/zipped/results/x', 'Accept-Encoding' => 'gzip');
    is($response->header('Content-Encoding'), 'gzip', 'one that compresses');
};


subtest 'each API has its own shape' => sub {
    my %shapes;

    cmp_ok(scalar @apis, '>=', 2, "@apis");

    for my $api (@apis, 'tokens') {
        for my $status (@statuses) {
            my $response = $t->request('POST', "/of-$api/x?code=$status",
                                       \@json, $body);
            my $type = $response->header('Content-Type') // '';

            is($response->status, $status, "$api: $status");
            like($type, qr{^(?:application|text)/(?:\w+\+)?(?:json|xml)\b},
                 'of its own type');
            ok($type =~ /json/ ? ref $response->json
                               : $response->body =~ /^<(?!html)/,
               'and shape');
            unlike($response->body, qr/<html|nginx/i, 'which is not nginx\'s');
            ok($response->header('Retry-After'), 'with Retry-After')
                if $status == 429 || $status == 503;

            $shapes{ join ' ', sort keys %{ $response->json } }++
                if ref $response->json eq 'HASH';
        }
    }

    cmp_ok(scalar keys %shapes, '>=', 2, 'not one for all');
};


subtest 'the operator\'s own' => sub {
    for my $case (
        ['/page/results/x', 413, "the operator's", 'a page'],
        ['/named/results/x', 507, "the operator's", 'a named location'],
    ) {
        my ($uri, $status, $text, $name) = @$case;
        my $response = put($uri);

        is($response->status, $status, $name);
        is($response->body, $text, 'as it is');
    }

    my $response = put('/fails/results/x');
    is($response->status, 502, 'an error of a named location');
    like($response->body, qr/<html>/, 'is not the API\'s');

    $response = put('/leads/results/x');
    is($response->status, 302, 'a redirect');
    is($response->header('Location'), 'http://127.0.0.1/elsewhere', 'as it is');

    my $http = $t->http;
    $http->send(Results::Test::Http->format('PUT', '/page/results/late',
        [@put, 'Content-Length' => 50], 'x'));
    is($http->response('PUT')->body, "the operator's", 'a page of a 408');
    $http->close;

    ok(!$t->row('x'), 'nothing is stored');
};


subtest 'what an error_page leads to' => sub {
    my @cases = (
        ['/into/x', 'a location, by GET'],
        ['/into200/x', 'the same, and =200'],
        ['/around/results/around', 'a named one, and from there'],
        ['/large/results/large', 'the same, of a body too large'],
    );

    for my $case (@cases) {
        my ($uri, $name) = @$case;
        my $response = $t->request('PUT', $uri, \@json, $body);

        error($response, 401, qr/access token is required/, $name);
        like($response->header('WWW-Authenticate'), qr/^Bearer/,
             'with a challenge');
    }

    ok(!$t->row($_), "nothing is stored: $_") for qw(into around large);

    is(put('/around/results/around')->status, 201,
       'with a token it is any other request');
    ok($t->row('around'), 'and stored');

    error(put('/large/results/large'), 400, qr/body is empty/,
          'a body that was thrown away is none');
    ok(!$t->row('large'), 'and not stored');

    error($t->request('GET', '/into200/x', []), 401, qr/required/,
          'an error stays one');
};
