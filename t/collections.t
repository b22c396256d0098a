#!/usr/bin/env perl

# Collections: pages and the links between them, whose records they hold and
# whose they never do, and every query that is none.

use FindBin;
use lib "$FindBin::Bin/lib";
use Encode qw(encode_utf8);
use JSON::PP;
use Results::Test;
use Results::Test::Http2;
use Results::Test::OneRoster;

my $t = Results::Test->new(timeout => 240);
my $pg = $t->pg;

$t->nginx(workers => 2, http2 => 1,
          server => Results::Test::OneRoster->servers);

my %or = map { $_ => Results::Test::OneRoster->new($t, $_) }
    qw(oneroster timeback);
my ($standard, $timeback) = @or{qw(oneroster timeback)};


sub escape { $_[0] =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ger }
sub filter { 'filter=' . escape($_[0]) }

sub list {
    my ($response) = @_;

    my ($list) = grep { ref eq 'ARRAY' } values %{ $response->json || {} };
    return @{ $list || [] };
}

sub ids { join ' ', map { $_->{sourcedId} } list(@_) }


# the targets of a reply's Link header by their relation; '' where it is wrong
sub links {
    my ($response) = @_;

    my %links;

    # clients split it at commas
    for my $link (split /,\s*/, $response->header('Link') // '') {
        my ($uri, $relation) = $link =~ m{^<([^<>"\s,]+)>; rel="(\w+)"$}
            or return '';
        $links{$relation} = $uri;
    }

    return \%links;
}

sub path_of { $_[0] =~ s{^http://[^/]*}{}r }


sub raw {
    my ($uri, %opt) = @_;
    return $t->request('GET', $uri, $t->headers(type => undef, %opt));
}


subtest 'an empty institution' => sub {
    for my $or ($standard, $timeback) {
        for my $path (qw(results assessmentResults results/)) {
            my $response = $or->get($path);

            is($response->status, 200, $or->dialect . ": $path");
            is(scalar list($response), 0, 'has none');
            is($response->header('X-Total-Count'), 0, 'and says so');
            is(join(' ', sort keys %{ links($response) }), 'first last',
               'it has one page');
        }
    }

    my $response = $timeback->get('results?offset=50&limit=10');

    is(list($response), 0, 'a page behind the end is empty');
    is_deeply([@{ $response->json }{qw(totalCount pageCount pageNumber offset
                                       limit)}], [0, 0, 6, 50, 10],
              'and says where it is');
    like(links($response)->{prev}, qr/[?&]offset=0\b/, 'the last is the first');
};


# what follows is about these: 25 results of a class each, 5 of none

my @puts = map {
    my $class = $_ <= 25 ? { class => { sourcedId => 'class/' . $_ % 5 } } : {};
    [sprintf('r-%02d', $_), {
        %$class, score => $_, student => { sourcedId => 'student-' . $_ % 3 },
        lineItem => { sourcedId => 'item-' . $_ % 2 } }]
} 1 .. 30;

for my $put (@puts) {
    is($timeback->put("results/$put->[0]", $timeback->result(%{ $put->[1] }))
        ->status, 201, $put->[0]);
}

is($t->rows, 30, 'are stored');


subtest 'reading what was just written' => sub {
    my $n = 0;

    # by another connection, so by any worker
    for my $i (1 .. 40) {
        my $put = $timeback->put("results/new-$i",
            $timeback->result(score => $i));
        my $response = raw("/ims/oneroster/gradebook/v1p2/results?"
            . filter("sourcedId='new-$i' AND score='$i'"));

        $n++ if $put->status == 201 && ids($response) eq "new-$i";
    }

    is($n, 40, 'a new result is in the lists at once');
    is($t->rows, 70, '... stored');

    is($timeback->put('results/new-1', $timeback->result(score => 77))
        ->status, 200, 'a new value');
    is(ids(raw('/ims/oneroster/gradebook/v1p2/results?'
               . filter("score='77'"))), 'new-1', 'as well');

    for my $i (1 .. 40) {
        $n-- if $timeback->delete("results/new-$i")->status == 204;
    }

    is($n, 0, 'deleted');
    is(raw('/ims/oneroster/gradebook/v1p2/results')->header('X-Total-Count'),
       30, 'and at once they are not there');
};

# nothing of them is in what follows
$pg->do("DELETE FROM results.result WHERE id LIKE 'new-%'");


subtest 'pages' => sub {
    for my $or ($standard, $timeback) {
        for my $limit (1, 7, 10, 29, 30, 31) {
            my (@seen, $last, $pages);
            my $uri = $or->base . "/results?limit=$limit";

            while ($uri && ++$pages < 40) {
                my $response = $or->get($uri =~ s/^\Q${\$or->base}\E.//r);
                my $links = links($response);

                push @seen, list($response);
                is($response->header('X-Total-Count'), 30, 'the total')
                    if $pages == 1;

                ok(!$links->{prev} == ($pages == 1), 'a page before this one')
                    if $pages < 3;

                $last = $links->{last};
                $uri = path_of($links->{next} // '');
            }

            is(join(' ', map { $_->{sourcedId} } @seen),
               join(' ', map { $_->[0] } @puts),
               $or->dialect . ": $limit at a time, each result once");
            is($pages, int((30 + $limit - 1) / $limit), '... and no page more');

            my $end = ids(raw(path_of($last)));
            like(join(' ', map { $_->[0] } @puts), qr/\b\Q$end\E$/,
                 'the last page is that');
        }
    }

    my $response = $timeback->get('results?limit=7&offset=14');

    is_deeply([@{ $response->json }{qw(totalCount pageCount pageNumber offset
                                       limit)}], [30, 5, 3, 14, 7],
              'Timeback: where the page is, in its body too');
    like(links($response)->{prev}, qr/[?&]offset=7\b/, 'and what is before it');

    like(links($timeback->get('results?limit=7&offset=3'))->{prev},
         qr/[?&]offset=0\b/, 'there is no page before the first');

    is($timeback->get('results?limit=10001')->json->{limit}, 10000,
       'a limit has a limit');
    is($timeback->get('results')->json->{limit}, 100, 'and a default');
};


subtest 'links keep the rest of the query' => sub {
    my @queries = (
        filter("score>='5' AND score<'15'") . '&sort=score&orderBy=desc',
        "filter=score>='5'+AND+score<'15'&sort=score&orderBy=desc",
        'fields=score,student&unknown=a,b;c',
        "filter=comment!='a,b<>%22'&x=%2C&y",
        '&&sort=score&',
    );

    for my $query (@queries) {
        my $first = raw("/ims/oneroster/gradebook/v1p2/results/?$query&limit=4"
            . '&offset=4');
        my $links = links($first);

        is($first->status, 200, $query);
        ok($links, 'a list of links') or diag($first->header('Link'));

        my $next = raw(path_of($links->{next}));

        is(ids($next), ids(raw("/ims/oneroster/gradebook/v1p2/results/?$query"
            . '&offset=8&limit=4')), 'the next page of the same query');
        is(ids(raw(path_of(links($next)->{prev}))), ids($first),
           'and back again');
        like($links->{first}, qr{/results/\?}, 'the path as it was asked for');
    }

    my $response = $t->request('GET', '/ims/oneroster/gradebook/v1p2/results',
        $t->headers(type => undef, more => [Host => 'lms.example:81']));

    like(links($response)->{first}, qr{^http://lms\.example:81/ims/},
         'by the name that the client used');
};


subtest 'HEAD' => sub {
    for my $query ('', '?limit=2', '?' . filter("score>'99'"), '?limit=0') {
        my $uri = "/ims/oneroster/gradebook/v1p2/results$query";
        my $get = raw($uri);
        my $head = $t->request('HEAD', $uri, $t->headers(type => undef));

        is($head->status, $get->status, "HEAD results$query");
        is($head->header($_), $get->header($_), $_)
            for qw(Content-Type Content-Length X-Total-Count Link);
        is($head->body, '', 'no body');
    }
};


subtest 'a body is read and thrown away' => sub {
    my $http = $t->http;
    my @all = ids($timeback->get('results'));

    for my $body ('{}', 'x' x 300_000, '') {
        my $response = $http->request('GET',
            '/ims/oneroster/gradebook/v1p2/results', $t->headers, $body);

        is(ids($response), $all[0], length($body) . ' bytes');
    }

    my $chunked = Results::Test::Http->chunked('{"filter": "score"}', 3);

    is(ids($http->request('GET', '/ims/oneroster/gradebook/v1p2/results',
        $t->headers(more => ['Transfer-Encoding' => 'chunked']), $chunked)),
       $all[0], 'in chunks');
    is(ids($http->request('GET', '/ims/oneroster/gradebook/v1p2/results',
        $t->headers(type => 'text/plain'))), $all[0],
       'the connection goes on, and no type is asked for');
};


subtest 'fields' => sub {
    for my $or ($standard, $timeback) {
        my $base = $or->base;
        my $all = join ',', sort map { keys %$_ } list(raw("$base/results?"
            . filter("sourcedId='r-01'")));

        for my $case (
            ['score', 'score,sourcedId'],
            ['sourcedId', 'sourcedId'],
            ['score,student&fields=class', 'class,score,sourcedId,student'],
            ['score%2Cstudent', 'score,sourcedId,student'],
            ['late,metadata', 'sourcedId'],
            ['score,score', 'score,sourcedId'],
            ['', $all],
        ) {
            my $response = raw("$base/results?fields=$case->[0]&"
                . filter("sourcedId='r-01'"));

            is($response->status, 200, $or->dialect . ": fields=$case->[0]");
            is(join(',', sort map { keys %$_ } list($response)), $case->[1],
               'no others');
        }
    }

    # what Timeback keeps of unknown fields is no field
    is($timeback->put('results/r-30', $timeback->result(score => 30,
        lineItem => { sourcedId => 'item-0' }, color => 'red',
        student => { sourcedId => 'student-0' }))->status, 200, 'a color');
    is($t->row('r-30')->{version}, 2, 'is stored');
    is((list($timeback->get('results?' . filter("sourcedId='r-30'"))))[0]
       {color}, 'red', 'and comes back');
    is(join(',', sort map { keys %$_ } list(raw($timeback->base
        . '/results?fields=score&' . filter("sourcedId='r-30'")))),
       'score,sourcedId', 'unless fields are chosen');
};


subtest 'by class, by student, by line item' => sub {
    my $in = sub { my ($code) = @_;
                   join ' ', map { $_->[0] } grep { $code->($_->[1]) } @puts };

    my %cases = (
        'classes/class%2F1/results' => $in->(sub {
            ($_[0]{class}{sourcedId} // '') eq 'class/1' }),
        'classes/class%2F1/results/' => $in->(sub {
            ($_[0]{class}{sourcedId} // '') eq 'class/1' }),
        'classes/class%2F1/students/student-2/results' => $in->(sub {
            ($_[0]{class}{sourcedId} // '') eq 'class/1'
            && $_[0]{student}{sourcedId} eq 'student-2' }),
        'classes/class%2F1/lineItems/item-0/results' => $in->(sub {
            ($_[0]{class}{sourcedId} // '') eq 'class/1'
            && $_[0]{lineItem}{sourcedId} eq 'item-0' }),
        'classes/nobody/results' => '',
        'classes/class%2F1/students/nobody/results' => '',
    );

    for my $path (sort keys %cases) {
        my $response = $standard->get($path);
        my @ids = split / /, $cases{$path};

        is($response->status, 200, $path);
        is(ids($response), $cases{$path}, 'those');
        is($response->header('X-Total-Count'), scalar @ids, 'so many');
        is($timeback->get($path)->status, 404, 'Timeback has no such path');
    }

    my $path = 'classes/class%2F1/results';
    my $response = $standard->get("$path?limit=2&sort=score&orderBy=desc&"
        . filter("score>='10' OR score<'0'"));

    is(ids($response), 'r-21 r-16', 'with a filter and an order');
    is($response->header('X-Total-Count'), 3, '... and a total');
    like(links($response)->{next}, qr{/classes/class%2F1/results\?limit=2&},
         '... and links');
    is(ids(raw(path_of(links($response)->{next}))), 'r-11', '... that lead on');

    is($standard->get('classes/a%01b/results')->status, 422, 'no id');
    is($standard->request('PUT', $path, {})->status, 405, 'no PUT');
};


subtest 'what is deleted' => sub {
    is($timeback->delete('results/r-05')->status, 204, 'one is');
    is($t->row('r-05')->{status}, 'tobedeleted', 'marked so');

    for my $or ($standard, $timeback) {
        my %cases = (
            ''                                             => 0,
            filter("sourcedId='r-05'")                     => 0,
            filter("sourcedId='r-05' OR score='5'")        => 0,
            filter("status='tobedeleted'")                 => 1,
            filter("status!='active'")                     => 1,
            filter("sourcedId='r-05' AND status!='x'")     => undef,
            filter("sourcedId='r-05' OR status='active'")  => 1,
            filter("dateLastModified>'2020-01-01'")        => 1,
            filter("sourcedId='r-05' AND dateLastModified>'2020-01-01'") => 1,
            'sort=status'                                  => 0,
            'fields=status'                                => 0,
        );

        for my $query (sort keys %cases) {
            my $response = raw($or->base . "/results?$query");

            if (!defined $cases{$query}) {
                is($response->status, 400, "$query is none");
                next;
            }

            my $found = grep { $_ eq 'r-05' } split / /, ids($response);
            is($found, $cases{$query}, $or->dialect . ": $query");
        }
    }

    is($timeback->put('results/r-05', $timeback->result(%{ $puts[4][1] }))
        ->status, 200, 'revived');
    is($t->row('r-05')->{status}, 'active', 'in the table');
    like(ids($timeback->get('results')), qr/r-05/, 'and in the lists');
};


# the other institution has the same ids

my $other = $t->token(institution => 'other');
my $other_timeback = $timeback->with(token => $other);

is($other_timeback->put("results/r-0$_", $other_timeback->result(
    comment => 'theirs', score => 1000 + $_))->status, 201, "theirs: r-0$_")
    for 1 .. 3;
is($t->rows, 33, 'are rows of their own');
is($other_timeback->delete('results/r-03')->status, 204, 'one is deleted');


subtest 'institutions' => sub {
    my @filters = (
        undef,
        "status='active' OR status='tobedeleted'",
        "status!='active' OR status='active'",
        "sourcedId>'' OR sourcedId=''",
        "dateLastModified>'0001-01-01' OR dateLastModified<'0001-01-02'",
        "comment='theirs' OR comment!='theirs'",
        "metadata.x!='1' OR score>'0'",
        "score>='1000' OR sourcedId='r-01'",
        "student.sourcedId~'' OR class.sourcedId!=''",
    );

    my $classes = $standard->with(token => $other);

    for my $filter (@filters) {
        my $query = 'limit=10000' . (defined $filter ? '&' . filter($filter)
                                                     : '');

        for my $or ($standard, $timeback) {
            my $theirs = $or->with(token => $other)->get("results?$query");
            my $ours = $or->get("results?$query");

            my $name = $or->dialect . ': ' . ($filter // 'no filter');

            is($theirs->status, 200, $name);
            is(scalar(grep { $_->{score} < 1000 } list($theirs)), 0,
               'shows them nothing of ours');
            is(scalar(grep { ($_->{score} // 0) > 1000 } list($ours)), 0,
               'nor us of theirs');
            is($theirs->header('X-Total-Count'), scalar list($theirs),
               'and counts none');
        }

        is(ids($classes->get("classes/class%2F1/results?$query")), '',
           'nor by class');
    }

    is($other_timeback->get('results')->header('X-Total-Count'), 2,
       'they have two');
};


subtest 'scopes' => sub {
    my $scopes = sub { [map { $t->scope($_) } @_] };

    my %opens = (
        'gradebook.readonly'      => [qw(200 200 403 200 200)],
        'gradebook-core.readonly' => [qw(200 403 403 200 403)],
        'assessment.readonly'     => [qw(403 403 200 403 200)],
        'gradebook.createput'     => [qw(403 403 403 403 403)],
    );

    for my $scope (sort keys %opens) {
        my $token = $t->token(scopes => $scopes->($scope));
        my $or = $standard->with(token => $token);
        my $tb = $timeback->with(token => $token);

        my @replies = ($or->get('results'), $or->get('classes/c/results'),
            $or->get('assessmentResults'), $tb->get('results'),
            $tb->get('assessmentResults'));

        is(join(' ', map { $_->status } @replies), "@{ $opens{$scope} }",
           $scope);

        for my $reply (grep { $_->status == 403 } @replies) {
            like($reply->header('WWW-Authenticate'),
                 qr{error="insufficient_scope", scope="https://\S+readonly"},
                 'says which it takes');
        }
    }

    is($standard->with(token => undef)->get('results')->status, 401,
       'no token');
};


subtest 'queries that are none' => sub {
    my @cases = (
        # query, code minor, what the description names
        ['limit=0', 'invaliddata', 'limit'],
        ['limit=-1', 'invaliddata', 'limit'],
        ['limit=1e3', 'invaliddata', 'limit'],
        ['limit=abc', 'invaliddata', 'limit'],
        ['limit=', 'invaliddata', 'limit'],
        ['limit=5&limit=5', 'invaliddata', 'limit'],
        ['limit=1&%6Cimit=1', 'invaliddata', 'limit'],
        ['offset=-1', 'invaliddata', 'offset'],
        ['offset=1.5', 'invaliddata', 'offset'],
        ['offset=0x10', 'invaliddata', 'offset'],
        ['offset=1&offset=2', 'invaliddata', 'offset'],
        ['orderBy=ascending', 'invaliddata', 'orderBy'],
        ['sort=score&sort=score', 'invaliddata', 'sort'],
        ["filter=score='1'&filter=score='1'", 'invaliddata', 'filter'],
        ['fields=nothing', 'invalid_selection_field', 'nothing'],
        ['fields=score,Nothing', 'invalid_selection_field', 'Nothing'],
        ["filter=nothing='1'", 'invalid_filter_field', 'nothing'],
        ["filter=score='1'+AND+nothing='1'", 'invalid_filter_field',
         'nothing'],
        ["filter=score='1'+OR+score='2'+OR+score='3'", 'invalid_filter_field',
         'filter'],
        ['filter=score=1', 'invalid_filter_field', 'quotes'],
        ["filter=score='x'", 'invalid_filter_field', 'score'],
        ["filter=scoreDate='2023-02-30'", 'invalid_filter_field', 'scoreDate'],
        ["filter=status='deleted'", 'invalid_filter_field', 'status'],
        ["filter=sourcedId='%00'", 'invaliddata', 'UTF-8'],
        ["filter=sourcedId='%FF'", 'invaliddata', 'UTF-8'],
        ['filter=%', 'invaliddata', 'UTF-8'],
        ["limit=0&filter=a='1'&fields=b", 'invalid_filter_field', 'limit'],
    );

    for my $or ($standard, $timeback) {
        for my $case (@cases) {
            my ($query, $word, $named) = @$case;
            my $response = $or->get("results?$query");

            is($response->status, 400, $or->dialect . ": $query");
            is($response->json->{imsx_CodeMinor}{imsx_codeMinorField}[0]
               {imsx_codeMinorFieldValue}, $word, $word);
            like($response->json->{imsx_description}, qr/\Q$named\E/,
                 "names $named");
        }
    }

    is($standard->get('results?sort=nothing&orderBy=desc')->status, 200,
       'an unknown order is none');
    is(ids($standard->get('results?sort=nothing&orderBy=desc')),
       ids($standard->get('results')), 'but the usual one');
};


# Any text in every parameter is an answer: 200 or 400, in the shape of the
# dialect, and nothing that anybody else notices.

subtest 'bad input' => sub {
    my @texts = map { encode_utf8($_) } (
        '', ' ', '0', '-0', '1e400', '9223372036854775807',
        '9223372036854775808', '1E-999', 'NaN', 'Infinity', 'null', 'true',
        '2023-02-30', '2016-12-31T23:59:60Z', '2023-01-01T24:00:00Z',
        '0000-01-01', '0001-01-01', '9999-12-31T23:59:59.999999Z',
        '10000-01-01', '2023-01-01T00:00:00', '2023-01-01T00:00:00+15:00',
        '2023-01-01T00:00:00+14:00', 'x' x 255, 'x' x 3000, "\x{1f600}" x 255,
        'a/b', 'a%2Fb', '..', '"', "'", "''", '\\', "\\'", '$1', '$$', '{}',
        '{NULL}', '{"a","b"}', 'NULL', ',', 'a,b', ';', '--', '/*', '%', '_',
        "' OR '1'='1", "'; DROP TABLE results.result; --",
        "'::text) OR (true", "a' AND b='c", ") OR (1=1", "\x{5d0}\x{202e}",
        "a\nb", "a\tb", "\x{7f}", "\x{85}", "\x{feff}", "\x{ffff}",
        "e\x{301}", '%s%n', '[' x 500, '(' x 500, "''" x 400,
    );
    my @bytes = ("\xff", "\xc0\xaf", "\xed\xa0\x80", "\xe2\x82", "\0", "a\0b",
                 "\xf4\x90\x80\x80");

    my @filters = qw(sourcedId status dateLastModified student.sourcedId
        lineItemSourcedId class.sourcedId scoreScale.sourcedId scoreStatus
        scoreDate score comment late metadata.a metadata.a.b);

    my @queries;

    for my $text (@texts, @bytes) {
        my $escaped = escape($text);
        my $quoted = escape($text =~ s/'/''/gr);

        push @queries, map { "$_=$escaped" }
            qw(limit offset sort orderBy filter fields a);
        push @queries, "$escaped=1", "sort=metadata.$escaped",
            "filter=$escaped%3D'1'", "filter=metadata.$escaped%3D'1'",
            "filter=score$escaped'1'", "filter=score%3D'1'$escaped";

        for my $field (@filters) {
            push @queries, map { "filter=$field$_'$quoted'" }
                qw(%3D !%3D > ~);
        }
    }

    # the raw bytes, where a request line may have them
    push @queries, map { "filter=comment%3D'$_'&sort=$_&fields=$_" }
        grep { !/[\0-\x20\x7f]/ && length($_) < 1000 } @texts, @bytes;

    my @all = map { Results::Test::Http->format('GET',
        '/standard/ims/oneroster/gradebook/v1p2/results?limit=1&' . $_,
        $t->headers(type => undef)) } @queries;

    # a good one after every few, that must not notice
    my $good = Results::Test::Http->format('GET',
        '/standard/ims/oneroster/gradebook/v1p2/results?'
        . filter("score='7'"), $t->headers(type => undef));

    my @mixed = map { $_ % 10 == 9 ? ($all[$_], $good) : $all[$_] } 0 .. $#all;
    my @responses = $t->many(\@mixed, connections => 12);

    my $error = $standard->{schemas}{error};
    my (%wrong, %count);

    for my $i (0 .. $#mixed) {
        my $response = $responses[$i];
        my $status = $response ? $response->status : 0;

        $count{$status}++;

        if ($mixed[$i] eq $good) {
            $wrong{good}++ if $status != 200 || ids($response) ne 'r-07';
            next;
        }

        next if $status == 200 && $response->json;
        next if $status == 400 && !$error->validate($response->json);

        diag("$status: $mixed[$i]") if !$wrong{bad}++;
    }

    is($wrong{bad} // 0, 0, @all . ' bad queries: 200 or 400');
    is($wrong{good} // 0, 0, 'and good ones in between are served');
    cmp_ok($count{400}, '>', 500, 'some are refused');
    cmp_ok($count{200}, '>', 500, 'some are taken');
    is($t->rows, 33, 'nothing was changed');

    unlike($pg->log_text, qr/ERROR/, 'and none came as far as PostgreSQL');

    # by segments of the path; nginx itself refuses a NUL
    for my $text (@texts, @bytes) {
        next if $text eq '' || $text eq '..' || $text =~ /\0/;

        my $id = escape($text);
        my $status = $standard->get("classes/$id/students/$id/results")
            ->status;

        ok($status == 200 || $status == 422, "a path with $id: $status");
    }
};


subtest 'HTTP/2' => sub {
    my $h2 = Results::Test::Http2->new(port => $t->nginx->http2_port);
    my $response = $h2->request('GET',
        '/ims/oneroster/gradebook/v1p2/results?limit=3',
        $t->headers(type => undef));

    is($response->status, 200, 'a page');
    is(ids($response), 'r-01 r-02 r-03', 'of three');
    is($response->header('X-Total-Count'), 30, 'of thirty');
};
