#!/usr/bin/env perl

# One store: what any API wrote, every API that reads shows, as
# docs/records.md says, with what maps and nothing invented.  Each writer
# against each reader.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use JSON::PP;
use Results::Test::OneRoster;
use Results::Test::Report;

my $STUDENT = 'e37e973c-f410-4ed5-9dfd-b1446441072b';
my $GUID = qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

my $t = Results::Test->new;
my $pg = $t->pg;

$t->nginx(server => Results::Test::OneRoster->servers
    . Results::Test::Report::server()
    . ' location = /contentItemResult { results_api wse; }'
    . ' location = /grade { results_api educacional; }');

my $report = Results::Test::Report->new($t);

$report->person($STUDENT);
$report->person('admin', role => 'account_admin');
$report->{token} = $t->token(person => 'admin', scopes => []);

my $student = $t->token(person => $STUDENT, scopes => []);
my $hub = $t->token(scopes => ['la-apiauthidentifier/authorization']);

my %or = map { $_ => Results::Test::OneRoster->new($t, $_) }
    qw(oneroster timeback);

# every writer has an item of its own
my $n = 0;
sub item { sprintf 'af2f719c-f38a-4252-bf3a-%012d', ++$n }


# what a OneRoster client sends of a result, and gets back
sub fields {
    my ($line, $item, %fields) = @_;

    return { status => 'active', $line => { sourcedId => $item },
             student => { sourcedId => $STUDENT },
             ($line eq 'lineItem' ? (class => { sourcedId => 'class-1' })
                                  : ()),
             scoreStatus => 'fully graded', scoreDate => '2026-03-01',
             score => 87.5, comment => $t->fixtures->marker,
             metadata => { any => [1, undef] }, %fields };
}


sub wse {
    my ($item, %fields) = @_;

    return { StudentId => uc $STUDENT, ContentItemId => $item,
             Duration => 540, Score => 87.5, StudyMode => 3,
             ContentItemStateName => $t->fixtures->marker,
             DateStarted => '2026-03-01T10:00:00.1234567+01:00',
             DateCompleted => '2026-03-01T10:09:00Z', %fields };
}


sub event {
    my ($item, $type, %object) = @_;

    return {
        '@context' => 'http://purl.imsglobal.org/ctx/caliper/v1p2',
        id => 'urn:uuid:' . item(), type => $type,
        profile => $type eq 'GradeEvent' ? 'GradingProfile'
            : $type eq 'ViewEvent' ? 'ReadingProfile'
            : 'ReadingGradingProfile',
        action => $type eq 'GradeEvent' ? 'Graded' : 'Viewed',
        actor => { type => 'SoftwareApplication',
                   host => 'https://' . $t->fixtures->marker },
        object => {
            type => 'Attempt',
            assignee => { id => "urn:uuid:$STUDENT", type => 'Person' },
            assignable => { id => $item, type => 'Activity',
                            skillCode => 'EF15LP01',
                            isPartOf => { id => 'class-1', name => 'One',
                                          type => 'Subject' } },
            dateCreated => '2026-03-01T10:05:00Z',
            startedAtTime => '2026-03-01T09:00:00Z', totalTime => 372.9,
            %object },
        edApp => 'urn:uuid:5f2c6d0a-1111-4222-8333-944455556666',
        generated => { type => 'Score', maxScore => 10, scoreGiven => 8.5 },
    };
}


# the id of what a request stored
sub post {
    my ($uri, $token, $body) = @_;

    my $response = $t->request('POST', $uri, $t->headers(token => $token),
                               $t->encode($body));
    is($response->status, 200, "POST $uri");

    my ($id) = $response->body =~ /($GUID)/;
    return $id;
}


# a result without what depends on the place and the time
sub plain {
    my ($object) = @_;

    my %plain = %{ $object || {} };

    delete @plain{qw(sourcedId dateLastModified)};

    for my $name (qw(lineItem assessmentLineItem student class)) {
        $plain{$name} = { sourcedId => $plain{$name}{sourcedId} }
            if $plain{$name};
    }

    return \%plain;
}


