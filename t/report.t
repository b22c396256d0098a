#!/usr/bin/env perl

# The module report against a second opinion: an institution of a thousand
# learners in a tree of departments, its report computed by SQL that shares
# nothing with sql/report.sql, and random filters and page sizes through
# nginx, while others write.  No row twice, none skipped.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use POSIX ();
use Results::Test::Http;
use Results::Test::Report;

my $COMBINATIONS = 50;
my $PAGES = 40;                        # at most, for one combination

my $t = Results::Test->new(timeout => 300);
my $pg = $t->pg;

my $seed = $ENV{TEST_RESULTS_SEED} || time;
srand $seed;
diag "TEST_RESULTS_SEED=$seed" if $ENV{TEST_RESULTS_SEED};

$t->nginx(server => Results::Test::Report::server());

my $report = Results::Test::Report->new($t);
my $school = $report->institution;

# the words and names that both opinions take from the same page
my @COMPLETIONS = qw(not_started in_progress pending complete passed accepted
                     incomplete failed declined);
my %STATUS = (1 => 'active', 3 => 'blocked', 5 => 'terminated');


# A learner in ten is busy: only writers give it results.

sub generate {
    $pg->do('SELECT setseed(?)', ($seed % 1000) / 1000);
    $pg->do('SET session_replication_role = replica');

    $pg->do(q{
        INSERT INTO results.department (institution_id, id, parent_id)
        SELECT $1, 'd' || n,
               CASE WHEN n > 1 THEN 'd' || 1 + floor(random() * (n - 1)) END
        FROM generate_series(1, 40) n
    }, $school);

    $pg->do(q{
        CREATE TABLE learner AS
        SELECT md5('learner' || n)::uuid::text AS id, n, n % 10 = 0 AS busy
        FROM generate_series(1, 1000) n
    });

    $pg->do(q{
        INSERT INTO results.person (institution_id, id, role, status,
            department_id)
        SELECT $1, id, 'student',
               (CASE WHEN random() < 0.8 THEN 'active'
                WHEN random() < 0.7 THEN 'blocked'
                ELSE 'terminated' END)::results.person_status,
               CASE WHEN random() < 0.9
                    THEN 'd' || 1 + floor(random() * 40) END
        FROM learner
        WHERE n % 17 <> 0
    }, $school);

    # a module is in one course or two, and now and then its own course item
    $pg->do(q{
        INSERT INTO results.assignment (institution_id, learner_id,
            course_item_id, enrollment_id, course_id, module_id, module_title,
            access_date, due_date, expiration_date, passing_score)
        SELECT $1, l.id, CASE WHEN m % 7 = 0 THEN 'm' || m
               ELSE 'i' || m || '-' || c END,
               'e' || l.n || '-' || c, 'c' || c, 'm' || m,
               CASE WHEN m % 3 > 0 THEN 'Module ' || m ELSE '' END,
               CASE WHEN random() < 0.9 THEN timestamptz '2024-01-01Z'
                    + random() * interval '700 days' END,
               CASE WHEN random() < 0.6 THEN timestamptz '2024-01-01Z'
                    + random() * interval '700 days'
               WHEN random() < 0.5 THEN '2099-01-01Z' END,
               CASE WHEN random() < 0.2 THEN timestamptz '2099-01-01Z' END,
               CASE WHEN random() < 0.2 THEN floor(random() * 100) END
        FROM learner l, generate_series(1, 30) m, generate_series(1, 6) c
        WHERE (c = m % 6 + 1 OR m % 5 = 0 AND c = (m + 1) % 6 + 1)
              AND random() < 0.08 AND l.n % 13 <> 0
    }, $school);

    $pg->do(q{
        INSERT INTO results.result (institution_id, kind, id, learner_id,
            item_id, course_id, status, score, completion, progress,
            time_spent, started_at, completed_at, scored_at, detail,
            payload_hash, version, op, client_id, created_at, updated_at)
        SELECT $1,
               (CASE WHEN random() < 0.3 THEN 'learning_event'
                ELSE 'content_item_result' END)::results.record_kind,
               md5(l.n || 'r' || k), l.id,
               CASE WHEN random() < 0.5 THEN 'm' || 1 + floor(random() * 30)
               WHEN random() < 0.6 THEN 'i' || m || '-' || m % 6 + 1
               ELSE 'x' || 1 + floor(random() * 20) END,
               CASE WHEN random() < 0.6 THEN 'c' || 1 + floor(random() * 7)
               END,
               (CASE WHEN random() < 0.05 THEN 'tobedeleted'
                ELSE 'active' END)::results.record_status,
               CASE WHEN random() < 0.7 THEN round(random()::numeric * 100, 2)
               END,
               CASE WHEN random() < 0.85 THEN (enum_range(
                   null::results.completion))[1 + floor(random() * 9)] END,
               CASE WHEN random() < 0.5 THEN floor(random() * 101) END,
               CASE WHEN random() < 0.8 THEN floor(random() * 4000) END,
               CASE WHEN random() < 0.7 THEN timestamptz '2024-01-01Z'
                    + random() * interval '700 days' END,
               CASE WHEN random() < 0.7 THEN timestamptz '2024-01-01Z'
                    + random() * interval '700 days' END,
               CASE WHEN random() < 0.4 THEN timestamptz '2024-01-01Z'
                    + random() * interval '700 days' END,
               CASE WHEN random() < 0.8 THEN jsonb_build_object('type',
                   ('{ViewEvent,GradeEvent,GradeViewEvent}'::text[])
                   [1 + floor(random() * 3)], 'object', jsonb_build_object(
                       'assignable', jsonb_build_object('extension',
                           jsonb_build_object('name', ('{"",Told,"  "}'
                               ::text[])[1 + floor(random() * 3)])))) END,
               l.n * 100 + k, 1, 2, 1,
               timestamptz '2024-01-01Z' + random() * interval '700 days',
               timestamptz '2026-01-01Z' + (l.n * 100 + k) * interval '1 s'
        FROM learner l, generate_series(1, 4) k,
             LATERAL (SELECT 1 + floor(random() * 30)::int + l.n * 0 AS m) x
        WHERE NOT l.busy AND l.n % 19 <> 0
    }, $school);

    # half of the items that are never assigned are known, and some modules
    $pg->do(q{
        INSERT INTO results.item (institution_id, id, title, course_id,
            passing_score, score_rule)
        SELECT $1, i.id, CASE WHEN n % 2 = 0 THEN 'Extra ' || n ELSE '' END,
               CASE WHEN n % 3 = 0 THEN 'c' || 1 + n % 7 END,
               CASE WHEN n % 4 = 0 THEN 40 + n END,
               CASE WHEN n % 5 < 2 THEN 'best' ELSE 'latest' END
        FROM generate_series(1, 15) n, LATERAL (
            VALUES ('x' || n), ('m' || n * 2)) i (id)
    }, $school);

    $pg->do('SELECT results.find_repeated_items($1)', $school);

    $pg->do('SET session_replication_role = origin');
    $pg->do('ANALYZE');
}


