#!/usr/bin/env perl

# One store behind both OneRoster dialects, and behind the other APIs: what
# is written in one reads back, valid, in the other; a record of another API
# shows as a result with what maps.  Every reply is checked against its
# dialect's schema, every 2xx followed by a look into the table.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use JSON::PP;
use Results::Test::OneRoster;

my $STUDENT = 'e37e973c-f410-4ed5-9dfd-b1446441072b';

my $t = Results::Test->new;
my $pg = $t->pg;

$t->nginx(server => Results::Test::OneRoster->servers
          . ' location = /contentItemResult { results_api wse; }');

my $tb = Results::Test::OneRoster->new($t, 'timeback');
my $or = Results::Test::OneRoster->new($t, 'oneroster');

my %full = (
    metadata     => { a => [1, undef, { b => "\x{1f600}" }], n => 1.25e22 },
    class        => { sourcedId => 'class-1' },
    scoreScale   => { sourcedId => 'scale-1' },
    scoreStatus  => 'partially graded',
    score        => 0.1,
    textScore    => "B+ \\ \" \x{e9}",
    comment      => $t->fixtures->marker,
    learningObjectiveSet => [
        { source => '/state', learningObjectiveResults =>
          [{ learningObjectiveId => 'lo', score => 1.5, textScore => 'x' },
           { learningObjectiveId => 'lo-2' }] }],
    inProgress   => 'false',
    incomplete   => 'true',
    late         => 'false',
    missing      => 'true',
);


# without what is another in each dialect
sub plain {
    my ($object) = @_;

    my %plain = %$object;

    delete $plain{dateLastModified};

    for my $name (qw(lineItem assessmentLineItem student class scoreScale)) {
        $plain{$name} = { sourcedId => $plain{$name}{sourcedId} }
            if $plain{$name};
    }

    return \%plain;
}


subtest 'the same in both' => sub {
    for my $pair ([$or, $tb], [$tb, $or]) {
        my ($writer, $reader) = @$pair;
        my $id = 'from-' . $writer->dialect;

        # what came; what each shows: in its own form as it came
        for my $dates (['2026-03-01', '2026-03-01',
                        '2026-03-01T00:00:00.000Z'],
                       ['2026-03-01T00:20:30.5+01:00', '2026-02-28',
                        '2026-03-01T00:20:30.5+01:00'])
        {
            my ($date, %shown) = ($dates->[0], oneroster => $dates->[1],
                                  timeback => $dates->[2]);
            my %fields = (%full, scoreDate => $date);

            like($writer->put("results/$id", $writer->result(%fields))
                 ->status, qr/^20[01]$/, $writer->dialect . ' writes');
            ok($writer->row($id), 'stored');

            my %sent = (%{ plain($writer->result(%fields)->{result}) },
                        sourcedId => $id);

            is_deeply(plain($_->object($_->get("results/$id"))),
                      { %sent, scoreDate => $shown{$_->dialect} },
                      $_->dialect . ' has all of it') for $reader, $writer;
        }
    }
};


subtest 'what only Timeback knows is left out of the standard' => sub {
    $tb->put('results/loose', $tb->result(
        inProgress => 'soon', incomplete => '', late => 'true',
        missing => undef, comment => undef, unknown => 1,
        lineItem => { sourcedId => 'l', more => 1 },
        learningObjectiveSet => [
            { source => 'free', learningObjectiveResults =>
              [{ learningObjectiveId => 'x' }] },
            { source => 'unknown', more => 1, learningObjectiveResults =>
              [{ learningObjectiveId => 'y', more => 1, score => undef }] },
            { source => 'case', learningObjectiveResults =>
              [{ learningObjectiveId => 'no-guid' }] }]));
    ok($tb->row('loose'), 'stored');

    my $got = $or->object($or->get('results/loose'));

    is_deeply([sort keys %$got], [qw(dateLastModified late
        learningObjectiveSet lineItem score scoreDate scoreStatus sourcedId
        status student)], 'the members that are left');
    is_deeply([sort keys %{ $got->{lineItem} }], [qw(href sourcedId type)],
              'of a reference');
    is_deeply($got->{learningObjectiveSet},
              [{ source => 'unknown', learningObjectiveResults =>
                 [{ learningObjectiveId => 'y' }] }], 'of the sets');

    $got = $tb->object($tb->get('results/loose'));
    is_deeply([@$got{qw(inProgress incomplete unknown)}], ['soon', '', 1],
              'Timeback has it all');
    is($got->{lineItem}{more}, 1, 'of a reference, too');
    is(@{ $got->{learningObjectiveSet} }, 3, 'and of the sets');
};


