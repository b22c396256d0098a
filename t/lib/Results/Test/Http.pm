package Results::Test::Http;

# HTTP/1.1 by hand: a connection on which a test sends any bytes in any
# pieces, reads one response after another, and leaves when it wants to.

use strict;
use warnings;

use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);

use Results::Test::Response;
use Results::Test::Wait qw(patience);

my $TIMEOUT = 30;


sub new {
    my ($class, %opt) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $opt{port}, Proto => 'tcp')
        or die "connect to port $opt{port}: $!\n";

    $socket->autoflush(1);
    $socket->blocking(0);
    binmode $socket;

    return bless { socket => $socket, in => '', %opt }, $class;
}


# a request's bytes; headers is a list of pairs, so that one may come twice
sub format {
    my ($class, $method, $uri, $headers, $body) = @_;

    my @headers = @{ $headers || [] };
    my $text = "$method $uri HTTP/1.1\r\n";
    my %seen;

    while (my ($name, $value) = splice @headers, 0, 2) {
        $text .= "$name: $value\r\n";
        $seen{lc $name}++;
    }

    $text .= "Host: 127.0.0.1\r\n" if !$seen{host};
    $text .= 'Content-Length: ' . length($body) . "\r\n"
        if defined $body && !$seen{'content-length'}
           && !$seen{'transfer-encoding'};

    return $text . "\r\n" . ($body // '');
}


# the body as chunks of n bytes
sub chunked {
    my ($class, $body, $n) = @_;

    my $text = '';

    while (length $body) {
        my $piece = substr $body, 0, $n, '';
        $text .= sprintf "%x\r\n%s\r\n", length $piece, $piece;
    }

    return $text . "0\r\n\r\n";
}


# sends all of it; what arrives meanwhile is kept for response()
sub send {
    my ($self, $bytes) = @_;

    my $until = time + patience($TIMEOUT);

    while (length $bytes) {
        my $n = syswrite $self->{socket}, $bytes;

        if (defined $n) {
            substr $bytes, 0, $n, '';
            next;
        }

        next if $! == EINTR;
        return 0 if $! != EAGAIN && $! != EWOULDBLOCK;
        die "timeout while sending\n" if time > $until;

        my $select = IO::Select->new($self->{socket});
        IO::Select->select($select, $select, undef, 0.2);
        $self->_read;
    }

    return 1;
}


# the next response, undef when the connection ends before one is complete
sub response {
    my ($self, $method) = @_;

    my $until = time + patience($TIMEOUT);

    while (1) {
        my $response = Results::Test::Response->parse(\$self->{in},
            method => $method || $self->{method} || 'GET',
            eof => $self->{eof});

        return $response if $response;
        return if $self->{eof};
        die "timeout while waiting for a response\n" if time > $until;

        IO::Select->new($self->{socket})->can_read(0.2);
        $self->_read;
    }
}


sub request {
    my ($self, $method, $uri, $headers, $body) = @_;

    $self->send($self->format($method, $uri, $headers, $body));
    return $self->response($method);
}


# true when the server closes the connection and nothing more comes
sub closed {
    my ($self, $timeout) = @_;

    my $until = time + patience($timeout || $TIMEOUT);

    while (!$self->{eof}) {
        return 0 if time > $until;
        IO::Select->new($self->{socket})->can_read(0.2);
        $self->_read;
    }

    return $self->{in} eq '';
}


# true where nothing has come yet
sub silent {
    my ($self) = @_;

    $self->_read;
    return $self->{in} eq '' && !$self->{eof};
}


sub finish { shutdown $_[0]{socket}, 1 }
sub close { CORE::close($_[0]{socket}) }


# leaves with an RST
sub reset {
    my ($self) = @_;

    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    CORE::close($self->{socket});
}


# Sends formatted requests over n connections at once, each connection one
# request at a time, and gives their responses in the order of the requests.
# each: called after every response
sub many {
    my ($class, $port, $requests, %opt) = @_;

    my $n = $opt{connections} || 16;
    my @todo = (0 .. $#$requests);
    my (@responses, %open);
    my $select = IO::Select->new;

    my $next = sub {
        my ($c) = @_;

        if (!@todo) {
            $select->remove($c->{socket});
            delete $open{fileno $c->{socket}};
            $c->close;
            return;
        }

        $c->{index} = shift @todo;
        ($c->{method}) = $requests->[$c->{index}] =~ /^(\S+)/;
        $c->send($requests->[$c->{index}]);
    };

    $n = @todo if $n > @todo;

    for (1 .. $n) {
        my $c = $class->new(port => $port);
        $select->add($c->{socket});
        $open{fileno $c->{socket}} = $c;
        $next->($c);
    }

    while (%open) {
        my @ready = $select->can_read(patience($TIMEOUT))
            or die "timeout with " . keys(%open) . " requests open\n";

        for my $socket (@ready) {
            my $c = $open{fileno $socket};
            $c->_read;

            my $response = Results::Test::Response->parse(\$c->{in},
                method => $c->{method}, eof => $c->{eof});

            next if !$response && !$c->{eof};

            $responses[$c->{index}] = $response;
            $opt{each}->($response) if $opt{each};

            # what is sent after "Connection: close" gets no answer
            if ($c->{eof}
                || lc($response->header('Connection') // '') eq 'close')
            {
                $select->remove($socket);
                delete $open{fileno $socket};
                $c->close;

                $c = $class->new(port => $port);
                $select->add($c->{socket});
                $open{fileno $c->{socket}} = $c;
            }

            $next->($c);
        }
    }

    return @responses;
}


sub _read {
    my ($self) = @_;

    while (!$self->{eof}) {
        my $n = sysread $self->{socket}, $self->{in}, 65536,
            length $self->{in};

        if (!defined $n) {
            next if $! == EINTR;
            return if $! == EAGAIN || $! == EWOULDBLOCK;
            $n = 0;     # the server has reset the connection
            $self->{was_reset} = 1;
        }

        $self->{eof} = 1 if $n == 0;
    }
}


1;
