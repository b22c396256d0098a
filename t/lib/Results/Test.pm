package Results::Test;

# A test of the whole product: a PostgreSQL and an nginx of its own, clients,
# a proxy between the two servers.  One object per test file:
#
#     use Results::Test;                  # Test::More comes with it
#
#     my $t = Results::Test->new;
#     my $nginx = $t->nginx(store => 'queue 4;');
#     is($t->put('r1', $t->result)->status, 201, 'a result is created');
#
# When the file ends, everything is stopped and checked: no alert, no report
# of a checker, no session left, nothing left running, no text of a body and
# no token in a log.  Those checks are tests as well, so a test file plans
# nothing.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Path qw(remove_tree);
use File::Spec;
use File::Temp;
use POSIX ();
use Test::More;

use Results::Test::Fixtures;
use Results::Test::Http;
use Results::Test::Nginx;
use Results::Test::Pg;
use Results::Test::Process;
use Results::Test::Proxy;
use Results::Test::Response;
use Results::Test::Wait qw(patience wait_for);

our $BASE = '/ims/oneroster/gradebook/v1p2';

my $test;


sub import {
    strict->import;
    warnings->import;
    Test::More->export_to_level(1);

    no strict 'refs';
    *{ caller() . '::wait_for' } = \&wait_for;
}


# options: timeout (seconds for the whole file)
sub new {
    my ($class, %opt) = @_;

    my $dir = File::Temp::tempdir('results-test-XXXXXX', DIR => _place());
    chmod 0755, $dir;

    my $self = bless { dir => $dir, owner => $$, root => _root(),
                       allowed => [] }, $class;

    $test = $self;
    $SIG{$_} = sub { die "ended by a signal\n" } for qw(HUP INT TERM);
    $self->_watch(patience($opt{timeout} || 120));

    return $self;
}


sub dir { $_[0]{dir} }
sub root { $_[0]{root} }


# the cluster, started by the first call
sub pg {
    my ($self, %opt) = @_;

    return $self->{pg} ||= Results::Test::Pg->new(dir => $self->{dir},
        root => $self->{root}, %opt)->start;
}


# a started cluster that follows it, under a name, perhaps through a proxy
sub standby {
    my ($self, @standby) = @_;

    my $standby = $self->pg->standby(@standby)->start;

    push @{ $self->{standbys} }, $standby;
    return $standby;
}


# from now on another cluster is the one that the test means
sub switch_to {
    my ($self, $pg) = @_;

    push @{ $self->{standbys} }, $self->{pg};
    $self->{pg} = $pg;
    $self->fixtures->{pg} = $pg;
}


# the proxy, which nginx goes through when it is made before nginx
sub proxy {
    my ($self) = @_;

    return $self->{proxy} ||= Results::Test::Proxy->new(
        to => $self->pg->socket_path);
}


# the server, started by the first call; options: Results::Test::Nginx
sub nginx {
    my ($self, %opt) = @_;

    return $self->{nginx} ||= $self->new_nginx(%opt)->start;
}


# the same, not started
sub new_nginx {
    my ($self, %opt) = @_;

    my $conninfo = $self->pg->conninfo;

    $conninfo =~ s/host=\S+(?: port=\d+)?/$self->{proxy}->conninfo_host/e
        if $self->{proxy};

    return $self->{nginx} = Results::Test::Nginx->new(dir => $self->{dir},
        root => $self->{root}, conninfo => $conninfo, %opt);
}


sub fixtures {
    my ($self) = @_;
    return $self->{fixtures} ||= Results::Test::Fixtures->new(pg => $self->pg);
}


sub scope { shift->fixtures->scope(@_) }
sub client { shift->fixtures->client(@_) }
sub result { shift->fixtures->result(@_) }
sub encode { shift->fixtures->encode(@_) }

# a new token; without options one of the test's own, with every scope
sub token {
    my ($self, %opt) = @_;

    return $self->fixtures->token(%opt) if %opt;
    return $self->{token} ||= $self->fixtures->token;
}


sub uri { "$BASE/results/$_[1]" }


