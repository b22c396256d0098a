package Results::Test::Proxy;

# A proxy between nginx and PostgreSQL, in a child process, that does to the
# connections what networks do.  A command has taken effect when its method
# returns.  "up" is towards PostgreSQL, "down" towards nginx.  With a
# certificate it speaks TLS to nginx, in records as large as they can be.

use strict;
use warnings;

use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use IO::Handle;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP;
use POSIX ();
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);

use Results::Test::Port qw(free_port);
use Results::Test::Wait qw(wait_for);


# options: to (path of the server's Unix socket), tls ([certificate, key])
sub new {
    my ($class, %opt) = @_;

    my $self = bless { %opt, port => free_port() }, $class;

    socketpair my $mine, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or die "socketpair: $!\n";
    $_->autoflush(1) for $mine, $theirs;

    $self->{pid} = fork() // die "fork: $!\n";

    if ($self->{pid} == 0) {
        close $mine;
        $SIG{$_} = 'DEFAULT' for qw(TERM INT);
        $SIG{PIPE} = 'IGNORE';
        eval { $self->_run($theirs); 1 } or print STDERR "proxy: $@";
        POSIX::_exit(0);
    }

    close $theirs;
    $self->{control} = $mine;
    $self->_command('pass');

    return $self;
}


sub port { $_[0]{port} }
sub conninfo_host { "host=127.0.0.1 port=$_[0]{port} sslmode=disable" }

# back to normal; connections that are still open go on
sub pass { $_[0]->_command('pass') }

# every byte arrives that many milliseconds later
sub delay { $_[0]->_command('delay', $_[1]) }

# bytes are kept and not forwarded: up, down or both
sub stall { $_[0]->_command('stall', $_[1] || 'both') }

# the same, up or down, for the connections that are open now; later ones pass
sub hold { $_[0]->_command('hold', $_[1] || 'up') }

# closes every connection
sub cut { $_[0]->_command('cut') }

# the same with an RST to nginx
sub reset { $_[0]->_command('reset') }

# resets the connection that carries the n-th byte from now, after that byte
sub cut_after { $_[0]->_command('cut_after', $_[1], $_[2]) }

# keeps what follows the n-th byte from now on the connection that carries it
sub hold_after { $_[0]->_command('hold_after', $_[1], $_[2]) }

# new connections are refused
sub refuse { $_[0]->_command('refuse') }

# at most n bytes at once
sub pieces { $_[0]->_command('pieces', $_[1]) }

# up, down (bytes seen), accepted, open, closed (connections)
sub stats { $_[0]->_command('stats') }


# waits until n more bytes were seen in a direction since the stats
sub wait_for_bytes {
    my ($self, $direction, $before, $n) = @_;

    return wait_for(sub {
        $self->stats->{$direction} >= $before->{$direction} + ($n || 1);
    });
}


sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;
    my $control = delete $self->{control};

    # not by closing alone: other children have this socket as well
    print $control encode_json(['end']), "\n";
    close $control;

    local $?;
    waitpid $pid, 0;
}


sub _command {
    my ($self, @command) = @_;

    my $control = $self->{control};

    print $control encode_json(\@command), "\n";
    my $answer = <$control> // die "the proxy is gone\n";

    return decode_json($answer);
}


# below: the child

sub _run {
    my ($self, $control) = @_;

    %$self = (%$self, control => $control, pairs => {}, delay => 0,
              stall => '', pieces => 65536, cut_after => {},
              counts => { up => 0, down => 0, accepted => 0, closed => 0 });

    $self->_listen;

    while (1) {
        my $reading = IO::Select->new($control);
        my $writing = IO::Select->new;

        $reading->add($self->{listener}) if $self->{listener};

        my $wait = 60;

        for my $pair (values %{ $self->{pairs} }) {
            for my $half (@$pair{qw(up down)}) {
                $reading->add($half->{from}) if !$half->{eof};

                my $due = $self->_due($half) // next;
                $writing->add($half->{to}) if $due <= 0;
                $wait = $due if $due > 0 && $due < $wait;
            }
        }

        my ($readable, $writable) = IO::Select->select($reading, $writing,
                                                       undef, $wait);

        for my $socket (@{ $writable || [] }) {
            my ($pair, $half) = $self->_half('to', $socket) or next;
            $self->_forward($pair, $half);
        }

        for my $socket (@{ $readable || [] }) {
            if ($socket == $control) {
                $self->_obey or return;

            } elsif ($self->{listener} && $socket == $self->{listener}) {
                $self->_accept;

            } elsif (my ($pair, $half) = $self->_half('from', $socket)) {
                $self->_take($pair, $half);
            }
        }
    }
}


sub _listen {
    my ($self) = @_;

    $self->{listener} ||= IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $self->{port}, Proto => 'tcp', ReuseAddr => 1,
        Listen => 128) || die "listen on $self->{port}: $!\n";
}


