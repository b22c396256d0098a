#!/usr/bin/env perl

# The three files of a roster, changed overnight: each alone, each pair, all
# of them, in every order and all at once.  The people are the same whatever
# came first, and what a file does not speak of stays.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

my $t = Results::Test->new;
my $pg = $t->pg;
my $school = $t->fixtures->institution('North School');
my $dbh = $pg->dbh;

my ($YESTERDAY, $TOMORROW) = map {
    $pg->value('SELECT current_date + ?::int', $_)
} -1, 1;


sub org {
    my ($id, $parent, %more) = @_;
    return { sourcedId => $id, parentSourcedId => $parent, type => 'department',
             name => "The $id", %more };
}

sub user {
    my ($id, %more) = @_;
    return { sourcedId => $id, givenName => "G-$id", familyName => "F-$id",
             enabledUser => 'true', %more };
}

sub role {
    my ($id, $user, $role, $org, %more) = @_;
    return { sourcedId => $id, userSourcedId => $user, role => $role,
             orgSourcedId => $org, roleType => 'primary', %more };
}


my %base = (
    orgs => [org('north', '', type => 'district'),
             org('east', 'north', type => 'school'),
             org('west', 'north', type => 'school'),
             org('math', 'east'), org('art', 'east'), org('club', 'west')],
    users => [user('plain', primaryOrgSourcedId => 'math'),
              user('by-role'), user('moves'), user('boss'), user('admin'),
              user('off', enabledUser => 'false'), user('later'),
              user('own', centerSourcedId => 'c-9'),
              user('word', role => 'staff'), user('two')],
    roles => [role('1', 'plain', 'student', ''),
              role('2', 'by-role', 'student', 'math'),
              role('3', 'moves', 'teacher', 'art'),
              role('4', 'boss', 'principal', 'east'),
              role('5', 'admin', 'systemAdministrator', 'north'),
              role('6', 'off', 'student', 'club'),
              role('7', 'later', 'student', 'art', beginDate => $TOMORROW),
              role('8', 'own', 'student', 'art'),
              role('9', 'two', 'teacher', 'math'),
              role('10', 'two', 'student', 'club', roleType => 'secondary')],
);

# what the night brings; columns that are not there are columns that the file
# does not have
my %night = (
    orgs => [org('art', 'west'), { sourcedId => 'club',
                                   status => 'tobedeleted' },
             org('new', 'east')],
    users => [(map { { sourcedId => $_, familyName => "Mc-$_" } }
                   qw(plain by-role moves boss admin off own two)),
              { sourcedId => 'word', role => 'parent' },
              { sourcedId => 'fresh', givenName => 'Fresh' }],
    roles => [role('2', 'by-role', 'student', 'math', endDate => $YESTERDAY),
              role('3', 'moves', 'teacher', 'math'),
              role('4', 'boss', 'principal', 'west'),
              role('5', 'admin', 'systemAdministrator', 'north',
                   status => 'tobedeleted'),
              role('9', 'two', 'teacher', 'math', status => 'tobedeleted'),
              role('11', 'fresh', 'student', 'math')],
);


sub load {
    my (%rows) = @_;

    $dbh->do('SELECT results.stage_roster()');

    for my $file (sort keys %rows) {
        for my $row (@{ $rows{$file} }) {
            my @columns = sort keys %$row;

            $dbh->do("INSERT INTO roster_$file (" . join(', ', @columns)
                     . ') VALUES (' . join(', ', ('?') x @columns) . ')', {},
                     @$row{@columns});
        }
    }

    my @answer = $dbh->selectrow_array(
        q{SELECT * FROM results.load_roster('North School')});

    $dbh->do('SET CONSTRAINTS ALL IMMEDIATE');
    $dbh->do('SET CONSTRAINTS ALL DEFERRED');

    my $unused = $dbh->selectcol_arrayref(q{
        SELECT concat_ws(' ', file, sourcedId, why) FROM roster_unused
        ORDER BY 1});

    is(scalar @$unused, $answer[3], 'what is not used is counted and named');
    return $unused;
}

# everything that there is of people, line by line
sub people {
    return { map { $_->[0] => $_->[1] } @{ $dbh->selectall_arrayref(q{
        SELECT p.id, concat_ws(' ', p.role, coalesce(p.role_ends::text, '-'),
            p.status, p.given_name, p.family_name,
            coalesce(p.center_id, '-'), coalesce(p.department_id, '-'),
            (SELECT string_agg('>' || m.department_id, ''
                               ORDER BY m.department_id)
             FROM results.manager m
             WHERE m.institution_id = p.institution_id
                   AND m.person_id = p.id))
        FROM results.person p WHERE p.institution_id = ?
        UNION ALL
        SELECT 'org ' || d.id, concat_ws(' ', d.type, d.name, d.parent_id)
        FROM results.department d WHERE d.institution_id = ?}, {}, $school,
        $school) } };
}

