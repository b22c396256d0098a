#!/usr/bin/env perl

# The directives: what nginx -t accepts, and what it says of everything else,
# with the line.  No database is there, and none is looked for.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

my $t = Results::Test->new;

my $STORE = 'conninfo "host=/nowhere dbname=results user=results_gateway";';
my $ZONE = 'results_token_zone tokens:1m;';
my $API = 'results_api timeback;';


# nginx -t of a configuration; http and location go into those blocks
sub nginx_t {
    my (%opt) = @_;

    my $http = $opt{http} // "results_store main { $STORE } $ZONE"
                             . ' results_pass main;';
    my $name = $opt{name} // '/api/';
    my $location = $opt{location} // $API;
    my $events = $opt{events} // 'worker_connections 1024;';

    my $nginx = Results::Test::Nginx->new(dir => $t->dir, root => $t->root,
        template => <<"EOC");
%%GLOBALS%%
events { $events }
http {
    %%HTTP%%
    $http
    server {
        listen 127.0.0.1:%%PORT%%;
        location $name { $location }
        $opt{server}
    }
}
EOC

    my ($code, $output) = $nginx->test;
    return ($code, $output);
}


sub accepted {
    my ($name, %opt) = @_;
    my ($code, $output) = nginx_t(server => '', %opt);

    is($code, 0, "accepted: $name") or diag($output);
    unlike($output, qr/\[(?:warn|error|crit|alert|emerg)\]/, 'and silently');
}


sub warned {
    my ($name, $why, %opt) = @_;
    my ($code, $output) = nginx_t(server => '', %opt);

    is($code, 0, "accepted: $name") or diag($output);
    like($output, qr/\[warn\].*$why.* in \S+nginx\.conf:\d+/, 'with a warning');
}


sub refused {
    my ($name, $why, %opt) = @_;
    my ($code, $output) = nginx_t(server => '', %opt);

    isnt($code, 0, "refused: $name");
    like($output, qr/\[emerg\].*$why.* in \S+nginx\.conf:\d+/, 'and why');
}


sub store { (http => "results_store main { $STORE $_[0] } $ZONE"
                     . ' results_pass main;') }

sub zone { (http => "results_store main { $STORE } results_pass main; $_[0]") }


subtest 'results_store' => sub {
    accepted('one with its conninfo alone');
    accepted('one with everything', store(<<'EOC'));
        connections 4; readers 3; batch 100; queue 1000 size=1m;
        connect_timeout 1s; write_timeout 500ms; read_timeout 1m;
        prepare off; durability local;
EOC
    accepted('two', http => "results_store a { $STORE } $ZONE"
                            . " results_store b { $STORE } results_pass b;");

    refused('without conninfo', 'no "conninfo" in results_store "main"',
            http => 'results_store main { }');
    refused('a conninfo that is none', 'invalid conninfo .* missing "="',
            http => 'results_store main { conninfo "dbname"; }');
    refused('a name twice', 'results_store "main" is already defined in '
                            . '\S+nginx\.conf:\d+',
            http => "results_store main { $STORE }\n" x 2);
    refused('an unknown parameter', 'unknown parameter "colour"',
            store('colour red;'));
    refused('a parameter twice', '"batch" parameter of results_store is '
                                 . 'duplicate',
            store('batch 1; batch 2;'));
    refused('a queue twice', '"queue" parameter of results_store is duplicate',
            store('queue 1; queue 2;'));
    refused('no argument', 'invalid number of arguments in "batch"',
            store('batch;'));
    refused('two arguments', 'invalid number of arguments in "batch"',
            store('batch 1 2;'));
    refused('three arguments', 'invalid number of arguments in "queue"',
            store('queue 1 size=1m 2;'));
    refused('outside of http', '"results_store" directive is not allowed',
            server => "results_store main { $STORE }");
};


