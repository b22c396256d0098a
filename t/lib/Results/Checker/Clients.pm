package Results::Checker::Clients;

# The checker's clients, one process with many connections.  Each connection
# has keys of its own, and maybe some that it shares with all others, and
# writes to each in turn, each write with a number of its own: the next one
# begins when the one before is acknowledged.  What was not acknowledged is
# sent again, byte for byte the same.
#
# The log has one line per attempt: key, number, begin, end, outcome.
#
#     200, 201 ...   the status
#     503?           a 503 that says that the outcome is unknown
#     closed         no answer
#     stale          the same, on a connection that had served before: the
#                    server may have closed it while the request was sent
#     late           no answer in time: the client gave up
#     refused        not sent, as nobody accepted the connection

use strict;
use warnings;

use Errno qw(EAGAIN EINPROGRESS EINTR EWOULDBLOCK);
use JSON::PP;
use Socket qw(inet_aton pack_sockaddr_in IPPROTO_TCP PF_INET SOCK_STREAM
              SOL_SOCKET SO_ERROR TCP_NODELAY);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use Results::Test::Response;

my %DEFAULTS = (
    think       => 0.01,    # seconds between a 2xx and the next write
    again       => 0.05,    # seconds until it is sent again
    timeout     => 15,      # of an attempt
);


sub now { clock_gettime(CLOCK_MONOTONIC) }


# options: port, log (a path), connections, shared (a list: for each key of a
# connection, whether it is shared), request (makes the bytes), and those above
sub new {
    my ($class, %opt) = @_;
    return bless { %DEFAULTS, %opt }, $class;
}


# the log of clients that have ended: a list of [key, number, begin, end,
# outcome]
sub read_log {
    my ($class, $path) = @_;

    open my $file, '<', $path or die "the checker's log: $!\n";
    return [map { [split] } <$file>];
}


# until the control socket says stop and all is acknowledged
sub run {
    my ($self, $control) = @_;

    my $address = pack_sockaddr_in($self->{port}, inet_aton('127.0.0.1'));

    %$self = (%$self, address => $address, lines => [], acknowledged => 0,
              control => $control, stop => 0);

    my @slots = map { { number => $_, due => now() + rand $self->{think},
                        seq => {}, turn => 0 } }
        0 .. $self->{connections} - 1;

    $self->{slots} = \@slots;

    while (1) {
        my $now = now();

        if ($self->{stop}) {
            last if $now > $self->{stop} || !grep { !$_->{done} } @slots;
        }

        my ($reading, $writing) = ('', '');
        vec($reading, fileno $control, 1) = 1;

        my $wake = $now + 1;

        for my $slot (@slots) {
            $self->_begin($slot) if !$slot->{begin} && !$slot->{done}
                && $slot->{due} <= $now;

            my $due = $slot->{begin} ? $slot->{begin} + $self->{timeout}
                                     : $slot->{due};

            if ($slot->{begin} && $due <= $now) {
                $self->_end($slot, 'late');
                $due = $slot->{due};
            }

            $wake = $due if $due < $wake && !$slot->{done};

            next if !$slot->{socket};
            vec($reading, fileno $slot->{socket}, 1) = 1;
            vec($writing, fileno $slot->{socket}, 1) = 1
                if length $slot->{out};
        }

        my $wait = $wake - now();
        my $n = select $reading, $writing, undef, $wait > 0 ? $wait : 0;
        next if $n <= 0;

        for my $slot (@slots) {
            my $fd = $slot->{socket} ? fileno $slot->{socket} : next;

            $self->_send($slot) if vec $writing, $fd, 1;
            $self->_receive($slot) if $slot->{socket} && vec $reading, $fd, 1;
        }

        if (vec $reading, fileno $control, 1) {
            $self->_obey or last;
        }
    }

    $self->_leave;
}


