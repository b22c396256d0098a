package Results::Test::Http2;

# HTTP/2 without TLS and without an upgrade: requests on streams of one
# connection, whose bodies a test sends in pieces, and resets.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use Protocol::HTTP2::Connection;
use Protocol::HTTP2::Constants qw(:endpoints :frame_types :states :errors);
use Time::HiRes qw(time);

use Results::Test::Response;
use Results::Test::Wait qw(patience);

my $TIMEOUT = 30;


sub new {
    my ($class, %opt) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $opt{port}, Proto => 'tcp')
        or die "connect to port $opt{port}: $!\n";

    binmode $socket;

    my $self = bless { socket => $socket, in => '', done => {}, %opt }, $class;

    my $h2 = $self->{h2} = Protocol::HTTP2::Connection->new(CLIENT);

    $h2->enqueue_raw($h2->preface_encode);
    $h2->enqueue(SETTINGS, 0, 0, {});
    $h2->preface(1);
    $self->_flush;

    return $self;
}


# Opens a stream and gives its number.  A body that is undefined: none; a
# reference: data() follows.
sub open {
    my ($self, $method, $uri, $headers, $body) = @_;

    my $h2 = $self->{h2};
    my $id = $h2->new_stream;
    my @headers = @{ $headers || [] };

    $_ % 2 or $headers[$_] = lc $headers[$_] for 0 .. $#headers;

    $h2->send_headers($id, [
        ':method' => $method, ':scheme' => 'http', ':path' => $uri,
        ':authority' => "127.0.0.1:$self->{port}", @headers
    ], !defined $body);

    $h2->stream_cb($id, CLOSED, sub {
        $self->{done}{$id} = [$h2->stream_headers($id),
                              $h2->stream_data($id)];
    });
    $self->data($id, $body, 1) if defined $body && !ref $body;
    $self->_flush;

    return $id;
}


sub data {
    my ($self, $id, $bytes, $end) = @_;

    $self->{h2}->send_data($id, $bytes, $end ? 1 : undef);
    $self->_flush;
}


sub reset {
    my ($self, $id) = @_;

    $self->{h2}->enqueue(RST_STREAM, 0, $id, CANCEL);
    $self->_flush;
}


# of a stream; undef when it was reset, or the connection ended, without one
sub response {
    my ($self, $id) = @_;

    my $until = time + patience($TIMEOUT);

    while (!$self->{done}{$id} && !$self->{eof}) {
        die "timeout while waiting for a response\n" if time > $until;

        $self->_read if IO::Select->new($self->{socket})->can_read(0.2);
        $self->_flush;
    }

    my ($headers, $body) = @{ delete $self->{done}{$id} || [] };
    return if !$headers || !@$headers;

    my (@pairs, $status);

    for (my $i = 0; $i < @$headers; $i += 2) {
        my ($name, $value) = @$headers[$i, $i + 1];
        if ($name eq ':status') { $status = $value; next }
        push @pairs, [$name, $value];
    }

    return Results::Test::Response->new(status => $status,
        headers => \@pairs, body => $body // '');
}


sub request {
    my ($self, @request) = @_;
    return $self->response($self->open(@request));
}


sub close { CORE::close($_[0]{socket}) }


sub _read {
    my ($self) = @_;

    my $n = sysread $self->{socket}, $self->{in}, 65536, length $self->{in};

    if (!$n) {
        $self->{eof} = 1;
        return;
    }

    my $offset = 0;

    while (my $length = $self->{h2}->frame_decode(\$self->{in}, $offset)) {
        $offset += $length;
    }

    substr $self->{in}, 0, $offset, '';
}


sub _flush {
    my ($self) = @_;

    while (my $frame = $self->{h2}->dequeue) {
        while (length $frame) {
            my $n = syswrite $self->{socket}, $frame;

            if (!$n) {
                $self->{eof} = 1;
                return;
            }

            substr $frame, 0, $n, '';
        }
    }
}


1;
