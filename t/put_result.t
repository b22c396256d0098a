#!/usr/bin/env perl

# PUT /results/{sourcedId} of the Timeback dialect: what is stored, what is
# answered, and every way to be refused.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use JSON::PP;

my $t = Results::Test->new;

$t->nginx(location => 'client_max_body_size 64k;');


sub imsx_ok {
    my ($response, $status, $word, $name) = @_;

    my $json = $response->json || {};
    my $minor = eval { $json->{imsx_CodeMinor}{imsx_codeMinorField}[0] } || {};

    is_deeply([$response->status, $json->{imsx_codeMajor},
               $json->{imsx_severity}, $minor->{imsx_codeMinorFieldName},
               $minor->{imsx_codeMinorFieldValue},
               length($json->{imsx_description} // '') > 0],
              [$status, 'failure', 'error', 'TargetEndSystem', $word, 1],
              $name) or diag($response->status, ' ', $response->body);
}


subtest 'a result is created, then replaced' => sub {
    my $body = $t->result(score => 91.25);
    my $response = $t->put('r1', $body);

    is($response->status, 201, 'the first PUT creates');
    is($response->header('Content-Type'), 'application/json', 'as JSON');

    my $got = $response->json->{result};

    is($got->{sourcedId}, 'r1', 'the id is the path\'s');
    is($got->{score}, 91.25, 'the score');
    is($got->{student}{sourcedId}, 'student-1', 'the student');
    is($got->{student}{type}, 'user', 'with its type');
    like($got->{student}{href}, qr{^http://127\.0\.0\.1\S*/users/student-1$},
         'and an absolute href');
    like($got->{dateLastModified}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
         'dateLastModified in UTC');

    my $row = $t->row('r1');

    is($row->{kind}, 'result', 'stored as a result');
    is($row->{version}, 1, 'in its first version');
    is($row->{score}, 91.25, 'with its score');
    is($row->{learner_id}, 'student-1', 'its learner');
    is($row->{item_id}, 'line-item-1', 'its item');
    is($row->{status}, 'active', 'active');
    is($row->{completion}, 'complete', 'fully graded is complete');
    is($row->{institution_id}, $t->fixtures->institution, 'of its tenant');

    $response = $t->put('r1', $t->result(score => 92));

    is($response->status, 200, 'the second PUT replaces');
    is($response->json->{result}{score}, 92, 'and answers the new object');
    is($t->row('r1')->{version}, 2, 'version 2');
    is($t->put('r1', $t->result(score => 92))->status, 200,
       'an identical PUT is a new write');
    is($t->row('r1')->{version}, 3, 'version 3');
    is($t->rows, 1, 'one row in all');
};


subtest 'every field comes back as it went in' => sub {
    my %fields = (
        metadata    => { a => [1, 2.5, undef, { b => "\x{1F600}" }],
                         'k"' => JSON::PP::true() },
        class       => { sourcedId => 'class-1' },
        scoreScale  => { sourcedId => 'scale-1' },
        scoreStatus => 'partially graded',
        scoreDate   => '2026-03-01T00:00:00Z',
        score       => 0.1,
        textScore   => "B+ \\ \" \x{e9}",
        comment     => $t->fixtures->marker,
        learningObjectiveSet => [
            { source => 'case', learningObjectiveResults => [
                { learningObjectiveId => 'lo-1', score => 1.5,
                  textScore => 'x' },
                { learningObjectiveId => 'lo-2' } ] } ],
        inProgress  => 'false',
        incomplete  => 'true',
        late        => 'late?',
        missing     => 'false',
        unknown     => { kept => 1 },
    );

    my $response = $t->put('every', $t->result(%fields));
    my $got = $response->json->{result};

    is($response->status, 201, 'created') or diag($response->body);

    for my $name (sort keys %fields) {
        my $value = $got->{$name};

        $value = { sourcedId => $value->{sourcedId} }
            if $name =~ /^(?:class|scoreScale)$/;

        is_deeply($value, $fields{$name}, $name);
    }

    my $row = $t->row('every');

    is($row->{course_id}, 'class-1', 'class is the course');
    is($row->{completion}, 'incomplete',
       'incomplete says more than partially graded');
    ok($t->put('partial', $t->result(%fields, incomplete => 'false')),
       'without that');
    is($t->row('partial')->{completion}, 'pending', 'it is pending');
    like($row->{scored_at}, qr/^2026-03-01 00:00:00/, 'scoreDate');
};


subtest 'the words of scoreStatus are completions' => sub {
    my %completion = (
        'exempt'           => 'accepted',
        'fully graded'     => 'complete',
        'not submitted'    => 'not_started',
        'partially graded' => 'pending',
        'submitted'        => 'pending',
    );

    for my $word (sort keys %completion) {
        my $id = 'word-' . $word =~ s/ /-/gr;

        is($t->put($id, $t->result(scoreStatus => $word))->status, 201,
           "\"$word\" is accepted");
        is($t->row($id)->{completion}, $completion{$word},
           "and is $completion{$word}");
    }

    $t->put('in-progress', $t->result(inProgress => 'true'));
    is($t->row('in-progress')->{completion}, 'in_progress',
       'inProgress says more than scoreStatus');
};


subtest 'the seed\'s own body' => sub {
    open my $file, '<', $t->root . '/t/data/put-result.json' or die $!;
    my $body = do { local $/; <$file> };

    is($t->put('%3Cstring%3E', $body)->status, 201, 'created');
    is($t->put('%3Cstring%3E', $body)->status, 200, 'replaced');
    is($t->row('<string>')->{version}, 2, 'one row, version 2');
};


subtest 'a GUID names one learner in every spelling' => sub {
    my $guid = '6F9619FF-8B86-D011-B42D-00C04FC964FF';

    my $response = $t->put('guid', $t->result(
        student => { sourcedId => "urn:uuid:$guid" }));

    is($t->row('guid')->{learner_id}, lc $guid, 'stored in lower case');
    is($response->json->{result}{student}{sourcedId}, "urn:uuid:$guid",
       'answered as it came');
};


subtest 'ids' => sub {
    my %ids = (
        'a%2Fb'               => 'a/b',
        'a%20b'               => 'a b',
        'a+b'                 => 'a+b',
        '%F0%9F%98%80'        => "\x{1F600}",
        '%2E%2E'              => '..',
        'a%22b%5C'            => 'a"b\\',
        '%27%3B--'            => '\';--',
        ('%C3%A9' x 255)      => "\x{e9}" x 255,
        ('x' x 255)           => 'x' x 255,
    );

    for my $path (sort keys %ids) {
        my $response = $t->put($path, $t->result);
        my $name = length $path > 40 ? substr($path, 0, 40) . '...' : $path;

        is($response->status, 201, "$name is an id");
        is(eval { $response->json->{result}{sourcedId} }, $ids{$path},
           'decoded');
        ok($t->row($ids{$path}), 'and stored');
    }

    for my $path ('x' x 256, '%00', 'a%0Ab', '%C3', '%zz', 'a%1Fb') {
        my $response = $t->put($path, $t->result);
        my $name = length $path > 40 ? substr($path, 0, 40) . '...' : $path;

        # nginx itself refuses what it can't decode
        ok($response->status == 422 || $response->status == 400,
           "$name is none");
    }

    is($t->put('trailing/', $t->result)->status, 201,
       'a trailing slash is ignored');
    ok($t->row('trailing'), 'and not part of the id');

    imsx_ok($t->put('path', $t->result(sourcedId => 'body')), 422,
            'invaliddata', 'path and body differ');
    is($t->put('same', $t->result(sourcedId => 'same'))->status, 201,
       'path and body agree');
};


subtest 'status' => sub {
    is($t->put('gone', $t->result)->status, 201, 'created');
    is($t->put('gone', $t->result(status => 'tobedeleted'))->status, 200,
       'deleted by its status');
    is($t->row('gone')->{status}, 'tobedeleted', 'softly');
    is($t->put('gone', $t->result)->status, 200, 'revived');
    is($t->row('gone')->{status}, 'active', 'active again');
};


subtest 'all errors of a body at once, each with its path' => sub {
    my $before = $t->rows;

    my $response = $t->put('wrong', { result => {
        status      => 'deleted',
        lineItem    => { sourcedId => 7 },
        student     => 'student-1',
        scoreStatus => 'graded',
        scoreDate   => 'yesterday',
        score       => '12',
        textScore   => 1,
        metadata    => [],
        inProgress  => JSON::PP::true(),
        learningObjectiveSet => [{ source => 'case' }],
    } });

    imsx_ok($response, 422, 'invaliddata', 'refused');

    my $text = eval { $response->json->{imsx_description} } // '';

    for my $path (qw(status lineItem/sourcedId student scoreStatus scoreDate
                     score textScore metadata inProgress
                     learningObjectiveSet/0/learningObjectiveResults))
    {
        like($text, qr{/result/\Q$path\E\b}, "/result/$path is named");
    }

    $response = $t->put('wrong', { result => {} });
    $text = eval { $response->json->{imsx_description} } // '';

    like($text, qr{/result/$_\b}, "$_ is required")
        for qw(lineItem student scoreStatus scoreDate);

    is($t->rows, $before, 'nothing was stored');
};


subtest 'bodies that are none' => sub {
    my %bodies = (
        'nothing'         => ['', 400],
        'half an object'  => ['{"result": {', 400],
        'a key twice'     => ['{"result": {}, "result": {}}', 400],
        'not UTF-8'       => ["{\"result\": {\"comment\": \"\xff\"}}", 400],
        'a NUL'           => ['{"result": {"comment": "\u0000"}}', 400],
        'more after it'   => ['{"result": {}} {}', 400],
        'an array'        => ['[]', 422],
        'no result'       => ['{}', 422],
        'another model'   => ['{"lineItem": {}}', 422],
        'too deep'        => ['{"result":' . '[' x 40 . ']' x 40 . '}', 400],
        'a huge number'   => ['{"result": {"score": 1e999}}', 400],
    );

    for my $name (sort keys %bodies) {
        my ($body, $status) = @{ $bodies{$name} };
        imsx_ok($t->put('none', $body), $status, 'invaliddata', $name);
    }

    ok(!$t->row('none'), 'nothing was stored');
};


subtest 'routes and methods' => sub {
    my $base = $Results::Test::BASE;

    for my $uri ("$base/", "$base/nothing", "$base/results/a/b/c",
                 "$base/results/a/results")
    {
        imsx_ok($t->request('PUT', $uri, $t->headers, '{}'), 404,
                'unknownobject', "$uri is unknown");
    }

    for my $method (qw(POST PATCH DELETE)) {
        my $response = $t->request($method, $t->uri('r1'), $t->headers, '{}');

        next if $response->status != 405;    # methods of later APIs

        imsx_ok($response, 405, 'invaliddata', "no $method here");
        like($response->header('Allow'), qr/\bPUT\b.*\bOPTIONS\b/,
             'Allow says what there is');
    }

    my $response = $t->request('OPTIONS', $t->uri('r1'));

    is($response->status, 204, 'OPTIONS, without a token');
    like($response->header('Allow'), qr/\bPUT\b.*\bOPTIONS\b/, 'and Allow');
    is($response->body, '', 'and no body');

    is($t->request('OPTIONS', "$base/nothing")->status, 404,
       'OPTIONS of an unknown path');

    imsx_ok($t->request('BREW', $t->uri('r1'), $t->headers, '{}'), 405,
            'invaliddata', 'a method that nobody knows');
};


subtest 'media types and sizes' => sub {
    my $body = $t->encode($t->result);

    for my $type ('application/json', 'Application/JSON',
                  'application/json; charset=utf-8',
                  'application/json;charset="UTF-8"',
                  'application/json; profile=x')
    {
        is($t->put('type', $body, type => $type)->status / 100 | 0, 2, $type);
    }

    for my $type (undef, 'text/plain', 'application/xml',
                  'application/json; charset=latin1', 'application/jsonp')
    {
        imsx_ok($t->put('type2', $body, type => $type), 415, 'invaliddata',
                'not ' . ($type // 'nothing'));
    }

    imsx_ok($t->put('type2', $body, more => ['Content-Encoding' => 'gzip']),
            415, 'invaliddata', 'not gzip');
    is($t->put('type3', $body, more => ['Content-Encoding' => 'identity'])
         ->status, 201, 'identity is no encoding');

    my $large = $t->encode($t->result(textScore => 'x' x 70000));

    imsx_ok($t->put('large', $large), 413, 'invaliddata', 'too large');
    ok(!$t->row('large'), 'and not stored');
};


subtest 'counters' => sub {
    my $status = $t->status;

    cmp_ok($status->{requests}{created}, '>', 20, 'results_status: 201s');
    cmp_ok($status->{requests}{ok}, '>', 5, 'other 2xx');
    cmp_ok($status->{requests}{invalid}, '>', 20, '4xx');
    is($status->{rows}, $t->pg->value(
        'SELECT sum(version) FROM results.result'), 'every row committed');
};
