#!/usr/bin/env perl

# results_references: a learner or item that nobody knows is taken, or
# refused by its name.  Every 2xx is followed by a look into the table.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use JSON::PP;
use Results::Test::OneRoster;

my $t = Results::Test->new;
my $pg = $t->pg;

my $nginx = $t->nginx(server => <<'EOC');
        location /standard/ims/oneroster/gradebook/v1p2/ {
            results_api         oneroster;
            results_references  strict;
        }

        location /loose/ {
            results_api         oneroster;
            results_references  loose;
        }

        location /strict/ {
            results_api         timeback;
            results_references  strict;
        }

        location /wse/ {
            results_api         wse;
            results_references  strict;
        }

        location /educacional/ {
            results_api         educacional;
            results_references  strict;
        }
EOC

my $GUID = '6f9619ff-8b86-d011-b42d-00c04fc964ff';

my $or = Results::Test::OneRoster->new($t, 'oneroster');
my $loose = $or->with(base => '/loose');
my $default = Results::Test::OneRoster->new($t, 'timeback');
my $tb = $default->with(base => '/strict');

my $school = $t->fixtures->institution;
my $other = $t->fixtures->institution('other');

$pg->do(q{INSERT INTO results.person (institution_id, id, role, status)
          VALUES (?, ?, 'student', ?)}, @$_)
    for [$school, 'sam', 'active'], [$school, $GUID, 'active'],
        [$school, 'gone', 'terminated'], [$other, 'foreign', 'active'];
$pg->do('INSERT INTO results.item (institution_id, id) VALUES (?, ?)', @$_)
    for [$school, 'test'], [$school, 'line-item-1'], [$other, 'foreign'];


sub body {
    my ($client, $student, $item) = @_;

    return $client->result(student => { sourcedId => $student },
                           lineItem => { sourcedId => $item });
}


subtest 'loose, which is the default' => sub {
    for my $client ($loose, $default) {
        is($client->put('results/loose-' . $client->dialect,
                        body($client, 'who', 'what'))->status, 201,
           'anybody, about anything');
        ok($or->row('loose-' . $client->dialect), 'stored');
    }
};


my $n = 0;

for my $client ($or, $tb) {
    subtest 'strict, ' . $client->dialect => sub {
        for my $case (
            # student, line item, what is not known
            ['sam', 'test'], [$GUID, 'test'], [uc $GUID, 'test'],
            ["{$GUID}", 'test'], ['gone', 'test'],
            ['who', 'test', 'student', 'who'],
            ['sam', 'what', 'lineItem', 'what'],
            ['who', 'what', 'student', 'who'],
            ['foreign', 'test', 'student', 'foreign'],
            ['sam', 'foreign', 'lineItem', 'foreign'],
            ['SAM', 'test', 'student', 'SAM'],
        ) {
            my ($student, $item, $parent, $name) = @$case;
            my $id = 'strict-' . ++$n;
            my $response = $client->put("results/$id",
                                        body($client, $student, $item));

            if (!$parent) {
                is($response->status, 201, "$student, $item");
                ok($client->row($id), 'stored');
                next;
            }

            is($response->status, 404, "$student, $item");
            is($client->code_minor($response), 'unknownobject',
               'by its word');
            like($client->description($response),
                 qr/^Unknown Object: the $parent "$name" is not known$/,
                 'and name');
            ok(!$client->row($id), 'not stored');
        }
    };
}