$pg->do(q{
    CREATE FUNCTION shown(t timestamptz) RETURNS text LANGUAGE sql AS $$
        SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"')
    $$
});
$pg->do(q{
    CREATE FUNCTION below(institution int, top text[]) RETURNS SETOF text
    LANGUAGE plpgsql AS $$
    DECLARE
        found  text[] := top;
        more   text[];
    BEGIN
        LOOP
            SELECT array_agg(id) INTO more
            FROM results.department
            WHERE institution_id = institution AND parent_id = ANY (found)
                  AND id <> ALL (found);
            EXIT WHEN more IS NULL;
            found := found || more;
        END LOOP;
        RETURN QUERY SELECT unnest(found);
    END $$
});

# Every row of the report, one by one: the results of a row are gone through in
# the order of time.  A result is of the enrollment that it falls into.

$pg->do(q{
    CREATE FUNCTION told(r results.result) RETURNS timestamptz
    LANGUAGE sql AS $$
        SELECT coalesce(r.completed_at, r.scored_at, r.started_at,
                        r.updated_at)
    $$
});
$pg->do(q{
    CREATE FUNCTION falls_into(r results.result, enrolled timestamptz)
    RETURNS boolean LANGUAGE plpgsql AS $$
    DECLARE
        dates    timestamptz[];
        since    timestamptz;
        d        timestamptz;
    BEGIN
        SELECT array_agg(coalesce(access_date, '-infinity'))
        INTO dates
        FROM results.assignment a
        WHERE a.institution_id = r.institution_id
              AND a.learner_id = r.learner_id
              AND r.item_id IN (a.module_id, a.course_item_id);

        IF dates IS NULL THEN
            RETURN true;
        END IF;

        SELECT min(x) INTO since FROM unnest(dates) x;
        FOREACH d IN ARRAY dates LOOP
            IF d <= told(r) AND d > since THEN
                since := d;
            END IF;
        END LOOP;

        RETURN since = coalesce(enrolled, '-infinity');
    END $$
});
$pg->do(q{
    CREATE FUNCTION opinion(institution int, learner text, items text[],
        enrolled timestamptz, due timestamptz, passing float8, best boolean,
        OUT completion text, OUT completed timestamptz, OUT began timestamptz,
        OUT seconds bigint, OUT progress float8, OUT views int,
        OUT awarded float8, OUT overdue int, OUT courses text[],
        OUT title text)
    LANGUAGE plpgsql AS $$
    DECLARE
        r         results.result;
        decided   boolean := false;
        decisive  boolean;
        scored    boolean := false;
        success   boolean;
        passed    timestamptz;
        ended     timestamptz;
        handed    timestamptz;
        started   timestamptz;
        written   timestamptz;
        name      text;
    BEGIN
        completion := 'not_started';
        seconds := 0;

        FOR r IN SELECT x.* FROM results.result x
            WHERE x.institution_id = institution AND x.learner_id = learner
                  AND x.item_id = ANY (items) AND x.status = 'active'
            ORDER BY told(x), x.updated_at
        LOOP
            CONTINUE WHEN NOT falls_into(r, enrolled);

            decisive := coalesce(r.completion IN ('complete', 'passed',
                'accepted', 'incomplete', 'failed'), false);

            -- what says that nothing was done is the last to be believed
            IF decisive OR NOT decided
               AND (r.completion IS DISTINCT FROM 'not_started'
                    OR completion = 'not_started')
            THEN
                completion := coalesce(r.completion::text, 'in_progress');
            END IF;

            IF decisive AND r.completed_at < coalesce(ended, 'infinity') THEN
                ended := r.completed_at;
            END IF;

            success := coalesce(r.completion IN ('passed', 'accepted')
                OR r.completion = 'complete'
                   AND (passing IS NULL OR r.score IS NULL
                        OR r.score >= passing), false);

            IF success AND r.completed_at < coalesce(passed, 'infinity') THEN
                passed := r.completed_at;
            END IF;

            IF r.completion = 'pending'
               AND told(r) < coalesce(handed, 'infinity')
            THEN
                handed := told(r);
            END IF;

            IF r.score IS NOT NULL AND (decisive OR NOT scored) THEN
                IF NOT best OR awarded IS NULL OR decisive AND NOT scored
                   OR r.score > awarded
                THEN
                    awarded := r.score;
                END IF;
                scored := decisive;
            END IF;

            decided := decided OR decisive;
            seconds := seconds + coalesce(r.time_spent, 0);
            started := least(started, r.started_at);
            written := least(written, r.created_at);

            IF progress IS NULL OR r.progress > progress THEN
                progress := r.progress;
            END IF;

            IF r.course_id IS NOT NULL THEN
                courses := courses || r.course_id;
            END IF;

            IF r.kind = 'learning_event' THEN
                IF r.detail ->> 'type' ~ 'View' THEN
                    views := coalesce(views, 0) + 1;
                END IF;

                name := r.detail -> 'object' -> 'assignable' -> 'extension'
                        ->> 'name';
                IF name ~ '[^ ]' THEN
                    title := name;
                END IF;
            END IF;
        END LOOP;

        began := coalesce(started, written);
        completed := coalesce(passed, ended);
        overdue := coalesce(due < coalesce(completed, handed,
            CASE WHEN NOT decided THEN now() END), false)::int;

        IF completion = 'complete' AND awarded IS NOT NULL
           AND passing IS NOT NULL
        THEN
            completion := CASE WHEN awarded < passing THEN 'failed'
                          ELSE 'passed' END;
        END IF;
    END $$
});

