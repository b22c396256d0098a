#!/usr/bin/env perl

# No memory: over one request of every route of every API the n-th allocation
# of the module fails, for n = 1, 2, 3 until the request needs fewer.  Never a
# crash (the harness reads the log), never a 2xx without its row; 500 or 503, or
# no answer at all where nginx has no memory for one.

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA;
use File::Temp;

BEGIN {
    my $root = $ENV{TEST_RESULTS_ROOT} || "$FindBin::Bin/..";
    my $header = "$root/t/canary/memory.h";

    require Test::More;
    Test::More::plan(skip_all => 'bin/build builds for the nginx of the system')
        if ($ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx') ne '/usr/sbin/nginx';

    # the sum is there to build again when the header changes
    my $sum = substr Digest::SHA->new(256)->addfile($header)->hexdigest, 0, 8;
    my $option = $ENV{TEST_RESULTS_ASAN} ? '--asan' : '';
    local $ENV{RESULTS_CFLAGS} = "-DRESULTS_FAULT_$sum -include $header"
        . ($option ? '' : ' -DRESULTS_ARENA_MALLOC');

    chomp(my $module = `$root/bin/build $option`);
    die "bin/build failed\n" if $?;

    $ENV{TEST_RESULTS_MODULE} = $module;
}

use Results::Test;
use Results::Test::OneRoster;
use Results::Test::Report;

my $STUDENT = 'e37e973c-f410-4ed5-9dfd-b1446441072b';
my $BASE = '/ims/oneroster/gradebook/v1p2';
my $MOST = 400;             # allocations of a request

my $file = File::Temp->new;
chmod 0666, $file->filename;


sub fail_at {
    open my $out, '+<', "$file" or die "$file: $!\n";
    syswrite $out, pack 'l!', shift;
    close $out;
    return;
}


# allocations left to the one that fails: 0, it has failed
sub left {
    open my $in, '<', "$file" or die "$file: $!\n";
    sysread $in, my $bytes, 8;
    return unpack 'l!', $bytes;
}


fail_at(0);

my $t = Results::Test->new(timeout => 120);
my $pg = $t->pg;

# what nginx itself says where it gets no answer from a handler
$t->allow_log(qr{results: .*(?:no memory|out of memory|allocation)});

my $nginx = $t->nginx(globals => "env RESULTS_MEMORY=$file;",
    server => Results::Test::OneRoster->servers
        . Results::Test::Report::server()
        . ' location = /contentItemResult { results_api wse; }'
        . ' location = /grade { results_api educacional; }'
        . ' location = /oauth2/token { results_token_endpoint; }');

my $report = Results::Test::Report->new($t);
$report->person($STUDENT);
$report->person('admin', role => 'account_admin');

my $admin = $t->token(person => 'admin', scopes => []);
my $student = $t->token(person => $STUDENT, scopes => []);
my $hub = $t->token(scopes => ['la-apiauthidentifier/authorization']);


sub example {
    open my $in, '<', $t->root . "/examples/requests/$_[0].json" or die $!;
    local $/;
    return scalar <$in>;
}


# name => sub of n: method, path, body, token, and the id whose row a 2xx has
my @routes = (
    'PUT of a result' => sub {
        ('PUT', "$BASE/results/put-$_[0]", $t->encode($t->result), undef,
         "put-$_[0]") },
    'PATCH' => sub {
        ('PATCH', "/standard$BASE/results/kept", '{"result":{"comment":"n' . $_[0]
         . '"}}', undef, 'kept') },
    'GET' => sub { ('GET', "$BASE/results/kept", '') },
    'GET of a collection' => sub {
        ('GET', "$BASE/results/?limit=3&filter=score%3E%3D'0.5'&sort=score", '')
    },
    'POST of an assessment result' => sub {
        ('POST', "$BASE/assessmentResults/", example('post-assessment-result'),
         undef, 'placement-2026-c3c2e1a0') },
    'POST of several' => sub {
        ('POST', "/standard$BASE/lineItems/l1/results",
         example('post-results'), undef, 'unit-1-pat') },
    'wse' => sub {
        ('POST', '/contentItemResult', example('post-content-item-result')
             =~ s/("StudentId"\s*:\s*)"[^"]*"/$1"$STUDENT"/ir, $student) },
    'educacional' => sub { ('POST', '/grade', example('post-event'), $hub) },
    'report' => sub { ('GET', '/learners/modules/results', '', $admin) },
    'DELETE' => sub {
        ('DELETE', "$BASE/results/kept", '', undef, 'kept') },
    'token endpoint' => sub {
        ('POST', '/oauth2/token', 'grant_type=client_credentials&client_id=x'
         . '&client_secret=y', 'form') },
);

is($t->put('kept', $t->result)->status, 201, 'there is a result');

while (my ($name, $of) = splice @routes, 0, 2) {
    my (%statuses, %with, @wrong, $without);
    my $n = 0;

    while (++$n < $MOST) {
        my ($method, $path, $body, $token, $id) = $of->($n);

        my $headers = ($token // '') eq 'form'
            ? $t->headers(token => undef,
                          type => 'application/x-www-form-urlencoded')
            : $t->headers($token ? (token => $token) : ());

        fail_at($n);
        my $response = $t->request($method, $path, $headers, $body);
        my $failed = left() == 0;
        fail_at(0);

        my $status = $response->status;
        $statuses{$status}++;

        $with{$status} = $n if $failed && $status !~ /^(?:0|2..|500|503)$/;
        $without = $status if !$failed;

        push @wrong, "$n: $status, and no row"
            if defined $id && $status =~ /^2/ && !$t->row($id);

        last unless $failed;
    }

    # what the whole request is answered may be said before memory is needed
    push @wrong, map { "$with{$_}: $_" } grep { $_ != $without } sort keys %with;

    is("@wrong", '', "$name: 500 or 503, and a 2xx has its row");
    ok($statuses{500} || $statuses{503}, "$name: and some were told so");
    cmp_ok($n, '<', $MOST, "$name: $n allocations");
    note join ', ', map { "$_: $statuses{$_}" } sort keys %statuses;
}

is($t->put('last', $t->result)->status, 201, 'all goes on');
