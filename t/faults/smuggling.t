#!/usr/bin/env perl

# Requests of which two servers may disagree where they end, or whose they
# are: each is refused, or is one request and nothing more; what was hidden in
# it is never served, nor stored.

use FindBin;
use lib "$FindBin::Bin/../lib";
use Results::Checker;
use Results::Test;
use Results::Test::Http2;

my $t = Results::Test->new(timeout => 180);
my $pg = $t->pg;

# at its level info nginx itself logs header lines that it refuses
my $nginx = $t->nginx(http2 => 1, log => 'notice',
    server => 'location = /end { return 418; }' . Results::Checker->server);
my $checker = Results::Checker->start($t);

my $body = $t->encode($t->result);
my $token = $t->token;
my $length = length $body;
my $AUTH = "Authorization: Bearer $token";
my $JSON = 'Content-Type: application/json';
my $CHUNKED = 'Transfer-Encoding: chunked';

# of another institution
my $other = $t->token(institution => 'another');

# what would be a request of its own, were its bytes not a body's
my $hidden = $t->put_request('hidden', $t->result);
my $in_chunk = Results::Test::Http->chunked($body, 16);

my $n = 0;


# the request's head (a name is given), what follows it
sub bytes {
    my ($id, $headers, $rest) = @_;

    return join("\r\n", "PUT $Results::Test::BASE/results/$id HTTP/1.1",
                'Host: 127.0.0.1', @$headers, '', '') . $rest;
}


# sends it, and a last request, and gives all statuses but the last one's
sub statuses {
    my ($bytes) = @_;

    my $http = $t->http;
    my @statuses;

    $http->send($bytes . Results::Test::Http->format('GET', '/end',
                                                     [Connection => 'close']));

    while (my $response = $http->response('PUT')) {
        last if $response->status == 418;
        push @statuses, $response->status;
    }

    $http->close;
    return @statuses;
}


# name, headers, what follows them, statuses, versions that it may leave
my @shapes = (
    ['CL and TE', [$AUTH, $JSON, "Content-Length: $length", $CHUNKED],
     $in_chunk, '400'],
    ['TE and CL', [$AUTH, $JSON, $CHUNKED, 'Content-Length: 4'],
     $in_chunk . $hidden, '400'],
    ['CL 0 and TE', [$AUTH, $JSON, 'Content-Length: 0', $CHUNKED],
     $in_chunk, '400'],
    ['two CL that differ', [$AUTH, $JSON, "Content-Length: $length",
     'Content-Length: 0'], $body . $hidden, '400'],
    ['two CL that are equal', [$AUTH, $JSON, "Content-Length: $length",
     "Content-Length: $length"], $body, '400'],
    ['a list in CL', [$AUTH, $JSON, "Content-Length: $length, $length"],
     $body, '400'],
    (map { ["CL '$_'", [$AUTH, $JSON, "Content-Length: $_"], $body, '400'] }
     "+$length", "-$length", "0x10", "${length}a", '',
     '99999999999999999999'),
    ['TE twice', [$AUTH, $JSON, $CHUNKED, $CHUNKED], $in_chunk, '400|501'],
    (map { ["TE '$_'", [$AUTH, $JSON, "Transfer-Encoding: $_"], $in_chunk,
     '400|501'] } 'gzip, chunked', 'identity', 'xchunked', 'chunked, chunked',
     "\x0bchunked", 'chunked;a=b'),
    ['TE with a space before its colon', [$AUTH, $JSON,
     'Transfer-Encoding : chunked'], $in_chunk, '400'],
    ['a space before a header', [$AUTH, $JSON, " $CHUNKED"], $in_chunk,
     '400'],
    ['a chunk length that is none', [$AUTH, $JSON, $CHUNKED],
     "zz\r\n$body\r\n0\r\n\r\n$hidden", '400'],
    ['a chunk length that overflows', [$AUTH, $JSON, $CHUNKED],
     "ffffffffffffffff\r\n$body\r\n0\r\n\r\n$hidden", '400|413'],
    ['a chunk longer than it says', [$AUTH, $JSON, $CHUNKED],
     "4\r\n$body\r\n0\r\n\r\n", '400'],
    ['two Authorizations', [$AUTH, "Authorization: Bearer $other", $JSON,
     "Content-Length: $length"], $body, '400'],
    ['the same twice', [$AUTH, $AUTH, $JSON, "Content-Length: $length"],
     $body, '400'],
    ['two tokens in one', ["Authorization: Bearer $token, Bearer $other",
     $JSON, "Content-Length: $length"], $body, '400|401'],
    ['an Authorization that is folded', ["Authorization: Bearer\r\n $token",
     $JSON, "Content-Length: $length"], $body, '400|401'],
    ['a header that is folded', [$AUTH, "Content-Type:\r\n application/json",
     "Content-Length: $length"], $body, '400|415'],
    ['NUL in a header', [$AUTH, $JSON, "X: a\0b", "Content-Length: $length"],
     $body, '400'],
    ['NUL in the token', ["$AUTH\0x", $JSON, "Content-Length: $length"],
     $body, '400'],
    ['a bare CR', [$AUTH, $JSON, "X: a\rContent-Length: 0",
     "Content-Length: $length"], $body, '400|20[01]'],
    ['two Hosts', [$AUTH, $JSON, 'Host: other', "Content-Length: $length"],
     $body, '400'],
);

