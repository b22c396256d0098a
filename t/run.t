#!/usr/bin/perl

# bin/run: what it prints, what it leaves, and what it says when it can't.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use Test::More;

use lib 't/lib';
use Results::Test::Port qw(free_port);
use Results::Test::Process;
use Results::Test::Wait qw(wait_for);

plan skip_all => 'bin/run builds without sanitizers'
    if $ENV{TEST_RESULTS_ASAN} || $ENV{TEST_RESULTS_VALGRIND};

my $root = $ENV{TEST_RESULTS_ROOT} || abs_path(dirname(__FILE__) . '/..');
my $tmp = tempdir(CLEANUP => 1);
my $dir = "$tmp/run";
my $port = free_port();

chmod 0755, $tmp;


sub run {
    my (@args) = @_;
    return Results::Test::Process->run(["$root/bin/run", @args]);
}


# a shell that has read demo.env
sub shell {
    my ($command) = @_;
    my ($rc, $text) = Results::Test::Process->run(
        ['sh', '-c', ". $dir/demo.env; $command"]);

    chomp $text;
    return $text;
}


# one clear sentence, and nothing left

my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);

for my $case (
    ['a port that is taken', qr/can't listen on .* address already in use/,
     '--port', $taken->sockport, '--dir', $dir],
    ['a directory that can\'t be written', qr/can't write .*elsewhere/,
     '--port', $port, '--dir', '/proc/elsewhere'],
    ['a port that is none', qr/from 1 to 65535/, '--port', '65536'],
    ['an unknown argument', qr/unknown argument --twice/, '--twice'],
) {
    my ($name, $says, @args) = @$case;
    my ($rc, $text) = run(@args);

    isnt($rc, 0, "$name: refused");
    like($text, qr/\Arun: [^\n]*\n\z/, 'in one line');
    like($text, $says, 'that says why');
    ok(!-e $dir, 'nothing is left');
}


my ($rc, $text) = run('--once', '--port', $port, '--dir', $dir);

is($rc, 0, '--once succeeds') or diag $text;
like($text, qr/^201\n\{"result":/m, 'a result is created');
like($text, qr/^version\s+\| 1$/m, 'and its row shown');
like($text, qr{<moduleId>3899</moduleId>.*</response>\s+run: stopping\n\z}s,
     'the last one is a report over all of them');
is(shell('echo $BASE_URL'), "http://127.0.0.1:$port", 'demo.env has the URL');
ok(!-e "$dir/pg/postmaster.pid", 'PostgreSQL is stopped');

my $token = shell('echo $TOKEN');


# the second time: what is there is used again

($rc, $text) = run('--detach', '--port', $port, '--dir', $dir);

is($rc, 0, '--detach succeeds') or diag $text;
is(shell('echo $TOKEN'), $token, 'the token is the same');

my $put = q(curl -s -o /dev/null -w '%{http_code}' -X PUT )
    . q($BASE_URL/ims/oneroster/gradebook/v1p2/results/kept )
    . q(-H "Authorization: Bearer $TOKEN" )
    . q(-H 'Content-Type: application/json' )
    . "-d \@$root/examples/requests/put-result.json";

is(shell($put), '201', 'a PUT creates');
is(shell($put), '200', 'the same PUT replaces');

($rc, $text) = run('--port', $port, '--dir', $dir);
isnt($rc, 0, 'a second server in that directory is refused');
like($text, qr/\Arun: [^\n]* is served from \Q$dir\E already[^\n]*\n\z/,
     'with a sentence');

is(shell(q(psql -XAtc "SELECT pg_has_role('results_monitor', 'MEMBER')")), 't',
   'the role of demo.env may watch the server');


# a crash of nginx: the row is there, and bin/run recovers

open my $pid, '<', "$dir/nginx.pid" or die "nginx.pid: $!";
chomp(my $master = <$pid>);
kill 'KILL', $master;

is(shell(q(psql -XAtc "SELECT version FROM results.result WHERE id = 'kept'")),
   '2', 'after SIGKILL the row is there, of version 2');

($rc, $text) = run('--detach', '--port', $port, '--dir', $dir);
is($rc, 0, 'served again') or diag $text;

# a directory whose name is a pattern that matches the other one's

(my $pattern = $dir) =~ s/.$/?/;
mkdir $pattern or die "mkdir $pattern: $!";

($rc, $text) = run('--stop', '--dir', $pattern);
like($text, qr/nothing runs in \Q$pattern\E/, 'nothing runs there');
is(shell($put), '200', 'and what runs beside it still does');
rmdir $pattern;

($rc, $text) = run('--stop', '--dir', $dir);
is($rc, 0, '--stop succeeds') or diag $text;
ok(!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port),
   'nothing listens');
ok(!-e "$dir/pg/postmaster.pid", 'PostgreSQL is stopped');


# as root: no link that the database's user made is written through

SKIP: {
    skip 'not root', 5 if $> != 0;

    open my $file, '>', "$tmp/mine" or die "mine: $!";
    print $file "mine\n";
    close $file;

    unlink "$dir/pg/results.conf";
    symlink "$tmp/mine", "$dir/pg/results.conf" or die "symlink: $!";

    ($rc, $text) = run('--once', '--port', $port, '--dir', $dir);
    is($rc, 0, 'beside a link where its file should be') or diag $text;

    open $file, '<', "$tmp/mine" or die "mine: $!";
    is(join('', <$file>), "mine\n", 'what the link leads to is as it was');
    ok(!-l "$dir/pg/results.conf", 'and the file is there');

    is(join(' ', map { (stat)[4] } $dir, "$dir/modules"), '0 0',
       'what root writes into is root\'s');

    my $others = "$tmp/others";
    mkdir $others;
    chown +(stat "$dir/pg")[4], -1, $others;

    ($rc, $text) = run('--once', '--port', $port, '--dir', $others);
    like($text, qr/\Arun: \Q$others\E belongs to [^\n]+\n\z/,
         'a directory of somebody else\'s is refused');
}


# in the foreground, until Ctrl-C

my $process = Results::Test::Process->spawn(
    ["$root/bin/run", '--port', $port, '--dir', $dir], out => "$tmp/out");

ok(wait_for(sub {
    open my $out, '<', "$tmp/out" or return 0;
    return grep { /Ctrl-C stops it/ } <$out>;
}, timeout => 30), 'it serves');

$process->end('INT', 20);
ok(!-e "$dir/pg/postmaster.pid", 'Ctrl-C stops PostgreSQL');
ok(!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port),
   'and nginx');

done_testing();


END {
    my $status = $?;
    run('--stop', '--dir', $dir) if $dir && -e $dir;
    $? = $status;
}
