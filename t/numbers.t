#!/usr/bin/env perl

# A number is the digits that came: in what is stored, in what comes back, in
# an id that is made of it, and where the same request again is told from
# another one.  A double is what its column makes of it, and only there.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use Results::Test::Http;
use Results::Test::OneRoster;

my $LEARNER = '0b0c1e5e-6a4b-4a56-9d2b-0d6f3a1d9c11';

my $t = Results::Test->new;

$t->nginx(server => Results::Test::OneRoster->servers . <<'EOC');
        location = /grade2 {
            results_api  educacional;
        }

        location = /contentItemResult {
            results_api  wse;
        }
EOC

my $tb = Results::Test::OneRoster->new($t, 'timeback');
my $or = Results::Test::OneRoster->new($t, 'oneroster');
my $edu = $t->token(scopes => ['la-apiauthidentifier/authorization']);

$t->pg->do(q{INSERT INTO results.person (institution_id, id, role)
             VALUES (?, ?, 'student')}, $t->fixtures->institution, $LEARNER);

my $wse = $t->token(person => $LEARNER, scopes => []);

# as they are written here
my %numbers = (
    'beyond 2^53'                => '9007199254740993',
    'beyond 64 bits'             => '9223372036854775808',
    'and below'                  => '-9223372036854775809',
    'without a sign'             => '18446744073709551615',
    'of 39 digits'               => '340282366920938463463374607431768211456',
    'a decimal of .NET'          => '0.1234567890123456789012345678',
    'a third'                    => '66.666666666666666666666666667',
    'of 17 digits'               => '0.10000000000000001',
    'a price'                    => '12.50',
    'with an exponent'           => '1E+02',
    'less than a double has'     => '1e-999',
    'minus zero'                 => '-0.0',
);

# all in one body: none of them changes another
my $all = join ',', map { qq{"$_":$numbers{$_}} } sort keys %numbers;


sub body {
    my ($metadata, $score) = @_;

    return '{"result":{"lineItem":{"sourcedId":"l"},"student":'
           . '{"sourcedId":"s"},"scoreStatus":"fully graded","scoreDate":'
           . '"2026-03-01","score":' . ($score // 1.5)
           . ',"metadata":{' . $metadata . '}}}';
}

sub event {
    my ($id, $item, $more) = @_;

    return '{"@context":"http://purl.imsglobal.org/ctx/caliper/v1p2","id":"'
        . $id . '","type":"GradeEvent","profile":"GradingProfile",'
        . '"action":"Graded","actor":{"type":"SoftwareApplication","host":"'
        . $t->fixtures->marker . '"},"object":{"type":"Attempt","assignee":'
        . qq({"id":"urn:uuid:$LEARNER","type":"Person"},"assignable":)
        . qq({"id":$item,"type":"Activity","skillCode":"EF15LP01"},)
        . '"dateCreated":"2022-07-19T19:36:12.117Z",'
        . '"startedAtTime":"2022-07-19T19:30:00.000Z","totalTime":372},'
        . '"edApp":"urn:uuid:5f2c6d0a-1111-4222-8333-944455556666"' . $more
        . '}';
}

sub post {
    my ($path, $body, @opt) = @_;

    my $c = $t->http;
    $c->send(Results::Test::Http->format('POST', $path, $t->headers(@opt),
                                         $body));
    return $c->response('POST');
}

sub urn { sprintf 'urn:uuid:00000000-0000-4000-8000-%012d', $_[0] }


subtest 'what came is what is stored and comes back' => sub {
    my $response = $t->put('all', body($all));

    is($response->status, 201, 'created');

    my %texts = (
        'the reply'   => $response->body,
        'GET'         => $tb->get('results/all')->body,
        'the standard' => $or->get('results/all')->body,
        'the table'   => $t->row('all')->{detail},
    );

    for my $where (sort keys %texts) {
        for my $name (sort keys %numbers) {
            like($texts{$where}, qr/"\Q$name\E":\Q$numbers{$name}\E[,}]/,
                 "$where: $name");
        }
    }
};


subtest 'what is merged with it changes none' => sub {
    my $body = body($all) =~ s/"result"/"assessmentResult"/r
                          =~ s/lineItem/assessmentLineItem/r;

    is($tb->put('assessmentResults/a', $body)->status, 201, 'created');
    is($tb->patch('assessmentResults/a', '{"assessmentResult":{"metadata":'
                  . '{"more":9007199254740995}}}')->status, 200, 'patched');

    my $got = $tb->get('assessmentResults/a')->body;

    like($got, qr/"more":9007199254740995\b/, 'it is there');
    like($got, qr/"\Q$_\E":\Q$numbers{$_}\E[,}]/, $_) for sort keys %numbers;
};


subtest 'a column that is a double has a double' => sub {
    is($t->put('score', body('', '66.666666666666666666666666667'))->status,
       201, 'stored');
    cmp_ok($t->row('score')->{score}, '==', 66.66666666666667, 'the nearest');

    my $response = $t->put('score', body('', '1e400'));

    is($response->status, 400, 'none is near enough');
    like($or->description($response), qr{^/result/score: number out of range},
         'and the error says of what');
};


subtest 'numbers may be filtered by all their digits' => sub {
    $t->put("filter-$_", body(qq{"filter":900719925474099$_})) for 2, 3;

    my $found = $tb->get('results?filter=metadata.filter%3D%27'
                         . '9007199254740993%27');

    is($found->status, 200, 'found');
    is(join(' ', map { $_->{sourcedId} } @{ $found->json->{results} }),
       'filter-3', 'that one');
};


