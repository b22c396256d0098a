#!/usr/bin/env perl

# docs/openapi.yaml passes its linter, has every route of the source, and is
# what the server does: its examples are sent in the document's order, and
# every reply has a status and a body that the document knows.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use Digest::SHA qw(sha256_hex);
use File::Copy qw(copy);
use File::Temp;
use JSON::PP;
use JSON::Validator;
use MIME::Base64 qw(encode_base64);
use Results::Test::Process;

my $FILE = 'docs/openapi.yaml';
my %BASE = (
    oneroster   => '/standard/ims/oneroster/gradebook/v1p2/',
    timeback    => '/ims/oneroster/gradebook/v1p2/',
    wse         => '/',
    educacional => '/',
    ispring     => '/',
);
my $JSON = JSON::PP->new->utf8->allow_nonref;

my $t = Results::Test->new(timeout => 300);
my $pg = $t->pg;
my $lint = lint();
my $doc = $lint->{document};
my (%seen, %env, @schemas);


# a file of the project
sub slurp {
    my ($name) = @_;

    open my $file, '<', $t->root . "/$name" or die "$name: $!\n";
    local $/;
    return scalar <$file>;
}


# the linter's packages, installed once for each package-lock.json
sub packages {
    my $from = $t->root . '/t/openapi';
    my $lock = substr sha256_hex(slurp('t/openapi/package-lock.json')), 0, 8;
    my $place = $t->root . "/.build/openapi-$lock";

    return $place if -d $place;

    my $dir = File::Temp->newdir("$place.XXXXXX");
    copy("$from/$_", "$dir/$_") or die "$from/$_: $!\n"
        for qw(package.json package-lock.json);

    my ($rc, $said) = Results::Test::Process->run(
        ['npm', 'ci', '--prefix', "$dir", '--ignore-scripts', '--no-audit',
         '--no-fund', '--loglevel=error']);
    die "npm ci failed:\n$said\n" if $rc != 0;

    # another test may have been first
    rename "$dir", $place or -d $place or die "$place: $!\n";

    return $place;
}


# what the linter made of the document; dies where it found something
sub lint {
    my $packages = packages();
    my $out = $t->dir . '/openapi.json';
    my ($rc, $said) = Results::Test::Process->run(
        ['sh', '-c', 'node "$0" "$1" > "$2"', $t->root
         . '/t/openapi/lint.js', $t->root . "/$FILE", $out],
        env => { NODE_PATH => "$packages/node_modules" });

    is($rc, 0, "$FILE has nothing to complain of") or die "$said\n";

    open my $file, '<', $out or die "$out: $!\n";
    local $/;
    return $JSON->decode(<$file>);
}


# what a reference leads to, or the thing itself
sub resolve {
    my ($thing) = @_;

    while (my $ref = $thing->{'$ref'}) {
        $thing = $doc;
        $thing = $thing->{$_} for grep { $_ ne '#' } split m{/}, $ref;
    }

    return $thing;
}


# the errors of a value against a schema of the document
sub errors {
    my ($schema, $value) = @_;

    my $name = $JSON->canonical->encode($schema);

    my ($known) = grep { $_->[0] eq $name } @schemas;

    if (!$known) {
        $known = [$name, JSON::Validator->new->schema({
            '$schema'  => 'http://json-schema.org/draft-07/schema#',
            components => $doc->{components},
            allOf      => [$schema],
        })];
        push @schemas, $known;
    }

    return $known->[1]->validate($value);
}


sub escape { $_[0] =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger }

sub form {
    my ($values) = @_;
    return join '&', map { "$_=" . escape($values->{$_}) } sort keys %$values;
}


# an address with the examples of its parameters
sub address {
    my ($path, $op) = @_;

    my @parameters = map { resolve($_) } @{ $doc->{paths}{$path}{parameters}
                                            || [] },
        @{ $op->{parameters} || [] };
    my %path = map { $_->{name} => $_->{example} }
        grep { $_->{in} eq 'path' } @parameters;
    my @query = map {
        my $example = $_->{example};
        my $name = escape($_->{name});
        map { "$name=" . escape($_) } ref $example ? @$example : $example;
    } grep { $_->{in} eq 'query' && defined $_->{example} } @parameters;

    $path =~ s/\{(\w+)\}/escape($path{$1})/ge;

    # the template's own is fixed to one format
    $path = '/any_status' if $path eq '/status';

    return join '?', $path, @query ? join '&', @query : ();
}


