#!/usr/bin/env perl

# PostgreSQL is away: tokens that are cached are still good, nobody is told
# that a token is unknown, and after a while requests are answered at once
# instead of waiting.  When it is back, so is the module, by itself.

use FindBin;
use lib "$FindBin::Bin/../lib";
use Results::Checker;
use Results::Test;
use Time::HiRes qw(sleep);

my $t = Results::Test->new(timeout => 180);
my $pg = $t->pg;

$pg->delay_writes(10);
my $nginx = $t->nginx(zone => 'tokens:1m ttl=1h negative_ttl=1s',
    server => Results::Checker->server,
    store => 'write_timeout 3s;');


# (response, seconds) of a PUT
sub timed {
    my (@put) = @_;

    my $began = Results::Checker::now();
    my $response = $t->put(@put);

    return ($response, Results::Checker::now() - $began);
}


subtest 'away under load' => sub {
    my $checker = Results::Checker->start($t);
    my ($longest, $back) = (0, 0);

    for my $how (qw(fast kill)) {
        my $log = $nginx->log_size;

        $checker->flows;
        $checker->mark;
        $pg->stop($how);

        ok(wait_for(sub { (timed('away', $t->result))[1] < 0.5 }),
           "stopped $how: after a while a request waits no more");

        for (1 .. 10) {
            my ($response, $seconds) = timed('away', $t->result);

            $longest = $seconds if $seconds > $longest;
            is($response->status, 503, 'a good token gets 503') if $_ == 1;
            like($response->body, qr/may be sent again/, 'and why') if $_ == 1;
        }

        my ($response, $seconds) = timed('away', $t->result,
                                         token => 'x' x 43);

        is($response->status, 503, 'an unknown one as well');
        ok($response->header('Retry-After'), 'with Retry-After');
        $longest = $seconds if $seconds > $longest;

        is($t->status->{queue}{rows}, 0, 'nothing waits');

        $pg->start;

        my $began = Results::Checker::now();
        $checker->flows(1);
        $seconds = Results::Checker::now() - $began;
        $back = $seconds if $seconds > $back;

        $nginx->wait_for_log(qr/$_ connected again/, after => $log)
            for qw(reader writer);
        is($t->put('unknown', $t->result, token => 'x' x 43)->status, 401,
           'the unknown one gets its 401');

        my @lines = grep { /\[(?:error|notice)\].* results: store/ }
            split /^/, substr $nginx->log_text, $log;

        for my $what (qw(writer reader)) {
            my $text = join ' ', map { /(no $what|$what connected again)/ }
                @lines;
            is($text, "no $what $what connected again",
               "a line when the ${what}s went, one when they came back")
                or diag(@lines);
        }
    }

    my $report = $checker->finish('PostgreSQL away');

    is($report->hit, 2, 'each found requests open');
    cmp_ok($report->failed, '>', 0, 'clients have noticed');
    is($report->outcomes(qr/^4/), 0, 'and got no 4xx');
    $checker->bound('away: an answer while it is, s', $longest, 0.1);
    $checker->bound('away: writes again after accepting, s', $back, 1);
};


subtest 'only tokens are out of reach' => sub {
    $t->put('token', $t->result);

    $pg->with_lock('results.access_token', 'ACCESS EXCLUSIVE', sub {
        my ($response) = timed('token', $t->result);
        is($response->status, 200, 'a cached one is good');

        ($response, my $seconds) = timed('token', $t->result,
                                         token => 'y' x 43);
        is($response->status, 503, 'another can not be checked');
        Results::Checker->bound('token out of reach: 503 after, s', $seconds,
                                2.5);
    });

    is($t->put('token', $t->result, token => 'y' x 43)->status, 401,
       'later it can');
};
