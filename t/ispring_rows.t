#!/usr/bin/env perl

# What a row of the module report says where several results, enrollments or
# courses meet, and where items have something to say: docs/records.md.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use DBD::Pg ();

use Results::Test::Report;

my $t = Results::Test->new;
my $pg = $t->pg;

$t->nginx(server => Results::Test::Report::server());

my $report = Results::Test::Report->new($t);
my $school = $report->institution;

$report->person('admin', role => 'account_admin');
$report->{token} = $t->token(person => 'admin', scopes => []);

# one row by its module
sub row {
    my ($module, @query) = @_;

    my ($rows) = $report->page(moduleIds => $module, @query);
    return @$rows == 1 ? $rows->[0] : { rows => scalar @$rows };
}

# "user item" of all rows
sub keys_of { join ', ', map { "$_->{userId} $_->{courseItemId}" } @_ }


subtest 'courses, titles and the begin' => sub {
    my @a = (learner_id => 'two');
    my $item = sub {
        my ($id, %row) = @_;
        $report->_insert('item', institution_id => $school, id => $id, %row);
    };
    my $event = sub {
        my ($name) = @_;
        return (kind => 'learning_event', detail =>
            qq({"type":"GradeEvent","object":{"assignable":{"extension":)
            . qq({"name":"$name"}}}}));
    };

    # a line item of two classes
    $report->result(@a, item_id => 'shared', course_id => 'class-b');
    $report->result(@a, item_id => 'shared', course_id => 'class-a');

    is(row('shared', courseIds => $_)->{courseId}, $_, "found by $_")
        for 'class-a', 'class-b';
    is(keys_of($report->all(courseIds => $_)), 'two shared', "$_ alone")
        for 'class-a', 'class-b';
    is(row('shared')->{courseId}, 'class-a', 'and shows the first');

    # the result's course, else the assignment's, else the item's
    $report->assignment(@a, module_id => 'given', course_id => 'given-course');
    is(row('given')->{courseId}, 'given-course', 'the assignment\'s');
    is(keys_of($report->all(courseIds => 'given-course')),
       "two item-$report->{assignments}", '... by which it is found');
    $report->result(@a, item_id => 'given', course_id => 'told-course');
    is(row('given')->{courseId}, 'told-course', 'the result\'s');
    is(keys_of($report->all(courseIds => 'told-course')),
       "two item-$report->{assignments}", '... by which it is found');
    is(keys_of($report->all(courseIds => 'given-course')), '',
       '... and by no other');

    $item->('of-item', course_id => 'item-course');
    $report->result(@a, item_id => 'of-item');
    is(row('of-item')->{courseId}, 'item-course', 'the item\'s');
    is(keys_of($report->all(courseIds => 'item-course')), 'two of-item',
       '... by which it is found');
    is(keys_of($report->all(courseIds => 'item-course', userIds => 'two')),
       'two of-item', '... with a user, too');
    is(keys_of($report->all(courseIds => 'item-course',
                            moduleIds => 'of-item')),
       'two of-item', '... with a module, too');

    # titles
    $report->result(@a, item_id => 'named', $event->('By an event'));
    is(row('named')->{moduleTitle}, 'By an event', 'an event\'s title');
    $item->('named', title => 'By the item');
    is(row('named')->{moduleTitle}, 'By the item', 'the item\'s is better');
    $report->assignment(@a, module_id => 'named', module_title => '');
    is(row('named')->{moduleTitle}, 'By the item', 'assigned, too');
    $report->result(@a, item_id => 'blank', $event->('  '));
    is(row('blank')->{moduleTitle}, 'blank', 'one of blanks is none');

    # the first start, where the assignment has no date
    $report->assignment(@a, module_id => 'start');
    $report->result(@a, item_id => 'start', started_at =>
        "2026-0$_-01T00:00:00Z") for 4, 3, 5;
    is(row('start')->{accessDate}, '2026-03-01T00:00:00+00:00',
       'accessDate: the first start');
    is(scalar @{ ($report->page(userIds => 'two', moduleIds => 'start',
        'accessDate[startDate]' => '2026-03-01T00:00:00Z',
        'accessDate[endDate]' => '2026-03-02T00:00:00Z'))[0] }, 1,
       '... which the filter follows');
    is(scalar @{ ($report->page(userIds => 'two', moduleIds => 'start',
        'accessDate[startDate]' => '2026-03-02T00:00:00Z'))[0] }, 0,
       '... to the day');
};


