#!/usr/bin/env perl

# Which scope opens which operation, in both OneRoster dialects, and what a
# token without it is told.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use Results::Test::OneRoster;

my $t = Results::Test->new;

$t->nginx(server => Results::Test::OneRoster->servers);

my $V1P2 = 'https://purl.imsglobal.org/spec/or/v1p2/scope';
my $V1P1 = 'https://purl.imsglobal.org/spec/or/v1p1/scope';

my @NAMES = qw(assessment.readonly assessment.createput assessment.delete
    gradebook.readonly gradebook-core.readonly gradebook.createput
    gradebook.createpost gradebook.delete);

my @SCOPES = ((map { ("$V1P2/$_", "$V1P1/$_") } @NAMES, 'admin'),
    "$V1P2/gradebook", "$V1P2/gradebook.createputs", 'gradebook.createput',
    'la-apiauthidentifier/authorization');

my $institution = 'scopes';
my %token = map { $_ => $t->token(scopes => [$_], client => $t->client(
    institution => $institution, scopes => [$_])) } @SCOPES;
my $none = $t->token(scopes => [], client => $t->client(
    institution => $institution, scopes => []));

my %client = map { $_ => Results::Test::OneRoster->new($t, $_) }
    qw(timeback oneroster);


# method, path, a body, scopes of the standard; of Timeback where they differ
my @operations = (
    [GET => 'results/x', undef,
     [qw(gradebook.readonly gradebook-core.readonly)]],
    [GET => 'results', undef,
     [qw(gradebook.readonly gradebook-core.readonly)]],
    [PUT => 'results/x', 'result', ['gradebook.createput']],
    [DELETE => 'results/x', undef, ['gradebook.delete']],
    [POST => 'results', 'result', undef,
     [qw(gradebook.createput gradebook.createpost)]],

    [GET => 'assessmentResults/x', undef, ['assessment.readonly'],
     [qw(assessment.readonly gradebook.readonly)]],
    [GET => 'assessmentResults', undef, ['assessment.readonly'],
     [qw(assessment.readonly gradebook.readonly)]],
    [PUT => 'assessmentResults/x', 'assessment_result',
     ['assessment.createput'],
     [qw(assessment.createput gradebook.createput)]],
    [PATCH => 'assessmentResults/x', 'assessment_result', undef,
     [qw(assessment.createput gradebook.createput)]],
    [DELETE => 'assessmentResults/x', undef, ['assessment.delete'],
     [qw(assessment.delete gradebook.delete)]],
    [POST => 'assessmentResults', 'assessment_result', undef,
     [qw(assessment.createput gradebook.createput gradebook.createpost)]],

    [POST => 'lineItems/line-item-1/results', 'bulk',
     ['gradebook.createpost'], []],
    [POST => 'classes/c/academicSessions/a/results', 'bulk',
     ['gradebook.createpost'], []],
    (map { [GET => $_, undef, ['gradebook.readonly'], []] }
     'classes/c/results', 'classes/c/students/s/results',
     'classes/c/lineItems/l/results'),
);

for my $dialect (sort keys %client) {
    for my $operation (@operations) {
        my ($method, $path, $body, $standard, $timeback) = @$operation;

        my $names = $dialect eq 'oneroster' ? $standard
            : $timeback || $standard;
        next if !$names || !@$names;

        my %opens = map { ("$V1P2/$_" => 1, $dialect eq 'timeback'
                           ? ("$V1P1/$_" => 1) : ()) } @$names;
        @opens{"$V1P2/admin", "$V1P1/admin"} = (1, 1)
            if $dialect eq 'timeback';

        subtest "$dialect: $method $path" => sub {
            for my $scope (@SCOPES) {
                my $response = call($client{$dialect}, $token{$scope},
                                    $method, $path, $body);
                my $name = $scope =~ s{^https://purl.imsglobal.org/spec/or/}{}r;

                if ($opens{$scope}) {
                    like($response->status, qr/^(?:2\d\d|404)$/, "$name opens")
                        or diag($response->body);
                    next;
                }

                is($response->status, 403, "$name does not");
            }

            my $response = call($client{$dialect}, $none, $method, $path,
                                $body);

            is($response->status, 403, 'no scope');
            is($client{$dialect}->code_minor($response), 'forbidden',
               'by its word');

            my ($realm, $error, $scope) = ($response->header(
                'WWW-Authenticate') // '') =~ m{^Bearer\ realm="([^"]+)",
                \ error="([^"]+)",\ scope="([^"]+)"$}x;
            is($error, 'insufficient_scope', 'and is told');
            ok($opens{$scope // ''}, 'a scope that opens');
        };
    }
}


subtest 'no token, a wrong one' => sub {
    for my $or (values %client) {
        my $response = call($or, undef, GET => 'results/x');

        is($response->status, 401, 'none: 401');
        is($or->code_minor($response), 'unauthorisedrequest', 'by its word');
        like($response->header('WWW-Authenticate'), qr/^Bearer realm="[^"]+"$/,
             'no error where there was no token');

        $response = call($or, 'wrong', GET => 'results/x');

        is($response->status, 401, 'wrong: 401');
        like($response->header('WWW-Authenticate'),
             qr/^Bearer realm="[^"]+", error="invalid_token"$/, 'and why');
    }
};


subtest 'nothing without its scope was stored' => sub {
    my ($own) = map { $t->fixtures->institution($_) } $institution;

    is($t->pg->value('SELECT count(*) FROM results.result '
                     . 'WHERE institution_id <> ?', $own), 0, 'nowhere else');
    cmp_ok($t->pg->value('SELECT count(*) FROM results.result'), '>', 5,
           'what was opened, was');
};


sub call {
    my ($or, $token, $method, $path, $body) = @_;

    my $bytes = !defined $body ? undef
        : $body eq 'bulk' ? { results => [$or->member('bulk')] }
        : $or->$body(sourcedId => $path =~ m{/x$} ? 'x' : 'post');

    return $or->with(token => $token)->request($method, $path, $bytes);
}