# headers of a request: token (undef: none), type, more (pairs)
sub headers {
    my ($self, %opt) = @_;

    my $token = exists $opt{token} ? $opt{token} : $self->token;
    my $type = exists $opt{type} ? $opt{type} : 'application/json';

    return [(defined $token ? (Authorization => "Bearer $token") : ()),
            (defined $type ? ('Content-Type' => $type) : ()),
            @{ $opt{more} || [] }];
}


# a connection to nginx
sub http {
    my ($self) = @_;
    return Results::Test::Http->new(port => $self->{nginx}->port);
}


# the bytes of a PUT of a result: a structure, or text as it is
sub put_request {
    my ($self, $id, $body, %opt) = @_;

    return Results::Test::Http->format('PUT', $self->uri($id),
        $self->headers(%opt), ref $body ? $self->encode($body) : $body);
}


# the response of a PUT on a connection of its own; status 0 where there is
# none
sub put {
    my ($self, @put) = @_;
    return $self->_exchange('PUT', $self->put_request(@put));
}


# the same of any request: method, uri, headers(), body
sub request {
    my ($self, $method, @request) = @_;

    return $self->_exchange($method,
        Results::Test::Http->format($method, @request));
}


sub _exchange {
    my ($self, $method, $bytes) = @_;

    my $http = $self->http;
    $http->send($bytes);

    my $response = $http->response($method);
    $http->close;

    return $response || Results::Test::Response->new(status => 0,
        headers => [], body => '');
}


# many requests, see Results::Test::Http::many()
sub many {
    my ($self, $requests, %opt) = @_;
    return Results::Test::Http->many($self->{nginx}->port, $requests, %opt);
}


# what results_status says
sub status { $_[0]->request('GET', '/status')->json }


# the stored row of a result, and how many there are
sub row {
    my ($self, $id) = @_;
    return $self->pg->row('SELECT * FROM results.result WHERE id = ?', $id);
}

sub rows { $_[0]->pg->value('SELECT count(*) FROM results.result') }


# a line of the log that is meant to be there, though it is an alert
sub allow_log {
    my ($self, $regex) = @_;
    push @{ $self->{allowed} }, $regex;
}