sub second_opinion {
    $pg->do('DROP TABLE IF EXISTS expected');
    $pg->do(q{
        CREATE TABLE expected AS
        WITH assigned AS (
            SELECT * FROM results.assignment WHERE institution_id = $1
        ), counted AS (
            SELECT * FROM results.result
            WHERE institution_id = $1 AND status = 'active'
        ), line AS (
            SELECT learner_id, course_id, module_title AS title, module_id,
                   course_item_id, enrollment_id, access_date, due_date,
                   expiration_date, passing_score
            FROM assigned
            UNION ALL
            SELECT DISTINCT learner_id, null, '', item_id, item_id, null,
                   null::timestamptz, null::timestamptz, null::timestamptz,
                   null::float8
            FROM counted
            WHERE (learner_id, item_id) NOT IN (
                      SELECT learner_id, module_id FROM assigned)
                  AND (learner_id, item_id) NOT IN (
                      SELECT learner_id, course_item_id FROM assigned)
        )
        SELECT l.learner_id AS "userId",
               coalesce(o.courses, ARRAY[coalesce(l.course_id, i.course_id)])
                   AS courses,
               CASE WHEN l.title <> '' THEN l.title
                    WHEN i.title <> '' THEN i.title
                    ELSE coalesce(o.title, l.module_id) END AS "moduleTitle",
               l.module_id AS "moduleId",
               l.course_item_id AS "courseItemId",
               l.enrollment_id AS "enrollmentId",
               coalesce(l.access_date, o.began) AS access_date, l.due_date,
               o.completed AS completion_date,
               shown(coalesce(l.access_date, o.began)) AS "accessDate",
               shown(l.due_date) AS "dueDate",
               shown(l.expiration_date) AS "expirationDate",
               shown(o.completed) AS "completionDate",
               o.seconds AS "timeSpent", o.completion AS "completionStatus",
               o.progress, o.overdue AS "isOverdue", o.views AS "viewsCount",
               o.awarded AS "awardedScore", e.passing AS "passingScore",
               coalesce(p.status, 'active')::text AS user_status,
               p.id IS NOT NULL AS known, p.department_id,
               coalesce(b.busy, false) AS busy
        FROM line l
             LEFT JOIN results.item i
             ON i.institution_id = $1 AND i.id = l.module_id
             CROSS JOIN LATERAL (
                 SELECT coalesce(l.passing_score, i.passing_score))
                 AS e (passing)
             CROSS JOIN LATERAL opinion($1, l.learner_id,
                 ARRAY[l.module_id, l.course_item_id], l.access_date,
                 l.due_date, e.passing,
                 coalesce(i.score_rule = 'best', false)) o
             LEFT JOIN results.person p
             ON p.institution_id = $1 AND p.id = l.learner_id
             LEFT JOIN learner b ON b.id = l.learner_id
    }, $school);
}

