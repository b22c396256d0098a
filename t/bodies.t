#!/usr/bin/env perl

# Every way HTTP/1.1 has to bring a body, and what follows it on the same
# connection.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;
use Results::Test::Http;

my $t = Results::Test->new;

$t->nginx(location => 'client_max_body_size 1m;');

my $http = 'Results::Test::Http';


# headers and body of a PUT apart
sub parts {
    my ($id, $body, %opt) = @_;

    my ($head) = $t->put_request($id, $body, %opt) =~ /^(.*?\r\n\r\n)/s;
    return ($head, ref $body ? $t->encode($body) : $body);
}

# a result whose body has about that size
sub large { $t->result(metadata => { list => [('x' x 99) x ($_[0] / 103)] }) }


subtest 'chunked' => sub {
    for my $size (1, 7, 1000) {
        my ($head, $body) = parts("chunked-$size", $t->result,
            more => ['Transfer-Encoding' => 'chunked']);

        $head =~ s/Content-Length: \d+\r\n//;

        my $c = $t->http;
        $c->send($head . $http->chunked($body, $size));

        is($c->response('PUT')->status, 201, "in chunks of $size");
        ok($t->row("chunked-$size"), 'and stored');

        $c->send($t->put_request("after-$size", $t->result));
        is($c->response('PUT')->status, 201, 'the connection goes on');
    }
};


subtest 'Expect: 100-continue' => sub {
    my ($head, $body) = parts('expect', $t->result,
        more => [Expect => '100-continue']);

    my $c = $t->http;
    $c->send($head);
    ok(wait_for(sub { !$c->silent }), 'something comes before the body');
    $c->send($body);

    my $response = $c->response('PUT');

    is($response->status, 201, 'created');
    is($response->interim, 1, 'after one 100');

    ($head) = parts('expect', $t->result, token => 'x' x 43,
        more => [Expect => '100-continue']);

    $c = $t->http;
    $c->send($head);
    $response = $c->response('PUT');

    is($response->status, 401, 'a refusal needs no body');
    is($response->interim, 0, 'nor asks for it');
};


subtest 'in pieces' => sub {
    my $c = $t->http;
    my $request = $t->put_request('pieces', $t->result);

    for my $piece ($request =~ /(.{1,50})/gs) {
        $c->send($piece);
        $c->silent;
    }

    is($c->response('PUT')->status, 201, 'created');
};


subtest 'large' => sub {
    for my $size (20_000, 200_000, 1_000_000) {
        my $body = large($size);
        my $response = $t->put("large-$size", $body);

        is($response->status, 201, "$size bytes");
        is_deeply($response->json->{result}{metadata},
                  $body->{result}{metadata}, 'come back');
    }

    my $text = $t->encode(large(900_000));
    $text .= ' ' x (1024 * 1024 - length $text);

    is($t->put('limit', $text)->status, 201, 'client_max_body_size bytes');
    is($t->put('limit', "$text ")->status, 413, 'one more');

    my ($head, $body) = parts('limit', "$text ",
        more => ['Transfer-Encoding' => 'chunked']);

    $head =~ s/Content-Length: \d+\r\n//;

    my $c = $t->http;
    $c->send($head . $http->chunked($body, 65536));
    is($c->response('PUT')->status, 413, 'the same in chunks');
    is($t->row('limit')->{version}, 1, 'and neither was stored');
};


subtest 'pipelined' => sub {
    my $c = $t->http;

    $c->send(join '', map { $t->put_request("p$_", $t->result(score => $_)) }
             1 .. 20);

    my @scores = map {
        my $response = $c->response('PUT');
        $response->status == 201 ? $response->json->{result}{score} : 0
    } 1 .. 20;

    is_deeply(\@scores, [1 .. 20], 'twenty at once, answered in order');

    $c->send($t->put_request('same', $t->result(score => 1))
             . $t->put_request('same', $t->result(score => 2)));

    is($c->response('PUT')->status, 201, 'one id twice: created');
    is($c->response('PUT')->status, 200, 'and replaced');
    is($t->row('same')->{score}, 2, 'by the second');
};


subtest 'a refused body is not taken for the next request' => sub {
    my $smuggled = $t->put_request('smuggled', $t->result);

    my %refused = (
        401 => [token => 'x' x 43],
        415 => [type => 'text/plain'],
        404 => [],
        403 => [token => $t->token(scopes => ['none'])],
    );

    for my $status (sort keys %refused) {
        my $c = $t->http;
        my $request = $t->put_request('refused', $smuggled,
                                      @{ $refused{$status} });

        $request =~ s{/results/refused}{/nothing} if $status == 404;

        $c->send($request . $t->put_request("next-$status", $t->result));

        is($c->response('PUT')->status, $status, "a $status");

        my $next = $c->response('PUT');
        ok(!$next || $next->status == 201, 'the next one is the next one');
    }

    ok(!$t->row('smuggled'), 'nothing was smuggled in');
};


subtest 'odd ones' => sub {
    my $c = $t->http;

    $c->send($t->put_request('old', $t->result) =~ s{HTTP/1.1}{HTTP/1.0}r);
    is($c->response('PUT')->status, 201, 'HTTP/1.0');
    ok($c->closed, 'and the connection ends');

    $c = $t->http;
    $c->send($http->format('PUT', $t->uri('no-length'), $t->headers));
    is($c->response('PUT')->status, 400, 'no Content-Length: no body');

    $c->send($t->put_request('empty', ''));
    is($c->response('PUT')->status, 400, 'an empty body');

    $c->send($t->put_request('after', $t->result));
    is($c->response('PUT')->status, 201, 'and the connection goes on');

    $c = $t->http;
    $c->send(substr($t->put_request('half', $t->result), 0, -10));
    $c->finish;
    is($c->response('PUT'), undef, 'a body that ends early has no answer');
    ok(!$t->row('half'), 'and no row');
};