# who may do an operation
sub authorization {
    my ($op) = @_;

    my ($security) = @{ $op->{security} || [] } or return;
    my ($tag) = @{ $op->{tags} };

    return 'Basic ' . encode_base64("$env{CLIENT_ID}:$env{CLIENT_SECRET}", '')
        if $security->{client};

    return 'Bearer ' . $env{ $tag eq 'wse' ? 'TOKEN_STUDENT'
        : $tag eq 'ispring' ? 'TOKEN_ACCOUNT_ADMIN' : 'TOKEN' };
}


# the reply of an operation is one that the document has
sub exchange {
    my ($method, $path, $op, $expected, %opt) = @_;

    my @headers = (Accept => $opt{accept} || 'application/json');
    my $authorization = authorization($op);

    push @headers, Authorization => $authorization
        if $authorization && !$opt{anonymous};
    push @headers, 'Content-Type' => $opt{type} if $opt{type};

    my $response = $t->request(uc $method, address($path, $op), \@headers,
                               $opt{body});
    my $status = $response->status;
    my $name = uc($method) . " $path" . ($opt{name} ? ", $opt{name}" : '')
        . ": $status";

    like($status, $expected, $name) or diag($response->body);

    my $known = $op->{responses}{$status};
    ok($known, "$name is in the document") or return;

    $known = resolve($known);
    $seen{"$method $path"}{$status}++;

    my $type = ($response->header('Content-Type') // '') =~ s/;.*//r;
    my $content = $known->{content};

    if (!$content) {
        is($response->body, '', "$name has no body");
        return;
    }

    my $schema = $content->{$type};
    ok($schema, "$name has a media type of the document") or return;

    if ($opt{accept}) {
        is($type, $opt{accept}, "$name is what was asked for");
        return if $type ne 'application/json';
    }

    is_deeply([errors($schema->{schema}, $JSON->decode($response->body))], [],
              "$name has a body of the document")
        or diag($response->body);

    for my $header (grep { !/^Link$/ } keys %{ $known->{headers} || {} }) {
        ok(defined $response->header($header), "$name has $header");
    }
}


my ($rc, $said) = Results::Test::Process->run(
    ['psql', '-X', '-qAt', '-v', 'ON_ERROR_STOP=1', '-h', $pg->{run}, '-U',
     'postgres', '-d', $pg->database, '-f', $t->root . '/sql/demo.sql']);
is($rc, 0, 'the demo data') or die "$said\n";
%env = $said =~ /^([A-Z_]+)=(.*)$/mg;

# the locations of the demo that the usual template does not have
my $demo = slurp('examples/demo.conf');
my $locations = join '', grep { !m{^\s*location (?:= /status|/ims/)} }
    $demo =~ /^( {8}location .*?^ {8}\}\n)/msg;

$t->nginx(server => $locations . q{
        location = /any_status { results_status; }
        location = /live { results_health live; }
        location = /ready { results_health ready; }
});

wait_for(sub { $t->request('GET', '/ready')->status == 200 });


subtest 'every route of the source is there' => sub {
    my $n = 0;

    for my $dialect (sort keys %BASE) {
        my $text = slurp(glob "ngx_results_module/dialect/*/results_$dialect.c");
        my %known;

        for my $path (keys %{ $doc->{paths} }) {
            my $op = $doc->{paths}{$path};
            $known{"$_ " . $path =~ s/\{\w+\}/{}/gr}++
                for grep { ref $op->{$_} eq 'HASH'
                           && $op->{$_}{tags}[0] eq $dialect } keys %$op;
        }

        while ($text =~ /\{\sRESULTS_METHOD_(\w+),\s+"([^"]+)"((?:\s+"[^"]*")*)
                        /gx)
        {
            my ($method, @parts) = (lc $1, $2, $3);
            my $path = join('', @parts) =~ s/[\s"]//gr;
            my $route = "$method $BASE{$dialect}" . $path =~ s/\{\w+\}/{}/gr;
            ok(delete $known{$route}, "$dialect: $route");
            $n++;
        }

        is_deeply([sort keys %known], [], "$dialect: and no other");
    }

    cmp_ok($n, '>=', 27, "$n routes");
};


