package Results::Checker::Requests;

# What the checker writes, and how it is known again in the table.  Each key
# is of one kind:
#
#     put     PUT of a result: each write replaces the one before
#     shared  the same, of one result by all clients
#     patch   PATCH of an assessment result, which a PUT has made
#     post    POST of a new result each time, with an Idempotency-Key
#     bulk    POST of a group of results, stored as a whole or not at all
#
# A write's number is its score, and its comment says whose it is.

use strict;
use warnings;

use Results::Test::Fixtures;
use Results::Test::Http;

my $GROUP = 3;      # results of a bulk POST
my $BULK = '/checker';


# more of nginx's server {}: bulk is the standard's
sub server { "location $BULK/ { results_api  oneroster; }" }


# what a test uses that says nothing: without server() those that take one
# statement each
sub kinds {
    my ($class, $t) = @_;

    return (qw(put shared post),
            $t->{nginx}{server} =~ /\Q$BULK\E/ ? qw(patch bulk) : ());
}


# options: kinds (a list), connections (of the clients), keepalive, token,
# kept (a table that has every version, where an institution has no history)
sub new {
    my ($class, $t, %opt) = @_;

    my $self = bless { t => $t, keepalive => 1, %opt,
        prefix => Results::Test::Fixtures::random(6) }, $class;

    my @more = $self->{keepalive} ? () : (Connection => 'close');
    my @token = defined $opt{token} ? (token => $opt{token}) : ();

    $self->{headers} = $t->headers(@token, more => \@more);
    $self->{post_headers} = $t->headers(@token,
        more => [@more, 'Idempotency-Key' => '@ID@-@SEQ@']);

    my %usual = (%{ $t->result->{result} }, score => 12345678,
                 comment => '@ID@ @SEQ@ ' . $t->fixtures->marker);
    my %assessment = (%usual,
        assessmentLineItem => { sourcedId => 'assessment-line-item' });

    delete $assessment{lineItem};

    $self->{bodies} = {
        put   => $t->encode({ result => \%usual }),
        patch => $t->encode({ assessmentResult => {
            score => $usual{score}, comment => $usual{comment} } }),
        first => $t->encode({ assessmentResult => \%assessment }),
        bulk  => $t->encode({ results => [
            map { { %usual, sourcedId => "\@ID\@-\@SEQ\@-$_",
                    scoreDate => '2026-03-01' } } 1 .. $GROUP ] }),
    };

    return $self;
}


# once: sending it again stores nothing more
sub once { $_[0]->_kind($_[1]) =~ /^(?:post|bulk)$/ }

sub _kind {
    my ($self, $key) = @_;

    my $kinds = $self->{kinds};
    return $kinds->[$key / $self->{connections} % @$kinds];
}


# the bytes of write number seq of a key
sub bytes {
    my ($self, $key, $seq) = @_;

    my $kind = $self->_kind($key);
    my $id = "$self->{prefix}-$key";
    my $base = $Results::Test::BASE;
    my $bodies = $self->{bodies};

    my @request = $kind eq 'put' || $kind eq 'shared'
        ? ('PUT', "$base/results/$id", $self->{headers}, $bodies->{put})
        : $kind eq 'post'
        ? ('POST', "$base/results", $self->{post_headers}, $bodies->{put})
        : $kind eq 'bulk'
        ? ('POST', "$BULK/lineItems/line-item-1/results", $self->{headers},
           $bodies->{bulk})
        : ($seq == 1 ? 'PUT' : 'PATCH', "$base/assessmentResults/$id",
           $self->{headers}, $bodies->{$seq == 1 ? 'first' : 'patch'});

    my $fill = sub { $_[0] =~ s/\@ID\@/$id/gr =~ s/\@SEQ\@/$seq/gr
                              =~ s/12345678/$seq/gr };

    return Results::Test::Http->format(@request[0, 1],
        [map { $fill->($_) } @{ $request[2] }], $fill->($request[3]));
}


# what the table has, and had: for each key its writes in their order; one
# that is not whole, or is where it does not belong, with a "?"
sub versions {
    my ($self) = @_;

    my $prefix = $self->{prefix};
    my (%versions, %members);

    my $tables = join ' UNION ALL ',
        map { "SELECT id, version, score, detail->>'comment' AS comment "
              . "FROM $_" }
        $self->{kept} || qw(results.result results.result_history);

    my $rows = $self->{t}->pg->dbh->selectall_arrayref(qq{
        SELECT id, version, score, comment
        FROM ($tables) AS r
        WHERE comment LIKE '$prefix-%' OR id LIKE '$prefix-%'
        ORDER BY id, version
    });

    for my $row (@$rows) {
        my ($id, undef, $score, $comment) = @$row;
        my ($name, $key, $seq) = $comment =~ /^($prefix-(\d+)) (\d+) /
            or die "a row that is nobody's: $id\n";

        my $kind = $self->_kind($key);

        if ($kind eq 'bulk') {
            $members{$key}{$seq}++ if $id =~ /^\Q$name-$seq\E-\d$/;
            next;
        }

        my $good = $score == $seq && ($kind eq 'post' || $id eq $name);

        push @{ $versions{$key} }, $good ? $seq : "$seq?";
    }

    for my $key (keys %members) {
        push @{ $versions{$key} }, map {
            my $n = $members{$key}{$_};
            (($_) x ($n / $GROUP), $n % $GROUP ? "$_?" : ())
        } keys %{ $members{$key} };
    }

    # those that make a row each come in no order
    for my $key (grep { $self->once($_) } keys %versions) {
        $versions{$key} = [sort { ($a =~ /(\d+)/)[0] <=> ($b =~ /(\d+)/)[0] }
                           @{ $versions{$key} }];
    }

    return \%versions;
}


1;
