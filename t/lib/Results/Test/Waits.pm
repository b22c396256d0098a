package Results::Test::Waits;

# A client of the database that writes while a test does something to it, and
# tells for how long a write waited:
#
#     my $waits = Results::Test::Waits->start($pg);
#     ...
#     cmp_ok($waits->finish->{longest}, '<', 1, 'nobody waits for that');
#
# It calls write_records() as the module of 20f787f does, which every later
# version of sql/ has to serve.

use strict;
use warnings;

use POSIX ();
use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);

use Results::Test::Wait qw(wait_for);

my $WRITE = <<'END';
SELECT outcomes[1] FROM results_api.write_records(
    '{1}'::smallint[], '{1}'::int[], '{1}'::smallint[], ARRAY[$1],
    '{learner}'::text[], '{item}'::text[], '{NULL}'::text[],
    '{1}'::smallint[], ARRAY[$2::float8], '{NULL}'::float8[],
    '{NULL}'::smallint[], '{NULL}'::float8[], '{NULL}'::int[],
    '{NULL}'::timestamptz[], '{NULL}'::timestamptz[], '{NULL}'::timestamptz[],
    ARRAY['{}'::json], ARRAY[$2::bigint], '{1}'::int[],
    ARRAY[clock_timestamp()], '{NULL}'::int[], '{0}'::smallint[],
    '{NULL}'::text[])
END


sub start {
    my ($class, $pg) = @_;

    pipe my $reader, my $writer or die "pipe: $!\n";

    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        close $reader;
        eval { _write($pg, $writer); 1 } or print STDERR "waits: $@";
        POSIX::_exit(0);
    }

    close $writer;

    my $self = bless { pid => $pid, reader => $reader }, $class;

    sysread $reader, my $begun, 1;
    return $self;
}


# longest (seconds), writes, failed
sub finish {
    my ($self) = @_;

    kill 'TERM', $self->{pid};

    my $text = '';
    1 while sysread $self->{reader}, $text, 1024, length $text;

    local $?;
    waitpid $self->{pid}, 0;

    my ($longest, $writes, $failed, $why) = split ' ', $text, 4;

    return { longest => $longest, writes => $writes, failed => $failed,
             why => $why };
}


sub _write {
    my ($pg, $to) = @_;

    my $ended = 0;
    local $SIG{TERM} = sub { $ended = 1 };

    my $dbh = $pg->connect(user => $pg->gateway);
    my ($longest, $writes, $failed, $why) = (0, 0, 0, '');

    while (!$ended) {
        my $began = clock_gettime(CLOCK_MONOTONIC);

        eval {
            $dbh->selectrow_array($WRITE, {}, 'waits-' . $writes % 7,
                                  $writes);
            1;
        } or do {
            $failed++;
            $why = $@;
        };

        my $took = clock_gettime(CLOCK_MONOTONIC) - $began;
        $longest = $took if $took > $longest;

        syswrite $to, ' ' if ++$writes == 1;
        sleep 0.002;
    }

    syswrite $to, sprintf '%.3f %d %d %s', $longest, $writes, $failed, $why;
}


1;
