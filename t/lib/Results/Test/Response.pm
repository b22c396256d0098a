package Results::Test::Response;

# A response as the test sees it: status, headers in any case, body, JSON.

use strict;
use warnings;

use JSON::PP;


sub new { my ($class, %opt) = @_; return bless { %opt }, $class }


# Takes one complete response off the front of the text, or returns nothing.
# Interim (1xx) ones are counted and passed over.
sub parse {
    my ($class, $text, %opt) = @_;

    my $interim = 0;
    my $offset = 0;

    while (1) {
        my $end = index $$text, "\r\n\r\n", $offset;
        return if $end < 0;

        my $head = substr $$text, $offset, $end - $offset;
        my ($status) = $head =~ m{^HTTP/1\.[01] (\d{3})}
            or die "not a response: $head\n";

        $offset = $end + 4;

        if ($status < 200) {
            $interim++;
            next;
        }

        my $self = bless { status => $status, headers => [],
                           interim => $interim }, $class;

        my (undef, @lines) = split /\r\n/, $head;
        push @{ $self->{headers} }, map { [split /:\s*/, $_, 2] } @lines;

        my ($body, $used) = $self->_body($text, $offset, %opt);
        return if !defined $body;

        $self->{body} = $body;
        substr $$text, 0, $offset + $used, '';

        return $self;
    }
}


sub _body {
    my ($self, $text, $offset, %opt) = @_;

    return ('', 0) if $opt{method} eq 'HEAD'
        || $self->{status} == 204 || $self->{status} == 304;

    if (lc($self->header('Transfer-Encoding') // '') eq 'chunked') {
        my ($body, $at) = ('', $offset);

        while (1) {
            my $end = index $$text, "\r\n", $at;
            return if $end < 0;

            my $size = hex substr $$text, $at, $end - $at;
            return if length($$text) < $end + 2 + $size + 2;

            $body .= substr $$text, $end + 2, $size;
            $at = $end + 2 + $size + 2;
            return ($body, $at - $offset) if $size == 0;
        }
    }

    my $length = $self->header('Content-Length');

    if (!defined $length) {
        return if !$opt{eof};
        $length = length($$text) - $offset;
    }

    return if length($$text) < $offset + $length;
    return (substr($$text, $offset, $length), $length);
}


sub status { $_[0]{status} }
sub body { $_[0]{body} }
sub interim { $_[0]{interim} }


# the value; those of several headers of the name in list context
sub header {
    my ($self, $name) = @_;

    my @values = map { $_->[1] } grep { lc $_->[0] eq lc $name }
        @{ $self->{headers} };

    return wantarray ? @values : $values[0];
}


# the decoded body, undef where it is none
sub json {
    my ($self) = @_;

    return $self->{json} //=
        eval { JSON::PP->new->utf8->decode($self->{body}) };
}


1;
