#!/usr/bin/env perl

# ETag and Last-Modified of single objects, and the preconditions that name
# them (RFC 9110 13): If-Match, If-None-Match, If-Unmodified-Since,
# If-Modified-Since.  What a write's preconditions forbid is not stored, what
# the same request has stored before is not told 412.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;
use Results::Test::Http2;
use Results::Test::OneRoster;
use Results::Test::Records;
use Time::Local qw(timegm);

my $t = Results::Test->new;
my $pg = $t->pg;

$t->nginx(http2 => 1, workers => 2, server => Results::Test::OneRoster->servers
    . 'location /gzip/ { gzip on; gzip_types application/json;
           gzip_min_length 1; results_api oneroster; }');

my $tb = Results::Test::OneRoster->new($t, 'timeback');
my $or = Results::Test::OneRoster->new($t, 'oneroster');

my $PAST = 'Sat, 29 Oct 1994 19:43:31 GMT';
my $FUTURE = 'Fri, 31 Dec 2100 23:59:59 GMT';

sub more { return (more => [@_]) }
sub etag { scalar $_[0]->header('ETag') }

sub date {
    my ($date) = @_;

    my @months = qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec);
    my %months = map { $months[$_] => $_ } 0 .. 11;

    return $date =~ /^\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/
        ? timegm($6, $5, $4, $1, $months{$2}, $3) : undef;
}

# what a key holds, in short
sub state_of {
    my $row = $pg->row('SELECT version, status, score FROM results.result
                        WHERE id = ?', $_[0]) or return 'nothing';
    return join ' ', @$row{qw(version status score)};
}


for my $case ([$tb, 'results', 'result', 'result'],
              [$or, 'results', 'result', 'result'],
              [$tb, 'assessmentResults', 'assessment_result',
               'assessment_result'],
              [$or, 'assessmentResults', 'assessment_result',
               'assessment_result'])
{
    my ($client, $collection, $body, $kind) = @$case;
    my $id = "validators-$collection-" . $client->dialect;
    my $path = "$collection/$id";

    subtest "validators: $path" => sub {
        my $put = $client->put($path, $client->$body(score => 1));
        my $get = $client->get($path);
        my $head = $client->request('HEAD', $path);

        like(etag($get), qr/^"[to]1-\d{16}"$/, 'a strong tag');
        is(etag($put), etag($get), "PUT's is the same");
        is(etag($head), etag($get), 'as is that of HEAD');

        my $modified = $get->header('Last-Modified');

        is(date($modified), $pg->value('SELECT floor(extract(epoch FROM
            updated_at)) FROM results.result WHERE id = ?', $id),
           'when it was written');
        is($_->header('Last-Modified'), $modified, 'in each')
            for $put, $head;
        cmp_ok(date($modified), '<=', date($get->header('Date')),
               'not later than the reply');

        is($_->header('Cache-Control'), 'private, no-cache', 'may be kept')
            for $get, $head;

        my $again = $client->put($path, $client->$body(score => 1));

        isnt(etag($again), etag($put), 'another version, another tag');
        is(etag($client->get($path)), etag($again), 'of GET, too');

        my $other = $client == $tb ? $or : $tb;
        isnt(etag($other->get($path)), etag($again),
             'and another dialect, which shows another text');

        my $deleted = $client->delete($path);
        is($deleted->header($_), undef, "what is deleted has no $_")
            for 'ETag', 'Last-Modified';

        my $gone = $client->get($path);
        is($gone->status, 404, 'GET finds nothing');
        is($gone->header('ETag'), undef, 'and has none');
        is($gone->header('Cache-Control'), 'private, no-store',
           'nor may it be kept');

        $deleted = $client->put($path, $client->$body(status => 'tobedeleted'));
        is(etag($deleted), undef, 'a PUT that deletes has none either');
    };
}


subtest 'validators: PATCH and POST' => sub {
    my $post = $tb->post('assessmentResults', $tb->assessment_result(
        sourcedId => 'posted', score => 1));

    is($post->status, 201, 'POST');
    is(etag($post), etag($tb->get('assessmentResults/posted')), 'its tag');

    my $patch = $tb->patch('assessmentResults/posted',
                           { assessmentResult => { score => 2 } });

    isnt(etag($patch), etag($post), 'PATCH has another');
    is(etag($patch), etag($tb->get('assessmentResults/posted')), 'its tag');
    ok(defined date($patch->header('Last-Modified')), 'and a date');

    my $pairs = $tb->post('results', $tb->result);
    my ($id) = values %{ $pairs->json->{sourcedIdPairs} };

    is(etag($pairs), etag($tb->get("results/$id")),
       'a POST without an id has one, too');
};