sub _accept {
    my ($self) = @_;

    my $client = $self->{listener}->accept or return;
    $self->{counts}{accepted}++;

    my $server = IO::Socket::UNIX->new(Type => SOCK_STREAM,
                                       Peer => $self->{to});

    if (!$server) {
        close $client;      # the server is not there: nor are we
        return;
    }

    $client = $self->_secure($client) or return if $self->{tls};

    $_->blocking(0) for $client, $server;

    $self->{pairs}{fileno $client} = {
        key  => fileno $client,
        up   => { name => 'up', from => $client, to => $server, queue => [] },
        down => { name => 'down', from => $server, to => $client,
                  queue => [] },
    };
}


# PostgreSQL's way to TLS: it is asked for, granted, and begins
sub _secure {
    my ($self, $client) = @_;

    require IO::Socket::SSL;

    sysread($client, my $request, 8) == 8 or return;
    syswrite $client, 'S';

    return IO::Socket::SSL->start_SSL($client, SSL_server => 1,
        SSL_cert_file => $self->{tls}[0], SSL_key_file => $self->{tls}[1]);
}


sub _half {
    my ($self, $end, $socket) = @_;

    for my $pair (values %{ $self->{pairs} }) {
        for my $half (@$pair{qw(up down)}) {
            return ($pair, $half) if $half->{$end} == $socket;
        }
    }

    return;
}


sub _take {
    my ($self, $pair, $half) = @_;

    my $n = sysread $half->{from}, my $bytes, 65536;

    if (!defined $n) {
        return if $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR;
        $n = 0;
    }

    # what TLS has read, select() does not see
    while ($n && $self->{tls} && $half->{name} eq 'up'
           && $half->{from}->pending)
    {
        sysread $half->{from}, $bytes, 65536, length $bytes;
    }

    if ($n == 0) {
        $half->{eof} = 1;
        push @{ $half->{queue} }, [time + $self->{delay}, undef];
        return;
    }

    my $name = $half->{name};
    $self->{counts}{$name} += length $bytes;

    my $due = time + $self->{delay};
    my $last = $half->{queue}[-1];

    # a large record needs all that it can hold
    $due += 0.02 if $self->{tls} && $name eq 'down';

    if ($last && defined $last->[1] && $self->{tls}) {
        $last->[0] = $due;
        $last->[1] .= $bytes;
        return;
    }

    push @{ $half->{queue} }, [$due, $bytes];
}


# seconds until something of it may be forwarded; undef: nothing is
sub _due {
    my ($self, $half) = @_;

    my $first = $half->{queue}[0] or return;

    return if $self->{stall} eq 'both' || $self->{stall} eq $half->{name}
        || $half->{held};

    my $due = $first->[0] - time;
    return $due > 0 ? $due : 0;
}


sub _forward {
    my ($self, $pair, $half) = @_;

    my $first = $half->{queue}[0] or return;

    return $self->_close($pair) if !defined $first->[1];

    my $name = $half->{name};
    my $limit = $self->{pieces};
    my $left = $self->{after}{$name};
    $limit = $left if defined $left && $left < $limit;

    my $n = syswrite $half->{to}, $first->[1], $limit;

    if (!defined $n) {
        return if $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR;
        return $self->_close($pair);
    }

    substr $first->[1], 0, $n, '';
    shift @{ $half->{queue} } if $first->[1] eq '';

    if (defined $left) {
        $self->{after}{$name} -= $n;

        if ($self->{after}{$name} <= 0) {
            delete $self->{after}{$name};

            if ($self->{then} eq 'hold_after') {
                $half->{held} = 1;
            } else {
                $self->_close($pair, 1);
            }
        }
    }
}


sub _close {
    my ($self, $pair, $reset) = @_;

    delete $self->{pairs}{ $pair->{key} };
    $self->{counts}{closed}++;

    my ($client, $server) = @{ $pair->{up} }{qw(from to)};

    setsockopt $client, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) if $reset;
    close $client;
    close $server;
}


sub _obey {
    my ($self) = @_;

    my $control = $self->{control};
    my $line = <$control> // return 0;
    my ($command, @args) = @{ decode_json($line) };

    return 0 if $command eq 'end';

    if ($command eq 'pass') {
        @$self{qw(delay stall pieces after)} = (0, '', 65536, {});
        delete $_->{held} for map { @$_{qw(up down)} }
            values %{ $self->{pairs} };
        $self->_listen;

    } elsif ($command eq 'delay') {
        $self->{delay} = $args[0] / 1000;

    } elsif ($command eq 'stall') {
        $self->{stall} = $args[0];

    } elsif ($command eq 'hold') {
        $_->{ $args[0] }{held} = 1 for values %{ $self->{pairs} };

    } elsif ($command eq 'pieces') {
        $self->{pieces} = $args[0];

    } elsif ($command eq 'cut_after' || $command eq 'hold_after') {
        $self->{after}{$args[0]} = $args[1];
        $self->{then} = $command;

    } elsif ($command eq 'cut' || $command eq 'reset') {
        $self->_close($_, $command eq 'reset')
            for values %{ $self->{pairs} };

    } elsif ($command eq 'refuse') {
        close delete $self->{listener} if $self->{listener};
    }

    print $control encode_json({ %{ $self->{counts} },
        open => scalar keys %{ $self->{pairs} } }), "\n";

    return 1;
}


1;
