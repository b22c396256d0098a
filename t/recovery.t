#!/usr/bin/env perl

# When PostgreSQL is back, the readers and the writers of a worker are back
# together: neither sleeps through a pause of its own when the other has
# found the server.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use List::Util qw(max min);

my $WORKERS = 8;

my $t = Results::Test->new;
my $pg = $t->pg;
my $nginx = $t->nginx(workers => $WORKERS);

is($t->put('before', $t->result)->status, 201, 'a result');
ok(wait_for(sub { $pg->gateway_sessions >= 2 * $WORKERS }),
   'each worker has a reader and a writer');

my $log = $nginx->log_size;

$pg->stop('fast');

# by then they try again after up to 0.8 s, each after a time of its own
ok(wait_for(sub {
    my $text = substr $nginx->log_text, $log;
    my %tries;

    $tries{"$1 $2"}++
        while $text =~ /\] (\d+)#.* store "main": no (reader|writer): /g;

    return keys %tries == 2 * $WORKERS && min(values %tries) >= 7;
}), 'they try again and again');

$pg->start;

my %after;

ok(wait_for(sub {
    my $text = substr $nginx->log_text, $log;

    $after{$1}{$2} = $3
        while $text
              =~ /\] (\d+)#.* (reader|writer) connected again after (\d+) ms/g;

    return $WORKERS == grep { keys %$_ == 2 } values %after;
}), 'all are connected again');

my @apart = map { abs($_->{reader} - $_->{writer}) } values %after;

note("ms between them: @apart");

# without help some of eight differ by half of the longest pause or more;
# what PostgreSQL does in its first moments takes some of it
cmp_ok(max(@apart), '<', 300, 'of a worker at once');

is($t->put('after', $t->result)->status, 201, 'a result is stored');
is($t->request('GET', $t->uri('after'), $t->headers(type => undef))->status,
   200, 'and read');
