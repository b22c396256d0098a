#!/usr/bin/env perl

# The same route over HTTP/2.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;
use Results::Test::Http2;

my $t = Results::Test->new;
my $pg = $t->pg;

$pg->no_timeouts;

my $nginx = $t->nginx(http2 => 1, location => 'client_max_body_size 1m;',
                      store => 'connections 1; read_timeout 60s;'
                               . 'write_timeout 60s;');


sub h2 { Results::Test::Http2->new(port => $nginx->http2_port) }

sub put {
    my ($id, $body, %opt) = @_;

    return ('PUT', $t->uri($id), $t->headers(%opt),
            ref $body eq 'HASH' ? $t->encode($body) : $body);
}


subtest 'requests, one after another' => sub {
    my $h2 = h2();

    # the first also waits for its token: async access, then the body
    is($h2->request(put('r', $t->result))->status, 201, 'created');
    is($h2->request(put('r', $t->result))->status, 200, 'replaced');
    is($h2->request(put('r', '{'))->status, 400, 'refused');
    is($h2->request(put('r', $t->result, token => 'x' x 43))->status, 401,
       'not authorized');
    is($h2->request('OPTIONS', $t->uri('r'))->status, 204, 'OPTIONS');
    is($h2->request(put('r', $t->result))->status, 200,
       'the connection goes on');
    $h2->close;
};


subtest 'bodies' => sub {
    my $h2 = h2();
    my $large = $t->result(metadata => { list => [('x' x 99) x 5000] });

    my $response = $h2->request(put('large', $large));

    is($response->status, 201, 'a large one');
    is_deeply($response->json->{result}{metadata},
              $large->{result}{metadata}, 'comes back');

    is($h2->request(put('larger', ' ' x (1 << 21)))->status, 413,
       'one that is too large');

    my $body = $t->encode($t->result);
    my $id = $h2->open(put('pieces', \1));

    $h2->data($id, $_) for $body =~ /(.{1,40})/gs;
    $h2->data($id, '', 1);

    is($h2->response($id)->status, 201, 'one in pieces, without a length');

    is($h2->request('PUT', $t->uri('none'), $t->headers)->status, 400,
       'none');
    $h2->close;
};


subtest 'streams side by side' => sub {
    my $h2 = h2();
    my @ids = map { $h2->open(put("s$_", $t->result(score => $_))) } 1 .. 50;
    my @scores = map { $h2->response($_)->json->{result}{score} } @ids;

    is_deeply(\@scores, [1 .. 50], 'each gets its own answer');
    $h2->close;
};


subtest 'reset' => sub {
    my $h2 = h2();
    my $id = $h2->open(put('half', \1));

    $h2->data($id, '{"result":');
    $h2->reset($id);

    my $aborted = $t->status->{requests}{aborted};

    $pg->with_lock('results.result', 'SHARE', sub {
        my $sent = $h2->open(put('sent', $t->result));
        ok($pg->wait_for_blocked(1), 'a write is in flight');

        my $queued = $h2->open(put('queued', $t->result));
        ok(wait_for(sub { $t->status->{queue}{rows} >= 1 }),
           'another one is queued');

        $h2->reset($_) for $sent, $queued;
        ok(wait_for(sub {
            $t->status->{requests}{aborted} >= $aborted + 2;
        }), 'both are reset');
    });

    is($h2->request(put('after', $t->result))->status, 201,
       'the connection goes on');
    ok($t->row('sent'), 'what was sent is stored');
    ok(!$t->row('queued'), 'what was not is not');
    ok(!$t->row('half'), 'nor half a body');
    $h2->close;
};


subtest 'the connection ends with streams open' => sub {
    $pg->with_lock('results.result', 'SHARE', sub {
        my $h2 = h2();

        $h2->open(put("open$_", $t->result)) for 1 .. 5;
        ok($pg->wait_for_blocked(1), 'a write is in flight');
        $h2->close;
    });

    is($t->put('after2', $t->result)->status, 201, 'nginx goes on');
};
