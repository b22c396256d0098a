#!/usr/bin/env perl

# Every command of docs/operations.md, as it stands there, while results are
# written: for how long a write waited for each, and that no statement of them
# has a token or a secret in it.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Checker;
use Results::Test;

use Results::Test::Docs;
use Results::Test::Wait qw(patience);

my $t = Results::Test->new(timeout => 180);
my $pg = $t->pg(settings => { wal_level => 'logical', log_statement => 'all' });
my $docs = Results::Test::Docs->new($t->root, 'docs/operations.md');

# a write waits for no longer, in seconds, but where the page says so
my $LONGEST = patience(1);

# what another test runs
my %elsewhere = (
    'apt-get install build-essential' => 't/package/debian.t',
    './configure ARGUMENTS' => 't/build.t',
    'createdb -E UTF8 -T template0 results' => 'every test, and below as an upgrade',
    'curl -i -X PUT' => 't/examples.t',
    'kill -USR2' => 't/faults/upgrade.t',
    'psql -d postgres -f roles.sql' => 't/restore.t',
    'CREATE SUBSCRIPTION' => 't/restore.t',
    "psql -d results -c 'DROP SUBSCRIPTION" => 't/restore.t',
    'CREATE TEMPORARY TABLE log' => 't/officer.t',
    'SELECT l.line' => 't/officer.t',
);

# what the page leaves to its reader
my %given = (
    "IFS= read -rsp 'Token: ' TOKEN" => sub {
        my $token = $pg->value(q{SELECT results.issue_token('tutor-app', '1 h')});
        push @{ $t->fixtures->{tokens} }, $token;
        return "TOKEN='$token'";
    },
    map { my $file = $_; $file => sub { "$t->{dir}/$file" } }
        qw(p-1.json results.csv results.dump roles.sql),
);

my $nginx = $t->nginx(server => Results::Checker->server);


# blocks that are commands, in the order of the page
my @commands = grep { $_->{language} =~ /^(?:sh|sql)$/ } @{ $docs->{blocks} };

cmp_ok(scalar @commands, '>', 25, 'the page has commands');

my $checker = Results::Checker->start($t);
my (@ran, %met, $output);

for my $command (@commands) {
    my $text = $command->{text};
    my ($name) = $text =~ /^\s*(\S.{0,50})/;
    my @others = grep { index($text, $_) >= 0 } keys %elsewhere;

    if (@others) {
        @met{@others} = (1) x @others;
        next;
    }

    for my $what (sort keys %given) {
        $text =~ s/(?<![\w\/])\Q$what\E/$given{$what}->()/ge
            and $met{$what} = 1;
    }

    $checker->flows(5);

    my $began = Results::Checker::now();
    my ($code, $said) = $command->{language} eq 'sql' ? $pg->psql($text)
                                                      : $pg->shell($text);

    is($code, 0, "$command->{heading}: $name") or diag($said);
    unlike($said, qr/^psql:.*ERROR|^ERROR/m, 'without an error')
        or diag($said);

    push @ran, { name => $name, heading => $command->{heading},
                 began => $began, ended => Results::Checker::now() };
    $output .= $said;

    fill() if $text =~ /create_institution\('North School'\)/;
}

is(join(', ', grep { !$met{$_} } sort keys %elsewhere, keys %given), '',
   'all that is left out, or given, is on the page');


# something for the commands to do
sub fill {
    $pg->do(q{
        INSERT INTO results.result (institution_id, kind, id, learner_id,
            item_id, status, score, detail, payload_hash, version, op,
            client_id, created_at, updated_at)
        SELECT i.id, 'result', 'r-' || n, 'p-' || n % 100, 'i-' || n % 77,
               'active', n, '{"comment":"of p-1"}', n, 1, 1, 1, now(),
               now() - n % 10 * interval '1 year'
        FROM generate_series(1, 20000) n, results.institution i
        WHERE i.name = 'North School'});
}


$checker->flows(5);

my $report = $checker->finish('the commands of docs/operations.md');
my $log = $report->{log};

for my $command (@ran) {
    my $waited = 0;

    for my $attempt (@$log) {
        my (undef, undef, $begin, $end) = @$attempt;

        $waited = $end - $begin
            if $begin < $command->{ended} && $end > $command->{began}
               && $end - $begin > $waited;
    }

    note(sprintf '%6.3f s of %6.3f s: %s: %s', $waited,
         $command->{ended} - $command->{began}, @$command{qw(heading name)});
    cmp_ok($waited, '<', $LONGEST,
           "a write does not wait for $command->{heading}: $command->{name}");
}

is($report->failed, 0, 'and none is refused');


# secrets and tokens are 43 characters of base64url, and printed once

my @secrets = $output =~ /(?<![\w-])([\w-]{43})(?![\w-])/g;
my $statements = $pg->log_text;

cmp_ok(scalar @secrets, '>=', 5, 'secrets and tokens were made');
like($statements, qr/statement: .*results\.revoke_token/s,
     'statements are logged');
is(scalar(grep { index($statements, $_) >= 0 }
          @secrets, @{ $t->fixtures->{tokens} || [] }), 0,
   'and no secret and no token in them');
