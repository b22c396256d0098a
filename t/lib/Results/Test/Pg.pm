package Results::Test::Pg;

# A PostgreSQL cluster of the test's own, on a Unix socket, and on a port of
# 127.0.0.1 where it is given one.  The cluster with sql/ installed is made
# once, kept as a tar file under .build/, and unpacked by each test.  fsync
# stays on: the module refuses a server without.

use strict;
use warnings;

use DBI;
use Digest::SHA;
use Fcntl qw(LOCK_EX);
use File::Path qw(make_path remove_tree);
use File::Temp;
use IO::Socket::UNIX;

use Results::Test::Process;
use Results::Test::Wait qw(wait_for);

my $DATABASE = 'results';
my $GATEWAY = 'results_gateway';

my %SETTINGS = (
    listen_addresses         => '',
    shared_buffers           => '32MB',
    max_connections          => 100,
    jit                      => 'off',
    max_wal_size             => '128MB',
    log_lock_waits           => 'on',
    log_line_prefix          => '%m [%p] %u ',
    shared_preload_libraries => 'pg_stat_statements',
    wal_init_zero            => 'off',
);


# options: dir, root (of the project), settings, port (of TCP)
sub new {
    my ($class, %opt) = @_;

    my $self = $class->_new(%opt);

    my ($rc, $text) = Results::Test::Process->run(
        ['tar', '-xpf', $self->_template, '-C', $self->{data}]);
    die "tar: $text\n" if $rc;

    return $self;
}


sub _new {
    my ($class, %opt) = @_;

    my $self = bless { %opt, data => "$opt{dir}/pg", run => "$opt{dir}/run",
                       log => "$opt{dir}/pg.log" }, $class;

    $self->{bin} ||= _bin();

    for my $dir ($self->{data}, $self->{run}) {
        mkdir $dir, 0700 or die "mkdir $dir: $!\n";
        _give($dir);
    }

    open my $log, '>>', $self->{log} or die "$self->{log}: $!\n";
    _give($self->{log});

    return $self;
}


# a copy that follows this one under a name, through a proxy if one is given;
# not started
sub standby {
    my ($self, $name, $proxy) = @_;

    my $dir = "$self->{dir}/$name";
    mkdir $dir, 0755 or die "mkdir $dir: $!\n";

    my $from = $proxy ? $proxy->conninfo_host
                      : "host=$self->{run} port=" . $self->port;

    my $standby = ref($self)->_new(dir => $dir, root => $self->{root},
        settings => { %{ $self->{settings} || {} }, primary_conninfo =>
            "$from user=postgres application_name=$name" });

    _check(["$self->{bin}/pg_basebackup", '-h', $self->{run}, '-p',
            $self->port, '-U', 'postgres', '-D', $standby->{data}, '-X',
            'stream', '-c', 'fast'], user => 1);

    open my $file, '>', "$standby->{data}/standby.signal" or die "$!\n";
    _give("$standby->{data}/standby.signal");

    return $standby;
}


sub start {
    my ($self, %settings) = @_;

    my %all = (%SETTINGS, %{ $self->{settings} || {} }, %settings);

    $all{listen_addresses} = '127.0.0.1' if $self->{port};
    $all{port} = $self->{port} if $self->{port};

    # a server that was killed may leave children for a moment
    wait_for(sub {
        $self->{server} = Results::Test::Process->spawn(
            ["$self->{bin}/postgres", '-D', $self->{data}, '-k',
             $self->{run}, map { ('-c', "$_=$all{$_}") } sort keys %all],
            user => 1, out => $self->{log}, deathsig => 'INT');

        wait_for(sub {
            defined $self->{server}->status || $self->_accepts;
        });

        return !defined $self->{server}->status;

    }) or die "PostgreSQL does not start:\n" . $self->log_tail;

    return $self;
}


# how: fast (default), smart, immediate, kill
sub stop {
    my ($self, $how) = @_;

    my $server = $self->{server} or return;
    $how ||= 'fast';

    $self->disconnect;

    my @children = Results::Test::Process::children($server->pid);

    my %signal = (smart => 'TERM', fast => 'INT', immediate => 'QUIT',
                  kill => 'KILL');

    $server->signal($signal{$how});
    $server->signal('CONT');

    my $status = $server->end($signal{$how}, 30);
    kill 'KILL', @children if $how eq 'kill' || !defined $status;

    wait_for(sub { !Results::Test::Process::alive(@children) });

    delete $self->{server};

    return defined $status;
}


sub restart {
    my ($self, $how) = @_;

    $self->stop($how);
    $self->start;
}


# to the postmaster; one that was sent STOP goes on when it is stopped
sub signal { $_[0]{server}->signal($_[1]) }

sub running { defined $_[0]{server} && !defined $_[0]{server}->status }
sub port { $_[0]{port} || 5432 }
sub socket_path { "$_[0]{run}/.s.PGSQL." . $_[0]->port }
sub database { $DATABASE }
sub gateway { $GATEWAY }

sub conninfo {
    my ($self) = @_;
    my $port = $self->{port} ? " port=$self->{port}" : '';

    return "host=$self->{run}$port dbname=$DATABASE user=$GATEWAY";
}


