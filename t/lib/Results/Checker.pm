package Results::Checker;

# Is the promise kept?  Clients write while a test does what it wants to the
# servers; every attempt is logged, whatever is not a 2xx is sent again, and
# at the end the log is held against the table:
#
#     my $checker = Results::Checker->start($t, connections => 16);
#     $checker->flows;
#     $pg->restart('immediate');
#     $checker->flows;
#     $checker->finish('restarted');      # tests that L D W M are 0
#
# Clients: Results::Checker::Clients.  What L, D, W and M are:
# Results::Checker::Compare.

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
use Results::Test::Fixtures;
use Results::Test::Wait qw(patience wait_for);

my $TITLE = 'checker';


sub now { clock_gettime(CLOCK_MONOTONIC) }


# Options: those of Results::Checker::Clients; port, where it is not that of
# the test's nginx
sub start {
    my ($class, $t, %opt) = @_;

    my $self = bless { t => $t, marks => [], began => now(),
        prefix => Results::Test::Fixtures::random(6),
        log => $t->dir . '/checker-' . Results::Test::Fixtures::random(6),
    }, $class;

    my $clients = Results::Checker::Clients->new(
        port => $t->{nginx}->port, log => $self->{log}, %opt,
        request => $self->_request($opt{keepalive} // 1, $opt{token}));

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
    my $versions = $self->_versions;

    return Results::Checker::Report->new(log => $log, versions => $versions,
        marks => $self->{marks},
        verdict => Results::Checker::Compare::compare($log, $versions));
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


# the bytes of write number seq of a key: the number is its score, and its
# comment says whose it is
sub _request {
    my ($self, $keepalive, $token) = @_;

    my ($t, $prefix) = @$self{qw(t prefix)};
    my $marker = $t->fixtures->marker;

    my @headers = ((defined $token ? (token => $token) : ()),
                   ($keepalive ? () : (more => [Connection => 'close'])));

    # made once: a template is faster than a request
    my $body = $t->encode($t->result(score => 12345678,
                                     comment => '@KEY@ @SEQ@ ' . $marker));
    my $template = $t->put_request('@KEY@', '@BODY@', @headers);
    my $length = length '@BODY@';

    return sub {
        my ($key, $seq) = @_;

        my $text = $body;
        $text =~ s/12345678/$seq/;
        $text =~ s/\@KEY\@ \@SEQ\@/$prefix-$key $seq/;

        my $n = length $text;
        my $request = $template;
        $request =~ s/\@KEY\@/$prefix-$key/;
        $request =~ s/^Content-Length: $length\r$/Content-Length: $n\r/m;
        $request =~ s/\@BODY\@/$text/;

        return $request;
    };
}


# what the table has, and had: for each key its writes in their order
sub _versions {
    my ($self) = @_;

    my $prefix = $self->{prefix};
    my %versions;

    my $rows = $self->{t}->pg->dbh->selectall_arrayref(qq{
        SELECT id, version, score, detail->>'comment' FROM results.result
        WHERE id LIKE '$prefix-%'
        UNION ALL
        SELECT id, version, score, detail->>'comment'
        FROM results.result_history
        WHERE id LIKE '$prefix-%'
        ORDER BY 1, 2
    });

    for my $row (@$rows) {
        my ($id, $version, $seq, $comment) = @$row;
        my ($key) = $id =~ /-(\d+)$/;

        # one that is somebody else's is no write of this key
        push @{ $versions{$key} },
            $comment =~ /^\Q$id $seq\E / ? $seq : "$seq?";
    }

    return \%versions;
}


1;
