#!/usr/bin/env perl

# PATCH of an assessment result in the dialect `timeback`: what is sent takes
# the place of what is stored, metadata is merged, nobody's change is lost.
# Every 2xx is followed by a look into the table.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use JSON::PP;
use Results::Test::OneRoster;

my $t = Results::Test->new;

$t->nginx(server => Results::Test::OneRoster->servers, workers => 2);

my $tb = Results::Test::OneRoster->new($t, 'timeback');
my $or = Results::Test::OneRoster->new($t, 'oneroster');


sub row { $tb->row($_[0], 'assessment_result') }
sub patch { my ($id, %fields) = @_; return $tb->patch("assessmentResults/$id",
                { assessmentResult => \%fields }) }
sub object { $tb->object($_[0]) }


my %all = (
    metadata        => { a => 1, b => { c => 1, d => [1, 2] }, e => undef },
    scoreScale      => { sourcedId => 'scale-1' },
    scoreStatus     => 'partially graded',
    scoreDate       => '2026-03-01',
    score           => 1.5,
    textScore       => 'text',
    scorePercentile => 50,
    comment         => $t->fixtures->marker,
    learningObjectiveSet => [{ source => 'unknown', learningObjectiveResults =>
                               [{ learningObjectiveId => 'lo', score => 1 }] }],
    inProgress      => 'false',
    late            => 'true',
    unknown         => { kept => [1, 2.5] },
);


subtest 'one field changes, and no other' => sub {
    is($tb->put('assessmentResults/p', $tb->assessment_result(%all))->status,
       201, 'created');

    my $before = object($tb->get('assessmentResults/p'));
    my %to = (score => 2.25, textScore => 'other', scorePercentile => 0,
        comment => '', scoreStatus => 'submitted', late => 'false',
        scoreDate => '2026-03-02T00:00:00Z', inProgress => 'true',
        incomplete => 'true', unknown => [3], another => 1,
        scoreScale => { sourcedId => 'scale-2' },
        student => { sourcedId => 'student-2' },
        assessmentLineItem => { sourcedId => 'item-2' },
        learningObjectiveSet => []);

    my $version = 1;

    for my $field (sort keys %to) {
        my $response = patch('p', $field => $to{$field});
        my $got = object($response);

        is($response->status, 200, "$field: changed");
        is_deeply(ref $to{$field} eq 'HASH'
                  ? $got->{$field}{sourcedId} : $got->{$field},
                  ref $to{$field} eq 'HASH'
                  ? $to{$field}{sourcedId} : $to{$field}, 'to what was sent');

        $before->{$field} = $got->{$field};
        $before->{dateLastModified} = $got->{dateLastModified};
        is_deeply($got, $before, 'nothing else');
        is_deeply(object($tb->get('assessmentResults/p')), $got,
                  'GET has it');

        my $row = row('p');
        is_deeply([@$row{qw(version op)}], [++$version, 4], 'stored');
    }

    my $row = row('p');
    is_deeply([@$row{qw(score learner_id item_id completion)}],
              [2.25, 'student-2', 'item-2', 'in_progress'],
              'the columns follow');
};


subtest 'nothing, twice' => sub {
    my $before = object($tb->get('assessmentResults/p'));

    for (1, 2) {
        my $got = object(patch('p'));
        ok(row('p'), 'stored');
        delete @$_{'dateLastModified'} for $got, $before;
        is_deeply($got, $before, 'an empty one changes nothing');
    }
};


subtest 'null removes' => sub {
    for my $field (qw(score textScore comment scoreScale late unknown
                      learningObjectiveSet))
    {
        my $got = object(patch('p', $field => undef));

        ok(row('p'), 'stored');
        ok(!defined $got->{$field}, "$field is gone");
        ok(!exists object($tb->get('assessmentResults/p'))->{$field},
           'GET has none');
    }

    is(row('p')->{score}, undef, 'nor has the column');

    for my $field (qw(student assessmentLineItem scoreStatus scoreDate)) {
        my $response = patch('p', $field => undef);

        is($response->status, 422, "$field must stay");
        like($tb->description($response), qr{^/assessmentResult/$field: },
             'it says');
    }
};


