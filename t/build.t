#!/usr/bin/perl

# What the module is made of: its symbols, its libraries, and that clang and
# gcc with every warning agree about its sources.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Find qw(find);
use File::Temp qw(tempdir);
use Test::More;

my $root = $ENV{TEST_RESULTS_ROOT} || abs_path(dirname(__FILE__) . '/..');
my $module = $ENV{TEST_RESULTS_MODULE}
    || "$root/.build/plain/ngx_http_results_module.so";

chdir $root or die "chdir $root: $!";


sub symbols {
    my ($which) = @_;

    my @all = `nm -D --$which-only $module`;
    die "nm $module failed" if $?;

    return map { /\s([A-Za-z_]\S*)$/ ? ($1 =~ s/@.*//r) : () } @all;
}


# nginx opens modules with RTLD_GLOBAL: a name of ours can hide another's

my @foreign = grep {
    !/^(?:ngx_http_results_|results_|ngx_modules?$|ngx_module_(?:names|order)$
        |_init$|_fini$|_end$|_edata$|__bss_start$|__(?:odr_)?asan
        |__gcov_|mangle_path$)/x
} symbols('defined');
is("@foreign", '', 'every symbol carries the prefix');

my %used = map { $_ => 1 } symbols('undefined');

ok($used{PQsendQueryPrepared} || $used{PQsendQueryParams},
   'libpq is called without waiting');

my @blocking = grep { $used{$_} } qw(
    PQexec PQexecParams PQexecPrepared PQprepare PQdescribePrepared
    PQconnectdb PQconnectdbParams PQsetdbLogin PQreset PQping PQpingParams
    PQcancel PQrequestCancel PQputCopyData PQgetline PQfn
    getaddrinfo gethostbyname getpwnam sleep usleep nanosleep system popen
    json_set_alloc_funcs setlocale
);
is("@blocking", '', 'nothing that blocks, or that is not ours to set');


# the compilers' opinion, without building

my $objs = dirname($module) . '/objs';
my $src = '/usr/share/nginx/src/src';
my $pq = `pg_config --includedir`;
chomp $pq;

my @nginx = map { "-isystem$_" } map({ "$src/$_" }
    qw(core event event/modules os/unix http http/modules http/v2)),
    $objs, $pq;
my @ours = map { "-I$_" } grep { -d } glob "$root/ngx_results_module/{*,*/*}";
my @warn = qw(-std=gnu99 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wvla
              -Werror -fsyntax-only);


sub complaints {
    my ($cc, $flags, @files) = @_;

    return '' unless @files;

    my $said = `$cc @warn @$flags @files 2>&1`;
    return $? ? $said || "$cc ended with status $?" : '';
}


for my $cc ('gcc', 'clang') {
    is(complaints($cc, \@ours, glob('ngx_results_module/{*,*/*}/results_*.c')),
       '', "results_*.c, without nginx: $cc");

    is(complaints($cc, [ @nginx, @ours ],
                  glob('ngx_results_module/{*,*/*}/ngx_http_results_*.c')),
       '', "ngx_http_results_*.c: $cc");
}


# Calls between files of the module go one way: from the relocations of calls
# in the object files.  A call through a pointer (a route's parse(), a job's
# done()) is how a lower file reaches a higher one, and does not count.

my (%defined_in, %calls);

find(sub {
    return unless /^((?:ngx_http_)?results_\w+)\.o$/;
    my $file = $1;
    $calls{$file} = {};

    for (`nm --defined-only $_`) {
        $defined_in{$1} = $file if /^\S+ T (\S+)$/;
    }

    for (`objdump -r $_`) {
        $calls{$file}{$1} = 1 if /R_X86_64_PLT32\s+(\w+)/;
    }
}, "$objs/addon");

my %below;

for my $file (keys %calls) {
    for my $name (keys %{ $calls{$file} }) {
        my $other = $defined_in{$name};
        $below{$file}{$other} = $name if $other && $other ne $file;
    }
}

# all files that a file's calls lead to
sub reaches {
    my ($file, $seen) = @_;

    for my $next (keys %{ $below{$file} || {} }) {
        reaches($next, $seen) unless $seen->{$next}++;
    }

    return $seen;
}

my @circles;

for my $file (sort keys %calls) {
    for my $next (sort keys %{ $below{$file} || {} }) {
        push @circles, "$file calls $next ($below{$file}{$next})"
            if reaches($next, {})->{$file};
    }
}

SKIP: {
    skip 'reads relocations of x86-64 only', 1 if `uname -m` !~ /x86_64/;
    cmp_ok(scalar(grep { %$_ } values %below), '>', 40, 'calls are seen');
    is(join("\n", @circles), '', 'no files call each other in a circle');
}


# config: stops with a sentence that names the package

my $dir = tempdir(CLEANUP => 1);
my %lacks = (
    'libpq-fe.h' => 'libpq-dev',
    'jansson.h'  => 'libjansson-dev',
);

for my $header (sort keys %lacks) {

    # a compiler that does not have the header
    open my $fh, '>', "$dir/cc" or die $!;
    print $fh <<"END";
#!/bin/sh
for arg; do
    case \$arg in *autotest.c) grep -q '$header' "\$arg" && exit 1 ;; esac
done
exec gcc "\$@"
END
    close $fh;
    chmod 0755, "$dir/cc";

    my $said = `bash -c '. /usr/share/nginx/src/conf_flags
        cd /usr/share/nginx/src && ./configure "\${NGX_CONF_FLAGS[\@]}" \\
            --with-cc=$dir/cc --builddir=$dir/objs \\
            --add-dynamic-module=$root' 2>&1`;

    isnt($?, 0, "configure stops without $header");
    like($said, qr/\Q$lacks{$header}\E/, "and names $lacks{$header}");
}

done_testing();