for my $shape (@shapes) {
    my ($name, $headers, $rest, $want) = @$shape;
    my $id = 'shape-' . $n++;
    my ($status, @more) = statuses(bytes($id, $headers, $rest));

    like($status // 'none', qr/^(?:$want)$/, "$name: $want");
    is("@more", '', 'and nothing more');

    my $row = $t->row($id);

    if (($status // 0) =~ /^2/) {
        is($row->{version}, 1, 'stored once');

    } else {
        is($row, undef, 'nothing is stored');
    }
}


subtest 'a body that looks like a request' => sub {
    my ($status, @more) = statuses(bytes('inside', [$AUTH, $JSON,
        'Content-Length: ' . length $hidden], $hidden));

    is($status, 400, 'is no JSON');
    is("@more", '', 'and is not served');

    # the sum of chunks, each of which looks like the end
    my $text = Results::Test::Http->chunked("0\r\n\r\n$hidden", 5);

    ($status, @more) = statuses(bytes('inside', [$AUTH, $JSON, $CHUNKED],
                                      $text));
    is("$status @more", '400 ', 'nor in chunks');

    # refused before its body is read: the body is still its own
    ($status, @more) = statuses(bytes('inside', ["Authorization: Bearer no",
        $JSON, 'Content-Length: ' . length $hidden], $hidden));
    is("$status @more", '401 ', 'nor after a 401');

    ($status, @more) = statuses(bytes('inside', [$AUTH, $JSON,
        'Expect: 100-continue', 'Content-Length: ' . length $hidden],
        $hidden) . $t->put_request('after', $t->result));
    is(join(' ', grep { $_ != 100 } $status, @more), '400 201',
       'and what follows it is served');
};


subtest 'HTTP/2: a length that is not the body\'s' => sub {
    for my $wrong ($length - 5, $length + 5, 0) {
        my $h2 = Results::Test::Http2->new(port => $nginx->http2_port);
        my $response = $h2->request('PUT', $t->uri("h2-$wrong"),
            $t->headers(more => ['content-length' => $wrong]), $body);

        unlike($response ? $response->status : 'reset', qr/^2/,
               "$wrong for $length: no 2xx");
        is($t->row("h2-$wrong"), undef, 'nothing is stored');
        $h2->close;
    }

    my $h2 = Results::Test::Http2->new(port => $nginx->http2_port);
    my $response = $h2->request('PUT', $t->uri('h2-two'),
        $t->headers(more => [authorization => "Bearer $other"]), $body);

    unlike($response ? $response->status : 'reset', qr/^2/,
           'two authorizations: no 2xx');
    is($t->row('h2-two'), undef, 'nothing is stored');
    $h2->close;

    # frames tell where a body ends: nginx refuses it or takes no notice
    $h2 = Results::Test::Http2->new(port => $nginx->http2_port);
    $response = $h2->request('PUT', $t->uri('h2-te'),
        $t->headers(more => ['transfer-encoding' => 'chunked']), $body);
    my $row = $t->row('h2-te');

    $response && $response->status == 201
        ? is($row->{score}, 87.5, 'transfer-encoding: the body as it is')
        : is($row, undef, 'transfer-encoding: refused');
    $h2->close;
};


is($t->row('hidden'), undef, 'what was hidden was never served');

my $report = $checker->finish('smuggling');

is($report->requests, $report->acknowledged, 'nobody else has noticed');
