package Results::Test::Records;

# results_api.write_records() and write_group() called as the gateway, with
# records as hashes.  What a record does not name has a value that is valid;
# stamp is a number of seconds after a fixed day.

use strict;
use warnings;

my %OPS = (put => 1, create => 2, delete => 3, replace => 4);

my @OUTCOMES = qw(none created updated deleted replayed superseded conflict
                  not_found unknown_learner unknown_item forbidden
                  precondition_failed);

# the parameters: name, type, value where a record has none
my @PARAMS = (
    [op          => 'smallint',    'put'],
    [institution => 'int',         1],
    [kind        => 'smallint',    1],
    [id          => 'text',        'r1'],
    [learner     => 'text',        'learner'],
    [item        => 'text',        'item'],
    [course      => 'text',        undef],
    [status      => 'smallint',    1],
    [score       => 'float8',      undef],
    [score_max   => 'float8',      undef],
    [completion  => 'smallint',    undef],
    [progress    => 'float8',      undef],
    [time_spent  => 'int',         undef],
    [started     => 'timestamptz', undef],
    [completed   => 'timestamptz', undef],
    [scored      => 'timestamptz', undef],
    [detail      => 'json',        undef],
    [hash        => 'bigint',      1],
    [client      => 'int',         1],
    [stamp       => 'timestamptz', 10],
    [version     => 'int',         undef],
    [guards      => 'smallint',    0],
    [actor       => 'text',        undef],
);

my $n = 0;
my $LIST = join ', ', map { '$' . ++$n . "::$_->[1]\[]" } @PARAMS;


# dbh: a connection of the gateway; defaults: of its records
sub new {
    my ($class, $dbh, %defaults) = @_;
    return bless { dbh => $dbh, defaults => \%defaults }, $class;
}


sub dbh { $_[0]{dbh} }


# the numbers by which it calls operations and outcomes: docs/wire.md has them
sub codes {
    return { (map { ("op $_" => $OPS{$_}) } keys %OPS),
             (map { ("outcome $OUTCOMES[$_]" => $_) } 1 .. $#OUTCOMES) };
}


# the outcomes as [word, version] each; "forgotten WORD" for a negative one
sub write { my $self = shift; return $self->_call('write_records', @_) }
sub group { my $self = shift; return $self->_call('write_group', @_) }


# the answer of write() as it came: outcomes, versions, stamps
sub raw {
    my ($self, @records) = @_;
    return $self->{dbh}->selectrow_array($self->statement('write_records'), {},
        $self->arrays(@records));
}


sub statement { "SELECT * FROM results_api.$_[1]($LIST)" }


# the parameters, an array each
sub arrays {
    my ($self, @records) = @_;

    my @rows = map { { %{ $self->{defaults} }, %$_ } } @records;

    return map { my $param = $_; [map { _value($param, $_) } @rows] } @PARAMS;
}


sub stamp { sprintf '2026-01-01 %02d:%02d:%02d+00', $_[0] / 3600,
            $_[0] / 60 % 60, $_[0] % 60 }


sub _call {
    my ($self, $function, @records) = @_;

    my ($outcomes, $versions) = $self->{dbh}->selectrow_array(
        $self->statement($function), {}, $self->arrays(@records));

    return map { [_word($outcomes->[$_]), $versions->[$_]] } 0 .. $#$outcomes;
}


sub _word {
    my ($code) = @_;
    return ($code < 0 ? 'forgotten ' : '') . $OUTCOMES[abs $code];
}


sub _value {
    my ($param, $row) = @_;
    my ($name, $type, $default) = @$param;

    my $value = exists $row->{$name} ? $row->{$name} : $default;

    return $OPS{$value} if $name eq 'op';
    return stamp($value) if $name eq 'stamp';
    return $value;
}


1;
