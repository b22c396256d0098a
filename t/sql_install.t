#!/usr/bin/env perl

# sql/install.sql and sql/demo.sql: for a superuser and for a mere owner of
# the database, again on top of what is there; who may do what afterwards.

use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;
use Results::Test::Process;
use Results::Test::Records;

my $t = Results::Test->new;
my $pg = $t->pg;


# exit status and output of psql with a file of sql/
sub psql {
    my ($file, %opt) = @_;

    return Results::Test::Process->run(
        ['psql', '-qAtX', '-h', $pg->{run}, '-U', $opt{user} || 'postgres',
         '-d', $opt{database} || $pg->database,
         '-f', $t->root . "/sql/$file"]);
}


# every object and what may be done with it
sub catalog {
    my ($dbh) = @_;

    return $dbh->selectall_arrayref(q{
        SELECT 'table', c.oid::regclass::text, c.relacl::text
        FROM pg_class c
        WHERE c.relnamespace = 'results'::regnamespace
        UNION ALL
        SELECT 'index', i.indexname, i.indexdef
        FROM pg_indexes i
        WHERE i.schemaname = 'results'
        UNION ALL
        SELECT 'function', p.oid::regprocedure::text,
               concat(p.proacl, p.prosecdef, p.proconfig, p.proowner::regrole)
        FROM pg_proc p
        WHERE p.pronamespace IN ('results'::regnamespace,
                                 'results_api'::regnamespace)
        UNION ALL
        SELECT 'trigger', t.tgname, t.tgrelid::regclass::text
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = 'results'::regnamespace AND NOT tgisinternal
        ORDER BY 1, 2, 3
    });
}


subtest 'again, with data' => sub {
    my $token = $t->token;

    # as an earlier version left it
    $pg->do('GRANT pg_monitor TO results_reader');
    my $before = catalog($pg->dbh);

    my ($rc, $text) = psql('install.sql');
    is($rc, 0, 'install.sql');
    is($text, '', 'says nothing');
    is_deeply(catalog($pg->dbh), $before, 'changes nothing');
    is($pg->value('SELECT count(*) FROM results.access_token'), 1,
       'what was there stays');
};


