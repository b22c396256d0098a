package Results::Test::Fixtures;

# What a test finds in its database, and bodies to send.  Every token and the
# marker in every body is kept, so that the end of the test can look for them
# in the logs.

use strict;
use warnings;

use Digest::SHA qw(sha256);
use JSON::PP;

my $SCOPE = 'https://purl.imsglobal.org/spec/or/v1p2/scope';

my @SCOPES = map { "$SCOPE/$_" } qw(
    assessment.readonly assessment.createput assessment.delete
    gradebook.readonly gradebook-core.readonly gradebook.createput
    gradebook.createpost gradebook.delete
);


sub new {
    my ($class, %opt) = @_;

    return bless { %opt, marker => 'marker' . random(12), tokens => [],
                   json => JSON::PP->new->utf8->canonical }, $class;
}


# n letters and digits
sub random {
    my ($n) = @_;

    my @alphabet = ('a' .. 'z', 'A' .. 'Z', 0 .. 9);
    return join '', map { $alphabet[rand @alphabet] } 1 .. $n;
}


sub scope { "$SCOPE/$_[1]" }
sub scopes { @SCOPES }
sub marker { $_[0]{marker} }
sub tokens { @{ $_[0]{tokens} } }


# the number of the institution of that name
sub institution {
    my ($self, $name) = @_;

    $name //= 'school';

    return $self->{institutions}{$name} //= $self->{pg}->value(
        'INSERT INTO results.institution (name) VALUES (?) RETURNING id',
        $name);
}


# options: institution, person, ed_app, scopes; the number of a new client
sub client {
    my ($self, %opt) = @_;

    return $self->{pg}->value(q{
        INSERT INTO results.api_client
            (institution_id, client_id, scopes, person_id, ed_app)
        VALUES (?, ?, ?, ?, ?) RETURNING id
    }, $self->institution($opt{institution}), 'client-' . random(8),
       $opt{scopes} || \@SCOPES, $opt{person}, $opt{ed_app});
}


# options: those of client(), client (its number), ttl (seconds), revoked,
# logged (1: the test itself makes nginx log it)
sub token {
    my ($self, %opt) = @_;

    my $raw = $opt{raw} // random(43);
    my $client = $opt{client} // $self->client(%opt);

    $self->{pg}->do(q{
        INSERT INTO results.access_token (token_sha256, institution_id,
            client_id, scopes, expires_at, revoked_at)
        SELECT decode(?, 'hex'), institution_id, id, coalesce(?, scopes),
               clock_timestamp() + make_interval(secs => ?),
               CASE WHEN ? THEN clock_timestamp() END
        FROM results.api_client WHERE id = ?
    }, unpack('H*', sha256($raw)), $opt{scopes}, $opt{ttl} // 3600,
       $opt{revoked} ? 1 : 0, $client);

    push @{ $self->{tokens} }, $raw if !$opt{logged};
    return $raw;
}


# a body of PUT results/{id}, with the test's fields in place of the usual
sub result {
    my ($self, %fields) = @_;

    return { result => {
        status      => 'active',
        lineItem    => { sourcedId => 'line-item-1' },
        student     => { sourcedId => 'student-1' },
        scoreStatus => 'fully graded',
        scoreDate   => '2026-03-01T10:00:00Z',
        score       => 87.5,
        comment     => "comment $self->{marker}",
        %fields,
    } };
}


sub encode { $_[0]{json}->encode($_[1]) }


1;
