#!/usr/bin/env perl

# What results amount to: every row of the tables in docs/records.md, by each
# of its writers, without an enrollment, with one, with one of two years, due
# and not due, as the module report, both OneRoster dialects and the view for
# spreadsheets show it.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use POSIX qw(strftime);
use Results::Test::OneRoster;
use Results::Test::Report;

my $STUDENT = 'e37e973c-f410-4ed5-9dfd-b1446441072b';
my $GUID = qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
my $DAY = 86400;

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


# the rows of a table of the page, without its head
sub table {
    my ($name) = @_;

    open my $file, '<', $t->root . '/docs/records.md' or die "records.md: $!";
    my $page = do { local $/; <$file> };

    my ($table) = $page =~ /^<!-- test: \Q$name\E -->\n((?:\|.*\n)+)/m
        or die "no table $name\n";
    my (undef, undef, @rows) = split /\n/, $table;

    return map { s/^\| ?//r =~ s/ ?\|$//r } @rows;
}

sub cells { map { s/^\s+|\s+$//gr } split /\|/, $_[0], -1 }


my $n = 0;
sub id { sprintf 'af2f719c-f38a-4252-bf3a-%012d', ++$n }

sub date { strftime '%Y-%m-%d', gmtime $_[0] }
sub moment { strftime '%Y-%m-%dT%H:%M:%SZ', gmtime $_[0] }
sub shown { moment(@_) =~ s/Z$/+00:00/r }


# Each writer's way to say what happened, at a time; the id of the result.

sub post {
    my ($uri, $token, $body) = @_;

    my $response = $t->request('POST', $uri, $t->headers(token => $token),
                               $t->encode($body));
    die "$uri: " . $response->status . ' ' . $response->body . "\n"
        if $response->status != 200;

    return ($response->body =~ /($GUID)/)[0];
}

sub wse {
    my ($what, $item, $time) = @_;

    return post('/contentItemResult', $student, {
        StudentId => $STUDENT, ContentItemId => $item,
        ContentItemStateName => $t->fixtures->marker,
        DateStarted => moment($time - 3600),
        $what eq 'completed' ? (DateCompleted => moment($time), Score => 80)
                             : () });
}

sub event {
    my ($item, $time, %object) = @_;

    return post('/grade', $hub, {
        '@context' => 'http://purl.imsglobal.org/ctx/caliper/v1p2',
        id => 'urn:uuid:' . id(), type => 'GradeEvent',
        profile => 'GradingProfile', action => 'Graded',
        actor => { type => 'SoftwareApplication',
                   host => 'https://' . $t->fixtures->marker },
        object => {
            type => 'Attempt',
            assignee => { id => "urn:uuid:$STUDENT", type => 'Person' },
            assignable => { id => $item, type => 'Activity',
                            skillCode => 'EF15LP01' },
            dateCreated => moment($time),
            startedAtTime => moment($time - 3600), totalTime => 60, %object },
        edApp => 'urn:uuid:5f2c6d0a-1111-4222-8333-944455556666',
        generated => { type => 'Score',
                       ($object{completionType} // '') =~ /^[SF]/
                       ? (scoreGiven => 8) : () } });
}

my %EVENT = (
    begun => sub { (completionType => 'ONGOING') },
    completed => sub { (completionType => 'SUCCESSFULL',
                        endedAtTime => moment($_[0])) },
    failed => sub { (completionType => 'FAILURE',
                     endedAtTime => moment($_[0])) },
    cancelled => sub { (completionType => 'CANCEL') },
);

sub educacional {
    my ($what, $item, $time) = @_;
    return event($item, $time, $EVENT{$what}->($time));
}

my %PUT = (
    begun => { scoreStatus => 'not submitted', inProgress => 'true' },
    completed => { scoreStatus => 'fully graded', score => 80 },
    graded => { scoreStatus => 'fully graded', score => 70 },
    'handed in' => { scoreStatus => 'submitted' },
    incomplete => { scoreStatus => 'submitted', incomplete => 'true' },
);

sub put {
    my ($writer, $what, $item, $time, $id) = @_;

    $id //= "$writer-" . ++$n;

    my $response = $or{$writer}->put("results/$id", { result => {
        status => 'active', lineItem => { sourcedId => $item },
        student => { sourcedId => $STUDENT }, scoreDate => date($time),
        comment => $t->fixtures->marker, %{ $PUT{$what} } } });
    die "$writer: " . $response->status . ' ' . $response->body . "\n"
        if $response->status !~ /^20[01]$/;

    return $id;
}

# what happened, in the order of the table's words: the last result's id
sub happens {
    my ($words, $writer, $item, $begin) = @_;

    my ($days, $last, $before) = (30);

    for my $word (split /, /, $words) {
        my ($what, $late) = $word =~ /^(.*?)( in time| late| again)?$/;

        $what = 'completed' if $what eq 'repeated';
        $days = ($late // '') eq ' late' ? 200 : $days + 5;

        my $time = $begin + $days * $DAY;

        next if $what eq 'none';

        if ($what eq 'deleted') {
            my $response = $or{timeback}->delete("results/$last");
            die 'DELETE: ' . $response->status . "\n"
                if $response->status != 204;
            $last = $before;
            next;
        }

        $before = $last;
        $last = $what eq 'graded' && $writer =~ /^(?:wse|educacional)$/
            ? put('oneroster', $what, $item, $time)
            : $writer eq 'wse' ? wse($what, $item, $time)
            : $writer eq 'educacional' ? educacional($what, $item, $time)
            : put($writer, $what, $item, $time);
    }

    return $last;
}

# the days of what was completed, as happens() has them
sub completed_on {
    my ($words) = @_;

    my ($days, %on) = (30);

    for my $word (split /, /, $words) {
        $days = $word =~ / late$/ ? 200 : $days + 5;
        $on{keys %on ? 'second' : 'first'} = $days
            if $word =~ /^(?:completed|failed|repeated)/ && keys %on < 2;
    }

    return %on;
}


my $year = 365 * $DAY;
my $now = time - time % $DAY;
my %begin = (2 => $now - 2 * $year, 1 => $now - $year);

# enrollments by the years ago at which they begin, and in which the results
# fall
my @enrollments = (['none', [], 1], ['one', [1], 1],
                   ['two years, in the first', [2, 1], 2],
                   ['two years, in the second', [2, 1], 1]);

my (@cases, %seen);

for my $row (table('rows')) {
    my ($results, $writers, @expected) = cells($row);

    for my $writer (split /, /, $writers) {
        ok(!$seen{"$results, $writer"}++, "$results, $writer: once");

        for my $enrollment (@enrollments) {
            my ($name, $years, $in) = @$enrollment;

            for my $due (@$years ? (1, 0) : 0) {
                my $module = id();

                for my $ago (@$years) {
                    $report->assignment(learner_id => $STUDENT,
                        module_id => $module, course_item_id => $module,
                        enrollment_id => "e-$ago",
                        access_date => moment($begin{$ago}),
                        due_date => $due
                            ? moment($begin{$ago} + 182 * $DAY) : undef);
                }

                push @cases, { name => "$results, by $writer, enrolled: $name"
                    . ($due ? ', due' : ''), module => $module, due => $due,
                    years => $years, in => $in, results => $results,
                    expected => \@expected,
                    last => happens($results, $writer, $module,
                                    $begin{$in}) };
            }
        }
    }
}

cmp_ok(scalar @cases, '>', 250, 'combinations: ' . @cases);

my %rows;
push @{ $rows{$_->{moduleId}} }, $_ for $report->all(pageSize => 10000);

my %shown;

for my $reader (keys %or) {
    my $list = $or{$reader}->get('results?limit=1000');

    for (my $offset = 0; ; $offset += 1000) {
        my @page = @{ $or{$reader}->get("results?limit=1000&offset=$offset")
            ->json->{results} };
        $shown{$reader}{$_->{sourcedId}} = $_ for @page;
        last if @page < 1000;
    }
}

my %listed = map { $_->{id} => $_ } @{ $pg->rows(q{
    SELECT id, kind, status, completion, completed_at IS NOT NULL AS completed,
           item_title
    FROM results.result_list WHERE institution = ?
}, $t->fixtures->{institution_name} // $pg->value(
    'SELECT name FROM results.institution WHERE id = ?',
    $report->institution)) };


for my $case (@cases) {
    my ($status, $date, $overdue, $score_status) = @{ $case->{expected} };
    my %on = completed_on($case->{results});
    my @got = @{ $rows{ $case->{module} } || [] };
    my @want;

    # what a year without results has is the table's first row
    for my $ago (@{ $case->{years} }) {
        my $of = $ago == $case->{in};

        push @want, join ' ', "e-$ago", $of ? $status : 'not_started',
            $of && $date ? shown($begin{$ago} + $on{$date} * $DAY) : '-',
            $case->{due} && (!$of || $overdue eq 'yes') ? 1 : 0;
    }

    if (!@{ $case->{years} } && $status ne 'not_started') {
        push @want, join ' ', '-', $status, $date
            ? shown($begin{ $case->{in} } + $on{$date} * $DAY) : '-', 0;
    }

    is_deeply([sort map { join ' ', map { $_ // '-' } @$_{
                  qw(enrollmentId completionStatus completionDate isOverdue)
              } } @got], [sort @want], $case->{name});

    next if !$case->{last};

    for my $reader (sort keys %or) {
        my $result = $shown{$reader}{ $case->{last} };

        is($result->{scoreStatus}, $score_status || undef,
           "$case->{name}: $reader");
        next if !$result;
        like($result->{scoreDate}, $reader eq 'oneroster'
             ? qr/^\d{4}-\d\d-\d\d$/ : qr/^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
             '... and a date as its schema has it');
    }

    # a row of one result says what the result says
    if ($case->{results} !~ /,/) {
        my $row = $listed{ $case->{last} };

        is($row->{completion}, $status, "$case->{name}: the view");
        is($row->{completed} ? 1 : 0, $date ? 1 : 0, '... its date');
    }
}


subtest 'what an event says in three ways' => sub {
    for my $row (table('events')) {
        my ($type, $finished, $ended, $completion) = cells($row);
        my $item = id();
        my $id = event($item, $now,
            $type ? (completionType => $type) : (),
            $finished ? (finished => $finished) : (),
            $ended ? (endedAtTime => moment($now)) : ());
        my $name = join ', ', $type || '-', $finished || '-', $ended || '-';

        is($t->row($id)->{completion}, $completion || undef, $name);
        is(($report->page(moduleIds => $item))[0][0]{completionStatus},
           $completion || 'in_progress', '... in the report');
    }
};
