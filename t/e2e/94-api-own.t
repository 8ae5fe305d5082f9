#!/usr/bin/perl
# The calls of doc/openapi.json that are for users and for everybody: sessions, webmail, what mail clients ask for. Who may,
# whether answers are as described, what is another's, and what hostile values do.
use strict;
use warnings;
use lib 't/lib';
use JSON::PP;
use Postroom::Api;
use Postroom::Test;
use Postroom::Webmail;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'secret-a', bob => 'secret-b' }, set => { 'web.requests-per-session' => 0 });
my $api = Postroom::Api->load;
my @calls = grep { $_->{for} ne 'administrator' } $api->calls;
my @own = grep { $_->{for} eq 'user' } @calls;
my ($anna, $bob) = map { Postroom::Webmail->new($p, $_, 'secret-' . substr $_, 0, 1) } qw(anna bob);
my $stranger = bless { %$anna, cookie => undef, csrf => undef, http => HTTP::Tiny->new(keep_alive => 1, max_redirect => 0) }, 'Postroom::Webmail';

# What anna has, by the names that paths have for it.
my $place = $anna->ok(POST => '/mail/drafts', { to => 'bob', subject => 'a draft', text => 'of mine' });
$anna->ok(POST => '/mail/send', { to => 'bob', subject => 'later', text => 'x', at => time + 86400 });
$p->wait_for(sub { $anna->ok(GET => '/mail/scheduled')->{total} // @{ $anna->ok(GET => '/mail/scheduled')->{items} } }, 'a message waits for its time');
my %annas = (
	%$place, part => 1, kind => 'message-rule', address => 'bob@' . $p->domain, form => 'eml', domain => 0,
	number => $anna->ok(POST => '/me/items/message-rule', { name => 'r', condition => ['Subject contains x'], action => ['flag'] })->{number},
);
my $elsewhere = Postroom::Webmail->new($p, 'anna', 'secret-a');    # another session of hers
my %id_of = (
	sessions => (map { $_->{id} } grep { !$_->{current} } @{ $anna->ok(GET => '/sessions')->{items} })[0], tokens => $anna->ok(POST => '/tokens', { name => 'mine' })->{id},
	book => $anna->ok(POST => '/mail/book', { name => 'Friend', addresses => ['f@example.net'] })->{id},
	scheduled => $anna->ok(GET => '/mail/scheduled')->{items}[0]{id},
);

sub id_for { my ($call) = @_; return $id_of{ ($call->{path} =~ m{(\w+)/\{id\}})[0] // '' } // 1 }

# Of anna's, and for the rest something that could be meant.
sub sample {
	my ($call, $name, $schema, $in, $required) = @_;
	return undef if !$required && $in ne 'document';
	return id_for($call) if $name eq 'id' && $in eq 'path';
	return $annas{$name} if exists $annas{$name};
	return $schema->{enum}[0] if $schema->{enum};
	my $type = (ref $schema->{type} ? $schema->{type}[0] : $schema->{type}) // 'object';
	return $type eq 'integer' ? 1 : $type eq 'boolean' ? JSON::PP::false : $type eq 'array' ? ['x'] : $type eq 'object' ? {} : 'x';
}

subtest '02-1.4 without a login 401, but for what is for everybody' => sub {
	for my $call (@own) {
		my ($status, $value) = $api->ask($stranger, $call, sub { sample($call, @_) });
		is $status, 401, $call->{name};
		is_deeply [keys %{ ref $value ? $value : {} }], ['error'], 'and no data';
	}
	for my $call (grep { $_->{for} eq 'everybody' } @calls) {
		my ($status, $value) = $api->ask($stranger, $call, sub { sample($call, @_) });
		cmp_ok $status, '<', 500, "$call->{name}: $status";
		isnt +(ref $value ? $value->{error}{code} : ''), 'login', 'nobody has to log on for that';
	}
};

subtest 'a change needs the word that other sites do not know' => sub {
	my $forged = bless { %$anna, csrf => undef, http => HTTP::Tiny->new }, 'Postroom::Webmail';
	for my $call (grep { $_->{method} ne 'GET' } @own) {
		is((($api->ask($forged, $call, sub { sample($call, @_) }))[0]), 403, $call->{name});
	}
};

subtest '02-22.2 what is of another nobody sees, changes or deletes' => sub {
	my $seen = sub {
		return { map { ($_ => $anna->ok(GET => $_)) } '/tokens', '/mail/book', '/me/items/message-rule', '/mail/scheduled',
			"/mail/messages/$place->{folder}/$place->{uidvalidity}/$place->{uid}" };
	};
	my $before = $seen->();
	# by a number of his own things nobody is meant but he himself: he has no rule
	for my $call (grep { $_->{path} =~ /\{(?:id|uid|number)\}/ } @own) {
		my ($status, $value, $path) = $api->ask($bob, $call, sub { sample($call, @_) });
		ok $status =~ m{\A(?:403|404|422)\z}, "$call->{method} $path: $status" or diag(explain($value));
	}
	my $after = $seen->();
	# only the use of anna's own session counts on
	is_deeply $after, $before, 'hers is as it was';
	is +($anna->call(GET => '/session'))[0], 200, 'her session goes on';
};

subtest 'what may be looked at is as it is described' => sub {
	for my $call (grep { $_->{method} eq 'GET' && $_->{path} ne '/mail/events' } @calls) {
		my ($status, $value, $path) = $api->ask($call->{for} eq 'everybody' ? $stranger : $anna, $call, sub { sample($call, @_) });
		is_deeply [$api->check($call, $status, $value)], [], $path;
	}
	my $made = ($anna->call(POST => '/mail/folders', { name => 'Made' }))[1];
	is $made->{name}, 'Made', 'and what is made';
};

my $seed = $ENV{SEED} // 1;
diag "SEED=$seed" if $ENV{SEED};
srand $seed;

# What ends the test itself, and streams.
my $left_out = qr{/events\z|/me/password|DELETE /session\z};

subtest 'whatever is sent: no 5xx, nothing dies' => sub {
	my $rounds = $ENV{ROUNDS} // 2;
	my %before = map { $_->{name} => $_->{pid} } grep { $_->{name} } @{ $p->postroom_json('status')->{daemons} };
	# what deletes comes last: the others find something before that
	for my $call (sort { ($a->{name} =~ /DELETE/) <=> ($b->{name} =~ /DELETE/) } grep { $_->{name} !~ $left_out } @calls) {
		my %seen;
		for (1 .. $rounds) {
			my ($status, $value, $path) = $api->ask($call->{for} eq 'everybody' ? $stranger : $anna, $call,
				$api->hostile(%annas, id => id_for($call), to => 'anna'));
			$seen{$status}++;
			next if $status < 500;
			fail "$call->{name}: $status" or diag substr "$path: " . (ref $value ? $value->{error}{text} : $value), 0, 600;
		}
		pass "$call->{name}: " . join ' ', sort keys %seen;
	}
	my %after = map { $_->{name} => $_->{pid} } grep { $_->{name} } @{ $p->postroom_json('status')->{daemons} };
	is_deeply \%after, \%before, 'no daemon was started anew';
	is +($anna->call(GET => '/session'))[0], 200, 'and all goes on';
};

$p->stop;
done_testing;
