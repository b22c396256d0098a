#!/usr/bin/env perl

# What learners were given, loaded as docs/operations.md shows it, is what the
# module report lists; and what the table refuses.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use Results::Test::Docs;
use Results::Test::Report;

my $t = Results::Test->new;
my $pg = $t->pg;

$t->nginx(server => Results::Test::Report::server());

my $school = $t->fixtures->institution('North School');
my $docs = Results::Test::Docs->new($t->root, 'docs/operations.md');
my $report = Results::Test::Report->new($t, institution => $school);

$report->person('admin', role => 'account_admin');
$report->{token} = $t->token(institution => 'North School', person => 'admin',
                             scopes => []);


sub listed {
    return [map { join ' ', map { $_ // '-' } @$_{qw(userId moduleId
        moduleTitle dueDate isOverdue completionStatus passingScore)} }
        $report->all(@_)];
}

sub load {
    return $pg->shell($docs->block('What learners were given', 'sh',
                                   qr/copy given/));
}


subtest 'by plain SQL' => sub {
    $pg->do($docs->block('What learners were given', 'sql',
                         qr/INSERT INTO results\.assignment/));

    is_deeply(listed(), ['p-1 unit-1 Unit 1 2026-10-01T00:00:00+00:00 '
        . ($pg->value(q{SELECT (now() > '2026-10-01Z')::int}))
        . ' not_started -'], 'is in the report');

    $pg->do('DELETE FROM results.assignment');
    is_deeply(listed(), [], 'and no more');
};


subtest 'by COPY' => sub {
    for my $time ('the first time', 'again') {
        my ($code, $text) = load();
        is($code, 0, $time) or diag($text);
    }

    is(scalar @{ listed() }, 3, 'three rows');
    is_deeply([map { s/ [01] not_started/ not_started/r } @{ listed() }], [
        'u-1 unit-1 Unit 1: present, past 2026-09-30T22:00:00+00:00 '
        . 'not_started 60',
        'u-1 unit-2 Unit 2 2026-10-31T23:00:00+00:00 not_started 60',
        'u-2 lab-safety Lab safety - not_started -',
    ], 'as in the file');

    $pg->do(q{UPDATE results.assignment SET module_title = 'Old',
              due_date = null WHERE module_id = 'unit-1'});
    is((load())[0], 0, 'after a change');
    like(listed(moduleIds => 'unit-1')->[0], qr/present, past 2026-09-30/,
         'the file counts');

    $report->result(learner_id => 'u-2', item_id => 'lab-safety',
                    completion => 'complete');
    is_deeply(listed(userIds => 'u-2'),
              ['u-2 lab-safety Lab safety - 0 complete -'], 'with a result');
    $pg->do(q{DELETE FROM results.assignment WHERE learner_id = 'u-2'});
    is_deeply(listed(userIds => 'u-2'),
              ['u-2 lab-safety lab-safety - 0 complete -'],
              'taken away, the result stays');
};


subtest 'ids' => sub {
    my $guid = 'aabbccdd-0000-4000-8000-00000000000a';

    $report->assignment(learner_id => '{' . uc $guid . '}',
        module_id => "urn:uuid:$guid", course_item_id => $guid =~ s/-//gr);

    my ($row) = $report->all(userIds => $guid);
    is_deeply([@$row{qw(userId moduleId courseItemId)}], [($guid) x 3],
              'a GUID in any form is one learner and one module');
};


subtest 'what is refused' => sub {
    for my $case (
        (map { [$_ => ''] } qw(learner_id course_id module_id course_item_id
                               enrollment_id)),
        (map { [$_ => 'infinity'], [$_ => '-infinity'],
               [$_ => '10000-01-01Z'], [$_ => '0001-01-01 BC'] }
             qw(access_date due_date expiration_date)),
        [passing_score => 'NaN'], [passing_score => 'Infinity'],
        [institution_id => -1])
    {
        my ($column, $value) = @$case;

        ok(!eval { $report->assignment(learner_id => 'x', @$case); 1 },
           "$column \"$value\"");
    }

    $report->assignment(learner_id => 'first', due_date => '0001-01-01Z',
                        access_date => '9999-12-31T23:59:59Z');
    my ($row) = $report->all(userIds => 'first');
    is_deeply([@$row{qw(dueDate accessDate)}],
              ['0001-01-01T00:00:00+00:00', '9999-12-31T23:59:59+00:00'],
              'the first and the last date there are');
};
