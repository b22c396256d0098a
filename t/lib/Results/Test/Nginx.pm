package Results::Test::Nginx;

# The nginx under test: its configuration from a template, its processes, its
# log.  A template's %%NAME%% is replaced by the test's values; %%GLOBALS%%
# and %%HTTP%% stand for what every test needs.  The master runs in the
# foreground as the test's child, or as a daemon, which alone can be upgraded.

use strict;
use warnings;

use IO::Socket::INET;

use Results::Test::Port qw(free_port);
use Results::Test::Process;
use Results::Test::Wait qw(patience wait_for);

my $TEMPLATE = <<'EOC';
%%GLOBALS%%

events {
    worker_connections  %%CONNECTIONS%%;
}

http {
    %%HTTP%%

    results_store main {
        conninfo  "%%CONNINFO%%";
        %%STORE%%
    }

    results_token_zone  %%ZONE%%;
    results_pass  main;

    %%HTTP_EXTRA%%

    server {
        listen  127.0.0.1:%%PORT%%;

        %%SERVER%%

        location /ims/oneroster/gradebook/v1p2/ {
            results_api  timeback;
            %%LOCATION%%
        }

        location = /status {
            results_status  json;
        }
    }
}
EOC

my %DEFAULTS = (
    template    => $TEMPLATE,
    workers     => 1,
    log         => 'info',
    connections => 1024,
    zone        => 'tokens:1m',
    globals     => '',
    http        => '',
    store       => '',
    server      => '',
    location    => '',
);


# options: dir, root, conninfo, http2 (1: on a port of its own), daemon (1),
# vars (more %%NAME%%), env (of its processes), and those of %DEFAULTS
sub new {
    my ($class, %opt) = @_;

    my $self = bless { %DEFAULTS, %opt }, $class;

    $self->{port} ||= free_port();
    $self->{http2_port} ||= free_port() if $self->{http2};
    $self->{prefix} = "$self->{dir}/nginx";
    $self->{conf} = "$self->{prefix}/nginx.conf";
    $self->{error_log} = "$self->{prefix}/error.log";
    $self->{reports} = "$self->{prefix}/reports";

    mkdir $self->{prefix}, 0755;
    mkdir $self->{reports}, 0777;
    chmod 0777, $self->{reports};

    return $self;
}


