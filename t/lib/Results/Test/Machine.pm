package Results::Test::Machine;

# A Debian of its own in a directory: this one's release, with the packages
# that are asked for.  It is made once, with debootstrap, and copied for each
# test.  What runs in it has processes, mounts and a network of its own, the
# latter without a way out; all of it ends with the object.  Needs root.

use strict;
use warnings;

use File::Path qw(make_path remove_tree);

use Results::Test::Process;
use Results::Test::Wait qw(wait_for);

my $MIRROR = $ENV{DEBIAN_MIRROR} || 'http://deb.debian.org/debian';

my @ENV = ('env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root',
           'LC_ALL=C.UTF-8', 'DEBIAN_FRONTEND=noninteractive');

# the first process: reaps what others leave
my $INIT = 'ip link set lo up; while :; do sleep 3600 & wait; done';


# options: dir (where it is put), cache (where what it is copied from is),
# packages
sub new {
    my ($class, %opt) = @_;

    my $self = bless { %opt }, $class;
    my $original = $self->_original(@{ $opt{packages} });

    make_path($opt{dir});
    _check('cp', '-a', '--reflink=auto', $original, $self->root);

    return $self->_start;
}


sub root { "$_[0]{dir}/root" }


# a command line of sh: (exit code, what it printed)
sub run {
    my ($self, $command) = @_;

    return Results::Test::Process->run(
        ['nsenter', '--target', $self->{init}, qw(--mount --net --pid --root),
         '--wd', '--', @ENV, 'sh', '-c', $command]);
}


# the same, which has to work: what it printed
sub must {
    my ($self, $command) = @_;

    my ($rc, $text) = $self->run($command);
    die "$command:\n$text\nended with status $rc\n" if $rc;

    chomp $text;
    return $text;
}


# puts a file there
sub write {
    my ($self, $path, $text) = @_;

    open my $file, '>', $self->root . $path or die "$path: $!\n";
    print $file $text;
    close $file or die "$path: $!\n";
}


sub DESTROY {
    my ($self) = @_;

    local ($@, $?);

    $self->{process}->end('KILL', 20) if $self->{process};

    # its file system is free a moment after its last process is gone
    wait_for(sub {
        remove_tree($self->root, { error => \my $errors });
        return !-e $self->root;
    }) if $self->{dir};
}


sub _start {
    my ($self) = @_;

    my $root = $self->root;

    $self->{process} = Results::Test::Process->spawn(
        [qw(unshare --mount --net --pid --fork --kill-child --), 'sh', '-c',
         'mount -t proc proc "$0/proc" && exec chroot "$0" sh -c "$1"',
         $root, $INIT], deathsig => 'KILL', out => "$self->{dir}/init.log");

    my $child = sub {
        ($self->{init}) = Results::Test::Process::children(
            $self->{process}->pid);

        return defined $self->{process}->status
            || ($self->{init} && -e "/proc/$self->{init}/root/proc/1");
    };

    wait_for($child);

    die "no namespaces to be had here, see $self->{dir}/init.log\n"
        if defined $self->{process}->status || !$self->{init};

    return $self;
}


# the tree that has these packages, made where it is not there
sub _original {
    my ($self, @packages) = @_;

    my $release = _release();
    my $base = "$self->{cache}/$release";
    my $name = join '+', $base, sort map { s/[^a-z0-9]//gr } @packages;

    # a name of a directory is as long as that
    $name = substr $name, 0, length($self->{cache}) + 200;

    return $name if -e $name;

    make_path($self->{cache});
    remove_tree("$name.new");

    if (!@packages) {
        print "# debootstrap $release, from $MIRROR\n";
        _check('debootstrap', '--variant=minbase', $release, "$name.new",
               $MIRROR);

        # until a test says otherwise, a package starts nothing
        open my $policy, '>', "$name.new/usr/sbin/policy-rc.d" or die "$!\n";
        print $policy "#!/bin/sh\nexit 101\n";
        close $policy;
        chmod 0755, "$name.new/usr/sbin/policy-rc.d";

    } else {
        my $from = $self->_original;

        print "# installing @packages\n";
        _check('cp', '-a', '--reflink=auto', $from, "$name.new");
        _check(qw(cp -L /etc/resolv.conf), "$name.new/etc/resolv.conf");
        _check(qw(unshare --mount --pid --fork --kill-child --), 'sh', '-c',
               'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"',
               "$name.new", @ENV, 'sh', '-c', 'apt-get update -q'
               . " && apt-get install -q -y --no-install-recommends @packages"
               . ' && apt-get clean');
    }

    rename "$name.new", $name or die "$name: $!\n";
    return $name;
}


sub _release {
    open my $file, '<', '/etc/os-release' or die "/etc/os-release: $!\n";

    my ($release) = map { /^VERSION_CODENAME=(\w+)/ } <$file>;
    return $release || die "this is no release of Debian\n";
}


sub _check {
    my ($rc, $text) = Results::Test::Process->run([@_]);
    die "@_:\n" . substr($text, -4000) . "\n" if $rc;
}


1;
