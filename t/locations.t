#!/usr/bin/env perl

# Where an API is served: the path below its location, the rules of nginx
# that stand there with it, and errors of nginx's own in the API's shape.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

my $t = Results::Test->new;

$t->nginx(
    http   => 'limit_req_zone $arg_key zone=limited:1m rate=1r/m;',
    server => <<'EOC',
        location /api/          { results_api timeback;
                                  rewrite ^/api/scores/(.*)
                                          /api/results/$1 break; }
        location /noslash       { results_api timeback; }
        location "/sp ace/"     { results_api timeback; }
        location /outer/        { results_api timeback;
                                  location /outer/inner/ { return 204; } }

        location /methods/      { results_api timeback;
                                  limit_except GET PUT { deny all; } }
        location /if/           { results_api timeback;
                                  if ($arg_x) { set $y 1; } }

        results_base_url $arg_from;
        location /fixed/        { results_api timeback;
                                  results_base_url https://x.example:8443/a/;
                                  limit_except GET PUT { deny all; } }
        location /variable/     { results_api timeback;
                                  results_base_url https://$host; }

        location /denied/       { results_api timeback; deny all; }
        location /any-denied/   { results_api timeback; satisfy any;
                                  deny all; }
        location /any-allowed/  { results_api timeback; satisfy any;
                                  allow all; }

        location /limited/      { results_api timeback;
                                  limit_req zone=limited; }
        location /small/        { results_api timeback;
                                  client_max_body_size 10; }
        location /returns/      { results_api timeback; return 405; }
        location /says/         { results_api timeback;
                                  return 403 "no"; }
        location /pages/        { results_api timeback;
                                  client_max_body_size 10;
                                  error_page 401 413 /page; }
        location = /page        { internal; return 200 "a page"; }
EOC
);

my $body = $t->encode($t->result);
my @json = ('Content-Type' => 'application/json');
my @token = (Authorization => 'Bearer ' . $t->token);


sub put {
    my ($uri, @more) = @_;
    return $t->request('PUT', $uri, [@json, @token, @more], $body);
}

sub anonymous {
    my ($uri) = @_;
    return $t->request('PUT', $uri, \@json, $body);
}

sub stored { $_[0]->json->{result}{sourcedId} }

# an error with the payload of the dialect
sub error {
    my ($response, $status, $name) = @_;

    is($response->status, $status, $name);
    is($response->header('Content-Type'), 'application/json', 'in JSON');
    is($response->json->{imsx_codeMajor}, 'failure', 'of the API');
}


subtest 'the path below the location' => sub {
    my %ids = (
        '/api/results/plain'         => 'plain',
        '/api/results/a%2Fb'         => 'a/b',
        '/api/results/a%2F%2Fb'      => 'a//b',
        '/api/results/%2E%2E'        => '..',
        '/%61pi/results/prefix'      => 'prefix',
        '/api//results//slashes'     => 'slashes',
        '/x/../api/results/dots'     => 'dots',
        '/api/./results/x/../up'     => 'up',
        '/api/results/query?a=/b/c'  => 'query',
        '/api/scores/rewritten'      => 'rewritten',
        '/noslash/results/below'     => 'below',
        '/sp%20ace/results/space'    => 'space',
        '/outer/results/outer'       => 'outer',
        '/if/results/if?x=1'         => 'if',
        '/methods/results/methods'   => 'methods',
    );

    for my $uri (sort keys %ids) {
        my $response = put($uri);

        is($response->status, 201, "PUT $uri");
        is(stored($response), $ids{$uri}, "stores \"$ids{$uri}\"");
        ok($t->row($ids{$uri}), 'and nothing else');
    }

    error(put($_), 404, "PUT $_")
        for '/api/', '/noslash', '/noslashresults/x', '/api/results/a/b';

    is(put('/outer/inner/results/x')->status, 204,
       'a location inside has its own handler');
};


subtest 'links' => sub {
    my %base = (
        '/api/results/link'      => '/api/',
        '/noslash/results/link'  => '/noslash/',
        '/sp%20ace/results/link' => '/sp%20ace/',
    );

    for my $uri (sort keys %base) {
        my $host = 'school.example:8080';
        my $href = put($uri, Host => $host)->json->{result}{lineItem}{href};

        is(index($href, "http://$host$base{$uri}lineItems/"), 0,
           "$uri: $href");
    }

    %base = (
        '/api/results/link?from=https://y' => 'https://y/api/',
        '/fixed/results/link'    => 'https://x.example:8443/a/fixed/',
        '/variable/results/link' => 'https://school.example/variable/',
    );

    for my $uri (sort keys %base) {
        my $got = put($uri, Host => 'school.example:8080')->json->{result};

        is(index($got->{$_}{href}, $base{$uri}), 0,
           "results_base_url, $uri: $got->{$_}{href}")
            for qw(lineItem student);
    }

    my $list = $t->request('GET', '/fixed/results/?limit=1', \@token);

    is($list->status, 200, 'a collection');
    like($list->header('Link'),
         qr{^<https://x\.example:8443/a/fixed/results/\?limit=1&},
         'its pages are there, too');
};


subtest 'rules of nginx' => sub {
    error(put('/denied/results/x'), 403, 'deny');
    error($t->request('DELETE', '/methods/results/x', \@token), 403,
          'limit_except');

    error(anonymous('/any-denied/results/x'), 401,
          'satisfy any: neither address nor token');
    is(put('/any-denied/results/any')->status, 201, 'the token is enough');
    is($t->request('OPTIONS', '/any-denied/results/x')->status, 204,
       'OPTIONS takes none');
    error(anonymous('/any-allowed/results/x'), 401,
          'satisfy any: an address is nobody');

    is(put('/limited/results/limited?key=1')->status, 201, 'limit_req: one');

    my $second = put('/limited/results/limited?key=1');

    error($second, 503, 'and not another one');
    ok($second->header('Retry-After'), 'with Retry-After');

    ok(!$t->row('x'), 'nothing of it was stored');
};


subtest 'errors of nginx' => sub {
    my $response = put('/small/results/x');

    error($response, 413, 'a body that is too large');
    is($response->header('Connection'), 'close', 'ends the connection');

    error(put('/small/results/x', Expect => '100-continue'), 413,
          'one that would be');

    $response = put('/returns/results/x');

    error($response, 405, 'return 405');
    like($response->header('Allow'), qr/PUT/, 'with Allow');

    $response = $t->request('HEAD', '/denied/results/x', \@token);

    is($response->status, 403, 'HEAD');
    is($response->body, '', 'has no body');
};


subtest 'what the operator says instead' => sub {
    is(put('/says/results/x')->body, 'no', 'return 403 "no"');
    is(put('/pages/results/x')->body, 'a page', 'error_page of a 413');
    is(anonymous('/pages/results/x')->body, 'a page', 'error_page of a 401');
};


subtest 'what a header can not do to a reply' => sub {
    my $response = put('/api/results/plain', 'If-Range' => '"x"',
                       Range => 'bytes=0-3');

    is($response->status, 200, 'what is stored is not answered 206');
    is(stored($response), 'plain', 'but as it is');
};