sub port { $_[0]{port} }
sub http2_port { $_[0]{http2_port} }
sub binary { $ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx' }


# the module's file; empty where it is linked into the binary
sub module {
    my ($self) = @_;

    return $ENV{TEST_RESULTS_MODULE} if defined $ENV{TEST_RESULTS_MODULE};

    my $flavour = $ENV{TEST_RESULTS_ASAN} ? 'asan' : 'plain';
    my ($file) = sort { -M $a <=> -M $b } map { glob "$self->{root}/$_" }
        ".build/$flavour/ngx_http_results_module.so",
        ".build/$flavour/*/ngx_http_results_module.so";

    return $file || die "no module: run bin/build first\n";
}


# changes options for the next start() or reload()
sub set {
    my ($self, %opt) = @_;

    @$self{keys %opt} = values %opt;
    return $self;
}


sub write_conf {
    my ($self) = @_;

    open my $file, '>', $self->{conf} or die "$self->{conf}: $!\n";
    print $file $self->render($self->{template});
    close $file or die "$self->{conf}: $!\n";
}


sub render {
    my ($self, $text) = @_;

    my %vars = (
        GLOBALS     => $self->_globals,
        HTTP        => $self->_http,
        HTTP_EXTRA  => $self->{http},
        PORT        => $self->{port},
        CONNINFO    => $self->{conninfo} // '',
        CONNECTIONS => $self->{connections},
        ZONE        => $self->{zone},
        STORE       => $self->{store},
        SERVER      => $self->{server} . $self->_http2,
        LOCATION    => $self->{location},
        DIR         => $self->{prefix},
        %{ $self->{vars} || {} },
    );

    $text =~ s/%%(\w+)%%/$vars{$1} \/\/ die "unknown $1 in a template\n"/ge;
    return $text;
}


# nginx -t of the configuration as it is set: (exit code, what it printed)
sub test {
    my ($self) = @_;

    $self->write_conf;
    return Results::Test::Process->run([$self->_argv, '-t'],
                                       env => { $self->_env });
}


sub start {
    my ($self) = @_;

    $self->write_conf;

    $self->{process} = Results::Test::Process->spawn(
        [$self->_checker, $self->_argv],
        env => { $self->_env }, out => "$self->{prefix}/stderr");

    $self->_adopt if $self->{daemon};

    wait_for(sub {
        defined $self->{process}->status
            || ($self->worker_pids >= $self->{workers} && $self->accepts);
    }, timeout => 30);

    if (defined $self->{process}->status) {
        delete $self->{process};
        die "nginx does not start:\n" . _slurp("$self->{prefix}/stderr")
            . $self->log_tail;
    }

    return $self;
}


# waits until new workers serve; with wait => 1 also until the old are gone
sub reload {
    my ($self, %opt) = @_;

    my %old = map { $_ => 1 } $self->worker_pids;

    $self->write_conf;
    $self->{process}->signal('HUP');

    wait_for(sub {
        my @pids = $self->worker_pids;
        my @new = grep { !$old{$_} } @pids;
        my @serving = grep { $old{$_} && !$self->shuts_down($_) } @pids;

        return @new >= $self->{workers} && !@serving
            && !($opt{wait} && @pids > @new);

    }, timeout => 30) or die "nginx does not reload:\n" . $self->log_tail;
}


# USR2: another master and its workers serve beside those of now.  Then WINCH
# ends the old workers, and QUIT the old master; or, with back => 1, HUP
# starts workers of the old one again, and QUIT ends the new one.
sub upgrade {
    my ($self, %opt) = @_;

    my $old = $self->{process};
    my @workers = $self->worker_pids;

    $old->signal('USR2');

    my $new = wait_for(sub {
        my $pid = $self->_pid_file;
        my @pids = $pid && $pid != $old->pid
            ? Results::Test::Process::children($pid) : ();
        return @pids >= $self->{workers} && $pid;
    }, timeout => 30) or die "no new master:\n" . $self->log_tail;

    $old->signal('WINCH');
    wait_for(sub { !Results::Test::Process::alive(@workers) }, timeout => 30)
        or die "old workers stay:\n" . $self->log_tail;

    if ($opt{back}) {
        $old->signal('HUP');
        wait_for(sub {
            my @pids = grep { $_ != $new } $self->worker_pids;
            return @pids >= $self->{workers};
        }) or die "the old master has no workers:\n" . $self->log_tail;

        kill 'QUIT', $new;
        wait_for(sub { !Results::Test::Process::alive($new) }, timeout => 30)
            or die "the new master stays:\n" . $self->log_tail;
        return;
    }

    $old->signal('QUIT');
    wait_for(sub { defined $old->status }, timeout => 30)
        or die "the old master stays:\n" . $self->log_tail;

    $self->{process} = Results::Test::Process->adopt($new, $old->group);
}


# to the master; the test goes on at once
sub signal { $_[0]{process}->signal($_[1]) }

# end the server: the wait status, undef where it had to be killed
sub quit { $_[0]->_end('QUIT') }
sub stop { $_[0]->_end('TERM') }


sub kill_worker {
    my ($self, $pid) = @_;

    ($pid) = $self->worker_pids if !$pid;
    $self->{killed}++;

    kill 'KILL', $pid;
    wait_for(sub {
        my @pids = $self->worker_pids;
        @pids >= $self->{workers} && !grep { $_ == $pid } @pids;
    });
}


# of the master and all workers, at once, as a crash of the machine would
sub kill_all {
    my ($self) = @_;

    my $server = delete $self->{process} or return;
    my @workers = Results::Test::Process::children($server->pid);

    $self->{killed}++;
    kill 'KILL', $server->pid, @workers;
    wait_for(sub { defined $server->status });
    wait_for(sub { !Results::Test::Process::alive(@workers) });
}


sub running { defined $_[0]{process} && !defined $_[0]{process}->status }
sub pid { $_[0]{process} && $_[0]{process}->pid }


sub worker_pids {
    my ($self) = @_;

    return $self->running
        ? Results::Test::Process::children($self->{process}->pid) : ();
}


# a worker says so in its title, which is not seen under valgrind, and in the
# log
sub shuts_down {
    my ($self, $pid) = @_;

    return _slurp("/proc/$pid/cmdline") =~ /shutting down/
        || $self->log_text =~ /\] $pid#.*gracefully shutting down/;
}


sub accepts {
    my ($self) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $self->{port}, Proto => 'tcp') or return 0;

    close $socket;
    return 1;
}


sub log_text { _slurp($_[0]{error_log}) }
sub log_size { -s $_[0]{error_log} || 0 }