# a connection of its own, as the superuser unless told otherwise
sub connect {
    my ($self, %opt) = @_;

    return DBI->connect(
        "dbi:Pg:dbname=" . ($opt{database} || $DATABASE)
        . ";host=$self->{run};port=" . $self->port . ';application_name=test',
        $opt{user} || 'postgres', '',
        { RaiseError => 1, PrintError => 0, PrintWarn => 0, AutoCommit => 1,
          AutoInactiveDestroy => 1 });
}


sub dbh {
    my ($self) = @_;

    delete $self->{dbh} if $self->{dbh} && !$self->{dbh}->ping;
    return $self->{dbh} ||= $self->connect;
}


sub disconnect {
    my ($self) = @_;

    my $dbh = delete $self->{dbh} or return;
    eval { $dbh->disconnect };
}


sub do { my ($self, $sql, @bind) = @_; $self->dbh->do($sql, undef, @bind) }

sub value {
    my ($self, $sql, @bind) = @_;
    return ($self->dbh->selectrow_array($sql, undef, @bind))[0];
}

sub row {
    my ($self, $sql, @bind) = @_;
    return $self->dbh->selectrow_hashref($sql, undef, @bind);
}

sub rows {
    my ($self, $sql, @bind) = @_;
    return $self->dbh->selectall_arrayref($sql, { Slice => {} }, @bind);
}