subtest 'metadata is merged' => sub {
    my @steps = (
        [{ a => 1, b => { c => 1, d => [1, 2] } } =>
         { a => 1, b => { c => 1, d => [1, 2] } }],
        [{ z => 1 } => { a => 1, b => { c => 1, d => [1, 2] }, z => 1 }],
        [{ b => { e => 'x' } } =>
         { a => 1, b => { c => 1, d => [1, 2], e => 'x' }, z => 1 }],
        [{ b => { d => [3] } } =>
         { a => 1, b => { c => 1, d => [3], e => 'x' }, z => 1 }],
        [{ b => { c => undef }, a => undef } =>
         { b => { d => [3], e => 'x' }, z => 1 }],
        [{ none => undef } => { b => { d => [3], e => 'x' }, z => 1 }],
        [{ b => 1 } => { b => 1, z => 1 }],
        [{ b => { q => { r => undef, s => 1 } } } =>
         { b => { q => { s => 1 } }, z => 1 }],
        [{} => { b => { q => { s => 1 } }, z => 1 }],
        [undef, undef],
        [{ new => 1.5 } => { new => 1.5 }],
    );

    $tb->put('assessmentResults/m', $tb->assessment_result);
    is(row('m')->{version}, 1, 'stored');

    for my $step (@steps) {
        my ($patch, $after) = @$step;
        my $response = patch('m', metadata => $patch);

        is($response->status, 200, $t->encode($patch // [undef]));
        is_deeply(object($response)->{metadata}, $after, 'comes to that');
        is_deeply(object($tb->get('assessmentResults/m'))->{metadata}, $after,
                  'stored');
    }

    is(patch('m', metadata => [1])->status, 422, 'it is an object');
};


subtest 'what is refused' => sub {
    my $version = row('m')->{version};

    is($tb->patch('assessmentResults/none',
                  { assessmentResult => { score => 1 } })->status, 404,
       'there is none');
    ok(!row('none'), 'and none is made');

    for my $case (
        [{ score => '1' }, 'score'], [{ scoreStatus => 'x' }, 'scoreStatus'],
        [{ scoreStatus => 'ext:x' }, 'scoreStatus'],
        [{ scoreDate => 'x' }, 'scoreDate'], [{ status => 'x' }, 'status'],
        [{ student => {} }, 'student/sourcedId'],
        [{ sourcedId => 'other' }, 'sourcedId'],
        [{ dateLastModified => 1 }, 'dateLastModified'])
    {
        my ($fields, $path) = @$case;
        my $response = patch('m', %$fields);

        is($response->status, 422, $t->encode($fields));
        like($tb->description($response), qr{^/assessmentResult/$path: [^;]+$},
             'named');
    }

    is($tb->patch('assessmentResults/m', '{')->status, 400, 'no JSON');
    is($tb->patch('assessmentResults/m', $_)->status, 422, 'another envelope')
        for '{}', '[]', '{"result": {}}', '{"assessmentResult": []}',
            '{"assessmentResult": {}, "more": 1}';
    is(row('m')->{version}, $version, 'nothing is stored');

    is($tb->patch('results/r', $tb->result)->status, 405,
       'a result has no PATCH');
    is($or->patch('assessmentResults/m', { assessmentResult => {} })->status,
       405, 'nor has the standard');
};


subtest 'deleted' => sub {
    is(patch('m', status => 'tobedeleted')->status, 200, 'by a PATCH');
    is(row('m')->{status}, 'tobedeleted', 'stored');
    is($tb->get('assessmentResults/m')->status, 404, 'gone');
    is(patch('m', status => 'active')->status, 404,
       'what is gone can not be patched');
    is(row('m')->{status}, 'tobedeleted', 'stays');
};


subtest 'what only the standard has stays' => sub {
    $or->put('assessmentResults/ext',
             $or->assessment_result(scoreStatus => 'ext:reviewed'));
    ok(row('ext'), 'stored');

    is(object($tb->get('assessmentResults/ext'))->{scoreStatus},
       'fully graded', 'Timeback shows a word that it has');
    is(patch('ext', score => 3)->status, 200, 'another field is patched');
    is($or->object($or->get('assessmentResults/ext'))->{scoreStatus},
       'ext:reviewed', 'and the word is still there');
    is(row('ext')->{completion}, undef, 'stored');

    is(patch('ext', scoreStatus => 'submitted')->status, 200,
       'until it is patched itself');
    is($or->object($or->get('assessmentResults/ext'))->{scoreStatus},
       'submitted', 'to that');
    is(row('ext')->{completion}, 'pending', 'stored');
};


subtest 'numbers that a merge must not touch' => sub {
    $tb->put('assessmentResults/n', '{"assessmentResult": {'
        . '"assessmentLineItem": {"sourcedId": "i"},'
        . '"student": {"sourcedId": "s"}, "scoreStatus": "submitted",'
        . '"scoreDate": "2026-01-01", "score": 1e-7,'
        . '"metadata": {"big": 9007199254740993, "huge": 1e300,'
        . ' "small": 5e-324, "x": 0.1}}}');
    ok(row('n'), 'stored');

    my $response = $tb->patch('assessmentResults/n',
        '{"assessmentResult": {"metadata": {"more": 1e22}}}');

    is($response->status, 200, 'patched');

    for my $body ($response->body, $tb->get('assessmentResults/n')->body) {
        like($body, qr/"big":9007199254740993\b/, 'an integer');
        is_deeply([@{ JSON::PP->new->decode($body)->{assessmentResult}
                      {metadata} }{qw(huge small x more)}],
                  [1e300, 5e-324, 0.1, 1e22], 'doubles');
    }

    is(row('n')->{score}, 1e-7, 'stored');
};


subtest 'many at once: nobody\'s change is lost' => sub {
    $tb->put('assessmentResults/race', $tb->assessment_result);
    ok(row('race'), 'stored');

    my @todo = 1 .. 60;
    my $again = 0;

    while (@todo && $again++ < 40) {
        my @requests = map {
            Results::Test::Http->format('PATCH',
                $tb->base . '/assessmentResults/race', $t->headers,
                $t->encode({ assessmentResult =>
                             { metadata => { "k$_" => $_ } } }))
        } @todo;
        my @responses = $t->many(\@requests, connections => 12);
        my %other = map { $_ => 1 } grep { $_ != 200 && $_ != 503 }
            map { $_->status } @responses;

        is_deeply([keys %other], [], 'taken, or asked to come again')
            or last;
        @todo = map { $todo[$_] } grep { $responses[$_]->status != 200 }
            0 .. $#todo;
    }

    is("@todo", '', 'all are taken in the end');
    is_deeply(object($tb->get('assessmentResults/race'))->{metadata},
              { map { ("k$_" => $_) } 1 .. 60 }, 'and all are there');
    is(row('race')->{version}, 61, 'each as a version');
};


cmp_ok($tb->checked, '>', 80, $tb->checked . ' replies had the form of the '
       . 'schema');