subtest 'what is to be passed, and which score counts' => sub {
    my @a = (learner_id => 'scores');
    my $n = 0;

    # passing score of the assignment, of the item, the item's rule; results
    # (completion, score, day); status, score, day of completion
    for my $case (
        [60, undef, 'latest', 'complete 60 1', 'passed', 60, 1],
        [60, undef, 'latest', 'complete 59.5 1', 'failed', 59.5, 1],
        [undef, 50, 'latest', 'complete 49 1', 'failed', 49, 1],
        [40, 50, 'latest', 'complete 49 1', 'passed', 49, 1],
        [undef, undef, 'latest', 'complete 1 1', 'complete', 1, 1],
        [60, undef, 'latest', 'complete - 1', 'complete', undef, 1],
        [60, undef, 'latest', 'failed 90 1', 'failed', 90, 1],
        [60, undef, 'latest', 'accepted 10 1', 'accepted', 10, 1],
        [60, undef, 'latest', 'in_progress 90 1', 'in_progress', 90],
        [undef, undef, 'latest', 'complete 90 1, complete 70 2', 'complete',
         70, 1],
        [undef, undef, 'best', 'complete 90 1, complete 70 2', 'complete',
         90, 1],
        [80, undef, 'latest', 'complete 90 1, complete 70 2', 'failed', 70,
         1],
        [80, undef, 'best', 'complete 90 1, complete 70 2', 'passed', 90, 1],
        [80, undef, 'latest', 'complete 70 1, complete 90 2', 'passed', 90,
         2],
        [undef, undef, 'best', 'complete 50 1, in_progress 99 2', 'complete',
         50, 1],
    ) {
        my ($given, $of_item, $rule, $results, $status, $score, $day) = @$case;
        my $id = 'score-' . ++$n;

        $report->_insert('item', institution_id => $school, id => $id,
            passing_score => $of_item, score_rule => $rule);

        # assigned, and not
        for my $item ($id, defined $given ? () : "x$id") {
            $report->_insert('item', institution_id => $school, id => $item,
                passing_score => $of_item, score_rule => $rule)
                if $item ne $id;
            $report->assignment(@a, module_id => $item,
                                passing_score => $given) if $item eq $id;

            for (split /, /, $results) {
                my ($completion, $points, $on) = split / /;

                $report->result(@a, item_id => $item,
                    completion => $completion,
                    score => $points eq '-' ? undef : $points,
                    $completion eq 'in_progress' ? 'started_at'
                        : 'completed_at' => "2026-01-0${on}T00:00:00Z");
            }

            my $row = row($item);
            is_deeply([@$row{qw(completionStatus awardedScore passingScore
                                completionDate)}],
                      [$status, $score, $given // $of_item,
                       $day && "2026-01-0${day}T00:00:00+00:00"],
                      "$item: $results");
            is(row($item, completionStatuses => $status)->{moduleId}, $item,
               '... found by its status');
        }
    }

    my %found = map { $_ => [map { $_->{moduleId} } $report->all(
        completionStatuses => $_)] } qw(passed failed);
    for my $status (qw(passed failed)) {
        my @want = map { $_->{moduleId} } grep { $_->{completionStatus}
            eq $status } $report->all;
        is_deeply($found{$status}, \@want, "all that are $status, and only "
                  . 'by that');
    }
};


subtest 'given again and again' => sub {
    my @a = (learner_id => 'again');
    my $status = sub {
        join ' ', map { "$_->{enrollmentId}:$_->{completionStatus}" }
            sort { $a->{enrollmentId} cmp $b->{enrollmentId} }
            @{ ($report->page(userIds => 'again', moduleIds => 'yearly',
                              @_))[0] };
    };
    my $assign = sub {
        my ($year, %more) = @_;
        $report->assignment(@a, module_id => 'yearly',
            enrollment_id => "e$year",
            access_date => $year && "$year-01-01T00:00:00Z", %more);
    };

    $assign->(2025);
    $report->result(@a, item_id => 'yearly', completion => 'complete',
                    completed_at => '2025-05-01T00:00:00Z');
    is($status->(), 'e2025:complete', 'once');

    $assign->(2026);
    is($status->(), 'e2025:complete e2026:not_started',
       'a result is of the enrollment that it falls into');
    is($status->(enrollmentIds => 'e2026'), 'e2026:not_started',
       '... also when the other one is not asked for');
    is($status->(courseIds => 'course-1', completionStatuses => 'complete'),
       'e2025:complete', '... and by its status');

    $report->result(@a, item_id => "item-$report->{assignments}",
        completion => 'failed', completed_at => '2025-06-01T00:00:00Z');
    is($status->(), 'e2025:complete e2026:failed',
       'what is about a course item is of those that have it');

    $report->result(@a, item_id => 'yearly', completion => 'accepted',
                    completed_at => '2024-06-01T00:00:00Z');
    is(($report->page(userIds => 'again', enrollmentIds => 'e2025'))
           [0][0]{completionDate}, '2024-06-01T00:00:00+00:00',
       'what was before any is of the first');

    $pg->do(q{UPDATE results.assignment SET access_date = '2025-05-01Z'
              WHERE enrollment_id = 'e2026' AND module_id = 'yearly'});
    is($status->(), 'e2025:accepted e2026:failed',
       'a date that changes is followed');

    $pg->do(q{DELETE FROM results.assignment WHERE enrollment_id = 'e2025'
              AND module_id = 'yearly'});
    is($status->(), 'e2026:failed', 'an enrollment that is taken back too');
    is($pg->value(q{SELECT count(*) FROM results.repeated_item
                    WHERE learner_id = 'again'}), 0, 'and nothing is left');
};


