package Results::Test::Port;

# Free TCP ports of 127.0.0.1, below the range that outgoing connections take
# theirs from.  A port is reserved among the tests of a machine by an abstract
# Unix socket, which goes when the test goes.

use strict;
use warnings;

use Exporter 'import';
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket qw(SOCK_STREAM);

our @EXPORT_OK = qw(free_port);

my @reserved;


sub free_port {
    for (1 .. 1000) {
        my $port = 12000 + int rand 20000;

        my $lock = IO::Socket::UNIX->new(Type => SOCK_STREAM,
            Local => "\0results-test-port-$port", Listen => 1) or next;

        IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
            Proto => 'tcp', ReuseAddr => 1, Listen => 1) or next;

        push @reserved, $lock;
        return $port;
    }

    die "no free port\n";
}


1;
