#!/usr/bin/env perl

# How the gateway proves who it is: a password over SCRAM, from a passfile or
# a service file, or the system's word over the socket.  A login that fails is
# said once and tried again.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;
use Results::Test::Port qw(free_port);

my $t = Results::Test->new(timeout => 180);
my $pg = $t->pg(port => free_port());
my $user = Results::Test::Process::unprivileged();
my $n = 0;

$pg->do("SET password_encryption = 'scram-sha-256'");
password('first secret');


sub password {
    my ($secret) = @_;

    $pg->do("ALTER ROLE results_gateway PASSWORD "
            . $pg->dbh->quote($secret));
}


# a file that only its owner may read: the workers, or nginx's master
sub secret_file {
    my ($name, $owner, @lines) = @_;

    my $path = $t->dir . "/$name";

    unlink $path;
    open my $file, '>', $path or die "$path: $!\n";
    print $file map { "$_\n" } @lines;
    close $file;

    chmod 0600, $path;
    chown $user->{uid}, $user->{gid}, $path if $user && $owner eq 'workers';

    return $path;
}


sub store {
    my ($conninfo, $more) = @_;

    my $nginx = $t->{nginx} || $t->new_nginx;

    $nginx->set(conninfo => $conninfo, store => $more // '');

    return $nginx->running ? $nginx->reload(wait => 1) : $nginx->start;
}


sub written {
    wait_for(sub { $t->status->{connections}{idle} >= 2 });
    is($t->put('r' . ++$n, $t->result)->status, 201, $_[0]);
}


subtest 'SCRAM, and a passfile' => sub {
    $pg->hba('host all all 127.0.0.1/32 scram-sha-256');

    my $login = 'host=127.0.0.1 port=' . $pg->port
        . ' dbname=results user=results_gateway passfile=';

    my $entry = '127.0.0.1:' . $pg->port . ':results:results_gateway:';

    store($login . secret_file('passfile', 'workers', $entry
                               . 'first secret'));
    written('the password is in the passfile');

    my $size = $t->{nginx}->log_size;
    my $count = sub {
        my $log = substr $t->{nginx}->log_text, $size;
        return scalar(() = $log =~
            /\[error\].* no writer: .*password authentication failed/g);
    };

    store($login . secret_file('passfile', 'workers', $entry . 'old secret'),
          'write_timeout 1s;');
    is($t->put('wrong', $t->result)->status, 503, 'another one is refused');

    my $attempts = $t->status->{connections}{failures};
    ok(wait_for(sub {
        $t->status->{connections}{failures} >= $attempts + 4;
    }), 'it is tried again');
    is($count->(), 1, 'and said once');

    password('old secret');
    ok($t->{nginx}->wait_for_log(qr/writer connected again/, after => $size),
       'until it is the right one');
    written('which is taken without a reload');

    password('first secret');
};


subtest 'a service file that only the master can read' => sub {
    # a name, as libpq would look it up in each worker
    $ENV{PGSERVICEFILE} = secret_file('services', 'master',
        '[other]', 'host=nowhere.invalid',
        '[results]', 'host=localhost', 'port=' . $pg->port, 'dbname=results',
        'user=results_gateway', 'password=first secret',
        'application_name=exams');

    # the environment is that of nginx's start
    $t->{nginx}->quit;
    store('service=results');
    written('everything is in it');

    is($pg->value(q{SELECT count(DISTINCT application_name) || ' ' ||
                    min(application_name) FROM pg_stat_activity
                    WHERE usename = 'results_gateway'}), '1 exams',
       'all of it is taken');

    store('service=results application_name=mine');
    written('with one more of its own');
    is($pg->value(q{SELECT min(application_name) FROM pg_stat_activity
                    WHERE usename = 'results_gateway'}), 'mine',
       'the conninfo comes first');

    $t->allow_log(qr{no service "nothing"});

    my ($code, $output) = $t->{nginx}->set(conninfo => 'service=nothing')
        ->test;
    isnt($code, 0, 'a service that is not there is an error');
    like($output, qr/no service "nothing".* in \S+nginx\.conf:\d+/,
         'of the configuration');

    ($code, $output) = $t->{nginx}->set(conninfo => 'service=results')->test;
    is($code, 0, 'and this one none');
    unlike($output, qr/secret|password/, 'with no word of its password');
};


subtest 'peer' => sub {
    my $name = $user ? $user->{name} : getpwuid $>;

    $pg->ident("workers $name results_gateway");
    $pg->hba('local all results_gateway peer map=workers');

    store("host=$pg->{run} port=" . $pg->port);
    written("the system's word is enough");

    $pg->ident('workers somebody results_gateway');
    $pg->hba('local all results_gateway peer map=workers');

    my $size = $t->{nginx}->log_size;

    store("host=$pg->{run} port=" . $pg->port, 'write_timeout 500ms;');
    is($t->put('peer', $t->result)->status, 503, 'for whom it is for');
    ok($t->{nginx}->wait_for_log(
        qr/no writer: .*Peer authentication failed for user "results_gateway/,
        after => $size), 'and the log says so');
};
