package Results::Test::Process;

# Processes that a test starts: spawn() runs one in a process group of its
# own, that dies with the test even when the test is killed; the owner ends
# it with end().  Nothing is ever ended by name.

use strict;
use warnings;

use Fcntl qw(F_SETFD FD_CLOEXEC);
use POSIX qw(WNOHANG);

use Results::Test::Wait qw(wait_for);


# who the servers run as: PostgreSQL refuses root
sub unprivileged {
    return if $> != 0;

    my @pw = getpwnam('nobody') or die "there is no user nobody\n";
    return { name => $pw[0], uid => $pw[2], gid => $pw[3],
             group => scalar getgrgid($pw[3]) };
}


# options: out (file for stdout and stderr), user (1: unprivileged), env
sub spawn {
    my ($class, $argv, %opt) = @_;

    my @argv = ('setpriv', '--pdeathsig', $opt{deathsig} || 'TERM');

    if ($opt{user} and my $user = unprivileged()) {
        push @argv, "--reuid=$user->{uid}", "--regid=$user->{gid}",
            '--clear-groups';
    }

    push @argv, '--', @$argv;

    pipe(my $ready, my $child) or die "pipe: $!\n";

    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        close $ready;
        setpgrp(0, 0);
        $SIG{INT} = 'DEFAULT';      # what runs in the background ignores it
        %ENV = (%ENV, %{ $opt{env} || {} });
        open STDIN, '<', '/dev/null';

        if ($opt{out}) {
            open STDOUT, '>>', $opt{out};
            open STDERR, '>&', \*STDOUT;
        }

        exec @argv or POSIX::_exit(127);
    }

    close $child;
    sysread $ready, my $nothing, 1;     # end of file: exec() has happened

    return bless { pid => $pid, name => $argv->[0], %opt }, $class;
}


# one that somebody else has started: pid, and the group it is in
sub adopt {
    my ($class, $pid, $group) = @_;

    return bless { pid => $pid, adopted => 1,
                   group => $group || getpgrp $pid }, $class;
}


# runs a command to its end: (exit code, what it printed)
sub run {
    my ($class, $argv, %opt) = @_;

    pipe(my $reader, my $writer) or die "pipe: $!\n";

    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        my @argv = @$argv;

        if ($opt{user} and my $user = unprivileged()) {
            unshift @argv, 'setpriv', "--reuid=$user->{uid}",
                "--regid=$user->{gid}", '--clear-groups', '--';
        }

        %ENV = (%ENV, %{ $opt{env} || {} });
        chdir '/' if $opt{user};
        open STDIN, '<', $opt{in} || '/dev/null';
        open STDOUT, '>&', $writer;
        open STDERR, '>&', $writer;
        exec @argv or POSIX::_exit(127);
    }

    close $writer;
    my $text = do { local $/; <$reader> } // '';
    waitpid $pid, 0;

    return ($? >> 8 | $? & 127, $text);
}


sub pid { $_[0]{pid} }


sub group { $_[0]{group} || $_[0]{pid} }


# undef while it runs, else the wait status; 0 of one that was adopted
sub status {
    my ($self) = @_;

    return alive($self->{pid}) ? undef : 0 if $self->{adopted};

    if (!defined $self->{status}) {
        local $?;
        $self->{status} = $? if waitpid($self->{pid}, WNOHANG) == $self->{pid};
    }

    return $self->{status};
}


sub signal {
    my ($self, $signal) = @_;
    return defined $self->status ? 0 : kill($signal, $self->{pid});
}


# sends the signal and waits; kills after `timeout` seconds and returns undef
sub end {
    my ($self, $signal, $timeout) = @_;

    $self->signal($signal);

    if (wait_for(sub { defined $self->status }, timeout => $timeout)) {
        return $self->status;
    }

    $self->kill_group;
    wait_for(sub { defined $self->status });
    return;
}


# the processes of /proc that run: [pid, parent, group]; no zombies, whose
# parent may take its time
sub running {
    my @running;

    for my $stat (glob '/proc/[0-9]*/stat') {
        open my $file, '<', $stat or next;
        my $line = <$file> // next;
        my ($pid, $state, $parent, $group)
            = $line =~ /^(\d+) \(.*\) (\S) (\d+) (\d+) /s or next;
        push @running, [$pid, $parent, $group] if $state !~ /[ZX]/;
    }

    return @running;
}


sub children {
    my ($pid) = @_;
    return map { $_->[0] } grep { $_->[1] == $pid } running();
}


# those of the pids that still run
sub alive {
    my %asked = map { $_ => 1 } @_;
    return map { $_->[0] } grep { $asked{ $_->[0] } } running();
}


# is any process of its group left?
sub group_alive {
    my ($self) = @_;
    return grep { $_->[2] == $self->group } running();
}


sub kill_group { kill 'KILL', -$_[0]->group }


1;
