#!/usr/bin/env perl

# results_health: live answers as long as nginx does; ready tells whether this
# worker can store a result now, and if not, why.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

my $t = Results::Test->new;
my $pg = $t->pg;

$pg->no_timeouts;

my $nginx = $t->nginx(server => q{
    location = /live  { results_health live; }
    location = /ready { results_health ready; }
});

sub live { $t->request('GET', '/live') }
sub ready { $t->request('GET', '/ready') }

# waits until ready answers a status; the last answer
sub wait_for_ready {
    my ($status) = @_;

    my $response;
    wait_for(sub { ($response = ready())->status == $status });
    return $response;
}

# why it is not ready, once that is like this
sub reason {
    my ($regex) = @_;

    my $reason = '';

    wait_for(sub {
        my $response = ready();
        $reason = $response->status == 503 ? $response->json->{reason} : '';
        return $reason =~ $regex;
    });

    return $reason;
}


sub terminate {
    $pg->do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            . "WHERE usename = ?", $pg->gateway);
}


subtest 'up' => sub {
    my $response = wait_for_ready(200);

    is($response->status, 200, 'ready');
    is($response->header('Content-Type'), 'application/json', 'in JSON');
    is($response->header('Cache-Control'), 'private, no-store', 'not to be cached');
    is_deeply($response->json, { status => 'up', store => 'main' },
              'names the store');
    is_deeply(live()->json, { status => 'up' }, 'live');

    is($t->request('HEAD', '/ready')->status, 200, 'HEAD');
    is($t->request('HEAD', '/ready')->body, '', 'has no body');
    is($t->request('POST', '/ready', [], 'x')->status, 405, 'POST: 405');
};


subtest 'down' => sub {
    my $before = $nginx->log_size;

    $pg->stop('fast');

    like(reason(qr/^no/), qr/^no (?:writer|reader): /, 'not ready, says why');
    is(live()->status, 200, 'and still live');

    ready() for 1 .. 50;

    my $log = substr $nginx->log_text, $before;
    my $lines = () = $log =~ /\[(?:error|warn)\].*results:/g;
    cmp_ok($lines, '<=', 4, 'the log does not repeat it for each question');

    $pg->start;
    is(wait_for_ready(200)->status, 200, 'ready again');
    is($t->put('after', $t->result)->status, 201, 'and it is');
};


subtest 'a database that will not do' => sub {
    for my $case (
        ['read-only', 'ALTER ROLE results_gateway '
                      . 'SET default_transaction_read_only = on',
         'ALTER ROLE results_gateway RESET default_transaction_read_only',
         qr/read-only/],
        ['of another version', 'CREATE OR REPLACE FUNCTION '
            . "results_api.api_version() RETURNS int LANGUAGE sql AS 'SELECT 7'",
         'CREATE OR REPLACE FUNCTION '
            . "results_api.api_version() RETURNS int LANGUAGE sql AS 'SELECT 2'",
         qr/results_api has version 7/],
        ['without rights', 'REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA '
            . 'results_api FROM results_gateway',
         'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA results_api '
            . 'TO results_gateway', qr/may not execute/],
    ) {
        my ($name, $break, $repair, $reason) = @$case;

        $pg->do($break);
        terminate();

        like(reason($reason), $reason, "$name: not ready, and why");

        $pg->do($repair);
        is(wait_for_ready(200)->status, 200, "$name: mended");
    }
};


subtest 'a worker that exits' => sub {
    # asks the old worker, which is answering another request
    my $old = $t->http;
    $old->send("GET /ready HTTP/1.1\r\nHost: x\r\n\r\n");
    is($old->response('GET')->status, 200, 'before');

    my $held = $t->http;

    $pg->with_lock('results.result', 'SHARE', sub {
        $held->send($t->put_request('held', $t->result));
        $pg->wait_for_blocked(1) or die "nothing is in flight\n";

        $nginx->reload;
        is(wait_for_ready(200)->status, 200, 'the new one is ready');
    });

    is($held->response('PUT')->status, 201, 'the old one has ended its work');
};
