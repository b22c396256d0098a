#!/usr/bin/env perl

# The largest bodies there may be: none of them takes a worker for long, what
# a worker holds of them is bounded by the queue's size, and many small ones
# do not add up to an object that is larger than one.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use Results::Test::Http;
use Results::Test::OneRoster;

my $VALUES = 65536;
my $MB = 1024 * 1024;

my $t = Results::Test->new;
my $pg = $t->pg;

$pg->no_timeouts;

my $store = 'connections 1; write_timeout 60s; read_timeout 60s;';
my $nginx = $t->nginx(workers => 1, store => $store,
    location => 'client_max_body_size 1m;',
    server => 'client_max_body_size 1m;' . Results::Test::OneRoster->servers
              . <<'EOC');
        location = /grade2 {
            results_api  educacional;
        }
EOC

my $tb = Results::Test::OneRoster->new($t, 'timeback');
my $or = Results::Test::OneRoster->new($t, 'oneroster');
my $edu = $t->token(scopes => ['la-apiauthidentifier/authorization']);

# what is not nginx as it is delivered takes several times as long
my $slow = $ENV{TEST_RESULTS_ASAN} || $ENV{TEST_RESULTS_VALGRIND};


sub object {
    my ($name, $metadata) = @_;
    my $item = $name eq 'result' ? 'lineItem' : 'assessmentLineItem';

    return qq({"$name":{"$item":{"sourcedId":"l"},"student":)
           . '{"sourcedId":"s"},"scoreStatus":"submitted","scoreDate":'
           . qq("2026-03-01","metadata":$metadata}});
}

sub event {
    my ($more) = @_;

    return '{"@context":"http://purl.imsglobal.org/ctx/caliper/v1p2","id":'
        . '"urn:uuid:12c05c4e-253f-4073-9f29-5786f3ff3f36",'
        . '"type":"GradeEvent","profile":"GradingProfile",'
        . '"action":"Graded","actor":{"type":"SoftwareApplication","host":"'
        . $t->fixtures->marker . '"},"object":{"type":"Attempt","assignee":'
        . '{"id":"urn:uuid:0b0c1e5e-6a4b-4a56-9d2b-0d6f3a1d9c11",'
        . '"type":"Person"},"assignable":{"id":1,"type":"Activity",'
        . '"skillCode":"EF15LP01"},"dateCreated":"2022-07-19T19:36:12.117Z",'
        . '"startedAtTime":"2022-07-19T19:30:00.000Z","totalTime":372},'
        . '"edApp":"urn:uuid:5f2c6d0a-1111-4222-8333-944455556666",'
        . qq("more":$more});
}