subtest 'bounds' => sub {
    for (['connections', 0], ['readers', 1]) {
        my ($parameter, $least) = @$_;

        accepted("$parameter $least", store("$parameter $least;"));
        accepted("$parameter 64", store("$parameter 64;"));
        refused("$parameter $_", "must be between $least and 64",
                store("$parameter $_;"))
            for $least ? $least - 1 : (), 65;
    }

    accepted('batch 10000', store('batch 10000; queue 10000;'));
    refused("batch $_", 'must be between 1 and 10000', store("batch $_;"))
        for 0, 10001;
    refused('batch many', 'invalid number', store('batch many;'));

    accepted('queue 1', store('queue 1; batch 1;'));
    warned('a queue smaller than a batch', 'has a queue of 511 rows',
           store('queue 511;'));
    accepted('queue 1000000', store('queue 1000000;'));
    refused($_, '"queue" parameter of results_store must', store("$_;"))
        for 'queue 0', 'queue 1000001', 'queue many', 'queue 1 size=63k',
            'queue 1 size=', 'queue 1 size=many';
    refused('queue 1 2', '"queue" parameter of results_store takes size=',
            store('queue 1 2;'));

    for my $parameter (qw(connect_timeout write_timeout read_timeout)) {
        accepted("$parameter 1ms", store("$parameter 1ms;"));
        refused("$parameter 0", "\"$parameter\" .* must not be zero",
                store("$parameter 0;"));
        refused("$parameter soon", 'invalid value', store("$parameter soon;"));
    }

    accepted("results_streams $_", location => "results_streams $_;")
        for 1, 1024;
    refused("results_streams $_", 'must be between 1 and 1024',
            location => "results_streams $_;") for 0, 1025;
    accepted("results_max_temp_file_size $_",
             http => "results_store main { $STORE } $ZONE results_pass main; "
                     . "results_max_temp_file_size $_;") for '0', '4g';
    refused('results_max_temp_file_size much', 'invalid value',
            location => 'results_max_temp_file_size much;');

    refused('prepare maybe', 'invalid value "maybe"', store('prepare maybe;'));
    refused('durability none', 'invalid value "none"',
            store('durability none;'));
};


subtest 'worker_connections' => sub {
    accepted('an eighth of them', events => 'worker_connections 40;');
    refused('more than that', '5 connections of results_store are more than '
                              . 'an eighth of the 39 "worker_connections"',
            events => 'worker_connections 39;');
    refused('two stores together', '10 connections of results_store',
            events => 'worker_connections 79;',
            http   => "results_store a { $STORE } results_store b { $STORE }"
                      . " $ZONE results_pass a;");
};


subtest 'results_token_zone' => sub {
    accepted('times', zone('results_token_zone t:64k ttl=1s'
                           . ' negative_ttl=1d;'));

    refused('none', 'no "results_token_zone" for "results_api"', zone(''));
    refused('two', '"results_token_zone" directive is duplicate',
            zone("$ZONE $ZONE"));
    refused('no size', 'invalid zone "tokens"',
            zone('results_token_zone tokens;'));
    refused('no name', 'invalid zone ":1m"', zone('results_token_zone :1m;'));
    refused('a size that is none', 'invalid zone size "tokens:much"',
            zone('results_token_zone tokens:much;'));
    refused('too small a size', 'zone "tokens:63k" is too small',
            zone('results_token_zone tokens:63k;'));
    refused($_, "invalid time \"$_\"",
            zone("results_token_zone tokens:1m $_;"))
        for 'ttl=0', 'ttl=2d', 'ttl=', 'negative_ttl=0', 'negative_ttl=x';
    refused('another parameter', 'invalid parameter "age=1s"',
            zone('results_token_zone tokens:1m age=1s;'));
    refused('outside of http', '"results_token_zone" directive is not allowed',
            server => $ZONE);
};


subtest 'results_pass' => sub {
    my $store = "results_store main { $STORE }";

    accepted('before its store', http => "results_pass main; $ZONE $store");
    accepted('in the server', http => "$store $ZONE",
             server => 'results_pass main;');
    accepted('in the location', http => "$store $ZONE",
             location => "$API results_pass main;");
    accepted('in an outer location', http => "$store $ZONE",
             location => "results_pass main; location /api/x/ { $API }");

    refused('none', 'no "results_pass" for "results_api"',
            http => "$store $ZONE");
    refused('an unknown store', 'unknown store "other" in "results_pass"',
            http => "$store $ZONE results_pass other;");
    refused('one that nothing uses', 'unknown store "other"',
            location => 'results_pass other;');
    refused('two', '"results_pass" directive is duplicate',
            http => "$store $ZONE results_pass main; results_pass main;");
};