# name, what writes it (given an item) and answers its id, its kind, what of
# it a OneRoster result has, and what the report says of it
my @writers = (
    (map {
        my $or = $or{$_};
        my $writer = $_;

        my $put = sub {
            my ($collection, $sent) = @_;
            my $id = "$writer-" . ++$n;
            my $response = $or->put("$collection/$id", $sent);

            is($response->status, 201, "$writer: PUT $collection/$id");
            return $id;
        };

        (["$writer, result", sub {
            $put->('results', { result => fields(lineItem => $_[0]) });
        }, 'result', sub { fields(lineItem => $_[0]) },
           { courseId => 'class-1', timeSpent => 0,
             completionStatus => 'complete', awardedScore => 87.5 }],

         ["$writer, result not submitted", sub {
            $put->('results', { result => fields(lineItem => $_[0],
                scoreStatus => 'not submitted', score => 0) });
        }, 'result', sub { fields(lineItem => $_[0], score => 0,
                                  scoreStatus => 'not submitted') },
           { courseId => 'class-1', timeSpent => 0,
             completionStatus => 'not_started', awardedScore => 0 }],

         ["$writer, assessment result", sub {
            $put->('assessmentResults', { assessmentResult =>
                fields(assessmentLineItem => $_[0],
                       scoreStatus => 'submitted') });
        }, 'assessment_result', sub { fields(assessmentLineItem => $_[0],
                                             scoreStatus => 'submitted') },
           { timeSpent => 0, completionStatus => 'pending',
             awardedScore => 87.5 }])
    } qw(oneroster timeback)),

    ['oneroster, bulk POST', sub {
        my ($item) = @_;
        my $id = 'bulk-' . ++$n;
        my $response = $or{oneroster}->post("lineItems/$item/results", {
            results => [{ %{ fields(lineItem => $item) }, sourcedId => $id }]
        });

        is($response->status, 201, 'oneroster: POST lineItems/{id}/results');
        return $id;
    }, 'result', sub { fields(lineItem => $_[0]) },
       { courseId => 'class-1', timeSpent => 0,
         completionStatus => 'complete', awardedScore => 87.5 }],

    ['wse, complete', sub { post('/contentItemResult', $student, wse($_[0])) },
     'content_item_result',
     sub { { status => 'active', lineItem => { sourcedId => $_[0] },
             student => { sourcedId => $STUDENT }, score => 87.5,
             scoreStatus => 'fully graded',
             scoreDate => '2026-03-01T10:09:00.000Z' } },
     { timeSpent => 540, completionStatus => 'complete', awardedScore => 87.5,
       accessDate => '2026-03-01T09:00:00+00:00',
       completionDate => '2026-03-01T10:09:00+00:00' }],

    ['wse, begun', sub { post('/contentItemResult', $student,
        wse($_[0], DateCompleted => undef, Score => undef,
            Duration => undef)) },
     'content_item_result',
     sub { { status => 'active', lineItem => { sourcedId => $_[0] },
             student => { sourcedId => $STUDENT },
             scoreStatus => 'not submitted',
             scoreDate => '2026-03-01T09:00:00.123Z' } },
     { timeSpent => 0, completionStatus => 'in_progress',
       accessDate => '2026-03-01T09:00:00+00:00' }],

    ['educacional, graded', sub { post('/grade', $hub, event($_[0],
        'GradeEvent', completionType => 'FAILURE', percentReading => '33.5',
        endedAtTime => '2026-03-01T10:00:00Z')) },
     'learning_event',
     sub { { status => 'active', lineItem => { sourcedId => $_[0] },
             student => { sourcedId => $STUDENT },
             class => { sourcedId => 'class-1' }, score => 8.5,
             scoreStatus => 'fully graded',
             scoreDate => '2026-03-01T10:00:00.000Z' } },
     { courseId => 'class-1', timeSpent => 372, completionStatus => 'failed',
       progress => 33.5, awardedScore => 8.5,
       accessDate => '2026-03-01T09:00:00+00:00',
       completionDate => '2026-03-01T10:00:00+00:00' }],

    ['educacional, viewed', sub { post('/grade', $hub, event($_[0],
        'ViewEvent')) },
     'learning_event',
     sub { { status => 'active', lineItem => { sourcedId => $_[0] },
             student => { sourcedId => $STUDENT },
             class => { sourcedId => 'class-1' },
             scoreStatus => 'not submitted',
             scoreDate => '2026-03-01T09:00:00.000Z' } },
     { courseId => 'class-1', timeSpent => 372, viewsCount => 1,
       completionStatus => 'in_progress',
       accessDate => '2026-03-01T09:00:00+00:00' }],

    ['educacional, viewed and graded', sub { post('/grade', $hub,
        event($_[0], 'GradeViewEvent', completionType => 'ONGOING')) },
     'learning_event',
     sub { { status => 'active', lineItem => { sourcedId => $_[0] },
             student => { sourcedId => $STUDENT },
             class => { sourcedId => 'class-1' }, score => 8.5,
             scoreStatus => 'not submitted',
             scoreDate => '2026-03-01T09:00:00.000Z' } },
     { courseId => 'class-1', timeSpent => 372, viewsCount => 1,
       completionStatus => 'in_progress', awardedScore => 8.5,
       accessDate => '2026-03-01T09:00:00+00:00' }],
);


