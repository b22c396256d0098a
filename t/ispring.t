#!/usr/bin/env perl

# GET learners/modules/results: the page's own document, where a row comes
# from, every filter, who may see what, both formats, and every way to be
# refused.  That pages fit together is t/report.t's.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use JSON::PP;
use MIME::Base64 qw(decode_base64);
use Results::Test::Http;
use Results::Test::Report;

my $t = Results::Test->new;
my $pg = $t->pg;

$t->nginx(server => Results::Test::Report::server() . <<'EOC');
        location /api/v2/ {
            results_api  ispring;
        }
EOC

my $report = Results::Test::Report->new($t);
my $school = $report->institution;


# a token of a person of that role, who manages these departments
sub role {
    my ($role, @managed) = @_;

    my $id = 'person-' . ++$report->{people};

    $report->person($id, role => $role);
    $pg->do('INSERT INTO results.manager VALUES (?, ?, ?)', $school, $id, $_)
        for @managed;

    return $t->token(person => $id, scopes => []);
}


sub department {
    my ($id, $parent) = @_;

    $pg->do('INSERT INTO results.department (institution_id, id, parent_id) '
            . 'VALUES (?, ?, ?)', $school, $id, $parent);
}


department(@$_) for ['root', undef], ['left', 'root'], ['leaf', 'left'],
                    ['right', 'root'];

$report->{token} = role('account_admin');

# one row by its module
sub row {
    my ($module, @query) = @_;

    my ($rows) = $report->page(moduleIds => $module, @query);
    return @$rows == 1 ? $rows->[0] : { rows => scalar @$rows };
}

# "user item" of all rows
sub keys_of { join ', ', map { "$_->{userId} $_->{courseItemId}" } @_ }

sub listed { keys_of($report->all(@_)) }


