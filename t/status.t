#!/usr/bin/env perl

# results_status: the numbers are the true ones in every format, also after a
# reload and after a worker was killed.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use JSON::PP;

use Results::Test::Process;

my $t = Results::Test->new(timeout => 240);
my $pg = $t->pg;
my $slow = $ENV{TEST_RESULTS_VALGRIND} || $ENV{TEST_RESULTS_ASAN};
my $n = $slow ? 500 : 5000;

$pg->no_timeouts;
$pg->do(q{
    ALTER TABLE results.result ADD CONSTRAINT refuse
        CHECK (item_id <> 'refused')
});

my $nginx = $t->nginx(
    workers => 2,
    store => 'connections 1; write_timeout 60s; read_timeout 60s;',
    http => 'log_format length $request_length;',
    server => q{
        location /any { results_status; }
        location /prometheus { results_status prometheus; }
        location /openmetrics { results_status openmetrics; }
    },
    location => 'access_log length.log length;');

my $status = '/any';


sub report {
    my ($format) = @_;
    return $t->request('GET', "$status?format=$format");
}

# the numbers of the page, by their path in the JSON
sub of_page {
    my ($html) = @_;

    my %numbers;

    while ($html =~ /<td data-at="([^"]+)">(\d+)</g) {
        my ($path, $number) = ($1, $2);

        $path =~ s/&quot;/"/g;
        $numbers{join '/', @{ JSON::PP->new->decode($path) }} = $number;
    }

    return \%numbers;
}

