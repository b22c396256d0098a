#!/usr/bin/env perl

# The checker that the faults are judged by: it finds what a module that
# breaks the promise does, and nothing where the promise is kept.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Checker;
use Results::Test;

plan skip_all => 'bin/build builds for the nginx of the system'
    if ($ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx') ne '/usr/sbin/nginx';


my $CLIENTS = 16;

# L, D, W, M of a log (words "key number outcome") and what keys have
sub verdict {
    my ($log, %versions) = @_;

    my $n = 0;
    my @log = map { my ($key, $seq, $outcome) = split;
                    [$key, $seq, $n++, $n++, $outcome] } @$log;
    my $verdict = Results::Checker::Compare::compare(\@log, \%versions);

    return join ' ', @$verdict{qw(L D W M)};
}

my @log = ('1 1 201', '1 2 503?', '1 2 200', '1 3 503', '1 3 200');

is(verdict(\@log, 1 => [1, 2, 3]), '0 0 0 0', 'what was written is there');
is(verdict(\@log, 1 => [1, 2, 2, 3]), '0 0 0 0',
   'twice, where the outcome of the first was unknown');
is(verdict(\@log, 1 => [1, 3]), '1 0 0 1', 'one is lost');
is(verdict(\@log), '3 0 0 3', 'all are');
is(verdict(\@log, 1 => [1, 2, 3, 3]), '0 1 0 0',
   'one is doubled that was said not to be stored');
is(verdict(\@log, 1 => [1, 2, 2, 2, 3]), '0 1 0 0', 'and once more');
is(verdict(\@log, 1 => [1, 2, 3, 2]), '0 0 1 0', 'an older one replaces');
is(verdict(['1 1 201', '1 2 200', '1 1 200'], 1 => [2, 1]), '0 0 0 0',
   'not where both were open at once');
is(verdict(\@log, 1 => [1, 2, '3?']), '1 1 0 1', "another's value is there");
is(verdict(\@log, 1 => [1, 2, 3], 2 => [1]), '0 1 0 0', 'one nobody wrote');
is(verdict(['1 1 201', '1 2 503'], 1 => [1]), '0 0 0 1',
   'one was never stored');


my $t = Results::Test->new(timeout => 300);
my $pg = $t->pg;
my $proxy = $t->proxy;
my $nginx;

# some commits fail
$pg->do(q{
    CREATE FUNCTION results.at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF random() < 0.02 THEN
            RAISE EXCEPTION 'try again' USING ERRCODE = '40001';
        END IF;
        RETURN NULL;
    END $$
});
$pg->do(q{
    CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT OR UPDATE
    ON results.result DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION results.at_commit()
});


# Breaks a copy of the sources and builds it; the copy stays, so that the next
# run only looks.  [what the source says, what stands in its place]
sub module {
    my ($name, $from, $to) = @_;

    $name =~ tr/ /_/;

    my $root = $t->{root};
    my $copy = "$root/.build/broken/$name";
    my $file = 'ngx_results_module/store/ngx_http_results_batch.c';

    my $source = slurp("$root/$file");
    $source =~ s/\Q$from\E/$to/ or die "$file does not say:\n$from";

    system("mkdir -p $copy && cd $root && tar cf - --exclude-vcs "
           . "--exclude=./.build --exclude=$file \$(git ls-files -co "
           . '--exclude-standard) | tar xf - -C ' . $copy) == 0
        or die "can't copy the sources\n";

    if (!-e "$copy/$file" || slurp("$copy/$file") ne $source) {
        open my $out, '>', "$copy/$file" or die "$copy/$file: $!\n";
        print $out $source;
        close $out;
    }

    my $option = $ENV{TEST_RESULTS_ASAN} ? '--asan' : '';
    my $module = `$copy/bin/build $option 2>/dev/null`;
    chomp $module;

    return $module || die "no module that $name\n";
}


sub slurp {
    my ($file) = @_;

    open my $in, '<', $file or die "$file: $!\n";
    local $/;

    return scalar <$in>;
}


# what happens to every module: statements and answers that are lost, and one
# that comes late
sub storm {
    my ($checker) = @_;

    $checker->flows(100);

    for my $direction (('down', 'up') x 3) {
        # every client waits, for the connections or for PostgreSQL's answer
        $proxy->stall($direction);
        wait_for(sub { $checker->open == $CLIENTS });
        wait_for(sub { !$pg->value(q{SELECT count(*) FROM pg_stat_activity
            WHERE usename = ? AND state = 'active'}, $pg->gateway) });
        $proxy->reset;
        $proxy->pass;
        $checker->flows(50);
    }

    $proxy->hold;
    wait_for(sub { $checker->open == $CLIENTS });
    $checker->flows(200);

    my $before = $proxy->stats;

    $proxy->pass;
    wait_for(sub { $proxy->stats->{closed} > $before->{closed} });
    $checker->flows(50);
}


sub run {
    my ($name, $module, %opt) = @_;

    local $ENV{TEST_RESULTS_MODULE} = $module if $module;

    if ($nginx) {
        $nginx->quit;
        $nginx->start;

    } else {
        $nginx = $t->nginx(workers => 2, server => Results::Checker->server,
            store => 'connections 1; write_timeout 700ms;');
    }

    my $checker = Results::Checker->start($t, connections => $CLIENTS, %opt);

    storm($checker);

    my $report = $checker->report;
    my $verdict = $report->verdict;

    note("$name: ", join ' ', map { "$_ $verdict->{$_}" } qw(L D W M));

    return ($verdict, $report);
}


my ($verdict, $report) = run('a sound module', '');

is(join(' ', @$verdict{qw(L D W M)}), '0 0 0 0', 'a sound module: all are 0')
    or diag(map { "$_\n" } @{ $verdict->{examples} });
cmp_ok($report->outcomes(qr/\?/), '>', 0, 'though some answers were unknown');


# where the module finds no history: what the checker looks at, nobody else
# knows of
$pg->do('CREATE TABLE results.kept (LIKE results.result)');
$pg->do(q{
    CREATE FUNCTION results.keep() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO results.kept SELECT NEW.*;
        RETURN NULL;
    END $$
});
$pg->do(q{
    CREATE TRIGGER keep AFTER INSERT OR UPDATE ON results.result
    FOR EACH ROW EXECUTE FUNCTION results.keep()
});
$pg->do('UPDATE results.institution SET keep_history = false');

($verdict, $report) = run('no history', '', kept => 'results.kept',
                          kinds => ['shared', 'patch']);

is(join(' ', @$verdict{qw(L D W M)}), '0 0 0 0', 'no history: all are 0')
    or diag(map { "$_\n" } @{ $verdict->{examples} });

$pg->do('UPDATE results.institution SET keep_history = true');
$pg->do('DROP TRIGGER keep ON results.result');

my @faults = (
    ['L', 'acknowledges before the commit', <<'FROM', <<'TO'],
                                              batch->nrows)
                      == 0);