for my $one (@{ $lint->{order} }) {
    my ($method, $path) = @$one;
    my $op = $doc->{paths}{$path}{$method};

    subtest uc($method) . " $path" => sub {

        exchange($method, $path, $op, qr/^401$/, anonymous => 1,
                 name => 'without a token',
                 ($op->{requestBody} ? (body => '{}',
                                        type => 'application/json') : ()))
            if ($op->{security}[0] || {})->{token};

        my $content = $op->{requestBody}{content};

        if (!$content) {
            my $types = ($op->{responses}{200} || {})->{content} || {};

            exchange($method, $path, $op, qr/^20[04]$/, accept => $_,
                     name => $_)
                for keys %$types ? sort keys %$types : undef;
            return;
        }

        for my $type (sort keys %$content) {
            my $examples = $content->{$type}{examples} || {};

            # created, invalid, replaced, taken: in this order
            for my $name (sort keys %$examples) {
                my $value = $examples->{$name}{value};
                my $expected = $name eq 'invalid' ? qr/^4(?:00|22)$/
                    : $name eq 'taken' ? qr/^409$/ : qr/^20[01]$/;

                exchange($method, $path, $op, $expected, name => $name,
                    type => $type, body => $type =~ /json/
                        ? $JSON->encode($value) : form($value));
            }
        }
    };
}


subtest 'every success was met' => sub {
    for my $one (@{ $lint->{order} }) {
        my ($method, $path) = @$one;

        ok($seen{"$method $path"}{$_}, uc($method) . " $path: $_")
            for grep { /^2/ } sort keys
                %{ $doc->{paths}{$path}{$method}{responses} };
    }
};


subtest 'OPTIONS tells the same methods, and there are no others' => sub {
    for my $path (sort keys %{ $doc->{paths} }) {
        my %item = %{ $doc->{paths}{$path} };
        delete $item{parameters};

        my ($op) = values %item;
        next if $op->{tags}[0] eq 'operation';

        my $response = $t->request('OPTIONS', address($path, {}), []);
        my @methods = map { uc } keys %item;
        push @methods, 'HEAD' if $item{get};

        is($response->status, 204, $path);
        is(join(' ', sort split /, /, $response->header('Allow') // ''),
           join(' ', sort @methods, 'OPTIONS'), "$path: Allow");

        my ($other) = grep { !$item{$_} } qw(patch put post);
        exchange($other, $path, $op, qr/^405$/);
    }
};


# what the 2xx among them left, but for the two results of the demo data

is($pg->value(q{SELECT string_agg(concat_ws(' ', kind, id, status, version),
                                  E'\n' ORDER BY kind, id)
                FROM results.result WHERE id NOT LIKE '%-%-%-%-%'}),
   join("\n", 'result r-1 tobedeleted 3', 'result r-2 tobedeleted 3',
        'result unit-1-pat active 1', 'result unit-1-sam active 1',
        'result unit-2-sam active 1', 'assessment_result ar-1 tobedeleted 3',
        'assessment_result ar-2 tobedeleted 4',
        'assessment_result placement-2026-c3c2e1a0 active 1'),
   'the table has what was put');
is($pg->value(q{SELECT string_agg(n, ', ' ORDER BY n)
                FROM (SELECT kind || ' ' || count(*) FROM results.result
                      WHERE id LIKE '%-%-%-%-%' AND id NOT LIKE 'c3f6b802-%'
                      GROUP BY kind) k (n)}),
   'content_item_result 1, learning_event 2, result 1',
   'and what was posted without an id');
is($pg->value(q{SELECT count(*) FROM results.tokens
                WHERE client_id = 'demo' AND valid}), 4,
   'a token of the demo, and one of each endpoint');