# commits wait for a standby of that name, which must be there; undef: for none
sub wait_for_standby {
    my ($self, $name) = @_;

    $self->configure(synchronous_standby_names => $name // '');

    return if !defined $name;

    wait_for(sub {
        $self->value(q{SELECT count(*) FROM pg_stat_replication
                       WHERE application_name = ? AND sync_state = 'sync'},
                     $name);
    }) or die "no standby $name\n";
}


sub promote { $_[0]->value('SELECT pg_promote()') }


# changes settings, or takes those back that are undef, without a restart
sub configure {
    my ($self, %settings) = @_;

    for my $name (sort keys %settings) {
        my $value = $settings{$name};
        $self->do("ALTER SYSTEM SET $name = " . (defined $value
            ? $self->dbh->quote($value) : 'DEFAULT'));
    }

    $self->reload;
}


# the lines of pg_hba.conf; the superuser keeps its way in
sub hba {
    my ($self, @lines) = @_;

    $self->_write('pg_hba.conf', 'local all postgres trust',
                  'local replication postgres trust', @lines);
    $self->reload;
}


# the lines of pg_ident.conf, before those of pg_hba.conf that use them
sub ident { my ($self, @lines) = @_; $self->_write('pg_ident.conf', @lines) }


# new sessions have the files as they are now when this returns
sub reload {
    my ($self) = @_;

    my $sql = 'SELECT pg_conf_load_time()';
    my $before = $self->value($sql);

    $self->do('SELECT pg_reload_conf()');

    wait_for(sub {
        my $dbh = $self->connect;
        my ($now) = $dbh->selectrow_array($sql);
        $dbh->disconnect;
        return $now ne $before;
    }) or die "PostgreSQL does not read its configuration\n";
}


sub _write {
    my ($self, $name, @lines) = @_;

    open my $file, '>', "$self->{data}/$name" or die "$name: $!\n";
    print $file map { "$_\n" } @lines;
    close $file or die "$name: $!\n";
}


# holds a lock on a table while the code runs
sub with_lock {
    my ($self, $table, $mode, $code) = @_;

    my $dbh = $self->connect;

    $dbh->begin_work;
    $dbh->do("LOCK TABLE $table IN $mode MODE");

    my $ok = eval { $code->($dbh); 1 };
    my $error = $@;

    $dbh->rollback;
    $dbh->disconnect;

    die $error if !$ok;
}


# the gateway's sessions wait for a lock as long as the test holds it
sub no_timeouts {
    my ($self) = @_;

    $self->do("ALTER ROLE $GATEWAY SET $_ = 0")
        for qw(lock_timeout statement_timeout);
}


# every statement that writes results takes that many milliseconds more
sub delay_writes {
    my ($self, $ms) = @_;

    $self->do('DROP TRIGGER IF EXISTS delay_writes ON results.result');
    return if !$ms;

    $self->do(sprintf q{
        CREATE OR REPLACE FUNCTION results.delay_writes() RETURNS trigger
        LANGUAGE plpgsql AS 'BEGIN
            PERFORM pg_catalog.pg_sleep(%f);
            RETURN NULL;
        END'
    }, $ms / 1000);

    $self->do(q{
        CREATE TRIGGER delay_writes AFTER INSERT ON results.result
        FOR EACH STATEMENT EXECUTE FUNCTION results.delay_writes()
    });
}


# the gateway's backends, those that write now first: pids
sub backends {
    my ($self) = @_;

    return map { $_->{pid} } @{ $self->rows(q{
        SELECT pid FROM pg_stat_activity WHERE usename = ?
        ORDER BY state = 'active' AND query LIKE '%write_records%' DESC,
                 random()
    }, $GATEWAY) };
}


# waits until n statements of the gateway wait for a lock
sub wait_for_blocked {
    my ($self, $n) = @_;

    return wait_for(sub {
        $self->value(q{
            SELECT count(*) >= ? FROM pg_stat_activity
            WHERE usename = ? AND wait_event_type = 'Lock'
        }, $n, $GATEWAY);
    });
}


sub gateway_sessions {
    my ($self) = @_;

    return $self->value(
        'SELECT count(*) FROM pg_stat_activity WHERE usename = ?', $GATEWAY);
}


# calls of statements whose text is like this, by the gateway
sub calls {
    my ($self, $like) = @_;

    return $self->value(q{
        SELECT coalesce(sum(s.calls), 0)::int
        FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid
        WHERE r.rolname = ? AND s.query LIKE ?
    }, $GATEWAY, $like);
}


# what the lines do at a prompt, as the superuser: (exit code, what it printed)
sub psql {
    my ($self, $lines) = @_;
    return $self->shell("psql -XqAt -v ON_ERROR_STOP=1 <<'END-OF-LINES'\n"
                        . "$lines\nEND-OF-LINES\n");
}


# the same of a shell that finds the database, in the project's directory
sub shell {
    my ($self, $lines) = @_;

    return Results::Test::Process->run(
        ['sh', '-c', "cd \"\$ROOT\" && { $lines\n}"],
        env => { ROOT => $self->{root}, PGHOST => $self->{run},
                 PGUSER => 'postgres', PGDATABASE => $DATABASE });
}


sub log_text {
    my ($self) = @_;

    open my $file, '<', $self->{log} or return '';
    local $/;
    return scalar <$file>;
}


sub log_tail {
    my ($self) = @_;

    my @lines = split /^/, $self->log_text;
    return join '', @lines > 20 ? @lines[-20 .. -1] : @lines;
}


sub _accepts {
    my ($self) = @_;

    # not DBI->connect(): it would wait where the server hangs
    my $socket = IO::Socket::UNIX->new(Peer => $self->socket_path) or return 0;
    close $socket;

    return eval { $self->connect(database => 'template1')->disconnect; 1 };
}


sub _bin {
    my ($newest) = sort { ($b =~ /(\d+)/)[0] <=> ($a =~ /(\d+)/)[0] }
        grep { -x "$_/initdb" } glob '/usr/lib/postgresql/*/bin';

    return $newest if $newest;

    my ($rc, $text) = Results::Test::Process->run(['pg_config', '--bindir']);
    chomp $text;
    die "PostgreSQL's server programs are not installed\n"
        if $rc || !-x "$text/initdb";

    return $text;
}


sub _give {
    my ($path) = @_;

    my $user = Results::Test::Process::unprivileged() or return;
    chown $user->{uid}, $user->{gid}, $path or die "chown $path: $!\n";
}


# the tar file, made by the first test that needs it
sub _template {
    my ($self) = @_;

    my $dir = "$self->{root}/.build/test";
    make_path($dir);

    my $sum = Digest::SHA->new(256);
    $sum->add($self->{bin}, $>);
    $sum->addfile($_) for __FILE__, sort glob "$self->{root}/sql/*.sql";
    $sum = substr $sum->hexdigest, 0, 16;

    my $tar = "$dir/cluster-$sum.tar";

    open my $lock, '>>', "$dir/cluster.lock" or die "$dir: $!\n";
    flock $lock, LOCK_EX or die "flock: $!\n";

    if (!-e $tar) {
        unlink glob "$dir/cluster-*.tar";
        $self->_make_template("$tar.new");
        rename "$tar.new", $tar or die "rename: $!\n";
    }

    return $tar;
}


sub _make_template {
    my ($self, $tar) = @_;

    my $work = File::Temp->newdir('template-XXXXXX', DIR => $self->{dir});
    chmod 0755, $work;

    my $pg = bless { dir => "$work", root => $self->{root},
                     data => "$work/pg", run => "$work/run",
                     log => "$work/pg.log", bin => $self->{bin} }, __PACKAGE__;

    for my $dir ($pg->{data}, $pg->{run}) {
        mkdir $dir, 0700;
        _give($dir);
    }

    open my $log, '>>', $pg->{log};
    _give($pg->{log});

    _check(["$pg->{bin}/initdb", '-D', $pg->{data}, '-U', 'postgres', '-A',
            'trust', '-E', 'UTF8', '--locale=C', '--wal-segsize=4', '-N'],
           user => 1);

    $pg->start(fsync => 'off');

    my $template1 = $pg->connect(database => 'template1');
    $template1->do("CREATE DATABASE $DATABASE");
    $template1->disconnect;

    $pg->do('CREATE EXTENSION pg_stat_statements');

    _check(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', $pg->{run},
            '-U', 'postgres', '-d', $DATABASE, '-f',
            "$self->{root}/sql/install.sql"]);

    $pg->stop;
    _check(['tar', '-cf', $tar, '-C', $pg->{data}, '.']);
}


sub _check {
    my ($argv, %opt) = @_;

    my ($rc, $text) = Results::Test::Process->run($argv, %opt);
    die "@$argv:\n$text" if $rc;
}


1;