subtest 'an assessment result' => sub {
    my $response = $or->put('assessmentResults/a', $or->assessment_result(
        student => { sourcedId => 'sam' }));

    is($response->status, 404, 'of an item nobody knows');
    like($or->description($response),
         qr/the assessmentLineItem "assessment-line-item-1" is not known/,
         'names it');

    my %fields = (student => { sourcedId => 'sam' },
                  assessmentLineItem => { sourcedId => 'test' });

    is($tb->put('assessmentResults/a', $tb->assessment_result(%fields))
         ->status, 201, 'of one that is known');
    ok($tb->row('a', 'assessment_result'), 'stored');

    is($tb->patch('assessmentResults/a', { assessmentResult =>
           { student => { sourcedId => 'who' } } })->status, 404,
       'a PATCH to a student nobody knows');
    is($tb->patch('assessmentResults/a', { assessmentResult =>
           { score => 1 } })->status, 200, 'and to another score');
    is($tb->row('a', 'assessment_result')->{score}, 1, 'stored');

    $pg->do(q{DELETE FROM results.item WHERE id = 'test'});
    is($tb->get('assessmentResults/a')->status, 200,
       'the item goes, the result is there');
    is($tb->delete('assessmentResults/a')->status, 204, 'may be deleted');
    is($tb->row('a', 'assessment_result')->{status}, 'tobedeleted', 'stored');
    $pg->do(q{INSERT INTO results.item (institution_id, id)
              VALUES (?, 'test')}, $school);
};


subtest 'POST' => sub {
    my $response = $tb->post('results', body($tb, 'who', 'test'));

    is($response->status, 404, 'one');
    like($tb->description($response), qr/the student "who" is not known/,
         'is named');

    my @members = map {
        $or->member("m$_->[0]", student => { sourcedId => $_->[1] })
    } [0, 'sam'], [1, 'who'], [2, 'sam'], [3, 'whom'];

    $response = $or->post('lineItems/line-item-1/results',
                          { results => \@members });
    is($response->status, 404, 'many');
    is($or->description($response),
       'Unknown Object: /results/1: the student "who" is not known; '
       . '/results/3: the student "whom" is not known',
       'all that are not known are named');
    is($pg->value(q{SELECT count(*) FROM results.result
                    WHERE id LIKE 'm_'}), 0, 'nothing is stored');

    is($or->post('lineItems/line-item-1/results',
                 { results => [@members[0, 2]] })->status, 201, 'the others');
    ok($or->row('m2'), 'stored');
};


subtest 'the other APIs' => sub {
    my $token = $t->token(person => $GUID, scopes => []);
    my $item = 'af2f719c-f38a-4252-bf3a-c282ff6dbe80';
    my %body = (StudentId => $GUID, ContentItemId => $item, Score => 1,
                ContentItemStateName => $t->fixtures->marker);
    my $post = sub {
        return $t->request('POST', '/wse/contentItemResult',
            $t->headers(token => $token), $t->encode(\%body));
    };

    my $response = $post->();
    is($response->status, 404, 'wse: an item nobody knows');
    is($response->json->{Message}, qq{The ContentItemId "$item" is not known.},
       'by its name');

    $pg->do('INSERT INTO results.item (institution_id, id) VALUES (?, ?)',
            $school, $item);
    is($post->()->status, 200, 'wse: one that is known');
    is($pg->value('SELECT count(*) FROM results.result WHERE item_id = ?',
                  $item), 1, 'stored');

    my $event = do {
        open my $file, '<', $t->root
            . '/t/data/educacional-grade-gradeevent.json' or die $!;
        JSON::PP->new->decode(do { local $/; <$file> });
    };

    $response = $t->request('POST', '/educacional/grade', $t->headers(
        token => $t->token(scopes =>
            ['la-apiauthidentifier/authorization'])), $t->encode($event));

    is($response->status, 404, 'educacional: a learner nobody knows');
    like($response->json->{message}[0],
         qr/^the assignee "[0-9a-f-]{36}" is not known$/, 'by its name');
    is($pg->value(q{SELECT count(*) FROM results.result
                    WHERE kind = 'learning_event'}), 0, 'not stored');
};


subtest 'the directive' => sub {
    $nginx->set(server => 'results_references strict;', location => '')
          ->reload(wait => 1);
    is($default->put('results/inherited', body($default, 'who', 'test'))
         ->status, 404, 'a location inherits it');

    $nginx->set(http => 'results_references strict;', server => '',
                location => 'results_references loose;')->reload(wait => 1);
    is($default->put('results/inherited', body($default, 'who', 'test'))
         ->status, 201, 'and may have its own');
    ok($default->row('inherited'), 'stored');
};