# the directory of a test: in memory where there is room
sub _place {
    my ($rc, $text) = Results::Test::Process->run(
        ['df', '-Pk', '/dev/shm']);

    my ($free) = $text =~ /\s(\d+)\s+\d+%\s/;

    return '/dev/shm' if $rc == 0 && -w '/dev/shm' && ($free // 0) > 1 << 20;
    return File::Spec->tmpdir;
}


sub _root {
    return $ENV{TEST_RESULTS_ROOT} if $ENV{TEST_RESULTS_ROOT};

    my ($root) = abs_path(__FILE__) =~ m{^(.*)/t/lib/};
    return $root;
}


# ends a test that hangs, however it hangs; its servers die with it
sub _watch {
    my ($self, $seconds) = @_;

    pipe my $reader, my $writer or die "pipe: $!\n";

    my $pid = fork() // die "fork: $!\n";

    if ($pid) {
        close $reader;
        @$self{qw(watch watchdog)} = ($writer, $pid);
        return;
    }

    close $writer;
    $SIG{$_} = 'IGNORE' for qw(HUP INT TERM);

    my $mask = '';
    vec($mask, fileno $reader, 1) = 1;

    if (!select $mask, undef, undef, $seconds) {
        print STDERR "# $0: not done after $seconds s\n";
        kill 'TERM', $self->{owner};

        vec($mask, fileno $reader, 1) = 1;
        kill 'KILL', $self->{owner} if !select $mask, undef, undef, 20;
    }

    sysread $reader, my $nothing, 1;    # until the test is gone
    $self->_end_daemons;

    # servers that died with it may need a moment
    wait_for(sub {
        remove_tree($self->{dir}, { error => \my $errors });
        return !-e $self->{dir};
    }) if !$ENV{TEST_RESULTS_LEAVE};

    POSIX::_exit(0);
}


# what has not died with the test: known by the test's directory, which is
# in its command line
sub _end_daemons {
    my ($self) = @_;

    for my $file (glob "$self->{dir}/nginx/nginx.pid*") {
        my ($pid) = Results::Test::Nginx::_slurp($file) =~ /^(\d+)\n/ or next;

        kill 'TERM', $pid if Results::Test::Nginx::_slurp(
            "/proc/$pid/cmdline") =~ /\Q$self->{dir}\E/;
    }
}


END {
    if ($test && $test->{owner} == $$) {
        my $code = $?;

        eval { $test->_finish($code == 0); 1 } or do {
            diag("at the end of the test: $@");
            $code ||= 255;
        };

        done_testing() if $code == 0;
        $? = $code;
    }
}


sub _finish {
    my ($self, $complete) = @_;

    my ($pg, $nginx, $proxy) = @$self{qw(pg nginx proxy)};

    # below, done is what a test that broke off has to do, too
    $proxy->pass if $proxy;

    $self->_check_live_sessions if $complete && $pg && $nginx;

    if ($nginx && $nginx->running) {
        my $status = $nginx->quit;
        is($status, 0, 'nginx quits when it is asked to');
    }

    if ($nginx) {
        ok(!$nginx->{left}, 'nginx leaves no process');
        $self->_check_logs;
    }

    $proxy->stop if $proxy;

    if ($pg && $pg->running) {
        ok(wait_for(sub { !$pg->gateway_sessions }),
           'no session is left at PostgreSQL');
        ok($pg->stop, 'PostgreSQL stops');
    }

    $_->stop for grep { $_->running } @{ $self->{standbys} || [] };

    if (!$complete || !Test::More->builder->is_passing) {
        diag("error.log:\n" . $nginx->log_tail) if $nginx;
        diag("PostgreSQL's log:\n" . $pg->log_tail) if $pg;
        diag("the test's directory: $self->{dir}")
            if $ENV{TEST_RESULTS_LEAVE};
    }

    close delete $self->{watch};
    local $?;
    waitpid delete $self->{watchdog}, 0;
}


# PostgreSQL has the sessions that the module knows of, and no other
sub _check_live_sessions {
    my ($self) = @_;

    my ($pg, $nginx) = @$self{qw(pg nginx)};

    return if !$pg->running || !$nginx->running;

    # a configuration may do without a status
    my $status = $self->request('GET', '/status');
    return if $status->status && !$status->json;

    my ($known, $there) = ('none', 'unknown');

    wait_for(sub {
        my $connections = eval { $self->status->{connections} } or return 0;

        $known = $connections->{idle} + $connections->{busy}
            + $connections->{connecting};
        $there = $pg->gateway_sessions;

        return $known == $there;
    });

    is($there, $known, 'PostgreSQL has the sessions that nginx knows of');
}


sub _check_logs {
    my ($self) = @_;

    my $nginx = $self->{nginx};
    my @allowed = @{ $self->{allowed} };

    push @allowed, qr/exited on signal 9/ if $nginx->{killed};

    my @alerts = grep {
        my $line = $_;
        !grep { $line =~ $_ } @allowed;
    } grep { /\[(?:alert|crit|emerg)\]/ } split /^/, $nginx->log_text;

    ok(!@alerts, 'no alert in the log') or diag(@alerts);

    my %reports = $nginx->reports;

    ok(!%reports, 'no report of a checker') or diag(values %reports);

    my @files = map { "$nginx->{prefix}/$_" } qw(error.log access.log stderr);
    my $logs = join '', map { Results::Test::Nginx::_slurp($_) } @files;

    my @sanitizer = grep { /Sanitizer|runtime error:/ } split /^/, $logs;

    ok(!@sanitizer, 'no sanitizer in a log') or diag(@sanitizer);

    my $fixtures = $self->{fixtures} or return;

    # texts that must not be there, and the lines they are in
    my @secrets = ($fixtures->marker, $fixtures->tokens);
    my $secret = join '|', map { quotemeta } @secrets;
    my @lines = grep { /$secret/ } split /^/, $logs;

    ok(!@lines, 'no text of a body and no token in a log') or diag(@lines);
}


1;