subtest 'one that another node dates ahead' => sub {
    $tb->put('results/ahead', $tb->result);
    $pg->do(q{UPDATE results.result SET updated_at = now() + interval '1 hour'
              WHERE id = 'ahead'});

    my $get = $tb->get('results/ahead');

    cmp_ok(date($get->header('Last-Modified')), '<=',
           date($get->header('Date')), 'was not modified in the future');
};


subtest 'GET and HEAD' => sub {
    $tb->put('results/read', $tb->result(score => 1));

    my $get = $tb->get('results/read');
    my $tag = etag($get);
    my $modified = $get->header('Last-Modified');
    my $before = 'Sat, 01 Jan 2000 00:00:00 GMT';

    my @cases = (
        # status, headers
        [304, 'If-None-Match' => $tag],
        [304, 'If-None-Match' => "W/$tag"],
        [304, 'If-None-Match' => '*'],
        [304, 'If-None-Match' => qq{"a", W/"b,c" ,, $tag}],
        [200, 'If-None-Match' => '"a"'],
        [200, 'If-None-Match' => ''],
        [200, 'If-None-Match' => $tag =~ tr/"//dr],
        [200, 'If-None-Match' => "$tag x"],
        [200, 'If-None-Match' => '"a'],
        [200, 'If-None-Match' => etag($or->get('results/read'))],
        [304, 'If-Modified-Since' => $modified],
        [304, 'If-Modified-Since' => $FUTURE],
        [200, 'If-Modified-Since' => $before],
        [200, 'If-Modified-Since' => 'yesterday'],
        [200, 'If-Modified-Since' => '2100-01-01T00:00:00Z'],
        [200, 'If-Modified-Since' => $FUTURE, 'If-None-Match' => '"a"'],
        [304, 'If-Modified-Since' => $before, 'If-None-Match' => $tag],
        [200, 'If-Match' => $tag],
        [200, 'If-Match' => '*'],
        [200, 'If-Match' => qq{"a", $tag}],
        [412, 'If-Match' => '"a"'],
        [412, 'If-Match' => ''],
        [412, 'If-Match' => "W/$tag"],
        [400, 'If-Match' => 'a'],
        [400, 'If-Match' => '*, "a"'],
        [412, 'If-Unmodified-Since' => $before],
        [200, 'If-Unmodified-Since' => $modified],
        [200, 'If-Unmodified-Since' => 'yesterday'],
        [200, 'If-Unmodified-Since' => $before, 'If-Match' => $tag],
        [304, 'If-Match' => $tag, 'If-None-Match' => $tag],
        [412, 'If-Match' => '"a"', 'If-None-Match' => $tag],
        [304, 'If-Unmodified-Since' => $FUTURE,
              'If-Modified-Since' => $FUTURE],
    );

    for my $case (@cases) {
        my ($status, @headers) = @$case;
        my $name = join ', ', @headers;

        for my $method (qw(GET HEAD)) {
            my $response = $tb->request($method, 'results/read', undef,
                                        more(@headers));

            is($response->status, $status, "$method $name: $status");

            if ($status == 304) {
                is(etag($response), $tag, 'with its tag');
                is($response->header('Content-Length'), undef, 'no length');
                is($response->header('Content-Type'), undef, 'no type');
                is($response->header('Cache-Control'), 'private, no-cache',
                   'and what a 200 says of caches');
                is($response->header('Vary'), 'Accept, Authorization',
                   'and that it varies');
            }
        }
    }

    for my $date ('Friday, 31-Dec-60 23:59:59 GMT', 'Fri Dec 31 23:59:59 2100')
    {
        is($tb->get('results/read', undef, more('If-Modified-Since' => $date))
           ->status, 304, $date);
    }

    my $http = $t->http;
    my $uri = $t->uri('read');

    $http->send($http->format('GET', $uri,
        $t->headers(more('If-None-Match' => $tag))));
    is($http->response('GET')->status, 304, 'a 304');
    $http->send($http->format('GET', $uri, $t->headers));
    is($http->response('GET')->status, 200, 'ends where the next one begins');

    is($tb->get('results/none', undef, more('If-None-Match' => '*'))->status,
       404, 'what is not there is 404');
};


# header => [status, and whether it is stored] on what is active, what is
# deleted and what is not there; CURRENT and OLD are tags of the object

subtest 'PUT and DELETE' => sub {
    my @cases = (
        # headers, PUT: active deleted nothing, DELETE: active deleted nothing
        [[],                                  qw(200 200 201), qw(204 204 404)],
        [['If-Match' => 'CURRENT'],           qw(200 412 412), qw(204 412 404)],
        [['If-Match' => '"x", CURRENT'],      qw(200 412 412), qw(204 412 404)],
        [['If-Match' => '*'],                 qw(200 412 412), qw(204 412 404)],
        [['If-Match' => 'OLD'],               qw(412 412 412), qw(412 412 404)],
        [['If-Match' => 'W/CURRENT'],         qw(412 412 412), qw(412 412 404)],
        [['If-Match' => ''],                  qw(412 412 412), qw(412 412 404)],
        [['If-Match' => '"5"'],               qw(412 412 412), qw(412 412 404)],
        [['If-Match' => 'x'],                 qw(400 400 400), qw(400 400 400)],
        [['If-None-Match' => '*'],            qw(412 200 201), qw(412 204 404)],
        [['If-None-Match' => 'CURRENT'],      qw(412 200 201), qw(412 204 404)],
        [['If-None-Match' => 'W/CURRENT'],    qw(412 200 201), qw(412 204 404)],
        [['If-None-Match' => 'OLD, "x"'],     qw(200 200 201), qw(204 204 404)],
        [['If-None-Match' => '"x'],           qw(400 400 400), qw(400 400 400)],
        [['If-Unmodified-Since' => $PAST],    qw(412 200 201), qw(412 204 404)],
        [['If-Unmodified-Since' => 'MODIFIED'],
                                              qw(200 200 201), qw(204 204 404)],
        [['If-Unmodified-Since' => 'no date'],
                                              qw(200 200 201), qw(204 204 404)],
        [['If-Unmodified-Since' => $PAST, 'If-Match' => 'CURRENT'],
                                              qw(200 412 412), qw(204 412 404)],
        [['If-Match' => 'CURRENT', 'If-None-Match' => '*'],
                                              qw(412 412 412), qw(412 412 404)],
        [['If-Match' => 'CURRENT', 'If-None-Match' => 'OLD'],
                                              qw(200 412 412), qw(204 412 404)],
        [['If-Modified-Since' => $FUTURE],    qw(200 200 201), qw(204 204 404)],
    );

    my $n = 0;

    # of another client, so that nobody takes it for the same one's request
    my $token = $t->token(client => $t->client);

    for my $case (@cases) {
        my ($headers, @status) = @$case;

        for my $method (qw(PUT DELETE)) {
            for my $state (qw(active deleted nothing)) {
                my $status = shift @status;
                my $id = 'put-' . ++$n;
                my $path = "results/$id";
                my %tag = (OLD => '"t1-1"', CURRENT => '"t2-1"',
                           MODIFIED => $FUTURE);

                if ($state ne 'nothing') {
                    $tag{OLD} = etag($tb->put($path, $tb->result(score => 1)));

                    my $put = $tb->put($path, $tb->result(score => 2));

                    $tag{CURRENT} = etag($put);
                    $tag{MODIFIED} = $put->header('Last-Modified');
                    $tb->delete($path) if $state eq 'deleted';
                }

                my @headers = map { s/(OLD|CURRENT|MODIFIED)/$tag{$1}/gr }
                    @$headers;
                my $before = state_of($id);
                my $response = $tb->with(token => $token)->request($method,
                    $path, $method eq 'PUT' ? $tb->result(score => 3) : undef,
                    more(@headers));

                is($response->status, $status,
                   "$method on $state: @headers: $status");

                if ($status >= 400) {
                    is(state_of($id), $before, 'nothing is stored');
                } elsif ($method eq 'PUT') {
                    like(state_of($id), qr/ active 3$/, 'it is stored');
                } else {
                    like(state_of($id), qr/ tobedeleted /, 'it is deleted');
                }
            }
        }
    }
};


subtest 'a refusal of another kind goes first' => sub {
    is($tb->put('results/refused', { result => {} },
                more('If-Match' => '"x"'))->status, 422, 'a bad body');

    my $error = $tb->put('results/refused', $tb->result,
                         more('If-Match' => '"x"'));

    is($error->status, 412, 'else the precondition');
    is($tb->code_minor($error), 'invaliddata', 'in the payload of errors');
    is($error->header('ETag'), undef, 'without a tag');

    $pg->do(q{UPDATE results.result SET kind = 'module_result'
              WHERE id = 'read'});
    is($tb->put('results/read', $tb->result, more('If-Match' => '"x"'))->status,
       409, 'an id of another API');
    $pg->do(q{UPDATE results.result SET kind = 'result' WHERE id = 'read'});
};


subtest 'PATCH' => sub {
    my $path = 'assessmentResults/patched';
    my $first = etag($tb->put($path, $tb->assessment_result(score => 1)));
    my $current = etag($tb->put($path, $tb->assessment_result(score => 2)));
    my $patch = sub {
        my ($fields, @headers) = @_;
        return $tb->patch($path, { assessmentResult => $fields },
                          more(@headers));
    };

    is($patch->({ score => 3 }, @$_)->status, 412, "@$_: 412")
        for ['If-Match' => $first], ['If-Match' => "W/$current"],
            ['If-None-Match' => '*'], ['If-None-Match' => "W/$current"],
            ['If-Unmodified-Since' => $PAST];
    is($patch->({ score => 3 }, 'If-Match' => 'x')->status, 400,
       'what is no tag: 400');
    is($patch->({ score => 3 }, 'If-None-Match' => 'x')->status, 400,
       'nor here');
    is(state_of('patched'), '2 active 2', 'nothing is stored');

    my $response = $patch->({ comment => 'once', metadata => { a => 1 } },
                            'If-Match' => $current);

    is($response->status, 200, 'the current one: 200');

    my $again = $patch->({ comment => 'once', metadata => { a => 1 } },
                         'If-Match' => $current);

    is($again->status, 200, 'again, as after a lost answer: 200');
    is(etag($again), etag($response), 'its tag');
    is_deeply($tb->object($again), $tb->object($response), 'its object');
    is(state_of('patched'), '3 active 2', 'stored once');

    is($patch->({ comment => 'twice' }, 'If-Match' => $current)->status, 412,
       'another one: 412');

    is($tb->patch('assessmentResults/none', { assessmentResult => {} },
                  more('If-Match' => '*'))->status, 404,
       'what is not there is 404');
};


# The answer was lost, and the client sends the same again, with the tag that
# it knew.

subtest 'the same request again' => sub {
    my $first = etag($tb->put('results/again', $tb->result(score => 1)));
    my $put = sub {
        my ($score, @headers) = @_;
        return $tb->put('results/again', $tb->result(score => $score),
                        more(@headers));
    };

    my $response = $put->(2, 'If-Match' => $first);
    my $again = $put->(2, 'If-Match' => qq{"x", $first});

    is($response->status, 200, 'PUT with If-Match');
    is($again->status, 200, 'again');
    is(etag($again), etag($response), 'is answered as the first');
    is(state_of('again'), '2 active 2', 'and stored once');

    is($put->(3, 'If-Match' => $first)->status, 412, 'not another body');
    is($tb->with(token => $t->token(client => $t->client))
       ->put('results/again', $tb->result(score => 2),
             more('If-Match' => $first))->status, 412, 'nor another client');

    $put->(5);
    $put->(2);
    is($put->(2, 'If-Match' => $first)->status, 412,
       'nor where somebody else came between');

    is($put->(7, 'If-Unmodified-Since' => $PAST)->status, 412,
       'PUT with If-Unmodified-Since');
    is($put->(2, 'If-Unmodified-Since' => $PAST)->status, 200, 'again');
    is(state_of('again'), '4 active 2', 'stored once');

    my $body = $tb->result(score => 1);
    my @none = more('If-None-Match' => '*');

    $response = $tb->put('results/created', $body, @none);
    $again = $tb->put('results/created', $body, @none);

    is($response->status, 201, 'PUT with If-None-Match: *');
    is($again->status, 201, 'again');
    is(etag($again), etag($response), 'is answered as the first');
    is($tb->put('results/created', $tb->result(score => 2), @none)->status,
       412, 'not another body');
    is(state_of('created'), '1 active 1', 'stored once');

    $tb->delete('results/created');
    is($tb->put('results/created', $body, @none)->status, 200, 'it revives');
    is($tb->put('results/created', $body, @none)->status, 200, 'again');
    is(state_of('created'), '3 active 1', 'stored once');

    $tb->put('results/created', $body);
    is($tb->put('results/created', $body, @none)->status, 412,
       'not where it was there before');

    my $tag = etag($tb->get('results/created'));

    is($tb->delete('results/created', undef, more('If-Match' => $tag))->status,
       204, 'DELETE with If-Match') for 1, 2;
    is($tb->delete('results/created', undef, more('If-Match' => '*'))->status,
       204, 'with If-Match: *, again');
    is($tb->with(token => $t->token(client => $t->client))
       ->delete('results/created', undef, more('If-Match' => $tag))->status,
       412, 'not by another client');
    is(state_of('created'), '5 tobedeleted 1', 'deleted once');
};


subtest 'of those who come at once, one wins' => sub {
    my $token = $t->token(client => $t->client);
    my @other = map { $t->token(client => $t->client) } 1 .. 3;

    for my $round (1 .. 12) {
        my $id = "race-$round";
        my $tag = etag($tb->put("results/$id", $tb->result(score => 0)));

        for my $headers (['If-Match' => $tag], ['If-None-Match' => '*']) {
            my @headers = @$headers;
            my $uri = $headers[0] eq 'If-Match' ? $id : "$id-new";
            my @responses = $t->many([map { $t->put_request($uri,
                $t->result(score => $_), token => $other[$_ % 3],
                more => \@headers) } 1 .. 8], connections => 8);

            my @won = grep { $responses[$_]->status < 300 } 0 .. 7;

            is(@won, 1, "$headers[0]: one") or diag(join ' ',
                map { $_->status } @responses);
            is(grep({ $_->status == 412 } @responses), 7, 'the others: 412');
            is($t->row($uri)->{score}, ($won[0] // -1) + 1, 'it is stored');
        }
    }
};


subtest 'POST has none' => sub {
    my %headers = more('If-Match' => '"x"', 'If-None-Match' => '*',
                       'If-Unmodified-Since' => $PAST);

    is($tb->post('results', $tb->result(sourcedId => 'post-1'), %headers)
       ->status, 201, 'one');
    is($or->post('lineItems/l-1/results', { results => [
           $or->member('post-2', lineItem => { sourcedId => 'l-1' })] },
           %headers)->status, 201, 'many');
    is(state_of($_) =~ /^1 active/, 1, 'stored') for 'post-1', 'post-2';
};


subtest 'HTTP/2' => sub {
    my $h2 = Results::Test::Http2->new(port => $t->{nginx}->http2_port);
    my $body = $t->encode($t->result(score => 1));
    my $put = sub { $h2->request('PUT', $t->uri('h2'),
        $t->headers(more => [@_]), $body) };

    my $tag = etag($put->());

    is($h2->request('GET', $t->uri('h2'), $t->headers(
        more => ['If-None-Match' => $tag]))->status, 304, 'GET: 304');
    is($put->('If-Match' => '"x"')->status, 412, 'PUT: 412');
    is($put->('If-Match' => $tag)->status, 200, 'PUT: 200');
    $h2->close;
};


# nginx's gzip makes the tag of what it sends a weak one: no If-Match is true
# of it, If-None-Match still is

subtest 'gzip' => sub {
    my $get = sub { $t->request('GET', '/gzip/results/read',
        $t->headers(more => ['Accept-Encoding' => 'gzip', @_])) };
    my $tag = etag($get->());

    like($tag, qr{^W/"o\d+-\d+"$}, 'a weak tag');
    is($get->('If-None-Match' => $tag)->status, 304, 'GET: 304');
    is($or->put('results/read', $or->result, more('If-Match' => $tag))->status,
       412, 'PUT with it: 412');
    is($or->put('results/read', $or->result,
                more('If-Match' => $tag =~ s{^W/}{}r))->status, 201,
       'without W/ it is the one of GET without gzip');
};


subtest 'what came of them is told' => sub {
    my $requests = sub { my $n = $t->status->{requests};
                         return join ' ', map { $n->{$_} } qw(ok invalid) };
    my ($ok, $invalid) = split / /, $requests->();

    $tb->get('results/read', undef, more('If-None-Match' => '*'));
    $tb->put('results/read', $tb->result, more('If-Match' => '"x"'));

    # a request is counted when its answer has left
    my $after = join ' ', $ok + 1, $invalid + 1;
    wait_for(sub { $requests->() eq $after });
    is($requests->(), $after, 'ok a 304, invalid a 412');
};
