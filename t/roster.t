#!/usr/bin/env perl

# The people, loaded from OneRoster 1.2 CSV files as docs/operations.md shows
# it, and what a wrong file does.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use Results::Test::Docs;

my $t = Results::Test->new;
my $pg = $t->pg;

$t->nginx(zone   => 'tokens:1m ttl=1s',
          server => 'location = /contentItemResult { results_api wse; }
                     location = /report { results_api ispring; }');

my $school = $t->fixtures->institution('North School');
my $other = $t->fixtures->institution('other');
my $docs = Results::Test::Docs->new($t->root, 'docs/operations.md');


# loads rows of the three files, given as { column => value }: the error, or
# what load_roster() answers
sub load {
    my (%rows) = @_;

    my $dbh = $pg->dbh;
    my $answer;

    $dbh->begin_work;

    eval {
        $dbh->do('SELECT results.stage_roster()');

        for my $file (sort keys %rows) {
            for my $row (@{ $rows{$file} }) {
                my @columns = sort keys %$row;

                $dbh->do("INSERT INTO roster_$file (" . join(', ', @columns)
                         . ') VALUES (' . join(', ', ('?') x @columns) . ')',
                         {}, @$row{@columns});
            }
        }

        $answer = join ' ', $dbh->selectrow_array(
            q{SELECT * FROM results.load_roster('North School')});
        $dbh->do('SET CONSTRAINTS ALL IMMEDIATE');
        $dbh->commit;
        1;
    } or do {
        $answer = $@;
        $dbh->rollback;
    };

    return $answer;
}

sub user { { sourcedId => $_[0], role => 'student', @_[1 .. $#_] } }

# columns of persons by id, undefined as -
sub persons {
    my ($columns, @ids) = @_;

    return { map { $_->{id} => $_->{text} } @{ $pg->rows(
        "SELECT id, concat_ws(' ', " . join(', ', map {
            "coalesce($_\::text, '-')" } split ' ', $columns) . ') AS text
         FROM results.person WHERE institution_id = ? AND id = ANY (?)',
        $school, \@ids) } };
}

sub person { persons(@_)->{ $_[1] } }

sub managed {
    return join ' ', map { "$_->{person_id}:$_->{department_id}" } @{
        $pg->rows('SELECT * FROM results.manager WHERE institution_id = ?
                   ORDER BY person_id, department_id', $school) };
}


subtest 'the example' => sub {
    my $lines = $docs->block('From CSV files', 'sh', qr/stage_roster/);

    for my $time ('the first time', 'again') {
        my ($code, $text) = $pg->shell($lines);

        is($code, 0, $time) or diag($text);
        like($text, qr/^\s+5 \|\s+5 \|\s+1 \|\s+2$/m, 'what is loaded');
        like($text, qr/^ roles \| r-6 +\| "parent" is no role here\n users \| u-6 +\| has no role here$/m, 'and what is not');
    }

    is($pg->value(q{
           SELECT string_agg(id || '<' || coalesce(parent_id, '') || ' ' || type,
                             ', ' ORDER BY id)
           FROM results.department WHERE institution_id = ?}, $school),
       'english<main-street department, harbour<north school, '
       . 'main-street<north school, north< district, '
       . 'science<harbour department', 'departments');

    is_deeply(persons('role status given_name center_id department_id',
                      map { "u-$_" } 1 .. 6), {
        'u-1' => 'student active Sam main-street english',
        'u-2' => 'student active Sasha harbour science',
        'u-3' => 'staff active Tess main-street english',
        'u-4' => 'department_admin active Hana main-street main-street',
        'u-5' => 'student blocked Bo harbour science',
    }, 'people, but for a parent');

    is(managed(), 'u-4:main-street', 'and who manages what');
    is($pg->value('SELECT count(*) FROM results.person
                   WHERE institution_id = ?', $other), 0,
       'nothing of another institution');
};


subtest 'what it is for' => sub {
    my $token = $t->token(institution => 'North School', person => 'u-3');
    my @students = map { "0000000$_-0000-4000-8000-00000000000a" } 1, 2;

    is(load(users => [
        user('{' . uc($students[0]) . '}', primaryOrgSourcedId => 'english'),
        user($students[1], primaryOrgSourcedId => 'science'),
    ]), '0 2 0 0', 'students whose ids are GUIDs');

    my ($own, $of_others) = map {
        $t->request('POST', '/contentItemResult',
            $t->headers(token => $token), $t->encode({
                StudentId => $_, ContentItemId => $students[0],
                ContentItemStateName => 'x', Score => 80 }));
    } @students;

    is($own->status, 200, 'a teacher writes for learners of her own center')
        or diag($own->body);
    is($of_others->status, 403, 'and for no others');

    is($pg->value('SELECT string_agg(learner_id, \' \') FROM results.result'),
       $students[0], 'which is what is stored');
};


subtest 'roles' => sub {
    my %roles = (
        student => 'student', teacher => 'staff', aide => 'staff',
        proctor => 'staff', counselor => 'staff',
        principal => 'department_admin',
        siteAdministrator => 'department_admin',
        districtAdministrator => 'account_admin',
        systemAdministrator => 'account_admin',
        prospect_with_trial => 'prospect_with_trial', custom => 'custom',
        account_owner => 'account_owner',
    );

    my @none = qw(parent guardian relative ext:x Student);

    is(load(users => [map { user("role-$_", role => $_) } keys %roles, @none]),
       '0 12 0 5', 'words');
    is(person('role', "role-$_"), $roles{$_}, $_) for sort keys %roles;
    is(person('role', "role-$_"), undef, "$_: none") for @none;

    my $n = 0;
    my $role = sub {
        my ($user, $word, %more) = @_;
        return { sourcedId => 'r' . $n++, userSourcedId => $user,
                 role => $word, orgSourcedId => 'english', %more };
    };
    my @users = map { { sourcedId => $_ } } qw(two three past future bounds
                                               gone);

    is(load(users => \@users, roles => [
        $role->('two', 'siteAdministrator'),
        $role->('two', 'teacher', roleType => 'primary',
                orgSourcedId => 'science'),
        $role->('three', 'student', roleType => 'secondary'),
        $role->('three', 'principal', roleType => 'secondary'),
        $role->('past', 'student', endDate => '2020-01-01'),
        $role->('future', 'student', beginDate => '2099-01-01'),
        $role->('bounds', 'student', beginDate => '', endDate => '2099-01-01'),
        $role->('gone', 'student', status => 'tobedeleted'),
    ]), '0 3 2 5', 'roles.csv');

    is(person('role department_id center_id', 'two'),
       'staff science harbour', 'the primary role first');
    is(person('role', 'three'), 'department_admin', 'then the highest');
    is(person('role', 'bounds'), 'student', 'within its dates');
    is(managed(), 'three:english two:english u-4:main-street',
       'whoever manages');

    is(load(roles => [$role->('two', 'siteAdministrator', sourcedId => 'r0',
                              orgSourcedId => 'science')]),
       '0 1 1 0', 'a change of it');
    is(managed(), 'three:english two:science u-4:main-street', 'and no more');

    is(load(roles => [$role->('two', 'siteAdministrator', sourcedId => 'r0',
                              status => 'tobedeleted')]), '0 1 0 0', 'its end');
    is(managed(), 'three:english u-4:main-street', 'and nothing');
    is(person('role role_ends', 'two'), 'staff -', 'another role goes on');
};


subtest 'persons' => sub {
    is(load(users => [
        user('left', status => 'tobedeleted'),
        user('off', enabledUser => 'FALSE'),
        user('on', enabledUser => 'true', status => 'active'),
        user('center', centerSourcedId => 'c-9',
             primaryOrgSourcedId => 'english'),
        user('top', primaryOrgSourcedId => 'north'),
        user('u-1', role => 'staff', givenName => 'Sammy'),
        { sourcedId => 'u-2', primaryOrgSourcedId => '' },
    ]), '0 7 0 0', 'loaded');

    is_deeply(persons('role status given_name center_id department_id',
                      qw(left off on center top u-1 u-2)), {
        left   => 'student terminated - - -',
        off    => 'student blocked - - -',
        on     => 'student active - - -',
        center => 'student active - c-9 english',
        top    => 'student active - - north',
        'u-1'  => 'staff active Sammy main-street english',
        'u-2'  => 'student active Sasha harbour science',
    }, 'as their rows say, and what they do not say stays');
};


subtest 'departments' => sub {
    is(load(orgs => [
        { sourcedId => 'kids', parentSourcedId => 'harbour' },
        { sourcedId => 'a', parentSourcedId => 'b' },
        { sourcedId => 'b', parentSourcedId => 'a' },
    ], users => [user('kid', primaryOrgSourcedId => 'kids'),
                 user('lost', primaryOrgSourcedId => 'a')]),
       '3 2 0 0', 'a child before its parent, and a circle');
    is(person('center_id', 'kid'), 'harbour', 'the school above');
    is(person('center_id', 'lost'), '-', 'none in a circle');

    is(load(orgs => [{ sourcedId => 'harbour', status => 'tobedeleted' },
                     { sourcedId => 'kids', parentSourcedId => 'north' }]),
       '1 0 0 0', 'one that is removed');
    is($pg->value('SELECT count(*) FROM results.department
                   WHERE institution_id = ? AND id = ?', $school, 'harbour'),
       0, 'is gone');
    is($pg->value('SELECT parent_id FROM results.department
                   WHERE institution_id = ? AND id = ?', $school, 'science'),
       undef, 'what was below is a root');

    load(orgs => [{ sourcedId => 'kids', status => 'tobedeleted' }]);
    is(person('department_id', 'kid'), '-', 'whom it had has none');
};


subtest 'what is wrong' => sub {
    my $count = sub {
        $pg->value('SELECT count(*) FROM results.person');
    };
    my $before = $count->();

    like(load(users => [user('x'), user('y', primaryOrgSourcedId => 'no')]),
         qr/foreign key.*person/, 'an unknown department');
    like(load(users => [user('x')],
              orgs => [{ sourcedId => 'o', parentSourcedId => 'no' }]),
         qr/foreign key.*department/, 'an unknown parent');
    like(load(users => [user('x')], roles => [
            { sourcedId => 'r', userSourcedId => 'x', orgSourcedId => 'no',
              role => 'principal' }]),
         qr/foreign key/, 'an unknown department of a role');
    like(load(users => [user('x'), user('x')]), qr/unique/, 'a row twice');

    ok(!eval { $pg->do(q{SELECT results.load_roster('nowhere')}); 1 }
       && $@ =~ /no institution "nowhere"/, 'an unknown institution');

    is($count->(), $before, 'nothing of it is loaded');
};


subtest 'a role that is taken away is not in force any more' => sub {
    my $day = sub { $pg->value('SELECT current_date + ?::int', @_) };
    my @ways = (
        [removed => status => 'tobedeleted'],
        [over => endDate => $day->(-1)],
        [parent => role => 'parent'],
    );

    my %row = (roleType => 'primary', role => 'districtAdministrator',
               orgSourcedId => 'north');
    my $report = sub {
        $t->request('GET', '/report', [Authorization => "Bearer $_[0]"])
            ->status;
    };

    for my $way (@ways) {
        my ($who, %change) = @$way;
        my %role = (%row, sourcedId => "held-$who", userSourcedId => $who);

        load(users => [{ sourcedId => $who }], roles => [\%role]);

        my $token = $t->token(institution => 'North School', person => $who);

        is($report->($token), 200, "$who: reads the report of all");
        load(roles => [{ %role, %change }]);
        ok(wait_for(sub { $report->($token) == 401 }),
           "$who: and within the ttl of the zone not any more");
        is(scalar $pg->dbh->selectrow_array(q{
               SELECT role_ends < current_date FROM results.person
               WHERE id = ?}, {}, $who), 1, "$who: is on record");

        load(roles => [\%role]);
        ok(wait_for(sub { $report->($token) == 200 }), "$who: given again");
    }

    # the day passes, nothing is loaded
    load(roles => [{ %row, sourcedId => 'held-over', userSourcedId => 'over',
                     endDate => $day->(0) }]);

    my $token = $t->token(institution => 'North School', person => 'over');
    is($report->($token), 200, 'counts on its last day');
    $pg->do(q{UPDATE results.person SET role_ends = current_date - 1
              WHERE id = 'over'});
    ok(wait_for(sub { $report->($token) == 401 }), 'and not on the next');
};


my $gateway = $pg->connect(user => $pg->gateway);

for my $call ('stage_roster()', "load_roster('North School')") {
    ok(!eval { $gateway->do("SELECT results.$call"); 1 }
       && $@ =~ /permission denied/, "nginx may not $call");
}

$gateway->disconnect;