subtest 'whatever is taken, PostgreSQL can count with' => sub {
    my @most = ('1e-9999', '0e9999', '-0e-9999', '1e308', '1e-324',
                '1.' . '7' x 1022, '0.' . '1' x 1017 . 'e-999',
                '1' . '0' x 300 . '.' . '3' x 700);

    for my $i (0 .. $#most) {
        my $short = substr $most[$i], 0, 20;

        is($t->put("most-$i", body(qq{"most":$most[$i]}))->status, 201,
           "$short: stored");
        is($t->pg->value(q{SELECT detail::jsonb IS NOT NULL
                           FROM results.result WHERE id = ?}, "most-$i"), 1,
           'it is jsonb, too');
    }

    for my $value ('5', '1e-400', '1e-9999') {
        my $found = $tb->get('results?filter=metadata.most%3E%27'
                             . "$value%27");

        is($found->status, 200, "a filter for more than $value");
        ok(scalar @{ $found->json->{results} }, 'finds some');

        is($tb->get("results?filter=score%3C%27$value%27")->status, 200,
           'one for scores is no error');
    }
};


subtest 'another number is another body' => sub {
    my @pairs = (
        [ '"u":9007199254740992', '"u":9007199254740993' ],
        [ '"u":9007199254740992,"n":9223372036854775808',
          '"u":9007199254740993,"n":9223372036854775808' ],
        [ '"n":9223372036854775808', '"n":9223372036854775809' ],
        [ '"n":66.666666666666666666666666667',
          '"n":66.666666666666666666666666668' ],
    );

    my $n = 0;

    for my $pair (@pairs) {
        my ($one, $other) = @$pair;
        $n++;

        # events, by their id

        is(post('/grade2', event(urn($n), 1, ",$one"), token => $edu)->status,
           200, "$one: an event");
        is(post('/grade2', event(urn($n), 1, ",$one"), token => $edu)->status,
           200, 'the same again');

        my $response = post('/grade2', event(urn($n), 1, ",$other"),
                            token => $edu);

        is($response->status, 400, "$other is another");
        like($response->body, qr/already used by a different event/, 'it says');

        # results, by the id that their client supplies

        my $bulk = sub {
            my ($member) = body($_[0]) =~ /^\{"result":\{(.*)\}$/;

            return qq({"results":[{"sourcedId":"b$n",$member]});
        };

        for my $case ([$one => qr/^b$n$/], [$one => qr/^b$n$/],
                      [$other => qr/^(?!b$n$)/])
        {
            my ($metadata, $expected) = @$case;
            my $pairs = $or->post('lineItems/l/results',
                                  $bulk->($metadata))->json->{sourcedIdPairs};

            like($pairs->[0]{allocatedSourcedId}, $expected,
                 "a member with $metadata");
        }

        # content item results, by their key

        my $score = ($other =~ /([\d.]+)$/)[0];
        my @key = (token => $wse, more => ['Idempotency-Key' => "k$n"]);
        my $content = qq({"StudentId":"$LEARNER","ContentItemId":)
            . qq("af2f719c-f38a-4252-bf3a-c282ff6dbe80","Score":);

        is(post('/contentItemResult', "$content$score}", @key)->status, 200,
           "a score of $score");
        is(post('/contentItemResult', "$content$score}", @key)->status, 200,
           'the same again');
        is(post('/contentItemResult', "$content${score}1}", @key)->status,
           422, 'another');
    }
};


subtest 'an id that is a number has all its digits' => sub {
    my $n = 100;

    for my $item (qw(9007199254740993 18446744073709551615 3899
                     340282366920938463463374607431768211456))
    {
        my $id = urn($n++);
        my $response = post('/grade2',
            event($id, $item, ',"n":9223372036854775808'), token => $edu);

        is($response->status, 200, "$item, as an integer");

        my $row = $t->row($id =~ s/urn:uuid://r);

        is($row->{item_id}, $item, 'is the item');
        like($row->{detail}, qr/"id":$item,/, 'and stays in the body');
    }
};


subtest 'what is no number ends a number' => sub {
    my $before = $t->rows;

    for my $nul ("1\0", "1.5\0", "1e5\0", "9007199254740993\0", "true\0",
                 "null\0", "\0")
    {
        (my $shown = $nul) =~ s/\0/<NUL>/g;

        my $response = $t->put('nul', body('', $nul));
        is($response->status, 400, "$shown as score of a result");

        is($t->put('nul', body(qq{"a":$nul}))->status, 400, 'in metadata');

        is(post('/grade2', event(urn(900), 1, qq{,"n":$nul}),
                token => $edu)->status, 400, 'in an event');

        is(post('/contentItemResult', qq({"StudentId":"$LEARNER",)
                . qq("ContentItemId":"af2f719c-f38a-4252-bf3a-c282ff6dbe80",)
                . qq("Score":$nul}), token => $wse)->status, 400,
           'in a content item result');
    }

    is($t->rows, $before, 'nothing was stored');
};


subtest 'one error has one status' => sub {
    my %statuses;

    for my $body ('[]', '[1]', '5', '-0', 'true', 'null', '"text"', ' 1.5 ') {
        my $response = $t->put('root', $body);

        is($or->description($response), 'expected an object',
           "$body: the words");
        $statuses{ $response->status }++;

        $response = post('/contentItemResult', $body, token => $wse);
        is($response->status, 400, 'in wse');
        like($response->body, qr/expected an object/, 'with the same words');

        $response = post('/grade2', $body, token => $edu);
        is($response->status, 400, 'in educacional');
        like($response->body, qr/Body is not a JSON object/, 'with its own');
    }

    is_deeply([keys %statuses], [422], 'in timeback');
    is($t->put('root', $_)->status, 400, "$_ is no JSON")
        for '<result/>', 'score=1', '{', 'nul', '+1', '01';
};