my @COLUMNS = qw(userId courseId moduleTitle moduleId courseItemId
    enrollmentId accessDate dueDate expirationDate completionDate timeSpent
    completionStatus progress isOverdue viewsCount awardedScore passingScore);


# What the second opinion has for a query: the same filters as conditions.

sub expected {
    my ($query, $managed) = @_;

    my @where = ('true');
    my @bind;

    my %lists = (userIds => '"userId"', moduleIds => '"moduleId"', courseItemIds => '"courseItemId"',
                 enrollmentIds => '"enrollmentId"',
                 departmentIds => 'department_id',
                 completionStatuses => '"completionStatus"');

    for my $name (sort keys %lists) {
        next if !$query->{$name};
        push @where, "$lists{$name} = ANY (?)";
        push @bind, $query->{$name};
    }

    # a row is of each of its courses, and shows the first that is asked for
    my $course = '(SELECT min(c) FROM unnest(courses) c';

    if ($query->{courseIds}) {
        $course .= ' WHERE c = ANY (?)';
        unshift @bind, $query->{courseIds};
        push @where, 'courses && ?';
        push @bind, $query->{courseIds};
    }

    # a date is in a range when what is shown of it is
    for my $date (qw(access due completion)) {
        for (['startDate', '>='], ['endDate', '<=']) {
            my $value = $query->{"${date}Date[$_->[0]]"} // next;
            push @where, "date_trunc('second', ${date}_date) $_->[1] ?";
            push @bind, $value;
        }
    }

    push @where, 'user_status = ANY (?)';
    push @bind, [map { $STATUS{$_} } @{ $query->{userStatuses} || [1] }];

    if ($managed) {
        push @where, 'known AND department_id IN (SELECT below(?, ?))';
        push @bind, $school, $managed;
    }

    return @{ $pg->rows("SELECT busy, $course) AS \"courseId\", "
        . join(', ', map { qq("$_") } grep { $_ ne 'courseId' } @COLUMNS)
        . ' FROM expected WHERE ' . join(' AND ', @where)
        . ' ORDER BY "userId" COLLATE "C", "courseItemId" COLLATE "C", '
        . '"enrollmentId" COLLATE "C"', @bind) };
}


