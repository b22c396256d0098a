#!/usr/bin/perl

# The module under clang-tidy and cppcheck, as .clang-tidy and t/cppcheck.supp
# say.  A file is looked at again only when it, or a header of it, has changed:
# what was clean is remembered in .build/static.

use strict;
use warnings;

use Cwd qw(abs_path);
use Digest::SHA qw(sha256_hex);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use Test::More;

my $root = $ENV{TEST_RESULTS_ROOT} || abs_path(dirname(__FILE__) . '/..');
my $objs = dirname($ENV{TEST_RESULTS_MODULE}
                   || "$root/.build/plain/ngx_http_results_module.so")
           . '/objs';
my $src = '/usr/share/nginx/src';
my $cache = "$root/.build/static";

chdir $root or die "chdir $root: $!";
make_path("$cache/cppcheck");

my @files = sort glob 'ngx_results_module/{*,*/*}/*.c';
my @folders = map { "-I$_" } grep { -d } glob 'ngx_results_module/{*,*/*}';

cmp_ok(scalar @files, '>', 20, 'the module is there');


sub slurp {
    my ($file) = @_;

    open my $fh, '<', $file or return '';
    local $/;

    return scalar <$fh>;
}


# nginx's directories as its own Makefile has them; warnings of its headers
# are no concern
sub nginx_folders {
    my ($all) = slurp("$objs/Makefile") =~ /^ALL_INCS = (.*?[^\\])\n/ms;

    return map { ('-isystem', m{^/} ? $_ : "$src/$_") }
           grep { !/^\Q$root\E\/ngx_results_module/ }
           (($all || '') =~ /-I (\S+)/g);
}


# of a file and all of the project that it includes
sub sources {
    my ($file, $seen) = @_;

    return '' if $seen->{$file}++;

    my $text = slurp($file);
    my @headers = map { glob "ngx_results_module/{*,*/*}/$_" }
                  $text =~ /^#include "([^"]+)"/mg;

    return join "\n", $text, map { sources($_, $seen) } @headers;
}


my @flags = ('-std=gnu99', '-DNGX_DEBUG=0', @folders, nginx_folders());
my $tools = join "\n", scalar `clang-tidy --version`, slurp('.clang-tidy'),
                       @flags;

my %mark = map { $_ => "$cache/" . sha256_hex($tools, sources($_, {})) }
           @files;


# clang-tidy of a list of files, those that were not clean before; what it
# says
sub tidy {
    my @queue = @_;
    my (%running, @said);
    my $jobs = `nproc` || 1;

    while (@queue || %running) {

        while (@queue && keys %running < $jobs) {
            my $file = shift @queue;
            my $pid = fork;

            if (!$pid) {
                open STDOUT, '>', "$cache/$$.out" or die $!;
                open STDERR, '>&', \*STDOUT or die $!;
                exec 'clang-tidy', '--quiet', '--warnings-as-errors=*',
                     $file, '--', @flags;
                die "clang-tidy: $!";
            }

            $running{$pid} = $file;
        }

        my $pid = wait;
        my $file = delete $running{$pid} or next;
        my $said = slurp("$cache/$pid.out");
        unlink "$cache/$pid.out";

        if ($? == 0) {
            open my $fh, '>', $mark{$file} or die "$mark{$file}: $!";

        } else {
            push @said, $said;
        }
    }

    return join '', @said;
}


my @changed = grep { !-e $mark{$_} } @files;
note(scalar(@changed) . ' files have changed');

is(tidy(@changed), '', 'clang-tidy');

# marks of what is no more
my %now = map { $_ => 1 } values %mark;
$now{$_} || -M $_ < 7 || unlink $_ for grep { -f } glob "$cache/*";

my @cppcheck = ('cppcheck', '--quiet', '--std=c99', '--inline-suppr',
    '--enable=warning,style,performance,portability',
    '--suppressions-list=t/cppcheck.supp', "--cppcheck-build-dir=$cache/cppcheck",
    '--template={file}:{line}: {id}: {message}', '-j', `nproc` || 1,
    @folders, 'ngx_results_module');
chomp @cppcheck;

open my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @cppcheck
    or die "cppcheck: $!";
my $said = join '', <$pipe>;
close $pipe;

is($said, '', 'cppcheck');
is($?, 0, 'cppcheck came to its end');

done_testing();
