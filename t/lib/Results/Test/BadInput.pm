package Results::Test::BadInput;

# Input that a route has to refuse, or to take and give back equal: what
# nobody would send on purpose, and what somebody will.  One table for all
# routes:
#
#     Results::Test::BadInput->check(
#         test   => $t,                  # Results::Test
#         body   => sub { {...} },       # a good body, a new one each time
#         fields => { 'object.id' => 'id', Score => 'number' },
#         others => [$text, ...],        # good bodies of other APIs
#         send   => sub { my ($body, %headers) = @_; ... },
#                                        # the bytes of a request
#         error  => sub { my ($response) = @_; ... },
#                                        # the texts of an error in the API's
#                                        # shape; undef for another shape
#         named  => sub { my ($texts, $path) = @_; ... },
#                                        # whether they name the field
#         stored => sub { my ($response, $path, $request) = @_; ... },
#                                        # what a 2xx stored of the field
#         rows   => 60,                  # good requests in between
#     );
#
# A body goes through many(), with good requests among them: no bad one may be
# another one's failure.

use strict;
use warnings;

use Encode qw(encode);
use JSON::PP;
use Test::More;

use Results::Test::Http;

my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;

# statuses of a refusal
my %REFUSED = map { $_ => 1 } 400, 413, 415, 422;