# a row as one text, numbers as Perl writes them
sub text {
    my ($row) = @_;

    return join ' ', map {
        my $value = $row->{$_};
        defined $value ? "$_=" . ($value =~ /^-?[\d.]+\z/ && !/Id|Title/
                                  ? $value + 0 : $value) : ();
    } @COLUMNS;
}


sub pick {
    my ($n, @of) = @_;

    my %picked = map { $of[rand @of] => 1 } 1 .. $n;
    return [sort keys %picked];
}

sub date { sprintf '20%02d-%02d-%02dT%02d:00:00Z', 24 + rand 2, 1 + rand 12,
               1 + rand 28, rand 24 }

my @learners;

# a random query
sub query {
    my %query;

    my %makes = (
        userIds => sub { pick(1 + rand 40, @learners, 'nobody') },
        courseIds => sub { pick(1 + rand 3, map { "c$_" } 1 .. 8) },
        moduleIds => sub { pick(1 + rand 6, (map { "m$_" } 1 .. 30),
                                map { "x$_" } 1 .. 20) },
        courseItemIds => sub { pick(1 + rand 6, (map { ("m$_", "i$_-"
                                    . ($_ % 6 + 1)) } 1 .. 30),
                                    map { "x$_" } 1 .. 20) },
        enrollmentIds => sub { pick(1 + rand 20, map {
                                    'e' . int(rand 1000) . '-'
                                    . int(1 + rand 6) } 1 .. 60) },
        departmentIds => sub { pick(1 + rand 8, map { "d$_" } 1 .. 41) },
        completionStatuses => sub { pick(1 + rand 3, @COMPLETIONS) },
        userStatuses => sub { pick(1 + rand 3, 1, 3, 5) },
        map { ("${_}Date[startDate]" => \&date, "${_}Date[endDate]" => \&date)
        } qw(access due completion),
    );

    my @names = sort keys %makes;

    for (1 .. rand 4) {
        my $name = $names[rand @names];
        $query{$name} = $makes{$name}->();
    }

    return \%query;
}


my @writers;

