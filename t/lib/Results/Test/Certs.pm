package Results::Test::Certs;

# Certificates for a test: an authority, and certificates that it signs, for
# an hour or so.  Files belong to whom the servers run as, keys to nobody else.

use strict;
use warnings;

use Results::Test::Process;


# dir: a directory that is made for them
sub new {
    my ($class, $dir) = @_;

    my $self = bless { dir => $dir }, $class;

    mkdir $dir, 0755 or die "mkdir $dir: $!\n";

    $self->_openssl('req', '-x509', @{ _key($self->key('ca')) }, '-out',
                    $self->cert('ca'), '-subj', '/CN=test authority',
                    '-days', 2);

    return $self;
}


sub cert { "$_[0]{dir}/$_[1].crt" }
sub key { "$_[0]{dir}/$_[1].key" }


# makes NAME.crt and NAME.key, for that common name and host name
sub sign {
    my ($self, $name, $common_name) = @_;

    my $csr = "$self->{dir}/$name.csr";
    my $extensions = "$self->{dir}/$name.ext";

    open my $file, '>', $extensions or die "$extensions: $!\n";
    print $file "subjectAltName = DNS:$common_name\n";
    close $file;

    $self->_openssl('req', @{ _key($self->key($name)) }, '-out', $csr,
                    '-subj', "/CN=$common_name");
    $self->_openssl('x509', '-req', '-in', $csr, '-out', $self->cert($name),
                    '-CA', $self->cert('ca'), '-CAkey', $self->key('ca'),
                    '-CAcreateserial', '-days', 2, '-extfile', $extensions);

    my $user = Results::Test::Process::unprivileged();
    chown $user->{uid}, $user->{gid}, $self->key($name) if $user;
    chmod 0600, $self->key($name);

    return $self;
}


sub _key {
    my ($path) = @_;

    return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
            '-keyout', $path];
}


sub _openssl {
    my ($self, @args) = @_;

    my ($rc, $text) = Results::Test::Process->run(['openssl', @args]);
    die "openssl @args: $text\n" if $rc;
}


1;