subtest 'results_api' => sub {
    accepted('an exact location', name => '= /api');
    accepted('a preferred prefix', name => '^~ /api/');
    accepted('in a nested location', location => "location /api/x/ { $API }");
    accepted('with if and limit_except inside', location => <<"EOC");
        $API
        if (\$arg_x) { set \$y 1; }
        limit_except PUT { deny all; }
EOC

    refused('an unknown one', 'unknown API "soap", the known ones are: .*'
                              . 'timeback',
            location => 'results_api soap;');
    refused('two', '"results_api" directive is duplicate',
            location => "$API $API");
    refused('a regular expression', 'can not be used in the regular '
                                    . 'expression location "/api/"',
            name => '~ /api/');
    refused('a named location', 'can not be used in the named location "\@x"',
            name => '@x');
    refused('outside of a location', '"results_api" directive is not allowed',
            server => $API);
};


subtest 'results_references' => sub {
    my $http = "results_store main { $STORE } $ZONE results_pass main;";

    accepted('everywhere', http => "$http results_references strict;",
             server => 'results_references loose;',
             location => "$API results_references strict;");

    refused('another word', 'invalid value "no"',
            server => 'results_references no;');
    refused('two', '"results_references" directive is duplicate', server =>
            'results_references strict; results_references loose;');
};


subtest 'results_institution' => sub {
    my $http = "results_store main { $STORE } $ZONE results_pass main;";

    accepted('everywhere', http => "$http results_institution a;",
             server => 'results_institution b;',
             location => "$API results_institution c;");
    accepted('48 bytes', server => 'results_institution ' . 'x' x 48 . ';');

    refused('49 bytes', 'a name has 1 to 48 bytes',
            server => 'results_institution ' . 'x' x 49 . ';');
    refused('no name', 'a name has 1 to 48 bytes',
            server => 'results_institution "";');
    refused('two', '"results_institution" directive is duplicate',
            server => 'results_institution a; results_institution b;');
    refused('outside of http', '"results_institution" directive is not '
                               . 'allowed',
            events => 'results_institution a;');
};