# JSON texts by type of the field
my %VALUES = (
    number => [qw(
        1e400 -1e400 9223372036854775807 9223372036854775808
        -9223372036854775809 0 -0 -0.0 1E-999 1e308 0.1 -1 100.5
        1.7976931348623157e308 2147483648 1.50 0.1234567890123456789
        NaN Infinity -Infinity +1 01 .5 1. 0x1 1e
        "1" "1.5" "abc" "" "1e400" "NaN" true null [] {} [1] )],

    integer => [qw(
        0 -0 1.0 6e1 1.5 -1 2147483647 2147483648 9223372036854775808 1e400
        1E-999 NaN "1" "1.5" "" true null [] {} )],

    time => [(map { $JSON->encode($_) } (
        '2023-02-30T00:00:00Z', '2023-01-01T24:00:00Z',
        '2016-12-31T23:59:60Z', '2016-12-31T12:00:60Z',
        '0000-01-01T00:00:00Z', '0001-01-01T00:00:00Z',
        '10000-01-01T00:00:00Z', '9999-12-31T23:59:59.9999999Z',
        '0001-01-01T00:00:00+01:00', '2023-01-01T00:00:00',
        '2023-01-01T00:00:00+15:00', '2023-01-01T00:00:00+14:00',
        '2023-01-01T00:00:00-00:00', '2023-01-01T00:00:00.Z',
        '2023-01-01T00:00:00.123456789012345Z', '2023-01-01', '2023-1-1',
        '2023-01-01t00:00:00z', '2023-01-01 00:00:00Z', '20230101T000000Z',
        '2023-13-01T00:00:00Z', '2023-00-01T00:00:00Z', 'yesterday', '',
        ' 2023-01-01T00:00:00Z', '2023-01-01T00:00:00Z ', '1672531200',
        )), qw(0 1672531200 true null [] {})],

    id => [(map { $JSON->encode($_) } (
        '', ' ', 'x' x 255, 'x' x 256, "\x{e9}" x 255, "\x{e9}" x 256,
        "\x{1f600}" x 255, 'a/b', 'a%2Fb', 'a%00b', '..', '.', '"quotes"',
        q('), 'a,b', '{a}', '{a,b}', 'a\\b', '\\N', 'NULL', "\x{1f600}",
        "\x{5d0}\x{5d1}\x{202e}", "a\x{1}b", "a\nb", "a\x{7f}", "a\x{85}b",
        "a\x{feff}b", q(';DROP TABLE results.result--), '$1', '%s%n',
        )), qw("\u0000" "\ud800" "\udc00\ud800" 5 -1 1.5 1e400 true null []
               {})],

    text => [(map { $JSON->encode($_) } (
        '', "\x{1f600}", "\x{5d0}\x{202e}",
        "a\x{1}b\x{1f}", "a\nb\tc", "a\x{7f}\x{85}", '"quotes"', q('),
        'a\\b', '{a,NULL}', '$1 %s', q(';DROP TABLE results.result--),
        )), qw("\u0000" "\ud800" "\udc00\ud800"
        "\ud83d\ude00" "\x41" 5 1e400 true null [] {})],

    # slow in Perl: one field of an API will do
    long => ['"' . 'x' x (1 << 20) . '"'],

    object => [
        '{}', '{"a":null}', '{"a":[1,{"b":"\ud83d\ude00"}]}', '{"":1}',
        '{"a":{"":[]}}', '{"a":1,"a":2}', '{"a":"\u0000"}', '{"\u0000":1}',
        '{"a":1e400}', '{"a":NaN}', '{"a":9223372036854775808}',
        '{"a":1e300,"b":1e-300}', '{"a":-0.0}', '{"a":"\ud800"}',
        '{"$1":"%s"}', 'true', 'null', '5', '"x"', '[]',
        '{"a":' x 29 . '1' . '}' x 29, '{"a":' x 33 . '1' . '}' x 33],

    word => [qw(
        "" "nosuchword" "{}" "\u0000" 5 -1 1.5 2147483648 1e400 true null []
        {})],
);

# of headers
my @TYPES = (
    undef, '', 'text/plain', 'application/xml', 'application/jsonx',
    'application/json; charset=iso-8859-1', 'application/json; charset=utf-16',
    'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x',
);


sub values { my ($class, $type) = @_; return @{ $VALUES{$type} } }


# whole bodies that no API takes, made of a good one: name, bytes
sub bodies {
    my ($class, $good) = @_;

    my $with = sub { $good =~ s/^\{/{$_[0],/r };

    return (
        ['nothing'           => ''],
        ['white space'       => " \r\n\t "],
        ['a word'            => 'hello'],
        ['a form'            => 'a=1&b=2'],
        ['XML'               => '<?xml version="1.0"?><a/>'],
        ['an array'          => '[]'],
        ['an array of it'    => "[$good]"],
        ['a string'          => '"text"'],
        ['a number'          => '5'],
        ['true'              => 'true'],
        ['null'              => 'null'],
        ['an empty object'   => '{}'],
        ['half of it'        => substr $good, 0, length($good) / 2],
        ['all but the last'  => substr $good, 0, -1],
        ['something behind'  => "$good x"],
        ['it twice'          => $good x 2],
        ['a NUL behind'      => "$good\0"],
        ['a BOM'             => "\xef\xbb\xbf$good"],
        ['UTF-16'            => encode('UTF-16', $good)],
        ['a key twice'       => $with->('"k":1,"k":2')],
        ['depth 33'          => $with->('"k":' . '[' x 32 . ']' x 32)],
        ['depth 100000'      => '[' x 100_000],
        ['depth in objects'  => '{"k":' x 100_000],
        ['\u0000'            => $with->('"k":"\u0000"')],
        ['\u0000 in a key'   => $with->('"k\u0000":1')],
        ['a lone surrogate'  => $with->('"k":"\ud83d"')],
        ['one behind'        => $with->('"k":"\ude00x"')],
        ['bytes'             => $with->("\"k\":\"\xff\xfe\"")],
        ['half a character'  => $with->("\"k\":\"\xe2\x82\"")],
        ['overlong'          => $with->("\"k\":\"\xc0\xaf\"")],
        ['a surrogate'       => $with->("\"k\":\"\xed\xa0\x80\"")],
        ['bytes in a key'    => $with->("\"\xff\":1")],
        ['a raw newline'     => $with->("\"k\":\"\n\"")],
        ['1e400'             => $with->('"k":1e400')],
        ['NaN'               => $with->('"k":NaN')],
        ['a comment'         => $with->('/* k */ "k":1')],
        ['single quotes'     => $with->("'k':1")],
        ['a comma too many'  => $good =~ s/\}$/,}/r],
    );
}


sub check {
    my ($class, %opt) = @_;

    my @cases;

    my $good = $JSON->encode($opt{body}->());
    push @cases, { name => $_->[0], request => $opt{send}->($_->[1]) }
        for $class->bodies($good);
    push @cases, { name => 'a body of another API', request => $opt{send}->($_) }
        for @{ $opt{others} || [] };
    push @cases, map { { name => 'Content-Type ' . ($_ // 'none'),
        status => 415, request => $opt{send}->($good, type => $_) } } @TYPES;
    push @cases, map { { name => "Content-Encoding $_", status => 415,
        request => $opt{send}->($good, more => ['Content-Encoding' => $_]) } }
        qw(gzip br deflate);

    for my $path (sort keys %{ $opt{fields} }) {
        for my $value ($class->values($opt{fields}{$path})) {
            push @cases, { path => $path, value => $value,
                name => length $value > 60
                        ? "$path: " . substr($value, 0, 57) . '...'
                        : "$path: $value",
                request => $opt{send}->(_with($opt{body}->(), $path, $value))
            };
        }
    }

    # the good ones are spread among the bad ones
    my @requests = map { $_->{request} } @cases;
    my $n = $opt{rows} || 60;
    my @all = map { $opt{send}->($JSON->encode($opt{body}->())) } 1 .. $n;
    my @origin = (-1) x $n;

    for my $i (0 .. $#requests) {
        my $at = int(rand(@all + 1));
        splice @all, $at, 0, $requests[$i];
        splice @origin, $at, 0, $i;
    }

    my @responses = $opt{test}->many(\@all, connections => 24);
    my $bad = 0;

    for my $i (0 .. $#all) {
        if ($origin[$i] >= 0) {
            $cases[$origin[$i]]{response} = $responses[$i];
        } elsif (!$responses[$i] || $responses[$i]->status !~ /^2/) {
            $bad++;
            diag($responses[$i] ? $responses[$i]->body : 'no response');
        }
    }

    is($bad, 0, "$n good requests among " . @cases . ' bad ones are taken');

    for my $case (@cases) {
        my $why = _wrong($case, \%opt);
        ok(!$why, $case->{name}) or diag($why);
    }
}


# what is wrong with a response; empty when nothing is
sub _wrong {
    my ($case, $opt) = @_;

    my $response = $case->{response} or return 'no response';
    my $status = $response->status;

    return "status $status: " . $response->body
        if $case->{status} && $status != $case->{status};

    if ($status =~ /^2/) {
        return 'taken' if !$case->{path};
        return _unequal($JSON->decode($case->{value}),
                        $opt->{stored}->($response, $case->{path},
                                         $case->{request}));
    }

    return "status $status" if !$REFUSED{$status};

    my $texts = $opt->{error}->($response);
    return 'not in the shape of an error: ' . $response->body if !$texts;

    # what is no JSON is the fault of no field
    return '' if !$case->{path} || !eval { $JSON->decode($case->{value}); 1 };

    return $opt->{named}->($texts, $case->{path})
        ? '' : 'the field is not named: ' . $response->body;
}


sub _unequal {
    my ($sent, $stored) = @_;

    return defined $stored ? "null became $stored" : '' if !defined $sent;
    return 'nothing is stored' if !defined $stored;

    my $equal = ref $sent
        ? $JSON->encode($sent) eq (ref $stored ? $JSON->encode($stored)
                                               : $stored)
        : $sent =~ /^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/
            ? _double($sent) == _double($stored)
        : $sent eq $stored;

    return $equal ? '' : "stored as $stored";
}


# numbers are JSON doubles, while Perl's may be 64-bit integers
sub _double { return unpack 'd', pack 'd', $_[0] }


# the JSON of a body whose field has that JSON text as its value
sub _with {
    my ($body, $path, $value) = @_;

    my @names = split /\./, $path;
    my $last = pop @names;
    my $object = $body;

    $object = ref $object eq 'ARRAY' ? $object->[$_] : $object->{$_} ||= {}
        for @names;
    $object->{$last} = 'the value';

    my $text = $JSON->encode($body);
    $text =~ s/"the value"/$value/ or die "$path: $text";

    return $text;
}


1;