subtest 'over one with other columns and indexes' => sub {
    my $before = catalog($pg->dbh);
    my $detail = '{"comment": "x", "metadata": {"a": [1, 2.50]}}';

    Results::Test::Records->new($pg->dbh)->write(
        { id => 'old', detail => $detail }, { id => 'older' });

    Results::Test::Records->new($pg->dbh)->write(
        { id => 'old', detail => '{"now": 1}', stamp => 20, hash => 2 });

    $pg->do($_) for
        'DROP VIEW results.versions, results.result_list CASCADE',
        (map { "ALTER TABLE results.$_ ALTER detail TYPE jsonb,
                                       ALTER id_space TYPE smallint" }
             qw(result result_history)),
        'DROP INDEX results.result_course',
        'CREATE INDEX result_course
         ON results.result (institution_id, course_id)',
        'DROP FUNCTION results.id_space',
        'CREATE FUNCTION results.id_space(kind smallint) RETURNS smallint
         LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 1::smallint',
        map { my $name = $_;
              my $sql = $pg->value('SELECT pg_get_functiondef(?::regproc)',
                                   "results_api.$name");
              $sql =~ s/details json\[\]/details jsonb[]/;
              ("DROP FUNCTION results_api.$name", $sql) }
            qw(write_group write_records);

    my ($rc, $text) = psql('install.sql');
    is($rc, 0, 'install.sql');
    is($text, '', 'says nothing');
    is_deeply(catalog($pg->dbh), $before, 'what there is afterwards');

    is_deeply($pg->dbh->selectcol_arrayref(q{
        SELECT concat(id, version, detail::jsonb = ?::jsonb)
        FROM results.versions ORDER BY id, version}, {}, $detail),
        [qw(old1t old2f older1)], 'and what it holds');

    $pg->do('DELETE FROM results.result');
    $pg->do('DELETE FROM results.result_history');
};


subtest 'by the owner of a database, with CREATEROLE' => sub {
    $pg->do('CREATE ROLE boss LOGIN CREATEROLE');
    $pg->do('CREATE DATABASE of_boss OWNER boss');

    for my $time ('once', 'twice') {
        my ($rc, $text) = psql('install.sql', user => 'boss',
                               database => 'of_boss');
        is($rc, 0, $time) or diag($text);
    }

    my $dbh = $pg->connect(database => 'of_boss');
    is_deeply([grep { $_->[0] ne 'table' } @{ catalog($dbh) }],
              [grep { $_->[0] ne 'table' } @{ catalog($pg->dbh) }],
              'the same functions, owned by the same role');
    $dbh->disconnect;

    my ($rc, $text) = psql('demo.sql', user => 'boss', database => 'of_boss');
    is($rc, 0, 'demo.sql') or diag($text);
};


subtest 'not by anybody else' => sub {
    $pg->do('CREATE ROLE guest LOGIN');
    my ($rc) = psql('install.sql', user => 'guest');
    isnt($rc, 0, 'install.sql fails');
};


subtest 'the demo' => sub {
    my %first = demo();
    my %second = demo();

    for my $name (grep { /^TOKEN|SECRET/ } sort keys %first) {
        like($second{$name}, qr/^[A-Za-z0-9_-]{43}\z/, $name);
        isnt($second{$name}, $first{$name}, "$name is another each time");
    }

    is_deeply([map { good($second{$_}) } qw(TOKEN TOKEN_STUDENT TOKEN_STAFF
        TOKEN_STAFF_ELSEWHERE TOKEN_PROSPECT TOKEN_ACCOUNT_ADMIN
        TOKEN_DEPARTMENT_ADMIN TOKEN_CUSTOM TOKEN_OTHER)],
        [qw(demo/ demo/student demo/staff demo/staff demo/prospect_with_trial
            demo/account_admin demo/department_admin demo/custom other/)],
        'each token is for its part');
    is(good($first{TOKEN}), 'nobody', 'the tokens of the run before are not');

    is(scalar $pg->dbh->selectrow_array(
        "SELECT status FROM results_api.issue_access_token(?, "
        . "decode(?, 'hex'), '{}', sha256('x'), 60, null)", {},
        $second{CLIENT_ID}, sha256_hex($second{CLIENT_SECRET})), 'granted',
       'the secret is good');

    ok($pg->value('SELECT true FROM results.person WHERE id = ?',
                  $second{STUDENT_ID}), 'STUDENT_ID');
    ok($pg->value('SELECT true FROM results.item WHERE id = ?',
                  $second{CONTENT_ITEM_ID}), 'CONTENT_ITEM_ID');

    my $dbh = $pg->connect(user => $second{PGUSER});
    ok($dbh->selectall_arrayref('TABLE results.result'), 'PGUSER reads');
    $dbh->disconnect;
};


sub demo {
    my ($rc, $text) = psql('demo.sql');
    is($rc, 0, 'demo.sql') or diag($text);
    return map { /^([A-Z_]+)=(\S+)$/ or die "$_\n"; ($1, $2) }
        split /\n/, $text;
}


sub good {
    my ($token) = @_;
    return $pg->value(q{
        SELECT institution || '/' || coalesce(role, '')
        FROM results_api.lookup_tokens(array[decode(?, 'hex')])
    }, sha256_hex($token)) // 'nobody';
}


subtest 'the gateway may call the API and no more' => sub {

    # as PostgreSQL 14 has it, and whoever was upgraded from there
    $pg->do('GRANT CREATE ON SCHEMA public TO PUBLIC');
    is((psql('install.sql'))[0], 0, 'install.sql where public is open');

    my $dbh = $pg->connect(user => $pg->gateway);

    ok($dbh->selectrow_array('SELECT results_api.api_version()'),
       'calls the API');

    for my $sql ((map { "TABLE results.$_" } qw(institution api_client
                     client_secret access_token person result
                     result_history clients tokens
                     page_key)),
                 'INSERT INTO results.result DEFAULT VALUES',
                 'DELETE FROM results.result',
                 q{SELECT results.issue_token('demo')},
                 q{SELECT results.normal_id('x')},
                 'SET ROLE results_owner',
                 'SET ROLE results_reader',
                 'CREATE TEMPORARY TABLE t ()',
                 'CREATE TABLE results_api.t ()',
                 'CREATE TABLE public.t ()',
                 'SELECT lo_create(0)',
                 'SELECT lo_creat(-1)',
                 "SELECT lo_from_bytea(0, 'x')",
                 "COPY (SELECT 1) TO '/tmp/x'")
    {
        ok(!eval { $dbh->do($sql); 1 }, $sql);
        is($dbh->state, '42501', 'no privilege');
    }

    is_deeply([$dbh->selectrow_array(
        "SELECT current_setting('statement_timeout'), "
        . "current_setting('lock_timeout'), "
        . "current_setting('client_connection_check_interval'), "
        . "current_setting('search_path')")],
        ['12s', '3s', '1s', '""'], 'its settings');
    $dbh->disconnect;

    is_deeply($pg->dbh->selectcol_arrayref(q{
        SELECT p.oid::regprocedure::text FROM pg_proc p
        WHERE p.pronamespace = 'results'::regnamespace
              AND has_function_privilege('results_gateway', p.oid, 'EXECUTE')
    }), [], 'no function of results');

    is_deeply($pg->dbh->selectcol_arrayref(q{
        SELECT p.oid::regprocedure::text
        FROM pg_proc p, unnest(p.proacl) a
        WHERE p.pronamespace IN ('results'::regnamespace,
                                 'results_api'::regnamespace)
              AND a::text LIKE '=%'
    }), [], 'PUBLIC none at all');

    is_deeply($pg->dbh->selectcol_arrayref(q{
        SELECT p.oid::regprocedure::text FROM pg_proc p
        WHERE p.prosecdef AND NOT coalesce(p.proconfig::text, '') LIKE
                              '%search_path=pg_catalog, pg_temp%'
              AND p.pronamespace IN ('results'::regnamespace,
                                     'results_api'::regnamespace)
    }), [], 'what runs as the owner has a search_path of its own');

    is($pg->value(q{SELECT rolsuper OR rolcreaterole OR rolcanlogin
                    FROM pg_roles WHERE rolname = 'results_owner'}), 0,
       'and the owner is nobody special');
};


subtest 'a reader may read, but no hash' => sub {
    my $dbh = $pg->connect(user => 'results_demo');

    ok($dbh->selectall_arrayref("TABLE results.$_"), $_) for qw(institution
        person department manager item assignment result result_history
        clients tokens);

    for my $sql ('TABLE results.client_secret', 'TABLE results.access_token',
                 'TABLE results.page_key',
                 'TABLE results.api_client', 'DELETE FROM results.result',
                 q{SELECT results.issue_token('demo')},
                 'SELECT results_api.api_version()')
    {
        ok(!eval { $dbh->do($sql); 1 }, $sql);
    }

    $dbh->disconnect;

    $pg->do("CREATE ROLE $_ LOGIN IN ROLE results_$_") for qw(reader monitor);
    $pg->do(q{SELECT 'a statement of somebody else'});

    my ($reader, $monitor) = map { $pg->connect(user => $_) }
        qw(reader monitor);
    my $others = q{SELECT count(*) FROM pg_stat_activity
                   WHERE query LIKE 'SELECT ''a statement%'
                         AND pid <> pg_backend_pid()};

    is($reader->selectrow_array($others), 0, 'sees no statement of others');
    is($monitor->selectrow_array($others), 1, 'who watches does');

    for my $who ([reader => $reader], [monitor => $monitor]) {
        ok(!eval { $who->[1]->do('SHOW primary_conninfo'); 1 },
           "$who->[0]: nor a setting with a password");
    }

    ok(!eval { $monitor->do("TABLE results.$_"); 1 },
       "but who watches reads no results.$_") for qw(result person);

    $_->disconnect for $reader, $monitor;
};


subtest 'a GUID of the roster takes the form that results have' => sub {
    my $guid = 'a1d4f6e0-00ab-4000-8000-000000000001';
    my $school = $t->fixtures->institution;

    for my $text (uc $guid, $guid, '{' . uc($guid) . '}', "($guid)",
                  "urn:UUID:$guid", $guid =~ tr/-//dr)
    {
        is($pg->value('SELECT results.normal_id(?)', $text), $guid, $text);
    }

    for my $text ('student-1', "{$guid)", "x$guid", "$guid\n",
                  'urn:uuid:' . $guid =~ tr/-//dr, '')
    {
        is($pg->value('SELECT results.normal_id(?)', $text), $text,
           'stays: ' . $text =~ s/\n/\\n/r);
    }

    my $dbh = $pg->dbh;
    $dbh->do('COPY results.person (institution_id, id, role) FROM STDIN '
             . 'WITH (FORMAT csv)');
    $dbh->pg_putcopydata("$school,\U$guid\E,student\n");
    $dbh->pg_putcopyend;
    is($pg->value('SELECT id FROM results.person WHERE institution_id = ?',
                  $school), $guid, 'by COPY as well');
};