# n times what between brackets, "#" its number, and less where 1 MB is full
sub many {
    my ($open, $what, $n, $close) = @_;
    my $most = int(($MB - 3000) / (length($what) + 5)) || 1;

    $n = $most if $n > $most;

    return $open . join(',', map { $what =~ s/#/$_/r } 0 .. $n - 1) . $close;
}

# one request, without a look at the schema of what comes back
sub send_one {
    my ($method, $path, $body, @opt) = @_;

    my $c = $t->http;
    $c->send(Results::Test::Http->format($method, $path,
        $t->headers(defined $body ? () : (type => undef), @opt), $body));
    return $c->response($method);
}

# bytes of memory that the worker has
sub resident {
    open my $file, '<', '/proc/' . ($nginx->worker_pids)[0] . '/status' or die $!;
    return (join('', <$file>) =~ /^VmRSS:\s+(\d+)/m)[0] * 1024;
}

# how many steps took a worker longer than that many seconds
sub longer_than {
    my ($seconds) = @_;
    my $n = 0;
    my %h = %{ $t->status->{work_time} };

    for my $bound (grep { $_ ne 'sum' } keys %h) {
        $n += $h{$bound} if $bound eq 'more' || $bound > $seconds;
    }

    return $n;
}


my %bodies = (
    'as many values as there may be' => many('[', '1', $VALUES - 80, ']'),
    'long numbers'   => many('[', '0.12345678901234#', $VALUES - 80, ']'),
    'numbers of 1000 digits' => many('[', '1.' . '7' x 1000, $VALUES, ']'),
    'members'        => many('{', '"#":1', $VALUES - 80, '}'),
    'members that begin alike'
                     => many('{', '"member number #":1', $VALUES - 80, '}'),
    'members of one long prefix'
                     => many('{', '"' . 'x' x 900 . '#":1', $VALUES, '}'),
    'a text'         => '"' . 'x' x ($MB - 2000) . '"',
    'a text of two bytes each' => '"' . "\xc3\xa9" x ($MB / 2 - 1000) . '"',
    'escapes'        => '"' . '\u0001' x ($MB / 6 - 1000) . '"',
    'objects in objects' => many('[', '{"a":{"b":{"c":{}}}}', $VALUES / 4 - 80,
                                 ']'),
);

for my $name (sort keys %bodies) {
    subtest $name => sub {
        my $body = $bodies{$name};
        my $metadata = $body =~ /^\{/ ? $body : qq({"m":$body});

        is($t->put('large', object('result', $metadata))->status
           =~ s/200/201/r, 201, 'a result is stored');

        is(send_one('POST', '/grade2', event($body), token => $edu)->status,
           200, 'an event, too');
        is(send_one('GET', $t->uri('large'))->status, 200, 'and it is read');
    };
}


subtest 'what is refused' => sub {
    my $twice = many('{"member 1":1,', '"member #":1', $VALUES - 80, '}');

    is($t->put('refused', object('result', $twice))->status, 400,
       'a name that comes twice');
    is($t->put('refused', object('result', many('{"m":[', '1', $MB, ']}')))
       ->status, 400, 'too many values');
    is($or->put('results/refused', many('{"result":{', '"unknown #":1',
                                        $VALUES - 80, '}}'))->status, 422,
       'fields that nobody knows');
    is($t->put('refused', object('result', '{"m":' . '[' x ($MB / 2 - 500)
                                 . ']' x ($MB / 2 - 500) . '}'))->status, 400,
       'levels');
};


subtest 'many results at once' => sub {
    my $body = many('{"results":[', '{"sourcedId":"bulk-#","lineItem":'
        . '{"sourcedId":"l"},"student":{"sourcedId":"s"},"scoreStatus":'
        . '"submitted","scoreDate":"2026-03-01","metadata":{"text":"'
        . 'x' x 1800 . '"}}', 500, ']}');

    is($or->post('lineItems/l/results', $body)->status, 201, 'created');
    cmp_ok($t->rows, '>', 490, 'and stored');
};


subtest 'a merge is bounded' => sub {
    is($tb->put('assessmentResults/m', object('assessmentResult', '{}'))
       ->status, 201, 'created');

    my $merge = sub {
        send_one('PATCH', $tb->base . '/assessmentResults/m',
                 '{"assessmentResult":{"metadata":' . $_[0] . '}}')
    };
    my ($response, $size);

    for my $i (1 .. 3) {
        $response = $merge->(qq({"key $i":") . 'x' x 600_000 . '"}');
        last if $response->status != 200;
    }

    is($response->status, 413, 'what would be larger than a body is refused');
    like($tb->description($response), qr/more than the 1048576 /, 'it says');

    my $row = $tb->row('m', 'assessment_result');

    cmp_ok(length $row->{detail}, '<', $MB, 'nothing of it is stored');
    is($row->{version}, 2, 'one was');

    is($merge->('{"key 1":null}')->status, 200, 'less is taken');

    # by members: what they are and where they stand

    my $half = int($VALUES * .4);

    is($merge->(many('{', "\"a#\":1", $half, '}'))->status, 200, 'members');
    is($merge->(many('{', "\"a#\":2", $half, '}'))->status, 200,
       'the same members');
    is($merge->(many('{', "\"b#\":1", $half, '}'))->status, 200,
       'as many more');
    $response = $merge->(many('{', "\"c#\":1", $half, '}'));
    is($response->status, 413, 'and more than a body may have');
    like($tb->description($response), qr/more than 65536 values/, 'it says');

    is($merge->(many('{', "\"b#\":null", $half, '}'))->status, 200,
       'all of them removed');

    my $metadata = send_one('GET', $tb->base . '/assessmentResults/m')
        ->json->{assessmentResult}{metadata};

    is(scalar keys %$metadata, $half, 'so many are left');
    is_deeply([@$metadata{'a0', 'a7', 'a' . ($half - 1)}], [2, 2, 2],
              'with what came last');
};


subtest 'what is stored already may be larger' => sub {
    $pg->do(q{UPDATE results.result SET detail = json_build_object('metadata',
                  json_build_object('x', repeat('x', 2000000)))
              WHERE id = 'm'});

    is(send_one('GET', $tb->base . '/assessmentResults/m')->status, 200,
       'it is read');

    my $response = $tb->patch('assessmentResults/m',
                              '{"assessmentResult":{"score":1}}');

    is($response->status, 413, 'it can not be merged with');
    like($tb->description($response), qr/a PUT can replace it/, 'it says');
    is($tb->put('assessmentResults/m', object('assessmentResult', '{}'))
       ->status, 200, 'and a PUT does');
};


subtest 'no step takes a worker for long' => sub {
    plan skip_all => 'not with what makes it slow' if $slow;

    is(longer_than(.5), 0, 'none takes half a second');
    diag(join ' ', map { "$_: " . $t->status->{work_time}{$_} }
         grep { $t->status->{work_time}{$_} } sort { $a <=> $b }
         grep { /^[\d.]+$/ } keys %{ $t->status->{work_time} })
        if $ENV{HARNESS_IS_VERBOSE};
};


subtest 'what waits for a read first is bounded as well' => sub {
    $nginx->set(store => "$store queue 1000 size=16m;");
    $nginx->reload(wait => 1);

    my (@clients, %statuses);

    $pg->with_lock('results.result', 'ACCESS EXCLUSIVE', sub {
        for my $i (1 .. 8) {
            my $c = $t->http;
            $c->send(Results::Test::Http->format('PATCH',
                $tb->base . '/assessmentResults/m', $t->headers,
                many("{\"assessmentResult\":{\"metadata\":{\"$i\":[", '1',
                     $VALUES - 80, ']}}}')));
            push @clients, $c;
        }

        wait_for(sub { grep { !$_->silent } @clients })
            or die "all of them wait\n";
    });

    $statuses{ $_->response('PATCH')->status }++ for @clients;

    cmp_ok($statuses{503}, '>', 1, 'what is beyond may be sent again');
    cmp_ok($statuses{200}, '>', 0, 'others were taken');
};


subtest 'the queue bounds what they hold' => sub {
    plan skip_all => 'memory is another matter there' if $slow;

    my $size = 32 * $MB;

    $nginx->set(store => "$store queue 1000 size=32m;");
    $nginx->reload(wait => 1);

    $t->put('warm', $t->result);
    my $before = resident();
    my (@clients, %statuses);

    $pg->with_lock('results.result', 'SHARE', sub {
        push @clients, my $first = $t->http;
        $first->send($t->put_request('held-0', $t->result));
        $pg->wait_for_blocked(1) or die "nothing is in flight\n";

        # as many values as there may be, as large as it may be; and the
        # bodies that took a worker from 8 to 183 MB

        my $full = many('{"m":[', '1', $VALUES - 80, ']');
        $full = object('result', $full . ',"x":"'
                       . 'x' x ($MB - 1000 - length $full) . '"}');
        my $ones = object('result', many('{"m":[', '1', $MB, ']}'));

        for my $i (1 .. 15) {
            for my $body ($full, $ones) {
                my $c = $t->http;
                $c->send($t->put_request("held-$i", $body));
                push @clients, $c;
            }
        }

        wait_for(sub {
            my $queue = $t->status->{queue};
            $queue->{refused} || $queue->{rows} == 15
        }) or die "nothing is refused\n";

        my $queue = $t->status->{queue};
        my $held = resident() - $before;

        cmp_ok($queue->{bytes}, '<=', $size, 'the queue counts them');
        cmp_ok($queue->{bytes}, '>', $size / 2, 'with all they have');
        cmp_ok($held, '<', $size * 1.5,
               'and a worker has not much more: '
               . int($held / $MB) . ' MB');
    });

    $statuses{ $_->response('PUT')->status }++ for @clients;

    cmp_ok($statuses{201}, '>', 3, 'some were stored');
    is($statuses{400}, 15, 'those with more values were not');
    cmp_ok($statuses{503}, '>', 3, 'others may be sent again');
    is(keys %statuses, 3, 'and that is all of them');
};