# What is kept of repeated items: the same as is found anew, whoever gives.

subtest 'assignments of many at once' => sub {
    my $repeated = sub {
        $pg->rows('SELECT learner_id, item_id, access_dates::text
                   FROM results.repeated_item ORDER BY 1, 2');
    };
    my $assign = q{
        INSERT INTO results.assignment (institution_id, learner_id,
            course_item_id, enrollment_id, course_id, module_id, access_date)
        SELECT $1, 'b' || n % 7, 'i' || n % 5, $2 || n, 'c', 'm' || n % 3,
               CASE WHEN n % 4 > 0 THEN timestamptz '2026-01-01Z'
                    + n % 6 * interval '1 day' END
        FROM generate_series(1, 60) n};

    $pg->do($assign, $school, 'x');
    my $kept = $repeated->();
    cmp_ok(scalar @$kept, '>', 20, 'items that were given again');

    my $anew = sub {
        my $before = $repeated->();
        $pg->do('SELECT results.find_repeated_items($1)', $school);
        is_deeply($before, $repeated->(), $_[0]);
    };

    $anew->('an insert of many');
    $pg->do(q{UPDATE results.assignment SET module_id = 'm9', access_date =
              '2025-01-01Z' WHERE enrollment_id LIKE 'x%2'});
    $anew->('an update of many');
    $pg->do(q{DELETE FROM results.assignment WHERE enrollment_id LIKE 'x%3'});
    $anew->('a delete of many');

    # an earlier version has no such table
    my $before = $repeated->();
    $pg->do('DROP TABLE results.repeated_item CASCADE');
    $pg->do("DROP TRIGGER $_ ON results.assignment") for qw(assignment_given
        assignment_changed_from assignment_changed_to assignment_taken);
    $pg->do('ALTER TABLE results.item DROP passing_score, DROP score_rule');
    my ($rc, $text) = $pg->shell("psql -d results -qAt -v ON_ERROR_STOP=1"
                                 . " -f sql/install.sql </dev/null");
    is($rc, 0, 'an upgrade') or diag $text;
    is_deeply($repeated->(), $before, 'finds them');
    $anew->('as the triggers do');
    is($pg->value(q{SELECT count(*) FROM results.item
                    WHERE score_rule = 'latest' AND passing_score IS NULL}),
       $pg->value('SELECT count(*) FROM results.item'),
       'items have the defaults, and are all there');
};


subtest 'one item given to one learner by two at once' => sub {
    my ($one, $two) = map { $pg->connect } 1 .. 2;
    my $give = q{
        INSERT INTO results.assignment (institution_id, learner_id,
            course_item_id, enrollment_id, course_id, module_id, access_date)
        VALUES (%d, 'at-once', 'i', '%s', 'c', 'm', '%s')};

    $one->begin_work;
    $one->do(sprintf $give, $school, 'e1', '2025-01-01Z');
    $two->do(sprintf($give, $school, 'e2', '2026-01-01Z'),
             { pg_async => DBD::Pg::PG_ASYNC() });
    ok(wait_for(sub {
        $pg->value(q{SELECT count(*) FROM pg_stat_activity WHERE pid = ?
                     AND wait_event_type = 'Lock'}, $two->{pg_pid});
    }), 'the second waits for the first');

    # whoever writes results does not
    is($t->put('beside', $t->result)->status, 201, 'a result is written');

    $one->commit;
    $two->pg_result;

    is($pg->value(q{SELECT string_agg(item_id || ' ' ||
                    cardinality(access_dates), ', ' ORDER BY item_id)
                    FROM results.repeated_item
                    WHERE learner_id = 'at-once'}), 'i 2, m 2',
       'both are known');
};
