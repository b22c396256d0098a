#!/usr/bin/env perl

# Settings of a session, or of the database, that would change what the
# module's statements mean: sql/install.sql refuses or sets them, and a
# connection does not begin.

use FindBin;
use lib "$FindBin::Bin/lib";
use File::Copy qw(copy);
use Results::Test;
use Results::Test::Process;

my $t = Results::Test->new;
my $pg = $t->pg;
my $gateway = $pg->gateway;


# a database of its own: name, encoding
sub database {
    my ($name, $encoding) = @_;

    $pg->do("CREATE DATABASE $name TEMPLATE template0 ENCODING '$encoding'
             LC_COLLATE 'C' LC_CTYPE 'C'");
}


# exit status, and what it says
sub install {
    my ($database, $dir, %env) = @_;

    return Results::Test::Process->run(
        ['psql', '-qAtX', '-h', $pg->{run}, '-U', 'postgres', '-d', $database,
         '-f', ($dir // $t->root . '/sql') . '/install.sql'], env =>
        { PATH => $ENV{PATH}, %env });
}


subtest 'install.sql wants UTF8' => sub {
    for my $encoding (qw(SQL_ASCII LATIN1)) {
        database(lc $encoding, $encoding);

        my ($rc, $text) = install(lc $encoding);

        isnt($rc, 0, "$encoding: it fails");
        like($text, qr/needs a database of the encoding UTF8/, 'and says why');

        my $dbh = $pg->connect(database => lc $encoding);
        is($dbh->selectrow_array(q{SELECT count(*) FROM pg_namespace
                                   WHERE nspname LIKE 'results%'}), 0,
           'nothing is there');
        $dbh->disconnect;
    }

    database('utf8_other', 'UTF8');

    my ($rc, $text) = install('utf8_other', undef,
        PGOPTIONS => '-c standard_conforming_strings=off -c array_nulls=off '
            . '-c escape_string_warning=off');
    is($rc, 0, 'UTF8: it works') or diag($text);

    my $dbh = $pg->connect(database => 'utf8_other');
    is_deeply($dbh->selectcol_arrayref(q{
        SELECT pg_get_functiondef(p.oid) FROM pg_proc p
        WHERE p.pronamespace IN ('results'::regnamespace,
                                 'results_api'::regnamespace)
        ORDER BY 1}), $pg->dbh->selectcol_arrayref(q{
        SELECT pg_get_functiondef(p.oid) FROM pg_proc p
        WHERE p.pronamespace IN ('results'::regnamespace,
                                 'results_api'::regnamespace)
        ORDER BY 1}), "and whatever the installer's settings are");
    $dbh->disconnect;
};


my $nginx = $t->nginx(store => 'write_timeout 500ms;', log => 'info');

sub works {
    my ($name) = @_;
    ok(wait_for(sub { $t->put('works', $t->result)->status < 300 }), $name);
}

# connections end, and begin with what is set now
sub again {
    $pg->do('SELECT pg_terminate_backend(?)', $_) for $pg->backends;
}

works('it works');


subtest 'what the server and the database say does not count' => sub {
    my %others = (array_nulls => 'off', client_min_messages => 'error',
        standard_conforming_strings => 'off', exit_on_error => 'on',
        default_transaction_isolation => 'serializable');

    $pg->do('ALTER DATABASE ' . $pg->database . " SET $_ = '$others{$_}'")
        for keys %others;
    again();
    works('where the role has its own');

    $pg->do('ALTER DATABASE ' . $pg->database . " RESET $_") for keys %others;
};


for my $case (
    ['array_nulls', 'off', 'on'],
    ['standard_conforming_strings', 'off', 'on'],
    ['client_min_messages', 'error', 'notice'],
    ['session_replication_role', 'replica', 'origin'],
    ['default_transaction_isolation', 'repeatable read', 'read committed',
     'transaction_isolation'],
    ['default_transaction_isolation', 'serializable', 'read committed',
     'transaction_isolation'],
    ['exit_on_error', 'on', 'off'])
{
    my ($setting, $value, $fit, $shown) = @$case;
    my $why = 'the setting ' . ($shown // $setting)
        . qq{ is "$value", not "$fit"};

    subtest $why => sub {
        $pg->do("ALTER ROLE $gateway SET $setting = '$value'");
        again();

        ok(wait_for(sub { $nginx->log_text =~ /no writer: \Q$why\E/ }),
           'no connection begins');
        is($t->put('refused', $t->result)->status, 503, 'it can not write');
        ok(!defined $t->row('refused'), 'nothing is stored');

        $pg->do("ALTER ROLE $gateway SET $setting = '$fit'");
        works('all is well again');
        $pg->do("ALTER ROLE $gateway RESET $setting")
            if $setting eq 'session_replication_role';
        $pg->do(q{DELETE FROM results.result WHERE id = 'refused'});
    };
}


subtest 'what changes nothing' => sub {
    my %others = (TimeZone => 'Asia/Kathmandu', DateStyle => 'SQL, DMY',
        IntervalStyle => 'iso_8601', extra_float_digits => '-15',
        bytea_output => 'escape', xmlbinary => 'hex', row_security => 'off',
        transform_null_equals => 'on', quote_all_identifiers => 'on',
        backslash_quote => 'on', escape_string_warning => 'off',
        client_min_messages => 'warning');
    my $body = $t->result(score => 1 / 3, scoreDate => '2026-03-01T10:00:00Z');

    $t->put('same', $body);

    my @requests = map { [GET => "$Results::Test::BASE/$_"] } 'results/same',
        'results', "results?filter=scoreDate%3D'2026-03-01'",
        "results?filter=dateLastModified%3E'2026-01-01'&sort=score",
        "results?filter=score%3C'1'";
    my $all = sub { join "\n", map { $t->request(@$_, $t->headers)->body }
                    @requests };
    ok(wait_for(sub { $t->request(@{ $requests[0] }, $t->headers)->status
                      == 200 }), 'there is something to read');

    my $before = $all->();

    $pg->do("ALTER ROLE $gateway SET $_ = '$others{$_}'") for keys %others;
    again();

    ok(wait_for(sub { $t->request(@{ $requests[0] }, $t->headers)->status
                      == 200 }), 'it works');
    is($all->(), $before, 'and reads the same');

    ok(wait_for(sub { $t->put('same-again', $body)->status < 300 }),
       'it writes');
    is($pg->value(q{SELECT count(DISTINCT (scored_at, score, detail::text))
                    FROM results.result WHERE id LIKE 'same%'}), 1,
       'the same, too');

    $pg->do("ALTER ROLE $gateway RESET $_") for keys %others;
    $pg->do("ALTER ROLE $gateway SET client_min_messages = 'notice'");
};


# One that was installed before install.sql looked.

subtest 'a database of another encoding' => sub {
    my $dir = $t->dir . '/sql';

    mkdir $dir;
    copy($_, $dir) for glob $t->root . '/sql/*.sql';
    Results::Test::Process->run(['sed', '-i',
        "s/current_setting('server_encoding') = 'UTF8'/true/;"
        . 's/\\\\u0001.*\\\\u009f/x/', "$dir/install.sql",
        "$dir/backfill.sql"]);

    for my $encoding (qw(sql_ascii latin1)) {
        my ($rc, $text) = install($encoding, $dir);
        is($rc, 0, "$encoding, installed") or diag($text);

        $nginx->set(conninfo => $pg->conninfo
                    =~ s/dbname=\S+/dbname=$encoding/r);
        $nginx->reload(wait => 1);

        my $why = 'the setting server_encoding is "' . uc($encoding)
            . '", not "UTF8"';

        ok(wait_for(sub { $nginx->log_text =~ /no (?:writer|reader): \Q$why/ }),
           'no connection begins');
        is($t->put('other', $t->result)->status, 503, "and writes get 503");
    }
};