sub orders {
    my (@files) = @_;
    return [] if !@files;

    return map {
        my $first = $_;
        map { [$first, @$_] } orders(grep { $_ ne $first } @files);
    } @files;
}

# the state before a code is the state after it
sub undone {
    my ($code) = @_;

    $dbh->begin_work;
    my $answer = eval { $code->() };
    my $error = $@;
    $dbh->rollback;

    die $error if $error;
    return $answer;
}


load(%base);

my $before = people();

is_deeply($before, {
    'plain'     => 'student - active G-plain F-plain east math',
    'by-role'   => 'student - active G-by-role F-by-role east math',
    'moves'     => 'staff - active G-moves F-moves east art',
    'boss'      => 'department_admin - active G-boss F-boss east east >east',
    'admin'     => 'account_admin - active G-admin F-admin - north',
    'off'       => 'student - blocked G-off F-off west club',
    'own'       => 'student - active G-own F-own c-9 art',
    'word'      => 'staff - active G-word F-word - -',
    'two'       => 'staff - active G-two F-two east math',
    'org north' => 'district The north',
    (map { ("org $_" => "school The $_ north") } qw(east west)),
    (map { ("org $_" => "department The $_ east") } qw(math art)),
    'org club'  => 'department The club west',
}, 'the whole of it');

is_deeply(undone(sub { load(%base); people() }), $before,
          'the same again changes nothing');


# what each file alone changes, and so what it leaves alone

my %alone = (
    orgs => {
        'moves'    => 'staff - active G-moves F-moves west art',
        'off'      => 'student - blocked G-off F-off - -',
        'org art'  => 'department The art west',
        'org new'  => 'department The new east',
        'org club' => undef,
    },
    users => {
        (map { $_ => $before->{$_} =~ s/F-/Mc-/r }
             qw(plain by-role moves boss admin off own two)),
        'word' => "staff $YESTERDAY active G-word F-word - -",
    },
    roles => {
        'by-role' => "student $YESTERDAY active G-by-role F-by-role - -",
        'moves'   => 'staff - active G-moves F-moves east math',
        'boss'    => 'department_admin - active G-boss F-boss west west >west',
        'admin'   => "account_admin $YESTERDAY active G-admin F-admin - -",
        'two'     => 'student - active G-two F-two west club',
    },
);

for my $file (sort keys %alone) {
    my %expected = (%$before, %{ $alone{$file} });
    delete $expected{$_} for grep { !defined $expected{$_} } keys %expected;

    is_deeply(undone(sub { load($file => $night{$file}); people() }),
              \%expected, "$file.csv alone");
}


my @sets = ([qw(orgs users)], [qw(orgs roles)], [qw(users roles)],
            [qw(orgs users roles)]);

for my $set (@sets) {
    my $once = undone(sub {
        load(map { $_ => $night{$_} } @$set);
        people();
    });

    for my $order (orders(@$set)) {
        my $got = undone(sub {
            load($_ => $night{$_}) for @$order;
            people();
        });

        is_deeply($got, $once, "@$order: as all of them at once");
    }

    next if @$set < 3;

    is($once->{fresh}, 'student - active Fresh east math',
       'somebody who is new');
    is($once->{two}, 'student - active G-two Mc-two - -',
       'whose other role was in what is removed');
    is($once->{word}, "staff $YESTERDAY active G-word F-word - -",
       'whose word is no role any more');
}


is_deeply(undone(sub { load(roles => $night{roles}) }),
          ['roles 11 its user is not there yet', 'roles 2 is over'],
          'what of roles.csv is not used');
is_deeply(undone(sub { load(users => $night{users}) }),
          ['users fresh has no role here'], 'of users.csv');
is_deeply(undone(sub {
    load(orgs => [{ sourcedId => 'x', status => 'tobedeleted' }]);
}), ['orgs x is removed and was not there'], 'of orgs.csv');


# people that SQL made, and files that speak of some

$dbh->do(q{INSERT INTO results.person (institution_id, id, role, center_id,
               department_id)
           VALUES ($1, 'sql', 'staff', 'c-1', 'math'),
                  ($1, 'sql-2', 'account_admin', NULL, 'art')}, {}, $school);

is(undone(sub {
    load(users => [{ sourcedId => 'sql', givenName => 'S' }]);
    people()->{sql};
}), 'staff - active S c-1 math', 'a person that SQL made keeps what it has');

is(undone(sub {
    load(roles => [role('s', 'sql-2', 'principal', 'art',
                        status => 'tobedeleted')]);
    people()->{'sql-2'};
}), "account_admin $YESTERDAY active - art", 'but for a role that is removed');
