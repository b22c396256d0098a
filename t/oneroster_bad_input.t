#!/usr/bin/env perl

# Bad input for the OneRoster routes that have a body: each is taken and comes
# back equal, or refused in the standard's shape with the field named.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;
use Time::Local qw(timegm_modern);

use JSON::PP;
use Results::Test::BadInput;
use Results::Test::Http;
use Results::Test::OneRoster;

my $t = Results::Test->new;

$t->nginx(server => Results::Test::OneRoster->servers
                    . ' client_max_body_size 4m;');

my $tb = Results::Test::OneRoster->new($t, 'timeback');
my $or = Results::Test::OneRoster->new($t, 'oneroster');
my $json = JSON::PP->new->utf8->allow_nonref;
my $n = 0;

my %result = (
    'metadata'              => 'object',
    'student.sourcedId'     => 'id',
    'lineItem.sourcedId'    => 'id',
    'class.sourcedId'       => 'id',
    'scoreScale.sourcedId'  => 'id',
    'student'               => 'word',
    'status'                => 'word',
    'scoreStatus'           => 'word',
    'scoreDate'             => 'time',
    'dateLastModified'      => 'time',
    'score'                 => 'number',
    'textScore'             => 'text',
    'comment'               => 'text',
    'inProgress'            => 'word',
    'learningObjectiveSet'  => 'word',
);

my %assessment = (
    (map { $_ => $result{$_} } grep { !/^(?:lineItem|class)\b/ } keys %result),
    'assessmentLineItem.sourcedId' => 'id',
    'scorePercentile'              => 'number',
);


# a request's id is in its path, or in the pairs of its reply
sub id_of {
    my ($response, $request) = @_;

    my $pairs = ($response->json || {})->{sourcedIdPairs};

    return $pairs->{allocatedSourcedId} if ref $pairs eq 'HASH';
    return $pairs->[0]{allocatedSourcedId} if ref $pairs eq 'ARRAY';
    return ($request =~ m{^\S+ \S+/([^/ ]+) HTTP})[0];
}


# What GET has of a member.  Of those that the server sets, of references,
# which come back with more, and of what is another text for the same double,
# it is what was sent.
sub stored {
    my ($client, $collection, $response, $path, $request) = @_;

    my ($body) = $request =~ /\r\n\r\n(.*)$/s;
    my ($name, @path) = split /\./, $path;
    my $sent = member($json->decode($body), $name, @path);
    my $id = id_of($response, $request) // return;

    my $row = $client->row($id, $collection eq 'results'
                           ? 'result' : 'assessment_result') or return;

    shift @path if $path[0] eq '0';
    return $sent if $path[0] =~ /^(?:dateLastModified|status)$/;
    return defined $sent ? $row->{id} : undef if $path[0] eq 'sourcedId';

    my $object = $client->object($client->get("$collection/"
        . $client->segment($id))) or return;
    my $value = member($object, @path);

    return $sent if ref $value eq 'HASH' && $value->{href};
    return $sent if $path[0] eq 'score' && defined $sent && defined $value
        && pack('d', $sent) eq pack('d', $value);

    # the same moment, or its day, in the form of the dialect's schema
    return $sent if $path[0] eq 'scoreDate' && defined $sent && defined $value
        && $value eq score_date($client->dialect, $sent, $value);

    # a merge removes what is null
    return $sent if $request =~ /^PATCH/ && ref $sent eq 'HASH'
        && grep { !defined } values %$sent;

    return $value;
}


# what a scoreDate goes out as; what came in the schema's form is as it came
sub score_date {
    my ($dialect, $sent, $value) = @_;

    my ($day, $time, $zone) = $sent =~
        /^(\d{4}-\d\d-\d\d)(?:[Tt ]([\d:.]+)([Zz]|[-+]\d\d:\d\d))?$/
        or return 'none';

    return defined $time ? $sent : "${day}T00:00:00.000Z"
        if $dialect eq 'timeback';
    return $day if !defined $time || $zone =~ /^[Zz]|00:00$/;

    my ($sign, $h, $m) = $zone =~ /([-+])(\d\d):(\d\d)/;
    my ($y, $mon, $d) = split /-/, $day;
    my ($hour, $min) = split /:/, $time;
    my $utc = timegm_modern(0, $min, $hour, $d, $mon - 1, $y)
              - "${sign}1" * ($h * 3600 + $m * 60);
    my @utc = gmtime $utc;

    return sprintf '%04d-%02d-%02d', $utc[5] + 1900, $utc[4] + 1, $utc[3];
}


sub member {
    my ($value, @path) = @_;

    $value = ref $value eq 'ARRAY' ? $value->[$_] : $value->{$_} for @path;
    return $value;
}


sub route {
    my ($client, $method, $path, $body, $prefix, $fields) = @_;

    my ($collection) = $path =~ /(results|assessmentResults)\b(?!.*results)/;

    subtest $client->dialect . ": $method $path" => sub {
        Results::Test::BadInput->check(
            test   => $t,
            body   => $body,
            fields => { map { ("$prefix.$_" => $fields->{$_}) } keys %$fields },
            others => [$t->encode({ StudentId => 'x', ContentItemId => 'y' }),
                       $t->encode({ lineItem => { title => 'x' } })],
            send   => sub {
                my ($bytes, %headers) = @_;
                my $id = 'bad-' . ++$n;

                if ($method eq 'PATCH') {
                    $client->put("$collection/$id",
                                 $client->assessment_result);
                }

                return Results::Test::Http->format($method,
                    $client->base . '/' . $path =~ s/ID/$id/r,
                    $t->headers(%headers), $bytes);
            },
            error  => sub {
                my ($response) = @_;
                my @errors = $client->{schemas}{error}->validate(
                    $response->json);

                return @errors ? undef : $client->description($response);
            },
            named  => sub {
                my ($text, $name) = @_;
                return $text =~ m{/\Q${\($name =~ tr{.}{/}r)}\E\b};
            },
            stored => sub { stored($client, $collection, @_) },
        );
    };
}


route($tb, PUT => 'results/ID', sub { $tb->result }, 'result',
      { %result, comment => 'long' });
route($or, PUT => 'results/ID', sub { $or->result }, 'result', \%result);
route($or, PUT => 'assessmentResults/ID', sub { $or->assessment_result },
      'assessmentResult', \%assessment);
route($tb, POST => 'results', sub { $tb->result }, 'result',
      { %result, sourcedId => 'id' });
route($tb, PATCH => 'assessmentResults/ID', sub { $tb->assessment_result },
      'assessmentResult', \%assessment);

delete $result{'lineItem.sourcedId'};
route($or, POST => 'lineItems/line-item-1/results', sub {
    { results => [$or->member('bulk-' . ++$n)] } }, 'results.0',
    { %result, sourcedId => 'id' });


is($t->pg->value('SELECT count(*) > 200 FROM results.result'), 1,
   'many were taken');
