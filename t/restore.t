#!/usr/bin/env perl

# The database moves while it is in use: dumped and restored into an empty
# cluster, and followed by a logical subscriber, as docs/operations.md shows it;
# each ends in a schema that nginx serves.
#
# TEST_RESULTS_NEWER_POSTGRES is the directory of another PostgreSQL's programs,
# for the new side (docs/testing.md).  Without it a cluster that allows what
# others do stands for another version: PostgreSQL 14 lets everybody make
# tables in public.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use File::Path qw(make_path);
use Results::Test::Docs;
use Results::Test::Pg;

my $t = Results::Test->new;
my $old = $t->pg(settings => { wal_level => 'logical' });
my $docs = Results::Test::Docs->new($t->root, 'docs/operations.md');
my $move = 'Restore, or move to another cluster';

my $nginx = $t->nginx;
my $token = $t->token;
my $n = 0;

$t->put('before-' . $_, $t->result) for 1 .. 20;
$t->put('before-1', $t->result(score => 2));


sub cluster {
    my ($name) = @_;

    make_path("$t->{dir}/$name");
    return Results::Test::Pg->new(dir => "$t->{dir}/$name",
        root => $t->root, bin => $ENV{TEST_RESULTS_NEWER_POSTGRES})->start;
}

# what is there: tables by a checksum of their rows
sub content {
    my ($pg) = @_;

    return { map {
        my $table = $_;
        $table => $pg->value("SELECT count(*) || ' ' || coalesce(sum(hashtext("
            . "(to_jsonb(t) - '{}'::text[])::text)::bigint), 0)
            FROM results.$table t");
    } @{ $pg->dbh->selectcol_arrayref(
        q{SELECT relname FROM pg_class WHERE relkind = 'r'
          AND relnamespace = 'results'::regnamespace ORDER BY 1}) } };
}

# the roles and privileges of a schema
sub rights {
    my ($pg) = @_;

    # since 17 owners of tables have MAINTAIN, the letter m, too
    return $pg->dbh->selectcol_arrayref(q{
        SELECT concat_ws(' ', o.name, ARRAY(
                   SELECT replace(a::text, 'Dxtm/', 'Dxt/')
                   FROM unnest(o.acl) a ORDER BY 1))
        FROM (SELECT c.oid::regclass::text, c.relacl FROM pg_class c
              WHERE c.relnamespace = 'results'::regnamespace
              UNION ALL
              SELECT p.oid::regprocedure::text, p.proacl FROM pg_proc p
              WHERE p.pronamespace IN ('results'::regnamespace,
                                       'results_api'::regnamespace)
                    OR p.proname IN ('lo_create', 'lo_creat')
             ) AS o (name, acl)
        ORDER BY 1});
}

# nginx serves it: what was there, and what is new
sub serves {
    my ($pg, $what) = @_;

    $nginx->set(conninfo => $pg->conninfo);
    $nginx->reload(wait => 1);

    my $get = $t->request('GET', $t->uri('before-1'), $t->headers);
    is($get->status, 200, "$what: a result is read") or diag($get->body);
    is($get->json->{result}{score}, 2, "$what: as it was");

    my $id = 'after-' . ++$n;
    is($t->put($id, $t->result)->status, 201, "$what: one is created");
    is($t->put($id, $t->result(score => 9))->status, 200, "$what: replaced");
    is($pg->value(q{SELECT count(*) FROM results.history_of_result('school',
                        ?)}, $id), 2, "$what: with its history");

    ok($pg->value("SELECT results.create_institution('new $what')"),
       "$what: an institution is made");
    is($pg->value("SELECT client_id FROM results.create_client('new $what',
                   'new-$n')"), "new-$n", "$what: and a client");

    my $gateway = $pg->connect(user => $pg->gateway);
    for my $sql ('CREATE TABLE public.t ()', 'CREATE TEMPORARY TABLE t ()',
                 'SELECT lo_create(0)', 'TABLE results.result')
    {
        ok(!eval { $gateway->do($sql); 1 }, "$what: nginx may not $sql");
    }
    $gateway->disconnect;
}


my $before = content($old);

subtest 'a dump' => sub {
    my $new = cluster('restored');

    # an empty cluster, and one that allows more
    $new->disconnect;
    my $dbh = $new->connect(database => 'template1');
    $dbh->do('DROP DATABASE results');
    $dbh->do('GRANT CREATE ON SCHEMA public TO PUBLIC');
    $dbh->do("DROP ROLE IF EXISTS $_") for qw(results_gateway results_reader
        results_monitor results_owner);
    $dbh->disconnect;

    my $dump = $docs->block('Back up', 'sh', qr/pg_dump/);
    my $load = $docs->block($move, 'sh', qr/pg_restore/);

    for ($dump, $load) {
        s{results\.dump}{$t->{dir}/results.dump}g;
        s{roles\.sql}{$t->{dir}/roles.sql}g;
    }

    my ($code, $text) = $old->shell($dump);
    is($code, 0, 'dumped') or diag($text);
    ($code, $text) = $new->shell($load);
    is($code, 0, 'restored') or diag($text);
    unlike($text =~ s/.*role "postgres" already exists//r, qr/ERROR/,
           'without an error');

    is_deeply(content($new), $before, 'all of it is there');
    is_deeply(rights($new), rights($old), 'everybody may what they might');

    my $again = $new->value(q{SELECT string_agg(pg_get_viewdef(oid), ' '
        ORDER BY relname) FROM pg_class WHERE relkind = 'v'
        AND relnamespace = 'results'::regnamespace});
    is($again, $old->value(q{SELECT string_agg(pg_get_viewdef(oid), ' '
        ORDER BY relname) FROM pg_class WHERE relkind = 'v'
        AND relnamespace = 'results'::regnamespace}),
       'its views are the same, so that the next upgrade leaves them alone');

    serves($new, 'restored');
    $nginx->set(conninfo => $old->conninfo);
    $nginx->reload(wait => 1);

    push @{ $t->{standbys} }, $new;
};


subtest 'a logical subscriber' => sub {
    my $new = cluster('subscriber');

    push @{ $t->{standbys} }, $new;

    $old->psql($docs->block($move, 'sql', qr/CREATE PUBLICATION/));

    my $subscribe = $docs->block($move, 'sql', qr/CREATE SUBSCRIPTION/);
    $subscribe =~ s/host=old\.example/host=$old->{run}/ or die;

    my ($code, $text) = $new->psql($subscribe);
    is($code, 0, 'subscribed') or diag($text);

    # while it copies, and after
    $t->put("meanwhile-$_", $t->result) for 1 .. 20;
    ok(wait_for(sub {
        $new->value(q{SELECT bool_and(srsubstate = 'r')
                      FROM pg_subscription_rel});
    }), 'it has copied everything');

    $t->put('meanwhile-1', $t->result(score => 7));
    is($t->request('DELETE', $t->uri('meanwhile-2'), $t->headers)->status, 204,
       'a result is deleted');

    # nothing writes any more
    $nginx->quit;

    my $lsn = $old->value('SELECT pg_current_wal_lsn()');
    ok(wait_for(sub {
        $new->value(q{SELECT latest_end_lsn >= ?::pg_lsn
                      FROM pg_stat_subscription WHERE relid IS NULL}, $lsn);
    }), 'and follows');

    is_deeply(content($new), content($old), 'all of it is there');

    ($code, $text) = $new->shell(
        $docs->block($move, 'sh', qr/DROP SUBSCRIPTION/));
    is($code, 0, 'on its own') or diag($text);

    $nginx->set(conninfo => $new->conninfo);
    $nginx->start;
    serves($new, 'subscriber');
    $t->switch_to($new);
    @{ $t->{standbys} } = grep { $_ != $new } @{ $t->{standbys} };
};
