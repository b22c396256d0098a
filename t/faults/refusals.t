#!/usr/bin/env perl

# A server that does not let the gateway in, or is not the one it needs: the
# log says so once, the module tries again, not too often, and goes on by
# itself when it may.

use FindBin;
use lib "$FindBin::Bin/../lib";
use Results::Checker;
use Results::Test;
use Time::HiRes qw(sleep);

my $t = Results::Test->new(timeout => 180);
my $pg = $t->pg(settings => { max_connections => 20,
                              superuser_reserved_connections => 5 });
my $user = Results::Test::Process::unprivileged();
my $passfile = $t->dir . '/passfile';
my $gateway = 'results_gateway';
my @others;

open my $file, '>', $passfile or die "$passfile: $!\n";
print $file "*:*:*:*:secret\n";
close $file;
chmod 0600, $passfile;
chown $user->{uid}, $user->{gid}, $passfile if $user;

$pg->do('CREATE ROLE other LOGIN');
$pg->do("ALTER ROLE $gateway PASSWORD 'secret'");
$pg->hba("local all $gateway scram-sha-256", 'local all all trust');

my $version = $pg->value(
    q{SELECT pg_get_functiondef('results_api.api_version'::regproc)});


sub terminate {
    ok(wait_for(sub {
        $pg->do('SELECT pg_terminate_backend(?)', $_) for $pg->backends;
        return !$pg->gateway_sessions;
    }), 'no session of the gateway is left');
}


# all connections that are not the superuser's
sub take_connections {
    $pg->do("ALTER ROLE $gateway CONNECTION LIMIT 0");
    terminate();

    # an attempt of the module's that is being refused has a place as well, for
    # a moment: there is none left when none comes free any more
    for (my $refused = 0; $refused < 20; $refused++) {
        my $other = eval { $pg->connect(user => 'other') };

        if ($other) {
            push @others, $other;
            $refused = 0;
        }

        select undef, undef, undef, 0.03 if !$other;
    }

    cmp_ok(scalar @others, '>', 8, 'others have taken all connections');
    $pg->do("ALTER ROLE $gateway CONNECTION LIMIT -1");
}


# what, how, what the log says, and back
my @refusals = (
    ['wrong password',
     sub { $pg->do("ALTER ROLE $gateway PASSWORD 'other'") },
     qr/password authentication failed/,
     sub { $pg->do("ALTER ROLE $gateway PASSWORD 'secret'") }],

    ['no login',
     sub { $pg->do("ALTER ROLE $gateway NOLOGIN") },
     qr/is not permitted to log in/,
     sub { $pg->do("ALTER ROLE $gateway LOGIN") }],

    ['no right to execute',
     sub { $pg->do('REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA results_api '
                   . "FROM $gateway") },
     qr/the role may not execute the functions of results_api/,
     sub { $pg->do('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA results_api '
                   . "TO $gateway") }],

    ['no such schema',
     sub { $pg->do('ALTER SCHEMA results_api RENAME TO elsewhere') },
     qr/no function of results_api, .*: run sql\/install\.sql/,
     sub { $pg->do('ALTER SCHEMA elsewhere RENAME TO results_api') }],

    ['another version',
     sub { $pg->do($version =~ s/SELECT \d+/SELECT 99/r) },
     qr/results_api has version 99, this module needs/,
     sub { $pg->do($version) }],

    ['max_connections reached',
     \&take_connections,
     qr/too many (?:clients|connections)|connection slots/,
     sub { $_->disconnect for splice @others }],
);

my $nginx = $t->nginx(conninfo => $pg->conninfo . " passfile=$passfile",
                      server => Results::Checker->server,
                      store => 'write_timeout 1s; read_timeout 1s;');


for my $refusal (@refusals) {
    my ($name, $refuse, $text, $allow) = @$refusal;

    subtest $name => sub {
        my $checker = Results::Checker->start($t);

        $checker->flows;
        $checker->mark;

        my $size = $nginx->log_size;

        $refuse->();
        terminate();

        ok($nginx->wait_for_log(qr/\[error\].* no $_: .*$text/,
                                after => $size),
           "no $_, and the log says why") for qw(writer reader);

        # long enough for requests to wait no more
        my $attempts = $t->status->{connections}{failures};
        sleep 3;
        $attempts = $t->status->{connections}{failures} - $attempts;

        cmp_ok($attempts, '>=', 4, 'it is tried again');
        cmp_ok($attempts, '<=', 40, 'and not too often');

        my @lines = grep { /\[error\]/ }
            split /^/, substr $nginx->log_text, $size;
        is(scalar @lines, 2, 'the log has been told once') or diag(@lines);

        $allow->();

        my $seconds = $checker->flows(1);

        ok($nginx->wait_for_log(qr/\[notice\].* $_ connected again/,
                                after => $size), "the $_ is back")
            for qw(writer reader);

        $checker->flows(100);
        my $report = $checker->finish($name);

        is($report->hit, 1, 'it found requests open');
        cmp_ok($report->outcomes(qr/^503/), '>', 0, 'some got a 503');
        is($report->outcomes(qr/^(?!2|503)/), 0, 'and nothing else');
        $checker->bound("$name: writes again after it, s", $seconds, 1);
    };
}