for my $writer (@writers) {
    my ($name, $write, $kind, $shown, $reported) = @$writer;

    subtest $name => sub {
        my $item = item();
        my $id = $write->($item);
        my $row = $t->row($id);

        is_deeply([@$row{qw(kind learner_id item_id)}],
                  [$kind, $STUDENT, $item], 'is stored');

        my ($own, $other) = $kind eq 'assessment_result'
            ? qw(assessmentResults results) : qw(results assessmentResults);

        for my $reader (sort keys %or) {
            my $or = $or{$reader};
            my $expected = $shown->($item);

            # a date by the standard, a time by Timeback, whatever came
            $expected->{scoreDate} =~ s/T.*// if $reader eq 'oneroster';
            $expected->{scoreDate} =~ s/^.{10}\z/$&T00:00:00.000Z/
                if $reader eq 'timeback';

            is_deeply(plain($or->object($or->get("$own/$id"))), $expected,
                      "$reader shows it");

            my ($listed) = grep { $_->{sourcedId} eq $id }
                @{ $or->get("$own?limit=1000")->json->{$own} };
            is_deeply(plain($listed), $expected, 'and lists it');

            is($or->get("$other/$id")->status, 404, "none of $other");
        }

        for my $accept ('application/xml', 'application/json') {
            my ($rows) = $report->with(accept => $accept)
                ->page(moduleIds => $item);

            is(scalar @$rows, 1, "the report has it, as $accept");

            my %got = %{ $rows->[0] };
            delete $got{accessDate} if !$reported->{accessDate};

            is_deeply(\%got, { userId => $STUDENT, moduleTitle => $item,
                               moduleId => $item, courseItemId => $item,
                               isOverdue => 0, %$reported },
                      'with what maps, and nothing else');
        }
    };
}


# the results of all of them are one row where they are about one module

subtest 'all of them together' => sub {
    my $module = item();
    my %ids = map { $_->[0] => $_->[1]->($module) } @writers;

    is(scalar keys %ids, scalar @writers, 'written');
    $report->assignment(learner_id => $STUDENT, module_id => $module,
                        module_title => 'A module', course_id => 'course');

    my ($rows) = $report->page(moduleIds => $module);

    is_deeply($rows, [{
        userId => $STUDENT, courseId => 'class-1', moduleTitle => 'A module',
        moduleId => $module, courseItemId => 'item-1',
        enrollmentId => 'enrollment-1', timeSpent => 540 + 3 * 372,
        completionStatus => 'complete', progress => 33.5, isOverdue => 0,
        accessDate => '2026-03-01T09:00:00+00:00',
        viewsCount => 2, completionDate => '2026-03-01T10:09:00+00:00',
        awardedScore => 87.5,
    }], 'one row');
};


subtest 'a result that is deleted' => sub {
    my $item = item();
    my $id = $writers[0][1]->($item);

    is(scalar @{ ($report->page(moduleIds => $item))[0] }, 1, 'is a row');
    is($or{timeback}->delete("results/$id")->status, 204, 'DELETE');
    is($t->row($id)->{status}, 'tobedeleted', 'is stored');
    is(scalar @{ ($report->page(moduleIds => $item))[0] }, 0,
       'is no row any more');
};
