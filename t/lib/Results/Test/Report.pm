package Results::Test::Report;

# A client of the module report: requests, and their replies as rows whatever
# the format.  A reply that is not of the form of docs/api/ispring.md dies.
#
#     my $report = Results::Test::Report->new($t, token => $token);
#     my ($rows, $next) = $report->page(userIds => 'u1', pageSize => 10);
#     my @all = $report->all(pageSize => 10);
#
# And what it reports about, stored without the API: person(), assignment(),
# result().

use strict;
use warnings;

use Encode qw(decode FB_CROAK);
use JSON::PP;
use XML::LibXML;

use Results::Test::Http;

my $PATH = '/learners/modules/results';
my $JSON = JSON::PP->new->utf8->allow_nonref;

my $DATE = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00\z/;
my $NUMBER = qr/^-?\d+(?:\.\d+)?(?:e[-+]?\d+)?\z/;

# in the order of the page, with what each may be in XML
my @FIELDS = (
    userId           => qr/./s,
    courseId         => qr/./s,
    moduleTitle      => qr/./s,
    moduleId         => qr/./s,
    courseItemId     => qr/./s,
    enrollmentId     => qr/./s,
    accessDate       => $DATE,
    dueDate          => $DATE,
    expirationDate   => $DATE,
    completionDate   => $DATE,
    timeSpent        => qr/^\d+\z/,
    completionStatus => qr/^[a-z_]+\z/,
    progress         => $NUMBER,
    isOverdue        => qr/^[01]\z/,
    viewsCount       => qr/^[1-9]\d*\z/,
    awardedScore     => $NUMBER,
    passingScore     => $NUMBER,
);

my @NAMES = grep { !ref } @FIELDS;
my %FORM = @FIELDS;
my %PLACE = map { $NAMES[$_] => $_ } 0 .. $#NAMES;
my %WORD = map { $_ => 1 } qw(timeSpent progress isOverdue viewsCount
                               awardedScore passingScore);
my %ENTITY = (amp => '&', lt => '<', gt => '>');
my $SMALL = 1 << 16;
my @REQUIRED = qw(userId moduleId courseItemId timeSpent completionStatus
                  isOverdue);

# more of the server {} that the usual template has
sub server { qq{location = $PATH { results_api  ispring; }} }


# options: token (undef: none), accept, bare (1: without the word Bearer),
# path
sub new {
    my ($class, $t, %opt) = @_;
    return bless { t => $t, path => $PATH, %opt }, $class;
}


# the same with other options
sub with {
    my ($self, %opt) = @_;
    return bless { %$self, %opt }, ref $self;
}


# the bytes of a request: method, pairs of the query; the value of a list is
# repeated with "[]"
sub format {
    my ($self, $method, @query) = @_;

    my @pairs;

    while (my ($name, $value) = splice @query, 0, 2) {
        push @pairs, map { encode_uri(ref $value ? $name . '[]' : $name) . '='
                           . encode_uri($_) } ref $value ? @$value : $value;
    }

    return $self->raw($method, join '&', @pairs);
}


# the same of a query as it is
sub raw {
    my ($self, $method, $query, @more) = @_;

    my @headers;

    push @headers, Authorization => ($self->{bare} ? '' : 'Bearer ')
        . $self->{token} if defined $self->{token};
    push @headers, Accept => $self->{accept} if defined $self->{accept};

    return Results::Test::Http->format($method,
        $self->{path} . (length $query ? "?$query" : ''), [@headers, @more]);
}


sub encode_uri {
    my ($text) = @_;

    utf8::encode($text) if utf8::is_utf8($text);
    return $text =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger;
}


sub send {
    my ($self, $bytes) = @_;

    my $http = $self->{http} ||= $self->{t}->http;
    my ($method) = $bytes =~ /^(\S+)/;

    $http->send($bytes);
    my $response = $http->response($method);

    if (!$response || ($response->header('Connection') // '') eq 'close') {
        $http->close;
        delete $self->{http};
    }

    return $response || die "no response\n";
}


sub get { my ($self, @query) = @_; $self->send($self->format('GET', @query)) }
sub get_raw { my ($self, @raw) = @_; $self->send($self->raw('GET', @raw)) }


# the rows of a page and the token of the next one
sub page {
    my ($self, @query) = @_;

    my $response = $self->get(@query);

    die $response->status . ': ' . $response->body if $response->status != 200;
    return $self->rows($response);
}


# the rows of all pages; options: pages (where their sizes are put)
sub all {
    my ($self, %query) = @_;

    my $pages = delete $query{pages};
    my (@all, $next);

    do {
        my ($rows, $token) = $self->page(%query,
            defined $next ? (pageToken => $next) : ());

        push @$pages, scalar @$rows if $pages;
        push @all, @$rows;
        $next = $token;
    } while (defined $next);

    return @all;
}


sub rows {
    my ($self, $response) = @_;

    my $type = $response->header('Content-Type');

    return $type eq 'application/json' ? $self->_json($response->body)
        : $type =~ m{^(?:application|text)/xml\z} ? $self->_xml(
              $response->body)
        : die "a reply of the type $type\n";
}


# code and message of an error, in either format
sub error {
    my ($self, $response) = @_;

    my ($code, $message);

    if ($response->header('Content-Type') eq 'application/json') {
        my $error = $JSON->decode($response->body);

        die "not the form of an error\n"
            if join(' ', sort keys %$error) ne 'code message';
        ($code, $message) = @$error{qw(code message)};

    } else {
        my $tree = parse_xml($response->body);

        die "not the form of an error\n"
            if join(' ', map { $_->[0] } @{ $tree->[1] }) ne 'code message';
        ($code, $message) = map { $_->[1] } @{ $tree->[1] };
    }

    die "the code $code in the body\n" if $code != $response->status;
    return $message;
}


# Pages are read with regular expressions that take nothing else, since they
# can be large; a small one is parsed as well.

sub _json {
    my ($self, $body) = @_;

    $JSON->decode($body) if length $body < $SMALL;

    $body =~ s/^\{"results":\[// or die "not the form of a page\n";
    $body =~ s/\](?:,"nextPageToken":"([\w-]+)")?\}\z//
        or die "not the end of a page\n";

    my $token = $1;
    my @rows;

    while ($body =~ /\G(?:^|,)\{/gc) {
        my (%row, @names);

        while ($body =~ /\G(?:^|(?<=[{])|,)"(\w+)":/gc) {
            my $name = $1;

            $body =~ /\G(?:"((?:[^"\\]|\\.)*)"|([^\s",{}]+))/gcs
                or die "no value of $name\n";

            my ($text, $word) = ($1, $2);

            die "$name is \"$text\"\n" if defined $text && $WORD{$name};
            die "$name is $word\n" if defined $word && !$WORD{$name};

            if (defined $text) {
                $text = $text =~ /\\/ ? $JSON->decode(qq("$text"))
                                      : decode('UTF-8', $text, FB_CROAK);
            } elsif ($name eq 'isOverdue') {
                $text = { true => 1, false => 0 }->{$word};
            } else {
                $text = $word;
            }

            push @names, $name;
            $row{$name} = $text;
        }

        $body =~ /\G\}/gc or die "no end of a row\n";

        _order(@names);
        _check(\%row);
        push @rows, \%row;
    }

    die "not the form of a row\n" if (pos($body) // 0) != length $body;

    return (\@rows, $token);
}