# the next attempt: of the write that is not acknowledged, or of a new one
sub _begin {
    my ($self, $slot) = @_;

    if (!$slot->{write}) {
        if ($self->{stop}) {
            $slot->{done} = 1;
            return;
        }

        my $turn = $slot->{turn}++ % @{ $self->{shared} };
        my $key = $turn * $self->{connections};
        my $seq = ++$slot->{seq}{$turn};

        if ($self->{shared}[$turn]) {
            $seq = $seq * $self->{connections} + $slot->{number};

        } else {
            $key += $slot->{number};
        }

        $slot->{write} = [$key, $seq];
        $slot->{bytes} = $self->{request}->($key, $seq);
    }

    $slot->{begin} = now();
    $slot->{out} = $slot->{bytes};
    $slot->{in} = '';
    $slot->{sent} = 0;

    if (!$slot->{socket}) {
        socket $slot->{socket}, PF_INET, SOCK_STREAM, IPPROTO_TCP
            or die "socket: $!\n";
        $slot->{socket}->blocking(0);
        setsockopt $slot->{socket}, IPPROTO_TCP, TCP_NODELAY, 1;
        $slot->{served} = 0;

        if (!connect($slot->{socket}, $self->{address})
            && $! != EINPROGRESS)
        {
            $self->_end($slot, 'refused');
            return;
        }
    }

    $self->_send($slot);
}


sub _send {
    my ($self, $slot) = @_;

    my $n = syswrite $slot->{socket}, $slot->{out};

    if (defined $n) {
        substr $slot->{out}, 0, $n, '';
        $slot->{sent} = 1;
        return;
    }

    return if $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR;

    # what is to be read tells more, if it is the server that has closed
    $slot->{out} = '';
    $self->_receive($slot);
}


sub _receive {
    my ($self, $slot) = @_;

    my $n = sysread $slot->{socket}, $slot->{in}, 65536, length $slot->{in};

    if (!defined $n) {
        return if $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR;
        $n = 0;
    }

    if (!$slot->{begin}) {
        $self->_close($slot);       # idle, and the server has closed it
        return;
    }

    my $response = Results::Test::Response->parse(\$slot->{in},
        method => 'PUT', eof => $n == 0);

    if ($response) {
        my $close = $n == 0
            || lc($response->header('Connection') // '') eq 'close';
        my $outcome = $response->status;

        $outcome .= '?' if $response->body =~ /outcome unknown/;
        $self->_end($slot, $outcome, !$close);
        return;
    }

    return if $n > 0;

    $self->_end($slot, !$slot->{sent} ? 'refused'
        : $slot->{served} && $slot->{in} eq '' ? 'stale' : 'closed');
}


sub _end {
    my ($self, $slot, $outcome, $keep) = @_;

    my $end = now();

    push @{ $self->{lines} },
        sprintf '%d %d %.6f %.6f %s', @{ $slot->{write} }, $slot->{begin},
            $end, $outcome;

    delete $slot->{begin};
    $slot->{served}++;
    $self->_close($slot) if !$keep;

    if ($outcome =~ /^2/) {
        $self->{acknowledged}++;
        delete $slot->{write};
        $slot->{due} = $end + $self->{think};
        return;
    }

    # not all at once
    $slot->{due} = $end + $self->{again} * (0.5 + rand);
}


sub _close {
    my ($self, $slot) = @_;

    close delete $slot->{socket} if $slot->{socket};
    $slot->{out} = '';
}


sub _obey {
    my ($self) = @_;

    my $control = $self->{control};
    my $line = <$control> // return 0;
    my ($command, @args) = @{ decode_json($line) };

    if ($command eq 'stop') {
        $self->{stop} = now() + $args[0];
        return 1;
    }

    print $control encode_json({
        now => now(),
        acknowledged => $self->{acknowledged},
        open => scalar grep { $_->{begin} } @{ $self->{slots} },
    }), "\n";

    return 1;
}


sub _leave {
    my ($self) = @_;

    open my $file, '>', $self->{log} or die "$self->{log}: $!\n";
    print $file "$_\n" for @{ $self->{lines} };
    close $file or die "$self->{log}: $!\n";

    my $control = $self->{control};
    print $control "{}\n" if $self->{stop};
}


1;