subtest 'what only the standard has shows as a word of Timeback' => sub {
    for my $case ([1, 'fully graded'], [undef, 'not submitted']) {
        my ($score, $word) = @$case;
        my $body = $or->result(scoreStatus => 'ext:own');

        $body->{result}{score} = $score;
        delete $body->{result}{score} if !defined $score;

        is($or->put('results/ext', $body)->status, 201, 'written');
        ok($or->row('ext'), 'stored');
        is($or->object($or->get('results/ext'))->{scoreStatus}, 'ext:own',
           'the standard has it');
        is($tb->object($tb->get('results/ext'))->{scoreStatus}, $word,
           "Timeback: $word");
    }
};


subtest 'deleted in one, gone from the other' => sub {
    $or->put('results/gone', $or->result);
    is($tb->get('results/gone')->status, 200, 'there');
    is($tb->delete('results/gone')->status, 204, 'deleted');
    is($or->row('gone')->{status}, 'tobedeleted', 'stored');
    is($or->get('results/gone')->status, 404, 'gone');
    is($or->put('results/gone', $or->result)->status, 201, 'revived');
    is($or->row('gone')->{status}, 'active', 'stored');
    is($tb->get('results/gone')->status, 200, 'there');
};


subtest 'POST after PUT, across the dialects' => sub {
    my %same = (score => 5, scoreDate => '2026-03-01');

    $or->put('results/post', $or->result(%same));
    is($tb->post('results', $tb->result(%same, sourcedId => 'post'))->status,
       201, 'the same body is no conflict');

    my $bulk = $or->post('lineItems/line-item-1/results',
                         { results => [$or->member('post', %same)] });
    is_deeply($bulk->json, { sourcedIdPairs => [{ suppliedSourcedId => 'post',
              allocatedSourcedId => 'post' }] }, 'nor in a bulk POST');
    is($or->row('post')->{version}, 1, 'stored once');
};


subtest 'a result of wse' => sub {
    $pg->do(q{INSERT INTO results.person (institution_id, id, role)
              VALUES (?, ?, 'student')}, $t->fixtures->institution, $STUDENT);

    my $token = $t->token(person => $STUDENT, scopes => []);
    my $response = $t->request('POST', '/contentItemResult',
        $t->headers(token => $token), $t->encode({
            StudentId => $STUDENT, Score => 87.5,
            ContentItemId => 'af2f719c-f38a-4252-bf3a-c282ff6dbe80',
            ContentItemStateName => $t->fixtures->marker,
            DateCompleted => '2026-01-02T03:04:05Z' }));

    my ($id) = $response->body =~ /([0-9a-f-]{36})/;

    ok($or->row($id, 'content_item_result'), 'is stored');

    for my $client ($or, $tb) {
        my $got = $client->object($client->get("results/$id"));

        is_deeply([@$got{qw(sourcedId status score scoreStatus)}],
                  [$id, 'active', 87.5, 'fully graded'],
                  $client->dialect . ' shows it');
        is_deeply([$got->{student}{sourcedId}, $got->{lineItem}{sourcedId}],
                  [$STUDENT, 'af2f719c-f38a-4252-bf3a-c282ff6dbe80'],
                  'whose, and of what');
        is($got->{scoreDate}, $client->strict ? '2026-01-02'
           : '2026-01-02T03:04:05.000Z', 'its date');
        is_deeply([sort keys %$got], [qw(dateLastModified lineItem score
                  scoreDate scoreStatus sourcedId status student)],
                  'and nothing else');

        is($client->get("assessmentResults/$id")->status, 404,
           'which is no assessment result');
        is($client->put("results/$id", $client->result)->status, 409,
           'another API\'s is not replaced');
        is($client->delete("results/$id")->status, 409, 'nor deleted');
    }

    is($tb->post('results', $tb->result(sourcedId => $id))->status, 409,
       'nor is its id taken');
    is($or->row($id, 'content_item_result')->{version}, 1, 'it stays');
};