sub _xml {
    my ($self, $body) = @_;

    XML::LibXML->load_xml(string => $body);

    $body =~ s{^<\?xml version="1\.0" encoding="UTF-8"\?>\n<response><results>}
              {} or die "not the form of a page\n";
    $body =~ s{</results>(?:<nextPageToken>([\w-]+)</nextPageToken>)?}
              {} or die "not the end of a page\n";

    my $token = $1;
    my @rows;

    $body =~ s{</response>\n\z}{} or die "not the end of a document\n";

    while ($body =~ /\G<result>/gc) {
        my (%row, @names);

        while ($body =~ m{\G<(\w+)>([^<]*)</\1>}gc) {
            my ($name, $text) = ($1, $2);

            $text = decode('UTF-8', $text, FB_CROAK);
            $text =~ s/&(?:#(\d+)|(\w+));/defined $1 ? chr $1 : $ENTITY{$2}/ge
                if $text =~ /&/;

            push @names, $name;
            $row{$name} = $text;
        }

        $body =~ m{\G</result>}gc or die "no end of a row\n";

        _order(@names);
        _check(\%row);
        push @rows, \%row;
    }

    die "not the form of a row\n" if (pos($body) // 0) != length $body;

    return (\@rows, $token);
}


sub _order {
    my (@names) = @_;

    my $last = -1;

    for my $name (@names) {
        my $place = $PLACE{$name} // die "the field $name\n";
        die "$name is not in its place\n" if $place <= $last;
        $last = $place;
    }
}


sub _check {
    my ($row) = @_;

    for my $name (keys %$row) {
        die "$name is \"$row->{$name}\"\n"
            if !$FORM{$name} || $row->{$name} !~ $FORM{$name};
    }

    for my $name (@REQUIRED) {
        die "$name is missing\n" if !defined $row->{$name};
    }
}


# [name, children or text] of the root
sub parse_xml {
    my ($text) = @_;

    die "no XML declaration\n"
        if $text !~ /^<\?xml version="1\.0" encoding="UTF-8"\?>\n/;

    return _tree(XML::LibXML->load_xml(string => $text)->documentElement);
}


sub _tree {
    my ($element) = @_;

    my @children = $element->nonBlankChildNodes;
    my @elements = grep { $_->nodeType == XML_ELEMENT_NODE } @children;

    die $element->nodeName . " has attributes\n" if $element->hasAttributes;
    die 'text between the elements of ' . $element->nodeName . "\n"
        if @elements && @elements < @children;

    return [$element->nodeName, @elements ? [map { _tree($_) } @elements]
                                          : $element->textContent];
}


# rows of the tables; fields as the columns are called

sub _insert {
    my ($self, $table, %row) = @_;

    my @names = sort keys %row;

    $self->{t}->pg->do("INSERT INTO results.$table ("
        . join(', ', @names) . ') VALUES ('
        . join(', ', ('?') x @names) . ')', @row{@names});
}


sub institution { $_[0]{institution} //= $_[0]{t}->fixtures->institution }


sub person {
    my ($self, $id, %row) = @_;

    $self->_insert('person', institution_id => $self->institution, id => $id,
                   role => 'student', %row);
    return $id;
}


sub assignment {
    my ($self, %row) = @_;

    my $n = ++$self->{assignments};

    $self->_insert('assignment', institution_id => $self->institution,
        course_id => 'course-1', module_id => "module-$n",
        module_title => "Module $n", course_item_id => "item-$n",
        enrollment_id => 'enrollment-1', %row);
}


sub result {
    my ($self, %row) = @_;

    my $n = ++$self->{results};

    $self->_insert('result', institution_id => $self->institution,
        kind => 'module_result', id => "result-$n", status => 'active',
        payload_hash => $n, version => 1, op => 1, client_id => 1,
        created_at => '2026-01-01T00:00:00Z',
        updated_at => '2026-01-01T00:00:00Z', %row);
}


1;