# waits for a line; after => log_size() of before
sub wait_for_log {
    my ($self, $regex, %opt) = @_;

    return wait_for(sub {
        substr($self->log_text, $opt{after} || 0) =~ $regex;
    }, %opt);
}


sub log_tail {
    my ($self) = @_;

    my @lines = split /^/, $self->log_text;
    return join '', @lines > 30 ? @lines[-30 .. -1] : @lines;
}


# files in which a checker wrote something: they write errors only
sub reports {
    my ($self) = @_;

    my %reports;

    for my $file (glob "$self->{reports}/*") {
        my $text = _slurp($file);
        $reports{$file} = $text if $text ne '';
    }

    return %reports;
}


sub _end {
    my ($self, $signal) = @_;

    my $server = delete $self->{process} or return;
    my $status = $server->end($signal, 40);

    $self->{left}++ if $server->group_alive;
    $server->kill_group;

    return $status;
}


# the daemon, whose starter ends
sub _adopt {
    my ($self) = @_;

    my $starter = $self->{process};

    wait_for(sub { defined $starter->status }, timeout => 30);
    return if $starter->status;

    my $pid = wait_for(sub { $self->_pid_file });

    $self->{process} = Results::Test::Process->adopt($pid);
}


sub _pid_file {
    my ($self) = @_;

    my ($pid) = _slurp("$self->{prefix}/nginx.pid") =~ /^(\d+)\n/;
    return $pid;
}


sub _argv {
    my ($self) = @_;

    return ($self->binary, '-p', "$self->{prefix}/", '-e', 'error.log', '-c',
            $self->{conf});
}


sub _globals {
    my ($self) = @_;

    my $module = $self->module;
    my $user = Results::Test::Process::unprivileged();

    return join "\n",
        ($module ? "load_module  $module;" : ()),
        ($user ? "user  $user->{name} $user->{group};" : ()),
        $self->{daemon} ? 'daemon  on;' : 'daemon  off;',
        (map { "env  $_;" } keys %{ $self->{daemon} ? { $self->_env }
                                                    : $self->{env} || {} }),
        "pid  $self->{prefix}/nginx.pid;",
        "error_log  $self->{error_log} $self->{log};",
        "worker_processes  $self->{workers};",
        $self->{globals};
}


sub _http {
    my ($self) = @_;

    return join "\n    ",
        "access_log  $self->{prefix}/access.log;",
        map { "${_}_temp_path  $self->{prefix}/$_;" }
            qw(client_body proxy fastcgi uwsgi scgi);
}


# HTTP/2 without TLS has a port of its own: before nginx 1.25.1 a port speaks
# one of the two
sub _http2 {
    my ($self) = @_;

    my $port = $self->{http2_port} or return '';
    my (undef, $text) = Results::Test::Process->run([$self->binary, '-v']);
    my ($major, $minor, $patch) = $text =~ m{nginx/(\d+)\.(\d+)\.(\d+)};

    return "listen  127.0.0.1:$port http2;"
        if $major == 1 && $minor * 1000 + $patch < 25001;

    return "listen  127.0.0.1:$port;\n        http2  on;";
}


sub _checker {
    my ($self) = @_;

    return () if !$ENV{TEST_RESULTS_VALGRIND};

    return ('valgrind', '-q', '--trace-children=yes',
            "--log-file=$self->{reports}/valgrind.%p", '--leak-check=full',
            '--show-leak-kinds=definite', '--errors-for-leak-kinds=definite',
            '--num-callers=30', '--gen-suppressions=all', '--vgdb=no',
            '--keep-debuginfo=yes',
            "--suppressions=$self->{root}/t/valgrind.supp");
}


sub _env {
    my ($self) = @_;

    my %env = %{ $self->{env} || {} };

    return %env if !$ENV{TEST_RESULTS_ASAN};

    my @libs = map { my $lib = `gcc -print-file-name=$_`; chomp $lib; $lib }
        qw(libasan.so libubsan.so);
    push @libs, $env{LD_PRELOAD} || ();

    return (%env, LD_PRELOAD => "@libs",
            ASAN_OPTIONS  => "log_path=$self->{reports}/asan"
                . ':detect_leaks=0:abort_on_error=0',
            UBSAN_OPTIONS => "log_path=$self->{reports}/ubsan"
                . ':print_stacktrace=1');
}


sub _slurp {
    my ($path) = @_;

    open my $file, '<', $path or return '';
    local $/;
    return scalar <$file> // '';
}


1;
