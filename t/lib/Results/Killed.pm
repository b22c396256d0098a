package Results::Killed;

# A module whose worker is killed at the n-th store into a zone of shared
# memory: see t/canary/killed.h.  It is built for the tests that use it, once.

use strict;
use warnings;

use Digest::SHA;
use File::Temp;
use Test::More;


# to be called before Results::Test is loaded: chooses the module
sub module {
    my ($class) = @_;

    my $root = $ENV{TEST_RESULTS_ROOT} || "$FindBin::Bin/..";

    plan skip_all => 'bin/build builds for the nginx of the system'
        if ($ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx') ne '/usr/sbin/nginx';
    plan skip_all => 'no other tool may look at its stores'
        if $ENV{TEST_RESULTS_ASAN} || $ENV{TEST_RESULTS_VALGRIND};

    my $header = "$root/t/canary/killed.h";
    my $sum = substr Digest::SHA->new(256)->addfile($header)->hexdigest, 0, 8;

    # the sum is there to build again when the header changes
    local $ENV{RESULTS_CFLAGS} = '-D_GNU_SOURCE -D_FILE_OFFSET_BITS=64'
        . " -DRESULTS_FAULT_$sum -fsanitize=thread -include $header";

    chomp(my $module = `$root/bin/build`);
    die "bin/build failed\n" if $?;

    $ENV{TEST_RESULTS_MODULE} = $module;
    return;
}


# globals of a configuration whose workers can be killed
sub new {
    my ($class) = @_;

    my $file = File::Temp->new;
    chmod 0666, $file->filename;

    my $self = bless { file => $file }, $class;
    $self->watch(0);

    return $self;
}


sub globals { "env  RESULTS_KILLED=$_[0]{file};" }


sub _write {
    my ($self, @numbers) = @_;

    open my $out, '+<', "$self->{file}" or die "$self->{file}: $!\n";
    syswrite $out, pack 'l!*', @numbers;
    close $out;
    return;
}


# kills at the n-th store into the zone of that size, from now on; 0: no more
sub watch {
    my ($self, $size, $n) = @_;

    $self->_write(0);
    $self->_write(0, $n || 0, 0);
    $self->_write($size);
    return;
}


# the stores since then
sub seen {
    my ($self) = @_;

    open my $in, '<', "$self->{file}" or die "$self->{file}: $!\n";
    sysread $in, my $bytes, 3 * length pack 'l!', 0;

    return (unpack 'l!*', $bytes)[2];
}


1;