# processes that put results of busy learners until they are stopped
sub start_writers {
    my ($n) = @_;

    my @busy = @{ $pg->dbh->selectcol_arrayref(
        'SELECT id FROM learner WHERE busy') };
    my $token = $t->token;

    for my $writer (1 .. $n) {
        pipe my $reader, my $stop or die "pipe: $!";
        my $pid = fork() // die "fork: $!";

        if ($pid) {
            close $reader;
            push @writers, { pid => $pid, stop => $stop };
            next;
        }

        close $_ for $stop, map { $_->{stop} } @writers;
        srand $seed + $writer;

        my $mask = '';
        vec($mask, fileno $reader, 1) = 1;

        my $http = $t->http;
        my $failed = 0;

        while (!select my $ready = $mask, undef, undef, 0.005) {
            my $id = 'w' . int rand 3000;
            my $body = $t->encode($t->result(
                student => { sourcedId => $busy[rand @busy] },
                lineItem => { sourcedId => ('m', 'x')[rand 2]
                              . int(1 + rand 30) },
                scoreStatus => ('fully graded', 'submitted')[rand 2]));

            my $response = $http->request('PUT', $t->uri($id),
                $t->headers(token => $token), $body);
            $failed++ if !$response || $response->status !~ /^20[01]$/;

            # nginx ends a connection after its thousandth request
            $http = $t->http if $response
                && ($response->header('Connection') // '') eq 'close';
        }

        POSIX::_exit($failed ? 1 : 0);
    }
}

sub stop_writers {
    my $failed = 0;

    for my $writer (splice @writers) {
        close $writer->{stop};
        waitpid $writer->{pid}, 0;
        $failed++ if $?;
    }

    return !$failed;
}


# one combination; only rows of those who are not busy are compared, unless
# nobody writes
sub check {
    my ($name, $query, $managed, $token, $all) = @_;

    my @expected = expected($query, $managed);
    my $least = int(@expected / $PAGES) + 1;
    my $size = $least + int rand(3 * $least);
    my $r = $report->with(token => $token,
        accept => ('application/xml', 'application/json')[rand 2]);

    my @got = $r->all(%$query, pageSize => $size, pages => \my @pages);

    my %seen;
    my @twice = grep { $seen{"$_->{userId} $_->{courseItemId} "
                             . ($_->{enrollmentId} // '')}++ } @got;
    is(scalar @twice, 0, "$name: no row twice");

    my %busy = map { $_ => 1 } @{ $pg->dbh->selectcol_arrayref(
        'SELECT id FROM learner WHERE busy') };
    my @here = map { text($_) } grep { $all || !$busy{$_->{userId}} } @got;
    my @there = map { text($_) } grep { $all || !$_->{busy} } @expected;

    my $same = @here == @there && !grep { $here[$_] ne $there[$_] } 0 .. $#here;
    ok($same, "$name: all rows, in order");

    if (!$same) {
        my ($i) = grep { ($here[$_] // '') ne ($there[$_] // '') }
            0 .. (@here > @there ? $#here : $#there);
        diag("seed $seed, ", explain($query), "page size $size, "
             . scalar(@here) . ' rows, expected ' . scalar(@there)
             . ", from row $i on:\n" . ($here[$i] // 'none') . "\n"
             . ($there[$i] // 'none'));
    }

    is(scalar(grep { $_ != $size } @pages[0 .. $#pages - 1]), 0,
       "$name: full pages but for the last");

    # what a busy learner was given is there, whatever is written
    if (!%$query && !$all) {
        my %got = map { ("$_->{userId} $_->{courseItemId} "
                         . ($_->{enrollmentId} // '')) => 1 } @got;
        my @missing = grep { $_->{busy} && $_->{enrollmentId}
            && !$got{"$_->{userId} $_->{courseItemId} $_->{enrollmentId}"} }
            @expected;
        is(scalar @missing, 0, "$name: none skipped");
    }

    return scalar @got;
}


generate();
second_opinion();

@learners = @{ $pg->dbh->selectcol_arrayref('SELECT id FROM learner') };

# [name, managed departments, token]
my @callers;

for my $managed (undef, undef, undef, ['d1'], ['d2', 'd3'], ['d30']) {
    my $id = 'caller-' . @callers;

    $report->person($id, role => $managed ? ('department_admin', 'custom')
                    [@callers % 2] : 'account_owner');
    $pg->do('INSERT INTO results.manager VALUES (?, ?, ?)', $school, $id, $_)
        for @{ $managed || [] };
    push @callers, [$managed ? "manager of @$managed" : 'owner', $managed,
                    $t->token(person => $id, scopes => [])];
}


subtest 'while others write' => sub {
    start_writers(2);

    my $rows = 0;

    for my $n (1 .. $COMBINATIONS) {
        my $query = $n < 3 ? {} : query();
        my ($who, $managed, $token) = @{ $callers[$n < 3 ? 0
                                                 : rand @callers] };
        my $name = "$n, $who" . join '', map { ", $_" } sort keys %$query;

        $rows += check($name, $query, $managed, $token, 0);
    }

    cmp_ok($rows, '>', 10_000, "rows were compared: $rows");
    cmp_ok($pg->value('SELECT count(*) FROM results.result '
                      . "WHERE id LIKE 'w%'"), '>', 100, 'and some written');
    ok(stop_writers(), 'every write was answered 200 or 201');
};


subtest 'when they are done' => sub {
    second_opinion();

    check('all', {}, undef, $callers[0][2], 1);
    check('status', { completionStatuses => ['complete', 'pending'] }, undef,
          $callers[0][2], 1);
    check('modules', { moduleIds => ['m1', 'm2', 'x1'] }, undef,
          $callers[0][2], 1);
    check('managed', {}, ['d1'], $callers[3][2], 1);
};


# More than is read at a time: one who has more results than that, and so many
# who have none that a page ends before it is full.

subtest 'much of one, and nothing of many' => sub {
    my $giant = 'giant';

    $pg->do(q{
        INSERT INTO results.result (institution_id, kind, id, learner_id,
            item_id, status, time_spent, payload_hash, version, op, client_id,
            created_at, updated_at)
        SELECT $1, 'module_result', 'giant-' || n, $2,
               'g' || to_char(n / 2, 'FM00000'), 'active', 1, n, 1, 2, 1,
               now(), now()
        FROM generate_series(1, 10001) n
    }, $school, $giant);
    $report->assignment(learner_id => $giant, course_item_id => "g0001$_-",
        module_id => "g0400$_", enrollment_id => 'e') for 0 .. 9;
    $report->assignment(learner_id => $giant, course_item_id => 'z',
        module_id => 'g00100', enrollment_id => "e$_") for 1, 2;

    for my $size (700, 3000, 10000) {
        my $r = $report->with(token => $callers[0][2]);
        my @got = $r->all(userIds => $giant, pageSize => $size);
        my $seconds = 0;

        $seconds += $_->{timeSpent} for @got;

        # items 0 to 5000, of which 11 are assigned, one of them twice
        is(scalar @got, 5001 - 11 + 10 + 2, "$size a page: a row for each");
        is($seconds, 10001 + 2, 'and every result in its row');
    }

    $pg->do('SET session_replication_role = replica');
    $pg->do(q{
        INSERT INTO results.person (institution_id, id, role, status)
        SELECT $1, 'p' || to_char(n, 'FM00000'), 'student', 'terminated'
        FROM generate_series(1, 50000) n
    }, $school);
    $pg->do('SET session_replication_role = origin');
    $pg->do('ANALYZE results.person');
    $report->result(learner_id => 'p50000', item_id => 'last');

    my $r = $report->with(token => $callers[0][2]);
    my @got = $r->all(userStatuses => 5, moduleIds => 'last');
    is(scalar @got, 1, 'a filter with an index finds it at once');

    @got = $r->all(userStatuses => 5, 'accessDate[startDate]' =>
                   '2026-01-01T00:00:00Z', pages => \my @pages);
    is(scalar(grep { $_->{userId} eq 'p50000' } @got), 1,
       'any other in the end');
    cmp_ok(scalar @pages, '>', 1, 'on a page behind one that is not full');
};


# As many as end a page, all of them hidden from who asks: the key that the
# next page goes on behind is none of theirs.

subtest 'where a page ends among learners that are hidden' => sub {
    my ($seen, $hidden) = ('seen', 'hidden');
    my ($manager, $before, $after) = ('a-manager', 'a-first', 'z-last');

    $pg->do('SET session_replication_role = replica');
    $pg->do('INSERT INTO results.department (institution_id, id)
             VALUES ($1, $2)', $school, $_) for $seen, $hidden;
    $pg->do(q{
        INSERT INTO results.person (institution_id, id, role, department_id)
        SELECT $1, 'h' || to_char(n, 'FM00000'), 'student', $2
        FROM generate_series(1, 40000) n
    }, $school, $hidden);
    $pg->do(q{
        INSERT INTO results.assignment (institution_id, learner_id,
            course_item_id, enrollment_id, course_id, module_id, module_title)
        SELECT $1, p.id, 'all', 'e', 'c', 'all', 'All'
        FROM results.person p
        WHERE p.institution_id = $1 AND p.department_id = $2
    }, $school, $hidden);
    $pg->do('SET session_replication_role = origin');

    $report->person($manager, role => 'department_admin');
    $pg->do('INSERT INTO results.manager VALUES (?, ?, ?)', $school, $manager,
            $seen);

    for my $id ($before, $after) {
        $report->person($id, department_id => $seen);
        $report->assignment(learner_id => $id, course_item_id => 'all',
            module_id => 'all', enrollment_id => 'e');
    }

    $pg->do('ANALYZE results.person, results.assignment');

    my $reader = $report->with(token => $t->token(person => $manager,
                                                  scopes => []));
    my $keys = $pg->dbh->selectall_arrayref(q{
        SELECT user_id, completion FROM results_api.read_report($1, $2, null,
            null, '{all}', null, null, null, null, null, null, null, null,
            null, null, '{1}', null, null, null, 1001)
    }, undef, $school, $manager);

    is_deeply([map { $_->[0] } @$keys], [$before, $after],
              'the row, and a key that may be seen');
    is($keys->[1][1], undef, '... which is no row');

    my @got = $reader->all(moduleIds => 'all', pages => \my @pages);

    is_deeply([map { $_->{userId} } @got], [$before, $after],
              'all pages: every row, once');
    is(scalar @pages, 2, '... of two pages');
};


END {
    local $?;
    stop_writers();
}