subtest 'the page\'s document' => sub {

    my ($rc, $text) = $pg->shell('psql -d results -qAt -f sql/demo.sql');
    is($rc, 0, 'the demo data') or diag $text;

    my ($token) = $text =~ /^TOKEN_ACCOUNT_ADMIN=(.*)$/m;
    my $demo = $report->with(token => $token, bare => 1);

    my $page = XML::LibXML->load_xml(no_blanks => 1,
        location => $t->root . '/t/data/ispring-modules-results.xml');
    my $all = 'courseIds[]=f0e7400a-ca31-11e9-b6fc-0a580af40a22'
        . '&moduleIds[]=5a98720f-41e2-11ea-8a66-0a580af40c6f'
        . '&moduleIds[]=55e716fa-3c5c-11ef-96f2-02420a200177'
        . '&moduleIds[]=6657451e-3c5c-11ef-ae43-02420a200177';
    my $query = "userIds[]=114dba08-a75e-11eb-b4e5-0242ac13002a&$all"
        . '&userStatuses[]=1';

    my $response = $demo->get_raw($query);
    is($response->status, 200, 'the user of its rows');
    is(XML::LibXML->load_xml(string => $response->body, no_blanks => 1)
           ->documentElement->toStringC14N,
       $page->documentElement->toStringC14N, 'is answered with the document');
    is(($demo->rows($response))[1], undef, 'and no other page');

    my $verbatim = "userIds[]=85077abc-2639-11ea-8e3f-0a580af40c09&$all"
        . '&accessDate[startDate]=2019-12-24T21:00:00Z'
        . '&accessDate[endDate]=2020-12-30T03:00:00Z'
        . '&dueDate[startDate]=2019-08-30T03:00:00Z'
        . '&dueDate[endDate]=2019-12-30T03:00:00Z'
        . '&completionDate[startDate]=2019-08-30T03:00:00Z'
        . '&completionDate[endDate]=2019-12-30T03:00:00Z'
        . '&completionStatus=failed'
        . '&departmentIds[]=f0b2d3c0-aded-11e9-bfe6-0a580af40906'
        . '&userStatuses[]=1&pageSize=33';
    my $token_of_page = 'MmEzZTBiMjAtYmNmYi0xMWU5LTk2ODUtMGE1ODBhZjQwOTVj';

    $response = $demo->get_raw("$verbatim&pageToken=$token_of_page");
    is($response->status, 400, 'its request verbatim');
    like($demo->error($response), qr/^pageToken: /, 'has a foreign pageToken');

    $response = $demo->get_raw($verbatim);
    is($response->status, 200, 'and without that');
    is_deeply([$demo->rows($response)], [[], undef], 'selects nothing');

    is($demo->get_raw($query =~ s/\[\]/%5B%5D/gr)->body,
       $demo->get_raw($query)->body, 'brackets encoded');
    is($demo->get_raw($query =~ s/\[\]//gr)->body,
       $demo->get_raw($query)->body, 'and left out');
};


subtest 'where a row comes from' => sub {
    my %past = (due_date => '2026-02-01T00:00:00Z');
    my %future = (due_date => '2999-02-01T00:00:00Z');

    my $u = $report->person('rows');
    my @a = (learner_id => $u);

    $report->assignment(@a, module_id => 'none', module_title => 'A & <B>',
        access_date => '2025-01-02T03:04:05.678+02:00', passing_score => 60.5,
        expiration_date => '2026-03-01T00:00:00Z', %future);
    is_deeply(row('none'), {
        userId => $u, courseId => 'course-1', moduleTitle => 'A & <B>',
        moduleId => 'none', courseItemId => 'item-1',
        enrollmentId => 'enrollment-1',
        accessDate => '2025-01-02T01:04:05+00:00',
        dueDate => '2999-02-01T00:00:00+00:00',
        expirationDate => '2026-03-01T00:00:00+00:00', timeSpent => 0,
        completionStatus => 'not_started', isOverdue => 0,
        passingScore => 60.5,
    }, 'an assignment without a result');

    $report->assignment(@a, module_id => 'both', course_item_id => 'both-ci');
    $report->result(@a, item_id => 'both', time_spent => 10, progress => 20);
    $report->result(@a, item_id => 'both-ci', time_spent => 5, progress => 70);
    $report->result(@a, item_id => 'both', time_spent => 100, progress => 99,
                    status => 'tobedeleted', completion => 'complete');
    $report->result(learner_id => 'another', item_id => 'both',
                    time_spent => 1000, progress => 100);
    my ($row) = grep { $_->{userId} eq $u } @{ ($report->page(
        moduleIds => 'both'))[0] };
    is_deeply([@$row{qw(timeSpent progress completionStatus)}],
              [15, 70, 'in_progress'],
              'time is the sum, progress the highest, by module or item; '
              . 'what is deleted does not count');

    $report->assignment(@a, module_id => 'same', course_item_id => 'same');
    $report->result(@a, item_id => 'same', time_spent => 10);
    is(row('same')->{timeSpent}, 10, 'counted once');

    # results of a module, and what the row says: status, date, score
    my @decisions = (
        ['in_progress, begun again', 'complete 03-02 7, in_progress',
         'complete', '03-02', 7],
        ['the latest', 'complete 03-02 7, failed 03-05 2', 'failed', '03-02',
         2],
        ['not the last one stored', 'failed 03-05 2, complete 03-02 7',
         'failed', '03-02', 2],
        ['none decides', 'in_progress, pending', 'pending'],
        ['none says anything', 'null', 'in_progress'],
        ['not started', 'not_started', 'not_started'],
        ['no date', 'accepted', 'accepted'],
        ['a score of its own', 'complete 03-02, in_progress 5', 'complete',
         '03-02', 5],
    );

    for my $case (@decisions) {
        my ($name, $results, $status, $date, $score) = @$case;
        my $module = 'decision-' . $name =~ s/\W+/-/gr;
        my $minute = 0;

        $report->assignment(@a, module_id => $module);

        for my $result (split /, /, $results) {
            my ($completion, @more) = split / /, $result;
            my ($day) = grep { /-/ } @more;
            my ($points) = grep { !/-/ } @more;

            $report->result(@a, item_id => $module, score => $points,
                completion => $completion eq 'null' ? undef : $completion,
                completed_at => $day && "2026-${day}T10:00:00Z",
                updated_at => sprintf '2026-01-01T00:%02d:00Z', $minute++);
        }

        my $got = row($module);
        is_deeply([@$got{qw(completionStatus completionDate awardedScore)}],
                  [$status, $date && "2026-${date}T10:00:00+00:00", $score],
                  "completion: $name");
    }

    # due, completion, date of completion; overdue
    for my $case ([\%past, undef, undef, 1],
                  [\%past, 'in_progress', undef, 1],
                  [\%past, 'complete', '2026-01-31T00:00:00Z', 0],
                  [\%past, 'failed', '2026-02-01T00:00:00Z', 0],
                  [\%past, 'failed', '2026-02-01T00:00:01Z', 1],
                  [\%past, 'accepted', undef, 0],
                  [\%future, undef, undef, 0],
                  [{}, 'complete', '2026-01-31T00:00:00Z', 0])
    {
        my ($due, $completion, $date, $overdue) = @$case;
        my $module = 'due-' . ++$report->{due};

        $report->assignment(@a, module_id => $module, %$due);
        $report->result(@a, item_id => $module, completion => $completion,
                        completed_at => $date) if $completion;
        is(row($module)->{isOverdue}, $overdue, 'overdue: due '
           . ($due->{due_date} // 'never') . ', ' . ($completion // 'no')
           . ' result ' . ($date // ''));
    }

    my $n = 0;
    for my $type (qw(ViewEvent GradeViewEvent ViewGradeEvent GradeEvent)) {
        $report->result(@a, item_id => 'events', kind => 'learning_event',
                        detail => qq({"type": "$type"}));
    }
    $report->result(@a, item_id => 'events', detail => '{"type": "ViewEvent"}');
    is(row('events')->{viewsCount}, 3, 'views are view events');

    $pg->do('INSERT INTO results.item (institution_id, id, title) '
            . "VALUES (?, 'titled', 'A title')", $school);
    $report->result(@a, item_id => 'titled', course_id => 'c', score => 0.1,
                    time_spent => 2_000_000_000,
                    started_at => '2025-05-05T05:05:05Z');
    $report->result(@a, item_id => 'titled', time_spent => 2_000_000_000,
                    started_at => '2025-04-04T04:04:04Z');
    is_deeply(row('titled'), {
        userId => $u, courseId => 'c', moduleTitle => 'A title',
        moduleId => 'titled', courseItemId => 'titled',
        accessDate => '2025-04-04T04:04:04+00:00', timeSpent => 4_000_000_000,
        completionStatus => 'in_progress', isOverdue => 0,
        awardedScore => 0.1,
    }, 'results of what was never assigned');

    $report->result(@a, item_id => 'bare');
    is_deeply(row('bare'), {
        userId => $u, moduleTitle => 'bare', moduleId => 'bare',
        courseItemId => 'bare', accessDate => '2026-01-01T00:00:00+00:00',
        timeSpent => 0, completionStatus => 'in_progress', isOverdue => 0,
    }, 'of what nobody knows');

    $report->result(@a);
    $report->result(item_id => 'nobody');
    is_deeply(row('nobody'), { rows => 0 }, 'a result of nobody is no row');
};


subtest 'filters' => sub {
    my %guid = map { $_ => sprintf '%08d-0000-4000-8000-00000000000a', $_ }
        1 .. 3;
    my @dates = map { "2026-01-0${_}T00:00:00Z" } 0 .. 9;

    $report->person("f$_", department_id => ('', 'left', 'leaf', 'right')[$_])
        for 1 .. 3;
    $report->person('f4', status => 'blocked', department_id => 'left');
    $report->person('f5', status => 'terminated');

    for my $u (1 .. 6) {
        $report->assignment(learner_id => "f$u", course_item_id => "fa$u",
            module_id => "fm-$u", course_id => 'fc-' . $u % 2,
            enrollment_id => "fe-$u", access_date => $dates[$u],
            due_date => $dates[$u + 1]);
        $report->result(learner_id => "f$u", item_id => "fm-$u",
            completion => ($u % 2 ? 'complete' : 'in_progress'),
            completed_at => $u % 2 ? $dates[$u + 2] : undef);
        $report->result(learner_id => "f$u", item_id => "fb$u",
            course_id => 'fc-' . $u % 2, started_at => $dates[$u]);
    }

    my @users = (userIds => [map { "f$_" } 1 .. 6]);
    my $both = sub { join ', ', map { ("f$_ fa$_", "f$_ fb$_") } @_ };
    my $first = sub { join ', ', map { "f$_ fa$_" } @_ };

    is(listed(@users), $both->(1, 2, 3, 6), 'users: active ones, and one '
       . 'whom nobody knows');
    is(listed(@users, userStatuses => [1, 3, 5]), $both->(1 .. 6),
       'of any status');
    is(listed(@users, userStatuses => 3), $both->(4), 'blocked');
    is(listed(userStatuses => [5, 3]), $both->(4, 5), 'of all the users');
    is(listed(courseIds => 'fc-1'), $both->(1, 3), 'courses');
    is(listed(courseIds => ['fc-1', 'fc-0', 'fc-1']), $both->(1, 2, 3, 6),
       'two, one of them twice');
    is(listed(moduleIds => ['fm-2', 'fm-3', 'fb3']),
       $first->(2, 3) . ', f3 fb3', 'modules, assigned or not');
    is(listed(courseItemIds => ['fa2', 'fb3', 'fm-1']),
       'f2 fa2, f3 fb3', 'course items');
    is(listed(courseItemIds => ['fa2', 'fb3'], moduleIds => ['fm-2', 'fm-3']),
       'f2 fa2', 'both at once');
    is(listed(enrollmentIds => ['fe-1', 'fe-6']), $first->(1, 6),
       'enrollments');
    is(listed(departmentIds => ['left', 'right']), $both->(1, 3),
       'departments: those, and not what is below them');
    is(listed(departmentIds => 'root'), '', 'none is in it itself');
    is(listed(departmentIds => 'leaf', courseIds => 'fc-0'), $both->(2),
       'with a course');
    is(listed(@users, completionStatuses => 'complete'), $first->(1, 3),
       'completion');
    is(listed(@users, completionStatus => 'complete',
              'completionStatuses[]' => 'in_progress'),
       $both->(1, 2, 3, 6), 'by either name');

    for my $way ([@users], [courseIds => ['fc-0', 'fc-1']],
                 [moduleIds => [map { ("fm-$_", "fb$_") } 1 .. 6]], [])
    {
        my $by = @$way ? "with $way->[0]" : 'alone';

        is(listed(@$way, 'accessDate[startDate]' => $dates[2],
                  'accessDate[endDate]' => $dates[3]), $both->(2, 3),
           "access date, $by: inclusive");
        is(listed(@$way, 'dueDate[startDate]' => $dates[3],
                  'dueDate[endDate]' => '2026-01-04T03:00:00+03:00'),
           $first->(2, 3), "due date, $by");
        is(listed(@$way, 'completionDate[startDate]' => $dates[3],
                  'completionDate[endDate]' => '2026-01-05T00:00:00.000Z'),
           $first->(1, 3), "completion date, $by");
        is(listed(@$way, 'completionDate[startDate]' => '2026-01-03T00:00:01Z',
                  'completionDate[endDate]' => $dates[5]), $first->(3),
           "completion date, $by: a second later");
    }

    is(listed(@users, 'dueDate[startDate]' => $dates[4]), $first->(3, 6),
       'one end alone');
    is(listed(@users, 'accessDate[endDate]' => $dates[1]), $both->(1),
       'or the other');
    is(keys_of(@{ ($report->rows($report->get_raw('userIds=f1&userIds[]=f2'
           . '&accessDate[endDate]=2026-01-01T03:00:00+03:00')))[0] }),
       $both->(1), 'a "+" that is not encoded');

    # a GUID in any form is the same learner
    $report->assignment(learner_id => $guid{1});
    is(keys_of($report->all(userIds => $_)), "$guid{1} "
       . "item-$report->{assignments}", "the GUID as $_")
        for $guid{1}, uc $guid{1}, $guid{1} =~ s/-//gr, "urn:uuid:$guid{1}";

    is(listed(moduleIds => 'x'), '', 'of what there is none');
};


subtest 'what the report shows can be asked for' => sub {
    # ids as writers take them; of the last no result is
    my @ids = ("a b/c", "\x{e9}\x{20ac}, {\"x\"}\\", "'; --", "\x{1f600}",
               'x' x 255, 'nothing');

    for my $id (@ids[0 .. 4]) {
        $report->person("p $id", department_id => undef);
        $report->assignment(learner_id => "p $id", module_id => "m$id",
            course_item_id => "i$id", enrollment_id => "e$id",
            course_id => "c$id") if length $id < 255;
        $report->result(learner_id => "p $id", item_id => $id,
            course_id => $id) if length $id == 255;
    }

    for my $id (@ids[0 .. 3]) {
        for my $filter ([userIds => "p $id"], [moduleIds => "m$id"],
                        [courseItemIds => "i$id"], [courseIds => "c$id"],
                        [enrollmentIds => "e$id"])
        {
            my ($rows) = $report->page(@$filter);
            is_deeply([map { $_->{userId} } @$rows], ["p $id"],
                      "$filter->[0]: an id of a row");
        }
    }

    is(scalar @{ ($report->page($_ => $ids[4]))[0] }, 1, "$_: a long one")
        for qw(moduleIds courseItemIds courseIds);
    is_deeply([$report->page($_ => $ids[5])], [[], undef],
              "$_: one that nobody has is an empty list")
        for qw(userIds moduleIds courseItemIds courseIds enrollmentIds
               departmentIds);
};


subtest 'a range includes the seconds that are shown' => sub {
    my $at = '2026-05-05T05:05:05';

    $report->assignment(learner_id => 'second', module_id => 'second',
        access_date => "$at.6Z", due_date => "$at.6Z");
    $report->result(learner_id => 'second', item_id => 'second',
        completion => 'complete', completed_at => "$at.6Z");

    for my $date (qw(accessDate dueDate completionDate)) {
        is(row('second')->{$date}, "$at+00:00", "$date: what is shown");

        # an end, and whether the row is in the range
        for my $case (["startDate", "${at}Z", 1], ["endDate", "${at}Z", 1],
                      ["startDate", "$at.9Z", 1], ["endDate", "$at.1Z", 1],
                      ["startDate", "2026-05-05T05:05:06Z", 0],
                      ["endDate", "2026-05-05T05:05:04.999Z", 0])
        {
            my ($end, $value, $in) = @$case;
            my ($rows) = $report->page(userIds => 'second',
                                       "$date\[$end]" => $value);
            is(scalar @$rows, $in, "... $end $value");
        }
    }
};


subtest 'who may' => sub {
    my %of = (left => 'm1', leaf => 'm2', right => 'm3', '' => 'm4');

    for my $department (keys %of) {
        $report->person($of{$department},
                        department_id => $department || undef);
        $report->result(learner_id => $of{$department}, item_id => 'm');
    }

    $report->result(learner_id => 'm5', item_id => 'm');

    # role, departments, whom of them it sees
    for my $case (['account_owner', [], 'm1 m2 m3 m4 m5'],
                  ['account_admin', [], 'm1 m2 m3 m4 m5'],
                  ['department_admin', ['left'], 'm1 m2'],
                  ['department_admin', ['leaf'], 'm2'],
                  ['department_admin', ['leaf', 'right'], 'm2 m3'],
                  ['department_admin', ['root'], 'm1 m2 m3'],
                  ['department_admin', [], ''],
                  ['custom', ['root'], 'm1 m2 m3'])
    {
        my ($role, $managed, $sees) = @$case;
        my $r = $report->with(token => role($role, @$managed));

        for my $way ([moduleIds => 'm'], [userIds => [map { "m$_" } 1 .. 5]])
        {
            is(join(' ', map { $_->{userId} } $r->all(@$way)), $sees,
               "$role of (@$managed), by $way->[0]");
        }

        my %seen = map { $_->{userId} => 1 } $r->all;
        is(join(' ', grep { $seen{$_} } map { "m$_" } 1 .. 5), $sees,
           'the same without a filter');

        my $narrow = $r->with;
        is(join(' ', map { $_->{userId} } $narrow->all(moduleIds => 'm',
               departmentIds => ['left'])),
           $sees =~ /m1/ ? 'm1' : '', 'a department narrows that');
    }

    for my $role (qw(student staff prospect_with_trial)) {
        my $r = $report->with(token => role($role));
        my $response = $r->get;

        is($response->status, 403, "$role: refused");
        like($r->error($response), qr/role/, 'and told why');
        is($response->header('WWW-Authenticate'), undef,
           'which no other scope would mend');
    }

    my $nobody = $report->with(token => $t->token);
    is($nobody->get(moduleIds => 'm')->status, 403,
       'a client that is bound to nobody: refused, whatever its scopes');

    my $other = $t->fixtures->institution('elsewhere');
    $pg->do(q{INSERT INTO results.person (institution_id, id, role)
              VALUES (?, 'owner', 'account_owner')}, $other);
    my $r = $report->with(token => $t->token(institution => 'elsewhere',
        person => 'owner', scopes => []));
    is(keys_of($r->all), '', 'another institution sees nothing of this one');

    my (undef, $next) = $report->page(moduleIds => 'm', pageSize => 1);
    is($r->get(pageToken => $next)->status, 400,
       'and its page tokens are foreign there');
};


# what it holds is the place of a reader, and ids that others may not see
subtest 'a page token tells its holder nothing' => sub {
    my $token = ($report->page(pageSize => 1))[1];
    my $again = ($report->page(pageSize => 1))[1];

    my $bytes = decode_base64($token =~ tr{-_}{+/}r);

    unlike($token . $bytes, qr/[0-9a-f]{4}-[0-9a-f]{4}|learner|user|item/i,
           'no id');
    isnt($token, $again, 'not even that it is the same place');
    is(length $token, length $again, 'whatever its length');

    my ($rows) = $report->page(pageSize => 1, pageToken => $token);

    is_deeply(($report->page(pageSize => 1, pageToken => $again))[0], $rows,
              'which it is');

    for my $i (0, 5, 20, 100, length($token) - 1) {
        my $other = $token;
        my $c = substr $token, $i, 1;

        substr $other, $i, 1, $c eq 'A' ? 'B' : 'A';
        is($report->get(pageToken => $other)->status, 400,
           "with another character at $i it is none");
    }

    # another server, which shares nothing but the database
    $t->nginx->quit;
    $t->nginx->start;
    delete $report->{http};

    is_deeply(($report->page(pageSize => 1, pageToken => $token))[0], $rows,
              'it is good on every node and after a restart');

    $pg->do("UPDATE results.page_key SET key = sha256('another')");
    is($report->get(pageToken => $token)->status, 400,
       'and not with another key');
    is($report->get(pageSize => 1)->status, 200, 'then one begins anew');

    $pg->do('DELETE FROM results.page_key');
    is($report->get(pageSize => 1)->status, 500, 'without one there is none');
    $pg->do("INSERT INTO results.page_key (key) VALUES (sha256('third'))");
};


subtest 'the token' => sub {
    for my $case (['Bearer', "Bearer $report->{token}", 200],
                  ['in lower case', "bearer $report->{token}", 200],
                  ['without the word', $report->{token}, 200],
                  ['another scheme', "Basic $report->{token}", 401],
                  ['none', undef, 401],
                  ['an unknown one', 'x' x 43, 401],
                  ['no token', 'Bearer', 401])
    {
        my ($name, $value, $status) = @$case;
        my $r = $report->with(token => undef);
        my $response = $r->get_raw('moduleIds=m', defined $value
                                   ? (Authorization => $value) : ());

        is($response->status, $status, $name);
        next if $status == 200;

        ok(length $r->error($response), 'in the shape of the API');
        like($response->header('WWW-Authenticate'), qr/^Bearer realm=/,
             'with a challenge');
    }
};


subtest 'formats' => sub {
    # Accept; the type of the reply, or 406
    for my $case ([undef, 'application/xml'],
                  ['*/*', 'application/xml'],
                  ['application/xml', 'application/xml'],
                  ['text/xml', 'text/xml'],
                  ['application/json', 'application/json'],
                  ['application/json, text/xml', 'application/json'],
                  ['application/json;q=0.5, text/xml', 'text/xml'],
                  ['application/*;q=0.9, application/json',
                   'application/json'],
                  ['text/html, */*;q=0.1', 'application/xml'],
                  ['text/html', 406],
                  ['application/json;q=0', 406])
    {
        my ($accept, $type) = @$case;
        my $r = $report->with(accept => $accept);
        my $response = $r->get(moduleIds => 'm', pageSize => 2);
        my $name = $accept // 'no Accept';

        if ($type eq '406') {
            is($response->status, 406, "$name: not acceptable");
            like($r->error($response), qr{application/json},
                 'says what there is');
            next;
        }

        is($response->header('Content-Type'), $type, $name);
        is(scalar @{ ($r->rows($response))[0] }, 2, 'the same rows');

        $response = $r->get(pageSize => 0);
        is($response->header('Content-Type'), $type, 'and its errors');
        like($r->error($response), qr/^pageSize: /, 'say the same');
    }

    my $u = 'formats';
    $report->result(learner_id => $u, item_id => "a&<>\"'\x{5d0}\x{1f600}",
                    score => 1e21, progress => 33.333333333333336);
    $report->assignment(learner_id => $u, course_item_id => 'z',
        module_title => "tab\there, \x{1}\x{1f}, \r\n]]> \x{fffe}\x{7f}");

    my ($xml) = $report->page(userIds => $u);
    my ($json) = $report->with(accept => 'application/json')
        ->page(userIds => $u);

    is($xml->[0]{moduleId}, "a&<>\"'\x{5d0}\x{1f600}", 'an id in XML');
    is($json->[0]{moduleId}, $xml->[0]{moduleId}, 'and in JSON');
    is($xml->[1]{moduleTitle}, "tab\there, \x{fffd}\x{fffd}, \r\n]]> "
       . "\x{fffd}\x{7f}", 'what XML has no place for is U+FFFD');
    is($json->[1]{moduleTitle}, "tab\there, \x{1}\x{1f}, \r\n]]> "
       . "\x{fffe}\x{7f}", 'JSON has it');
    is($_->[0]{progress}, 33.333333333333336, 'a number as it is stored')
        for $xml, $json;
    is($json->[0]{awardedScore}, 1e21, 'a large one');

    my $get = $report->get(moduleIds => 'm');
    my $head = $report->send($report->format('HEAD', moduleIds => 'm'));

    is($head->status, 200, 'HEAD');
    is($head->header($_), $get->header($_), "the same $_")
        for qw(Content-Type Content-Length);
};


subtest 'requests' => sub {
    for my $path ('/api/v2/learners/modules/results',
                  '/api/v2/learners/modules/results/')
    {
        my $r = $report->with(path => $path, http => undef);
        is(keys_of($r->all(moduleIds => 'm')), listed(moduleIds => 'm'),
           $path);
    }

    my $r = $report->with(path => '/api/v2/learners/modules');
    is($r->get->status, 404, 'no such path');
    ok($r->error($r->get), 'in the shape of the API');

    for my $method (qw(POST PUT DELETE PATCH)) {
        my $response = $report->send($report->raw($method, '',
            'Content-Length' => 0));
        is($response->status, 405, $method);
        is($response->header('Allow'), 'GET, HEAD, OPTIONS', 'Allow');
        ok($report->error($response), 'in the shape of the API');
    }

    my $options = $report->with(token => undef)->send(
        $report->with(token => undef)->raw('OPTIONS', ''));
    is($options->status, 204, 'OPTIONS');
};


subtest 'bad queries' => sub {
    my $long = 'x' x 255;
    my ($rows, $token) = $report->page(moduleIds => 'm', pageSize => 1);

    # a query; what the error begins with, or undef where there is none
    my @cases = (
        ['', undef], ['&&', undef], ['pageToken=', undef],
        ['pageSize=1', undef], ['pageSize=10000', undef],
        ["userIds=$long", undef], ['userIds[]=a.b_c:d@e-f', undef],
        ['userIds%5b%5d=x', undef], ["pageToken=$token", undef],

        (map { ["$_=x", qr/^\Q$_\E: there is no such parameter$/] }
             qw(userId UserIds userids userIds[0] userIds[][] completionstatus
                accessDate accessDate[] accessDate[start] pageSize[]
                pageToken[] limit)),
        ['=x', qr/^there is no such/], ['x', qr/^x: /],
        ["%00x=1", qr/^\?x: /], ["\xff=1", qr/^\?: /],
        ['y' x 100 . '=1', qr/^y{64}\.\.\.: /],

        (map { my $list = $_;
               map { ["$list=$_->[0]", qr/^$list: "\Q$_->[1]\E" is not an id/]
               } ['', ''], ['%00', '?'], ['a%0Ab', 'a?b'], ['%7F', '?'],
                 ['%C2%80', '??'], ['%C3', '?'],
                 ["${long}y", 'x' x 64 . '...'] }
             qw(userIds courseIds moduleIds courseItemIds enrollmentIds
                departmentIds)),
        (map { ["userIds=$_", undef] } 'a%20b', 'a+b', '%2F', 'a%27', '%22',
             'a,b', '%7Ba%7D', '%C3%A9', '..%2F..',
             '%F0%9F%98%80' x 255),
        ['userIds=ok&userIds=a%0D', qr/^userIds: "a\?"/],

        (map { my $date = $_;
               map { ["$date=" . Results::Test::Report::encode_uri($_),
                      qr/^\Q$date\E: /] }
               '', 'x', '2026-01-01', '2026-02-30T00:00:00Z',
               '2026-01-01T24:00:00Z', '2026-01-01T00:00:00',
               '2026-01-01T00:00:00+15:00', '0000-01-01T00:00:00Z',
               '10000-01-01T00:00:00Z', "2026-01-01T00:00:00Z'" }
             map { ("$_\[startDate]", "$_\[endDate]") }
                 qw(accessDate dueDate completionDate)),

        (map { ["completionStatuses[]=$_", qr/^completionStatuses: /] }
             '', 'done', 'COMPLETE', 'complete,failed', '4'),
        (map { ["userStatuses=$_", qr/^userStatuses: "\Q$_\E" is not 1, 3/] }
             '', 0, 2, 4, 11, 'active', '1,3', '-1'),
        (map { ["pageSize=$_", qr/^pageSize: "\Q$_\E" is not/] }
             '', 0, -1, 10001, '1.0', '1e3', 'x', '99999999999999999999'),
        ['pageSize=1&pageSize=2', qr/^pageSize: given twice$/],
        ['pageToken=&pageToken=', qr/^pageToken: given twice$/],
        (map { ["pageToken=$_", qr/^pageToken: /] }
             'x', '%20', '====', 'MmEz', substr($token, 1),
             substr($token, 0, -1), "$token=", lc $token, "${token}A",
             'A' x 4000, 'q7ySTNhcR9KW' . 'A' x 20),
        ['userIds=%', qr/^query: malformed/], ['userIds=%zz', qr/^query: /],
        ['%=1', qr/^query: malformed/],
    );

    for my $case (@cases) {
        my ($query, $error) = @$case;
        my $response = $report->get_raw($query);
        my $name = length $query > 60 ? substr($query, 0, 60) . '...' : $query;

        if (!$error) {
            is($response->status, 200, "\"$name\" is fine");
            next;
        }

        is($response->status, 400, "\"$name\": 400");
        like($report->error($response), $error, 'naming it');
    }

    my $message = $report->error($report->get_raw(
        'foo=1&userIds=a%01&pageSize=0&completionStatus=x&bar=2'));
    like($message, qr/foo: .*userIds: .*pageSize: .*completionStatus: .*bar: /,
         'all that is wrong at once');

    $message = $report->error($report->get_raw(join '&', map { "p$_" }
                                                         1 .. 500));
    like($message, qr/p1: .* and 436 more\z/, 'or most of it');

    my $many = join '&', map { "userIds=u$_" } 1 .. 600;
    is($report->get_raw($many)->status, 200, 'hundreds of ids');
};


subtest 'a large page' => sub {
    $pg->do(q{
        INSERT INTO results.assignment (institution_id, learner_id, course_id,
            module_id, module_title, course_item_id, enrollment_id)
        SELECT ?, 'large', 'large', 'module-' || n, repeat('title ', 20),
               to_char(n, 'FM00000'), 'large'
        FROM generate_series(1, 10001) n
    }, $school);

    for my $accept ('application/xml', 'application/json') {
        my $r = $report->with(accept => $accept);
        my $response = $r->get(courseIds => 'large', pageSize => 10000);
        my ($rows, $next) = $r->rows($response);

        is(scalar @$rows, 10000, "$accept: 10,000 rows");
        is($response->header('Transfer-Encoding'), 'chunked',
           'leave as they come');
        is_deeply([map { $_->{courseItemId} } @$rows],
                  [map { sprintf '%05d', $_ } 1 .. 10000], 'in order');
        is(keys_of(@{ ($r->page(courseIds => 'large',
                                pageToken => $next))[0] }),
           'large 10001', 'the last one is on the next page');
    }

    is(scalar @{ ($report->page(courseIds => 'large'))[0] }, 1000,
       '1,000 where no size is asked for');
};


subtest 'the database is away' => sub {
    my $r = $report->with(accept => 'application/json');

    is($r->get(moduleIds => 'm')->status, 200, 'it is there');
    $pg->stop('immediate');

    my $response = $r->get(moduleIds => 'm');
    is($response->status, 503, 'it is not');
    is($response->header('Retry-After'), 1, 'Retry-After');
    like($r->error($response), qr/again/, 'in the shape of the API');

    $pg->start;
    ok(wait_for(sub { $r->get(moduleIds => 'm')->status == 200 }),
       'it is back');
};