subtest 'records of any API' => sub {
    my $n = 0;

    # completion, score; scoreStatus
    my @words = (
        [complete => 1, 'fully graded'], [complete => undef, 'submitted'],
        [passed => 1, 'fully graded'], [failed => 0, 'fully graded'],
        [failed => undef, 'submitted'], [accepted => undef, 'submitted'],
        [pending => undef, 'submitted'], [pending => 1, 'submitted'],
        [in_progress => 1, 'not submitted'],
        [not_started => undef, 'not submitted'],
        [incomplete => 1, 'not submitted'],
        [declined => undef, 'not submitted'],
        [undef, undef, 'not submitted'], [undef, 1, 'fully graded'],
    );

    # started, completed; which of them is the scoreDate
    my @dates = (
        [undef, undef, '2026-01-03'], ['2026-01-01', undef, '2026-01-01'],
        ['2026-01-01', '2026-01-02', '2026-01-02'],
        [undef, '2026-01-02', '2026-01-02'],
    );

    for my $kind (qw(learning_event module_result)) {
        for my $case (@words) {
            my ($completion, $score, $word) = @$case;
            my ($started, $completed, $date) = @{ $dates[$n++ % @dates] };
            my $id = "any-$n";

            $pg->do(q{
                INSERT INTO results.result (institution_id, kind, id,
                    learner_id, item_id, course_id, status, score,
                    completion, started_at, completed_at, detail,
                    payload_hash, version, op, client_id, created_at,
                    updated_at)
                VALUES (?, ?, ?, 'l', 'i', 'c', 'active', ?, ?, ?, ?,
                    '{"score": "x", "comment": 1, "metadata": [],
                      "scoreStatus": 1, "scoreDate": {}, "sourcedId": "y",
                      "student": {"sourcedId": "z"}, "other": 1}',
                    1, 1, 2, 1, '2026-01-03Z', '2026-01-04Z')
            }, $t->fixtures->institution, $kind, $id, $score, $completion,
               map { defined $_ ? "${_}Z" : undef } $started, $completed);

            for my $client ($or, $tb) {
                my $got = $client->object($client->get("results/$id"));

                is_deeply([@$got{qw(sourcedId scoreStatus score)},
                           substr($got->{scoreDate}, 0, 10),
                           (map { $got->{$_}{sourcedId} }
                            qw(student lineItem class)),
                           grep { /^(?:comment|metadata|other)$/ } keys %$got],
                          [$id, $word, $score, $date, qw(l i c)],
                          sprintf '%s, %s: %s, %s: %s', $client->dialect,
                          $kind, $completion // 'no completion',
                          defined $score ? 'a score' : 'none', $word);
            }
        }
    }

    $pg->do(q{UPDATE results.result SET status = 'tobedeleted'
              WHERE id = 'any-1'});
    is($or->get('results/any-1')->status, 404, 'deleted ones are gone');
};


for my $client ($or, $tb) {
    cmp_ok($client->checked, '>', 30, $client->checked . ' replies of '
           . $client->dialect . ' had the form of its schema');
}
