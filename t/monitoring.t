#!/usr/bin/perl

# What examples/ has for those who watch: Prometheus accepts its
# configuration, the alerts go off when they should, rules and dashboard ask
# for nothing that there is not, and systemd understands the drop-in.

use lib 't/lib';
use Results::Test;
use Results::Test::Process;

use JSON::PP;

my $t = Results::Test->new;
my $examples = $t->root . '/examples';
my $rules = "$examples/prometheus/nginx_results.rules.yml";
my $dashboard = "$examples/grafana/nginx_results.json";


sub slurp {
    my ($file) = @_;

    open my $fh, '<', $file or die "$file: $!";
    local $/;
    return scalar <$fh>;
}

sub works {
    my ($name, @command) = @_;

    my ($rc, $said) = Results::Test::Process->run(\@command);
    is($rc, 0, $name) or diag($said);
    return $said;
}


works('promtool accepts the configuration', 'promtool', 'check', 'config',
      "$examples/prometheus/prometheus.yml");
works('and the rules', 'promtool', 'check', 'rules', $rules);


# an alert for each row: its series, at 1 minute apart, and its labels

my $test = $t->dir . '/rules.test.yml';
my $i = 'instance="a"';
my $s = "$i,store=\"main\"";

my @alerts = (
    ['NginxResultsDown', { severity => 'critical', instance => 'a',
                           job => 'nginx_results' },
     "up{job=\"nginx_results\",$i}" => '0x20'],
    ['NginxResultsStoreAway', { severity => 'critical', instance => 'a',
                                store => 'main' },
     "nginx_results_connections{$s,state=\"idle\"}" => '0x20',
     "nginx_results_connections{$s,state=\"busy\"}" => '0x20',
     "nginx_results_connect_failures_total{$s}" => '0+5x20'],
    ['NginxResultsUnavailable', { severity => 'critical', instance => 'a' },
     "nginx_results_requests_total{$i,outcome=\"created\"}" => '0+90x20',
     "nginx_results_requests_total{$i,outcome=\"unavailable\"}" => '0+10x20'],
    ['NginxResultsErrors', { severity => 'warning', instance => 'a',
                             api => 'wse' },
     "nginx_results_requests_total{$i,api=\"wse\",outcome=\"error\"}"
        => '0x5 1x14'],
    ['NginxResultsOutcomeUnknown', { severity => 'warning', instance => 'a',
                                     store => 'main' },
     "nginx_results_outcomes_unknown_total{$s}" => '0x5 1x14'],
    ['NginxResultsRefused', { severity => 'warning', instance => 'a',
                              store => 'main', event => 'refused' },
     "nginx_results_groups_total{$s,event=\"refused\"}" => '0x5 1x14'],
    ['NginxResultsQueue', { severity => 'warning', instance => 'a',
                            store => 'main' },
     "nginx_results_queue_rows{$s}" => '5000x20'],
    ['NginxResultsSlowCommits', { severity => 'warning', instance => 'a',
                                  store => 'main' },
     "nginx_results_commit_seconds_bucket{$s,le=\"1.0\"}" => '0x20',
     "nginx_results_commit_seconds_bucket{$s,le=\"2.5\"}" => '0+60x20',
     "nginx_results_commit_seconds_bucket{$s,le=\"+Inf\"}" => '0+60x20'],
    ['NginxResultsSlowWorker', { severity => 'warning', instance => 'a',
                                 store => 'main' },
     "nginx_results_work_seconds_bucket{$s,le=\"0.05\"}" => '0+60x20',
     "nginx_results_work_seconds_count{$s}" => '0+60x15 961 1021 1081 1141'],
    ['NginxResultsConnectionsBreak', { severity => 'warning',
                                       instance => 'a', store => 'main' },
     "nginx_results_connections_lost_total{$s}" => '0+1x20'],
    ['NginxResultsTokenCacheSmall', { severity => 'warning',
                                      instance => 'a' },
     "nginx_results_token_evictions_total{$i}" => '0+600x20'],
    ['NginxResultsTokensUnknown', { severity => 'warning', instance => 'a' },
     "nginx_results_requests_total{$i,outcome=\"unauthorized\"}"
        => '0+6000x20'],
    ['NginxResultsVersions', { severity => 'warning' },
     'nginx_results_info{instance="a",version="1"}' => '1x100',
     'nginx_results_info{instance="b",version="2"}' => '1x100'],
);