subtest 'results_base_url' => sub {
    my $http = "results_store main { $STORE } $ZONE results_pass main;";

    accepted('everywhere', http => "$http results_base_url https://a;",
             server => 'results_base_url http://b:8080/c/;',
             location => "$API results_base_url \$scheme://\$host;");

    refused($_, 'invalid URL .* it must begin with "http://", "https://" or '
                . 'a variable', server => "results_base_url $_;")
        for qw(a.example //a.example ftp://a.example http:// "" /);
    refused('two', '"results_base_url" directive is duplicate', server =>
            'results_base_url https://a; results_base_url https://b;');
};


subtest 'results_token_endpoint' => sub {
    my $ENDPOINT = 'results_token_endpoint;';

    accepted('an exact location', name => '= /token', location => $ENDPOINT);
    accepted('ttl=30d', location => 'results_token_endpoint ttl=30d;');
    accepted('without a token zone', location => $ENDPOINT,
             http => "results_store main { $STORE } results_pass main;");

    refused('a store that is only read', 'the store "main" is only read .*'
            . ' will not do for "results_token_endpoint"',
            location => $ENDPOINT, store('connections 0;'));
    refused('no store', 'no "results_pass" for "results_token_endpoint"',
            http => '', location => $ENDPOINT);
    refused($_, "invalid time \"$_\": it must be from 1s to 30d",
            location => "results_token_endpoint $_;")
        for 'ttl=', 'ttl=0', 'ttl=31d', 'ttl=soon';
    refused('another parameter', 'invalid parameter "age=1s"',
            location => 'results_token_endpoint age=1s;');
    refused('two', '"results_token_endpoint" directive is duplicate',
            location => $ENDPOINT x 2);
    refused('an API and an endpoint', '"results_token_endpoint" directive can '
                                      . 'not share its location',
            location => "$API $ENDPOINT");
    refused('an endpoint and an API', '"results_api" directive can not share '
                                      . 'its location',
            location => "$ENDPOINT $API");
    refused('as an API', 'unknown API "token"',
            location => 'results_api token;');
    refused('a named location', '"results_token_endpoint" can not be used in '
                                . 'the named location "\@x"',
            name => '@x', location => $ENDPOINT);
    refused('outside of a location', '"results_token_endpoint" directive is '
                                     . 'not allowed', server => $ENDPOINT);
};


subtest 'results_health' => sub {
    accepted('live', location => 'results_health live;');
    accepted('ready', location => 'results_health ready;');
    accepted('live needs no store', http => '',
             location => 'results_health live;');

    refused('another word', 'invalid value "up", it must be "live" or '
                            . '"ready"', location => 'results_health up;');
    refused('ready without a store', 'no "results_pass" for "results_health"',
            http => '', location => 'results_health ready;');
};


subtest 'results_status' => sub {
    accepted('without a format', location => 'results_status;');
    accepted('json', location => 'results_status json;');
    accepted('without any store', http => '', location => 'results_status;');

    refused('another format', 'unknown format "xml", the known ones are: json, '
        . 'prometheus, openmetrics',
            location => 'results_status xml;');
    refused('outside of a location', '"results_status" directive is not '
                                     . 'allowed',
            server => 'results_status;');
};


subtest 'a module that is loaded and not used' => sub {
    accepted('nothing', http => '', location => 'return 204;');
    accepted('a zone', http => $ZONE, location => 'return 204;');
    accepted('a store', http => "results_store main { $STORE }",
             location => 'return 204;');
};


# a store with that conninfo
sub conninfo {
    my ($conninfo) = @_;

    return (http => "results_store main { conninfo \"$conninfo\"; }"
                    . " $ZONE results_pass main;");
}


subtest 'conninfo' => sub {
    accepted($_, conninfo($_)) for
        'host=/nowhere',
        'host=db1.invalid,db2.invalid,/nowhere port=5433',
        'host=db1.invalid,db2.invalid port=5433,5434',
        'hostaddr=127.0.0.1,::1',
        'host=db1.invalid,db2.invalid hostaddr=,192.0.2.1',
        'host=db.invalid sslmode=verify-full sslrootcert=/ca.crt',
        'host=db.invalid target_session_attrs=primary gssencmode=disable';

    refused($_->[0], $_->[1], conninfo($_->[0])) for
        ['dbname=results', 'no host in the conninfo of results_store "main"'],
        ['host=a,,b', 'an empty host in the conninfo'],
        ['host=a,b hostaddr=192.0.2.1', 'not as many addresses as hosts'],
        ['host=a,b,c port=1,2', 'not as many ports as hosts'],
        ['host=a sslmode=prefer', 'sslmode=prefer .* use disable, require'],
        ['host=a sslmode=allow', 'sslmode=allow .* can not be used'],
        ['host=a sslmode=off', 'sslmode=off .* can not be used'],
        ['host=a sslmode=verify-full', 'verify-full .* needs sslrootcert'],
        ['host=a gssencmode=prefer', 'would wait for a Kerberos server'],
        ['host=a target_session_attrs=standby', 'results are written'],
        ['service=nobody', 'libpq finds no service "nobody"'];
};


subtest 'a password in the configuration' => sub {
    my ($code, $output) = nginx_t(server => '', http => <<"EOC");
        results_store main {
            conninfo "host=/nowhere dbname=results user=u password=secret";
        }
        $ZONE
        results_pass main;
EOC

    is($code, 0, 'is accepted');
    like($output, qr/\[warn\].*password.* in \S+nginx\.conf:\d+/,
         'with a warning');
    unlike($output, qr/secret/, 'that does not show it');
};
