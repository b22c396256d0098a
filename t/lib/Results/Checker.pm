package Results::Checker;

# Is the promise kept?  Clients write while a test does what it wants to the
# servers; every attempt is logged, whatever is not a 2xx is sent again, and
# at the end the log is held against the table:
#
#     $t->nginx(server => Results::Checker->server);
#     my $checker = Results::Checker->start($t);
#     $checker->flows;
#     $pg->restart('immediate');
#     $checker->flows;
#     $checker->finish('restarted');      # tests that L D W M are 0
#
# What is written: Results::Checker::Requests.  By whom: ...::Clients.  What L,
# D, W and M are: ...::Compare.

use strict;
use warnings;

use IO::Handle;
use JSON::PP;
use POSIX ();
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM);
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use Results::Checker::Clients;
use Results::Checker::Compare;
use Results::Checker::Report;
use Results::Checker::Requests;
use Results::Test::Fixtures;
use Results::Test::Wait qw(patience wait_for);

my $TITLE = 'checker';


sub now { clock_gettime(CLOCK_MONOTONIC) }


# what nginx's server {} needs beside the usual
sub server { Results::Checker::Requests->server }


# options: those of Results::Checker::Requests and ...::Clients
sub start {
    my ($class, $t, %opt) = @_;

    %opt = (connections => 16, kinds => [Results::Checker::Requests->kinds($t)],
            %opt);

    my $kinds = $opt{kinds};
    my $requests = Results::Checker::Requests->new($t, %opt);

    my $self = bless { marks => [], requests => $requests,
        log => $t->dir . '/checker-' . Results::Test::Fixtures::random(6),
    }, $class;

    my $clients = Results::Checker::Clients->new(
        port => $t->{nginx}->port, log => $self->{log}, %opt,
        shared => [map { $_ eq 'shared' } @$kinds],
        request => sub { $requests->bytes(@_) });

    socketpair my $mine, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or die "socketpair: $!\n";
    $_->autoflush(1) for $mine, $theirs;

    $self->{pid} = fork() // die "fork: $!\n";

    if ($self->{pid} == 0) {
        close $mine;
        $SIG{$_} = 'DEFAULT' for qw(HUP INT TERM);
        $SIG{PIPE} = 'IGNORE';
        $0 = $TITLE;
        eval { $clients->run($theirs); 1 } or print STDERR "$TITLE: $@";
        POSIX::_exit(0);
    }

    close $theirs;
    $self->{control} = $mine;

    return $self;
}


# acknowledged writes so far
sub acknowledged { $_[0]->_command('count')->{acknowledged} }

# requests that have no answer yet
sub open { $_[0]->_command('count')->{open} }


# a test: see Results::Checker::Report
sub bound { shift; Results::Checker::Report->bound(@_) }


# waits until n more writes are acknowledged: the seconds it took
sub flows {
    my ($self, $n, %opt) = @_;

    my $began = now();
    my $goal = $self->acknowledged + ($n || 20);

    wait_for(sub { $self->acknowledged >= $goal }, %opt)
        or die "no writes are acknowledged any more\n";

    return now() - $began;
}


# waits until requests are open, and remembers that moment: the report tells
# at how many of them some were
sub mark {
    my ($self) = @_;

    wait_for(sub {
        my $count = $self->_command('count');
        $count->{open} && push @{ $self->{marks} }, $count->{now};
    });
}


# ends the clients, with time for their retries, and compares: the report,
# nothing of it tested
sub report {
    my ($self, %opt) = @_;

    my $patience = patience($opt{patience} || 20);

    $self->_command('stop', $patience);

    local $?;
    waitpid delete $self->{pid}, 0;

    my $log = Results::Checker::Clients->read_log($self->{log});
    my $requests = $self->{requests};
    my $verdict = Results::Checker::Compare::compare($log,
        $requests->versions, sub { $requests->once(@_) });

    return Results::Checker::Report->new(log => $log, verdict => $verdict,
                                         marks => $self->{marks});
}


# the same, with its line printed and L, D, W and M tested
sub finish {
    my ($self, $name, %opt) = @_;

    my $report = $self->report(%opt);

    $report->print($name);
    $report->test($name);

    return $report;
}


sub _command {
    my ($self, @command) = @_;

    my $control = $self->{control};

    print $control encode_json(\@command), "\n";
    my $answer = <$control> // die "the checker's clients are gone\n";

    return decode_json($answer);
}


1;
