package Results::Test::OneRoster;

# A client of one of the two OneRoster dialects.  Every reply is checked
# against the dialect's schema (t/data/schemas) as it comes; a reply that does
# not fit is a failed test.
#
#     my $or = Results::Test::OneRoster->new($t, 'oneroster');
#     $or->put('results/r1', $or->result)->status;
#
# The test's nginx serves both dialects with servers().

use strict;
use warnings;

use JSON::PP;
use JSON::Validator;
use Test::More;

my %BASE = (
    timeback  => '/ims/oneroster/gradebook/v1p2',
    oneroster => '/standard/ims/oneroster/gradebook/v1p2',
);

my %COLLECTIONS = (results => 'result', assessmentResults =>
                   'assessmentResult');


# more of the server {} that the usual template has
sub servers { qq{location $BASE{oneroster}/ { results_api  oneroster; }} }


# options: token (undef: none), headers (pairs, for every request), base
sub new {
    my ($class, $t, $dialect, %opt) = @_;

    my $self = bless { t => $t, dialect => $dialect, base => $BASE{$dialect},
                       checked => 0, %opt }, $class;

    open my $file, '<', $t->root . "/t/data/schemas/$dialect.json" or die $!;
    my $schema = JSON::PP->new->decode(do { local $/; <$file> });

    for my $name (grep { / reply$|^error$/ } keys %{ $schema->{definitions} })
    {
        $self->{schemas}{$name} = JSON::Validator->new->schema({
            %$schema, allOf => [{ '$ref' => "#/definitions/$name" }] });
    }

    return $self;
}


sub base { $_[0]{base} }
sub dialect { $_[0]{dialect} }
sub strict { $_[0]{dialect} eq 'oneroster' }

# how many replies had a body that was checked
sub checked { $_[0]{checked} }


# The same client with other options, as token => $token.
sub with {
    my ($self, %opt) = @_;
    return bless { %$self, %opt }, ref $self;
}


# an id as a segment of a path
sub segment {
    my ($class, $id) = @_;

    utf8::encode(my $bytes = $id);
    return $bytes =~ s/([^A-Za-z0-9_~-])/sprintf '%%%02X', ord $1/ger;
}


sub put { shift->request('PUT', @_) }
sub get { shift->request('GET', @_) }
sub post { shift->request('POST', @_) }
sub patch { shift->request('PATCH', @_) }
sub delete { shift->request('DELETE', @_) }


# path is below the base; body a structure, or text as it is; options: those
# of Results::Test::headers()
sub request {
    my ($self, $method, $path, $body, %opt) = @_;

    my $t = $self->{t};

    $opt{token} = $self->{token} if exists $self->{token};
    $opt{type} = undef if !defined $body && !exists $opt{type};
    $opt{more} = [@{ $self->{headers} || [] }, @{ $opt{more} || [] }];

    my $response = $t->request($method, "$self->{base}/$path",
        $t->headers(%opt), ref $body ? $t->encode($body) : $body);

    $self->_check($method, $path, $response);

    return $response;
}


# the object of a reply, in its envelope; undef where there is none
sub object {
    my ($class, $response) = @_;

    my $json = $response->json or return;
    return $json->{result} || $json->{assessmentResult};
}


# of an error
sub code_minor {
    my ($class, $response) = @_;

    return eval { $response->json->{imsx_CodeMinor}{imsx_codeMinorField}[0]
                                   {imsx_codeMinorFieldValue} } // '';
}


sub description { ($_[1]->json || {})->{imsx_description} // '' }


# what the tests' own institution has of an id; kind: result where none is said
sub row {
    my ($self, $id, $kind) = @_;

    return $self->{t}->pg->row('SELECT * FROM results.result '
        . 'WHERE institution_id = ? AND id = ? AND kind::text = ?',
        $self->{t}->fixtures->institution, $id, $kind // 'result');
}


# bodies; fields come in place of the usual
sub result {
    my ($self, %fields) = @_;
    return { result => { %{ $self->_usual }, %fields } };
}


sub assessment_result {
    my ($self, %fields) = @_;

    my %usual = %{ $self->_usual };

    delete $usual{lineItem};
    $usual{assessmentLineItem} = { sourcedId => 'assessment-line-item-1' };

    return { assessmentResult => { %usual, %fields } };
}


# a member of a bulk POST
sub member {
    my ($self, $id, %fields) = @_;
    return { %{ $self->_usual }, sourcedId => $id, %fields };
}


sub _usual {
    my ($self) = @_;

    return { %{ $self->{t}->result->{result} }, scoreDate => '2026-03-01' };
}


sub _check {
    my ($self, $method, $path, $response) = @_;

    my $status = $response->status;
    my $name = $self->_schema($method, $path, $status);
    my $what = "$self->{dialect}: $method $path: $status";

    if (!defined $name) {
        fail("$what: no body") if length $response->body;
        return;
    }

    return if $method eq 'HEAD';

    my $json = $response->json;
    my @errors = defined $json ? $self->{schemas}{$name}->validate($json)
        : ('no JSON');

    $self->{checked}++;

    if (@errors || ($response->header('Content-Type') // '') !~
        m{^application/json$})
    {
        fail("$what: a body of the schema \"$name\"");
        diag(join "\n", @errors, $response->body);
    }
}


# the name of the schema of a reply's body; undef where it has none
sub _schema {
    my ($self, $method, $path, $status) = @_;

    return 'error' if $status >= 400;
    return if $status == 204 || $status == 304 || $method eq 'OPTIONS';
    return if $self->strict && $method eq 'PUT';
    return 'pairs reply' if $method eq 'POST';

    # a collection, or an object of one

    my ($last) = reverse grep { $COLLECTIONS{$_} } split m{/},
        $path =~ s/\?.*//r;

    return $path =~ m{\b$last/?(?:\?|$)} ? "$last reply"
        : "$COLLECTIONS{$last} reply";
}


1;