FROM
                                              batch->nrows)
                      == 0);

    if (batch->decoded) {
        ngx_http_results_batch_committed(batch);
    }
TO
    ['M', 'drops what was on a lost connection', <<'FROM', <<'TO'],
        ngx_http_results_batch_requeue(batch, 1, 0);
FROM

        for (ngx_uint_t i = 0; i < batch->nrows; i++) {
            if (batch->rows[i].record != NULL) {
                batch->rows[i].record->outcome = RESULTS_OUTCOME_CREATED;
            }
        }

        ngx_http_results_batch_committed(batch);
TO
    ['D', 'takes a second run for a new write', <<'FROM', <<'TO'],
            group->unsure = 1;
            ngx_http_results_store_count(batch->batcher->conf, groups_rerun);
FROM
            ngx_http_results_store_count(batch->batcher->conf, groups_rerun);
TO
);

for (@faults) {
    my ($letter, $name, $from, $to) = @$_;

    ($verdict) = run($name, module($name, $from, $to),
                   kinds => ['put']);
    cmp_ok($verdict->{$letter}, '>', 0, "a module that $name: $letter");
}

my $function = 'results_api.write_records';
my $sql = $pg->value('SELECT pg_get_functiondef(?::regproc)', $function);

$sql =~ s/AND r\.updated_at < EXCLUDED\.updated_at//
    or die "$function has no stamp guard\n";
$pg->do($sql);

($verdict) = run('no stamp guard', '', kinds => ['put']);
cmp_ok($verdict->{W}, '>', 0, 'SQL without the stamp guard: W');
