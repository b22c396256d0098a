#!/usr/bin/env perl

# The Debian package: built and checked in one Debian, installed in another as
# README.Debian says, upgraded, removed, purged.  Each is a directory with
# packages of Debian's archive; this machine is left alone.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;

use lib 't/lib';
use Results::Test::Machine;
use Results::Test::Wait qw(wait_for);

my $root = $ENV{TEST_RESULTS_ROOT} || abs_path(dirname(__FILE__) . '/../..');
my $name = 'libnginx-mod-http-results';
my $module = 'ngx_http_results_module.so';

# what the package is made of
my @sources = qw(config config.make debian ngx_results_module third_party sql
                 docs examples README.md);

die "this test makes a Debian of its own, which takes root\n" if $>;

my $dir = tempdir(CLEANUP => 1);
my $cache = "$root/.build/package";

sub machine {
    my ($which, @packages) = @_;

    return Results::Test::Machine->new(dir => "$dir/$which",
        cache => $cache, packages => \@packages);
}


# built where there is nothing but what it says it needs

open my $file, '<', "$root/debian/control" or die "debian/control: $!";
my ($needs) = do { local $/; <$file> } =~ /^Build-Depends: ((?:.+\n)+?)(?=\S)/m;

my @needs = map { s/debhelper-compat.*/debhelper/r =~ s/dh-sequence-nginx/nginx-dev/r
                  =~ s/\s*\(.*\)//r }
            split /,\s*/, $needs =~ s/\n\z//r;

my $builder = machine('builder', qw(build-essential fakeroot iproute2 lintian),
                      @needs);

mkdir $builder->root . '/src';
system('tar', '-C', $root, '-cf', "$dir/src.tar", @sources) == 0
    or die "tar failed";
system('tar', '-C', $builder->root . '/src', '-xf', "$dir/src.tar") == 0
    or die "tar failed";

my ($rc, $said) = $builder->run('useradd -m builder && mkdir /build'
    . ' && mv /src /build/module && chown -R builder /build'
    . ' && cd /build/module'
    . ' && runuser -u builder -- dpkg-buildpackage -b -us -uc');
is($rc, 0, 'it is built') or BAIL_OUT(substr $said, -2000);
unlike($said, qr/\bwarning:/, 'without a warning');

# the address is for whoever publishes the package
($rc, $said) = $builder->run('cd /build && runuser -u builder -- lintian'
    . ' --fail-on error,warning --suppress-tags'
    . ' bogus-mail-host,bogus-mail-host-in-debian-changelog *.changes');
is($rc, 0, 'lintian has nothing against it') or diag($said);

my $deb = (glob $builder->root . "/build/${name}_*.deb")[0];
ok($deb, "and is $name") or BAIL_OUT('no package');

# a later version of it, whose module is another file
my $later = '/build/later.deb';

$builder->must('cd /build && dpkg-deb -R ' . (split m{/}, $deb)[-1] . ' tree'
    . q( && sed -i 's/^Version: .*/&+later/' tree/DEBIAN/control)
    . " && dpkg-deb --root-owner-group -b tree $later");


# installed where nginx and PostgreSQL run

my $m = machine('server', qw(curl iproute2 libjansson4 libpq5 nginx
                             postgresql));

# services start and reload as they do on a server
$m->write('/usr/sbin/policy-rc.d', "#!/bin/sh\nexit 104\n");
$m->must("service $_ start") for qw(postgresql nginx);

sub install {
    my ($from) = @_;

    system('cp', $from, $m->root . "/tmp/$name.deb") == 0 or die 'cp failed';
    return $m->run("apt-get install -q -y /tmp/$name.deb");
}

# the files there are but for what changes by itself
sub files {
    return $m->must(q{find / -xdev \( -path /proc -o -path /run -o -path /tmp}
        . q{ -o -path /var/log -o -path /var/cache -o -path /var/lib/dpkg}
        . q{ -o -path /var/lib/apt -o -path /var/lib/postgresql \) -prune}
        . q{ -o -print | sort});
}

# the module that the running master has: its line of /proc/PID/maps
sub loaded {
    my ($rc, $text) = $m->run(
        "grep -h $module /proc/\$(cat /run/nginx.pid)/maps | head -n 1");
    return $text;
}

sub get { return $m->run("curl -sS -o /dev/null -w '%{http_code}' $_[0]") }


my $before = files();

($rc, $said) = install($deb);
is($rc, 0, 'it is installed') or diag($said);

ok(wait_for(sub { loaded() }), 'nginx has loaded it');
is((get('http://127.0.0.1/'))[1], 200, 'and serves what it served');

my $readme = $m->must("cat /usr/share/doc/$name/README.Debian");
my $sql = "/usr/share/$name/sql/install.sql";


# what README.Debian says; a command has to stand there
sub step {
    my ($command, $as) = @_;

    like($readme, qr/^\s+\Q$command\E(?:\s|$)/m, "README.Debian: $command");

    $command = "cd / && runuser -u $as -- $command" if $as;
    my ($rc, $text) = $m->run($command);
    is($rc, 0, 'works') or diag($text);
}

my %line = (
    hba   => 'local  results  results_gateway  peer map=results',
    ident => 'results  www-data  results_gateway',
);

like($readme, qr/^\s+\Q$line{$_}\E$/m, "README.Debian: pg_$_.conf")
    for sort keys %line;

step('createdb -E UTF8 -T template0 results', 'postgres');
step("psql -d results -f $sql", 'postgres');
$m->must('cd /etc/postgresql/15/main'
    . " && sed -i '/^local *all *all *peer/i $line{hba}' pg_hba.conf"
    . " && echo '$line{ident}' >> pg_ident.conf"
    . ' && service postgresql reload');

my $conf = $m->must("cat /usr/share/doc/$name/examples/minimal.conf");
$conf =~ s/^.*?^http \{\n(.*)^\}.*/$1/ms or die 'minimal.conf has no http';
$m->write('/etc/nginx/conf.d/results.conf', $conf);

($rc, $said) = $m->run('nginx -t');
is($rc, 0, 'nginx -t accepts examples/minimal.conf') or diag($said);
$m->must('service nginx reload');

my $token = $m->must(<<'SQL');
cd / && runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -d results <<'END' | tail -n 1
SELECT results.create_institution('North School');
SELECT * FROM results.create_client('North School', 'lms',
    '{https://purl.imsglobal.org/spec/or/v1p2/scope/gradebook.createput}');
SELECT results.issue_token('lms', '90 days');
END
SQL

# the status of a PUT, and the version that is stored then
sub put {
    my $url = 'http://127.0.0.1:8080/ims/oneroster/gradebook/v1p2/results/r1';

    my $body = "/usr/share/doc/$name/examples/requests/put-result.json";
    my ($rc, $answer) = $m->run("curl -sS -w '\\n%{http_code}'"
        . " -X PUT -H 'Authorization: Bearer $token'"
        . " -H 'Content-Type: application/json' -d \@$body $url");

    my ($status) = $answer =~ /(\d+)\z/;
    diag($answer) if $status !~ /^20/;

    return "$status, version " . $m->must(
        'cd / && runuser -u postgres -- psql -XqAt -d results'
        . q( -c "SELECT version FROM results.result WHERE id = 'r1'"));
}

ok(wait_for(sub { (get('http://127.0.0.1:8080/status'))[1] eq '200' }),
   'it serves');
is(put(), '201, version 1', 'a result is stored');


# upgraded: the old code stays until nginx is restarted, or upgraded as well

($rc, $said) = install($builder->root . $later);
is($rc, 0, 'it is upgraded') or diag($said);
like(loaded(), qr/\(deleted\)/, 'a reload leaves nginx with the old code');
is(put(), '200, version 2', 'and serving');

step("psql -d results -f $sql", 'postgres');
step('kill -USR2 $(cat /run/nginx.pid)');
ok(wait_for(sub { -e $m->root . '/run/nginx.pid.oldbin'
                      && loaded() =~ /\Q$module\E$/ }),
   'after USR2 there is a master with the new code');
step('kill -WINCH $(cat /run/nginx.pid.oldbin)');
step('kill -QUIT $(cat /run/nginx.pid.oldbin)');
ok(wait_for(sub { !-e $m->root . '/run/nginx.pid.oldbin' }),
   'the old one ends');
is(put(), '200, version 3', 'the new one serves');

$m->must('service nginx restart');
like(loaded(), qr/\Q$module\E$/, 'after a restart: the new code');
is(put(), '200, version 4', 'and it serves');


# removed, taken back, purged

$m->must('rm /etc/nginx/conf.d/results.conf');
my $link = '/etc/nginx/modules-enabled/50-mod-http-results.conf';

($rc, $said) = $m->run("apt-get remove -q -y $name");
is($rc, 0, 'it is removed') or diag($said);
isnt(($m->run("test -e $link"))[0], 0, 'nginx loads it no more');
is(($m->run('nginx -t'))[0], 0, 'and its configuration is good');

is((install($builder->root . $later))[0], 0, 'it is installed again');
is(($m->run("test -e $link"))[0], 0, 'nginx loads it again');

($rc, $said) = $m->run("apt-get purge -q -y $name");
is($rc, 0, 'it is purged') or diag($said);
is(files(), $before, 'no file is left');
is(($m->run('nginx -t && service nginx restart'))[0], 0, 'nginx restarts');
is((get('http://127.0.0.1/'))[1], 200, 'and serves what it served');
is($m->must('cd / && runuser -u postgres -- psql -XqAt -d results'
            . ' -c "SELECT count(*) FROM results.result"'), 1,
   'the results are there');

done_testing();