# samples by name and labels
sub of_prometheus {
    my ($text) = @_;
    return { map { /^([^# ]\S*(?: [^ ]+)*?) (\S+)$/ ? ($1 => $2) : () }
             split /\n/, $text };
}

sub promtool {
    my ($text) = @_;

    open my $file, '>', $t->dir . '/metrics' or die;
    print $file $text;
    close $file;

    my ($code, $said) = Results::Test::Process->run(
        ['promtool', 'check', 'metrics'], in => $t->dir . '/metrics');

    return "$code $said";
}


# that the numbers of requests and rows are these, everywhere
sub numbers_are {
    my ($name, $rows, %requests) = @_;

    my ($json, $page, $samples);

    # a request is counted when its response has been sent
    my $sum = 0;
    $sum += $_ for values %requests;

    wait_for(sub {
        $json = report('json')->json;
        my $there = 0;
        $there += $_ for values %{ $json->{requests} };
        return $there >= $sum;
    });

    $page = of_page(report('html')->body);
    $samples = of_prometheus(report('prometheus')->body);

    subtest $name => sub {
        is_deeply($json->{requests}, \%requests, 'JSON');
        is_deeply($json->{apis}{timeback}{requests}, \%requests,
                  'of the API');
        is($json->{rows}, $rows, 'rows');
        is($json->{stores}{main}{rows}, $rows, 'of the store');

        is_deeply({ map { m{^apis/timeback/requests/(\w+)$}
                          ? ($1 => $page->{$_}) : () } keys %$page },
                  \%requests, 'HTML');
        is($page->{'stores/main/rows'}, $rows, 'rows');

        is_deeply({ map { /^nginx_results_requests_total\{api="timeback",
                           outcome="(\w+)"\}$/x ? ($1 => $samples->{$_}) : ()
                    } keys %$samples }, \%requests, 'Prometheus');
        is($samples->{'nginx_results_rows_total{store="main"}'}, $rows,
           'rows');

        is($pg->value('SELECT sum(version) FROM results.result'), $rows,
           'as many are stored');
    };
}


my $base = '/ims/oneroster/gradebook/v1p2/results';
my $reader = $t->token(scopes => [$t->scope('gradebook.readonly')]);
my $body = $t->encode($t->result);
my %expected = (error => 0, unavailable => 0, aborted => 0);


sub put {
    my ($id, $text, %opt) = @_;
    return Results::Test::Http->format('PUT', "$base/$id", $t->headers(%opt),
                                       $text);
}

my @requests = (
    (map { put("r$_", $body) } 1 .. $n * .8),
    (map { put("r$_", $body) } 1 .. $n * .5),
    (map { put("r$_", $body, token => ($_ % 7) . 'u' x 42) } 1 .. $n * .2),
    (map { put("r$_", $body, token => undef) } 1 .. $n * .1),
    (map { put("r$_", $body, token => $reader) } 1 .. $n * .1),
    (map { put("r$_", '{"result":{}}') } 1 .. $n * .2),
    (map { put("r$_", $body, type => 'text/plain') } 1 .. $n * .08),
    (map { put("r$_/x", $body) } 1 .. $n * .02),
);

is(scalar @requests, 2 * $n, 'as many requests as there should be');

# those that create before those that update
my @first = splice @requests, 0, $n * .8;
my @rest = splice @requests, 0;
my %statuses;

$statuses{$_->status}++ for $t->many(\@first), $t->many(\@rest);

is_deeply(\%statuses, { 201 => $n * .8, 200 => $n * .5, 401 => $n * .3,
                        403 => $n * .1, 422 => $n * .2, 415 => $n * .08,
                        404 => $n * .02 }, 'answered as they should be');

%expected = (%expected, created => $n * .8, ok => $n * .5,
             unauthorized => $n * .3, forbidden => $n * .1,
             invalid => $n * .3);

numbers_are('requests of known outcomes', $n * 1.3, %expected);


subtest 'what goes with them' => sub {
    my $json = report('json')->json;
    my $main = $json->{stores}{main};
    my ($sum, $batches, $rows) = (0, 0, 0);

    $sum += $_ for split /\n/,
        Results::Test::Nginx::_slurp("$nginx->{prefix}/length.log");

    is($json->{bytes_in}, $sum, 'bytes_in is the length of all requests');

    for my $name (qw(batch_rows commit_time)) {
        my %h = %{ $main->{$name} };
        delete $h{sum};
        my $all = 0;
        $all += $_ for values %h;
        is($all, $main->{batches}, "each batch is in $name");
    }

    is($main->{batch_rows}{sum}, $main->{rows}, 'with all its rows');

    my %queued = %{ $main->{queue_time} };
    delete $queued{sum};
    $rows += $_ for values %queued;
    is($rows, $main->{rows}, 'each request is in queue_time');

    my $tokens = $json->{tokens};
    is($tokens->{hits} + $tokens->{misses} + $tokens->{negative_hits},
       $n * 1.9, 'each token was asked for');
    cmp_ok($tokens->{lookups}, '<=', $tokens->{misses},
           'and looked up where it was not known');
    is($tokens->{entries}, 2, 'two are good');

    is($json->{workers}, 2, 'two workers');
    cmp_ok($json->{time} - $json->{started}, '>=', 0, 'started before now');

    is_deeply($main->{servers}, [{
        host => ($pg->conninfo =~ /host=(\S+)/)[0] . ':' . $pg->port,
        role => 'primary', workers => 2,
        version => sprintf('%d.%d', map { ($_ / 10000, $_ % 10000) }
                           $pg->value('SHOW server_version_num')),
    }], 'both are connected to the server there is');
};


$nginx->reload(wait => 1);
numbers_are('after a reload', $n * 1.3, %expected);

is($t->put('later', $t->result)->status, 201, 'another one');
$expected{created}++;
numbers_are('counted on top', $n * 1.3 + 1, %expected);

$nginx->kill_worker($_) for ($nginx->worker_pids)[0, 1];
numbers_are('after both workers were killed', $n * 1.3 + 1, %expected);

is($t->put("later$_", $t->result)->status, 201, 'another one') for 1 .. 4;
$expected{created} += 4;
numbers_are('counted on top of that', $n * 1.3 + 5, %expected);


subtest 'stores and APIs that a reload brings' => sub {
    my $conninfo = $nginx->{conninfo};

    $nginx->set(http => qq{
        log_format length \$request_length;
        results_store second { conninfo "$conninfo"; }
        results_store "th\\"ird" { conninfo "$conninfo"; }
    }, server => $nginx->{server} . q{
        location /second/ { results_api timeback; results_pass second; }
        location /wse { results_api wse; }
    });
    $nginx->reload(wait => 1);

    my $json = report('json')->json;

    is_deeply([sort keys %{ $json->{stores} }], ['main', 'second', 'th"ird'],
              'the stores there are');
    is_deeply([sort keys %{ $json->{apis} }], ['timeback', 'wse'],
              'the APIs there are');
    is($json->{stores}{main}{rows}, $n * 1.3 + 5, 'main has its rows');
    is($json->{stores}{second}{rows}, 0, 'second has none');

    is($t->request('PUT', '/second/results/s1', $t->headers,
                   $t->encode($t->result))->status, 201, 'one');

    $json = report('json')->json;
    is($json->{stores}{second}{rows}, 1, 'now it has');
    is($json->{stores}{main}{rows}, $n * 1.3 + 5, 'and main has the same');
    is($json->{rows}, $n * 1.3 + 6, 'and all of them the sum');

    my $page = of_page(report('html')->body);
    is($page->{'stores/th"ird/rows'}, 0, 'a name that has to be escaped');
    is($page->{rows}, $n * 1.3 + 6, 'the page has the sum');

    my $text = report('prometheus')->body;
    like($text, qr/^nginx_results_rows_total\{store="th\\"ird"\} 0$/m,
         'also in a label');
    is(promtool($text), '0 ', 'promtool finds no fault');

    $nginx->set(server => $nginx->{server} =~ s/location .second.*\n//r,
                http => 'log_format length $request_length;');
    $nginx->reload(wait => 1);
    $json = report('json')->json;

    is_deeply([keys %{ $json->{stores} }], ['main'], 'second is gone');
    is($json->{rows}, $n * 1.3 + 6, 'and what it has written is not');
};


subtest 'formats' => sub {
    my %type = (
        json => 'application/json',
        prometheus => 'text/plain; version=0.0.4; charset=utf-8',
        openmetrics => 'application/openmetrics-text; version=1.0.0; '
            . 'charset=utf-8',
        html => 'text/html; charset=utf-8',
    );

    my $is = sub {
        my ($name, $format, $uri, $accept) = @_;
        my $r = $t->request('GET', $uri, [$accept ? (Accept => $accept) : ()]);

        is($r->status, 200, $name);
        is($r->header('Content-Type'), $type{$format}, "is $format");
        is($r->header('Cache-Control'), 'private, no-store', 'not to be cached');
    };

    $is->('without Accept', 'json', '/any');
    $is->('curl', 'json', '/any', '*/*');
    $is->('a browser', 'html', '/any', 'text/html,application/xhtml+xml,'
          . 'application/xml;q=0.9,image/avif,*/*;q=0.8');
    $is->('Prometheus 2', 'openmetrics', '/any', 'application/'
          . 'openmetrics-text;version=1.0.0,application/openmetrics-text;'
          . 'version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1');
    $is->('text', 'prometheus', '/any', 'text/plain');
    $is->('nothing we have', 'json', '/any', 'image/png');
    $is->("format=$_", $_, "/any?format=$_", 'text/html')
        for sort keys %type;
    $is->('another format', 'html', '/any?format=x', 'text/html');

    $is->('fixed', 'json', '/status', 'text/html');
    $is->('fixed', 'prometheus', '/prometheus?format=json', 'text/html');
    $is->('fixed', 'openmetrics', '/openmetrics', 'text/plain');

    my $head = $t->request('HEAD', '/any');
    is($head->status, 200, 'HEAD');
    is($head->body, '', 'has no body');
    is($t->request('POST', '/any', [], 'x')->status, 405, 'POST: 405');
};


subtest 'OpenMetrics' => sub {
    my $text = report('openmetrics')->body;

    like($text, qr/\n# EOF\n\z/, 'has an end');
    unlike($text, qr/^# \w+ \S+_total /m, 'describes counters by their name');

    open my $file, '>', $t->dir . '/openmetrics' or die;
    print $file $text;
    close $file;

    my ($code, $said) = Results::Test::Process->run(['/usr/bin/python3', '-c', <<'EOP'],
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
n = sum(len(f.samples) for f in text_string_to_metric_families(sys.stdin.read()))
print(n)
EOP
        in => $t->dir . '/openmetrics');

    is($code, 0, 'a parser takes it') or diag($said);
    is($said + 0, scalar(grep { !/^#/ } split /\n/, $text), 'all of it');

    my $same = sub { join "\n", grep { !/^#/ && !/tokens?_/ }
                     split /\n/, $_[0] };
    is($same->($text), $same->(report('prometheus')->body),
       'the same samples as in the other format');
};


subtest 'trouble' => sub {
    my $bad = $t->result(lineItem => { sourcedId => 'refused' });

    is($t->put('bad', $bad)->status, 422, 'a row is refused');

    my $main = report('json')->json->{stores}{main};
    is($main->{error}{sqlstate}, '23514', 'the last SQLSTATE');
    cmp_ok(abs($main->{error}{time} - time), '<', 120, 'and when');
    is($main->{groups}{refused}, 1, 'counted');

    my $samples = of_prometheus(report('prometheus')->body);
    is($samples->{'nginx_results_last_error_timestamp_seconds'
                  . '{store="main",sqlstate="23514"}'},
       $main->{error}{time}, 'in Prometheus as well');
    like(report('html')->body, qr/<td>23514<br>20\d\d-/, 'and on the page');

    is($main->{trouble}, undef, 'no trouble yet');
    my $lost = $main->{connections}{lost};

    $pg->stop('fast');

    ok(wait_for(sub { report('json')->json->{stores}{main}{trouble} }),
       'trouble');

    my $json = report('json')->json;
    like($json->{stores}{main}{trouble}, qr/^no (?:writer|reader): \S/,
         'and why');
    like(report('html')->body, qr/<li>main: no (?:writer|reader): \S/,
         'on the page as well');
    cmp_ok($json->{connections}{lost}, '>', $lost, 'connections were lost');

    ok(wait_for(sub {
        my $c = report('json')->json->{connections};
        return $c->{idle} + $c->{busy} == 0;
    }), 'none is left');

    # one that is queued, as it came too early, is not waited for
    ok(wait_for(sub {
        my $c = $t->http;
        $c->send($t->put_request('away', $t->result));
        wait_for(sub { !$c->silent }, timeout => 1);
        $c->close;
        return report('json')->json->{away};
    }), 'requests that are not even queued are counted');

    $pg->start;

    ok(wait_for(sub { !report('json')->json->{stores}{main}{trouble} }),
       'it is over');
    cmp_ok(report('json')->json->{connections}{reconnects}, '>', 0,
           'reconnects are counted');
    is($t->put('again', $t->result)->status, 201, 'and it works');
};


subtest 'the queue' => sub {
    $nginx->set(workers => 1);
    $nginx->reload(wait => 1);

    my @clients = map { $t->http } 0 .. 3;

    $t->put('warm', $t->result);

    $pg->with_lock('results.result', 'SHARE', sub {
        $clients[0]->send($t->put_request('first', $t->result));
        $pg->wait_for_blocked(1) or die "nothing is in flight\n";
        $clients[$_]->send($t->put_request("q$_", $t->result)) for 1 .. 3;

        ok(wait_for(sub { report('json')->json->{queue}{rows} == 3 }),
           'rows that wait');
        cmp_ok(report('json')->json->{queue}{bytes}, '>', 3 * 100,
               'and bytes');
        is(report('json')->json->{connections}{busy}, 1, 'for one writer');
    });

    is($_->response('PUT')->status, 201, 'created') for @clients;

    my $queue = report('json')->json->{queue};
    is($queue->{rows}, 0, 'none waits');
    is($queue->{limit}, 8192, 'of those that may');
    cmp_ok($queue->{rows_max}, '>=', 3, 'and the most there were is kept');

    my @lost = map { $t->http } 0 .. 2;

    $pg->with_lock('results.result', 'SHARE', sub {
        $lost[0]->send($t->put_request('lost', $t->result));
        $pg->wait_for_blocked(1) or die "nothing is in flight\n";
        $lost[$_]->send($t->put_request("lost$_", $t->result)) for 1, 2;
        wait_for(sub { report('json')->json->{queue}{rows} == 2 })
            or die "nothing is queued\n";

        $nginx->kill_worker;

        my $json = report('json')->json;
        is($json->{queue}{rows}, 0, 'what waited in a killed worker is gone');
        is($json->{queue}{bytes}, 0, 'with its bytes');
        is($json->{workers}, 1, 'its place is taken');
    });
};


subtest 'more stores than there are places' => sub {
    my $size = $nginx->log_size;
    my $before = $nginx->{http};

    $nginx->set(http => join "\n", $before, map {
        qq{results_store more$_ { conninfo "host=$nginx->{prefix}"; }}
    } 1 .. 14);
    $nginx->reload(wait => 1);

    my $json = report('json')->json;

    is_deeply([sort keys %{ $json->{stores} }],
              [sort 'main', 'other', map { "more$_" } 1 .. 12],
              'the last ones are one');
    cmp_ok($json->{stores}{other}{connections}{down}, '>=', 2,
           'with all their connections');
    ok(substr($nginx->log_text, $size)
       =~ /\[warn\].*results: store "more14" is counted as "other"/,
       'the log says so');

    $nginx->set(http => $before);
    $nginx->reload(wait => 1);
    is_deeply([keys %{ report('json')->json->{stores} }], ['main'], 'and back');
};


subtest 'the last minutes' => sub {
    my $history;

    ok(wait_for(sub {
        $history = $t->request('GET', '/any?format=json&history=1')
            ->json->{history};
        return @{ $history->{samples} } >= 3;
    }), 'samples are taken');

    my @samples = map {
        my %sample;
        @sample{@{ $history->{fields} }} = @$_;
        \%sample;
    } @{ $history->{samples} };

    my @times = map { $_->{time} } @samples;

    is_deeply(\@times, [sort { $a <=> $b } @times], 'in their order');
    is(scalar(grep { @$_ != @{ $history->{fields} } }
              @{ $history->{samples} }), 0, 'each has every field');

    wait_for(sub {
        my $json = $t->request('GET', '/any?format=json&history=1')->json;
        @samples = @{ $json->{history}{samples} };
        return $samples[-1][1] == $json->{requests}{created};
    });

    my $json = report('json')->json;
    is($samples[-1][1], $json->{requests}{created}, 'the last is as it is');
    is($json->{history}, undef, 'not told where nobody asks');
};