my @tests;

for my $alert (@alerts) {
    my ($name, $labels, @series) = @$alert;
    my (@input, @quiet);

    while (my ($series, $values) = splice @series, 0, 2) {
        push @input, { series => $series, values => $values };
    }

    push @tests, {
        interval => '1m', input_series => \@input,
        alert_rule_test => [{
            eval_time => $name =~ /Versions/ ? '90m' : '20m',
            alertname => $name,
            exp_alerts => [{ exp_labels => $labels }],
        }],
    };
}

# nothing goes off where there is nothing but good requests

push @tests, {
    interval => '1m',
    input_series => [
        map { { series => $_->[0], values => $_->[1] } }
        ["up{job=\"nginx_results\",$i}", '1x20'],
        ["nginx_results_connections{$s,state=\"idle\"}", '1x20'],
        ["nginx_results_connect_failures_total{$s}", '3x20'],
        ["nginx_results_requests_total{$i,outcome=\"created\"}", '0+900x20'],
        ["nginx_results_requests_total{$i,outcome=\"unavailable\"}", '0x20'],
        ["nginx_results_outcomes_unknown_total{$s}", '3x20'],
        ["nginx_results_commit_seconds_bucket{$s,le=\"1.0\"}", '0+60x20'],
        ["nginx_results_commit_seconds_bucket{$s,le=\"+Inf\"}", '0+60x20'],
        ["nginx_results_work_seconds_bucket{$s,le=\"0.05\"}", '0+60x20'],
        ["nginx_results_work_seconds_count{$s}", '0+60x20'],
    ],
    alert_rule_test => [map { { eval_time => '20m', alertname => $_->[0],
                                exp_alerts => [] } } @alerts],
};

# without annotations: what is tested is when they go off

my $bare = $t->dir . '/bare.rules.yml';
my $text = slurp($rules) =~ s/^ +annotations:\n +summary: .*\n//mgr;

for ([$bare, $text],
     [$test, JSON::PP->new->encode({ rule_files => [$bare],
                                     evaluation_interval => '1m',
                                     tests => \@tests })]) {
    open my $fh, '>', $_->[0] or die "$_->[0]: $!";
    print $fh $_->[1];
    close $fh;
}

works('each alert goes off when it should, and only then', 'promtool', 'test',
      'rules', $test);

my %tested = map { $_->[0] => 1 } @alerts;
my @untested = grep { !$tested{$_} } $text =~ /alert: (\w+)/g;
is("@untested", '', 'each has been tested');


# the numbers that are asked for are there, with these labels

$t->nginx(server => 'location = /metrics { results_status prometheus; }');
is($t->put('r1', $t->result)->status, 201, 'a result');
is($t->row('r1')->{version}, 1, 'is stored');

my $said = $t->request('GET', '/metrics')->body;

my $asked = slurp($rules) . slurp($dashboard);
my %asked = map { $_ => 1 } $asked =~ /\b(nginx_results_\w+)/g;
delete $asked{nginx_results_rules};

# the name of a job, and one whose samples come with the first error
my @unknown = grep { $said !~ /^$_\{?/m && $_ ne 'nginx_results_last_error' }
    sort keys %asked;
is("@unknown", '', 'rules and dashboard ask for what there is');
cmp_ok(scalar keys %asked, '>', 12, 'which is a lot');

my %values = map { $_ => 1 } $asked =~ /(?:state|outcome|event)=~?\\?"([\w|]+)/g;
my @values = grep { $said !~ /="$_"/ } map { split /\|/ } sort keys %values;
is("@values", '', 'and for labels that there are');

ok(decode_json(slurp($dashboard))->{panels}, 'the dashboard is JSON');


# systemd, where there is one

SKIP: {
    my $unit = '/lib/systemd/system/nginx.service';

    skip 'no systemd', 1 if !-e $unit || !grep { -x "$_/systemd-analyze" }
        split /:/, $ENV{PATH};

    my $dir = $t->dir . '/units';
    works('a directory of units', 'sh', '-c',
          "mkdir $dir && cp $unit $dir && cp -r '$examples'/systemd/* $dir");
    works('systemd accepts the drop-in', 'env', "SYSTEMD_UNIT_PATH=$dir:",
          'systemd-analyze', 'verify', '--man=no', "$dir/nginx.service");
}
