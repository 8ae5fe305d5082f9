#!/usr/bin/perl
# Message Security: who administers the server in a browser sees nobody's mail, and leads none to himself, without its password.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(read_file);
use Postroom::Test;
use Postroom::Webmail;
use Test::More;

my $p = Postroom::Test->start(
	users => { anna => 'anna-secret', bert => 'bert-secret' }, relay => ['127.0.0.1'], mappings => [['sales', 'anna']],
);
$p->postroom_ok(qw(user set bert administrator on));
$p->postroom_ok('connection', 'set', 'default', 'continuous', 'off');
like $p->smtp->send_message('anna@example.test', ['x@far.test'], "Subject: a secret\n\nx\n"), qr/\A250/, 'a message that waits';
my ($waiting) = @{ $p->postroom_json('queue', 'list') };
my %mapping = (pattern => 'boss', target => 'bert');

sub administrator { return Postroom::Webmail->new($p, $_[0] // 'bert', $_[1] // 'bert-secret') }

# The status of a call, with the code of a refusal.
sub outcome {
	my ($who, @call) = @_;
	my ($status, $answer) = $who->call(@call);
	return ref $answer && $answer->{error} ? "$status $answer->{error}{code}" : $status;
}

sub security { return read_file($p->dir . '/log/security.log') // '' }

# All that is kept from administrators, as far as one call each can show it.
my @guarded = (
	[GET => "/queue/$waiting->{id}"], [POST => '/mappings', \%mapping], [GET => '/logs/smtpsvr'],
	[PATCH => '/users/anna/attributes', { forward => 'bert@example.test' }], [PATCH => '/users/anna/attributes', { assistant => 'bert' }],
	[PUT => '/users/anna/password', { password => 'another-one' }], [PATCH => '/settings', { 'monitor.target' => 'bert' }],
	[PATCH => '/settings', { 'smtp.log' => JSON::PP::true }], [POST => '/users/anna/items/message-rule', { name => 'x', action => ['stop'] }],
	[POST => '/script-run', undef], [DELETE => '/message-security'],
	[POST => '/together', { calls => [{ method => 'POST', path => '/mappings', body => \%mapping }] }],
);

sub outcome_of {
	my ($who, @call) = @_;
	return outcome($who, @call) if defined $call[2] || $call[0] ne 'POST';
	my ($status, $content) = $who->raw(@call[0, 1], 'print(1)', 'Content-Type' => 'text/plain');
	return $status . ($content =~ /"code":"([\w-]+)"/ ? " $1" : '');
}

subtest 'without it nothing is kept from administrators' => sub {
	is $p->postroom_ok(qw(message-security status)), "off\n", 'it is off';
	is administrator()->ok(GET => '/message-security')->{enabled}, JSON::PP::false, 'as the web says';
	like administrator()->ok(GET => "/queue/$waiting->{id}")->{headers}, qr/a secret/, 'a message that waits is shown';
};

subtest 'it is turned on in the browser' => sub {
	my $bert = administrator();
	$p->set('login.password-min-length' => 5);
	is outcome($bert, PUT => '/message-security', { password => 'x' }), '422 syntax', 'not with a password that is too short';
	is outcome($bert, PUT => '/message-security', { password => 'the-guard' }), 204, 'with a good one';
	is $p->postroom_ok(qw(message-security status)), "on\n", 'the command line sees it';
	$p->wait_for(sub { security() =~ /user=bert mechanism=message-security-on/ }, 'it is in security.log', 5);
};

subtest '06-1.8 what shows or redirects mail takes the password of Message Security' => sub {
	my $bert = administrator();
	for my $call (@guarded) {
		is outcome_of($bert, @$call), '403 message-security', "@$call[0, 1] is refused";
	}
	is outcome($bert, POST => '/session/message-security', { password => 'wrong' }), '403 denied', 'a wrong password';
	$p->wait_for(sub { security() =~ /login failed: service=web client=127\.0\.0\.1 user=bert mechanism=message-security .*reason=wrong password$/m },
		'is in security.log', 5);
	is outcome($bert, GET => "/queue/$waiting->{id}"), '403 message-security', 'and opens nothing';
	is outcome($bert, POST => '/session/message-security', { password => 'the-guard' }), 204, 'the right one';
	like $bert->ok(GET => "/queue/$waiting->{id}")->{headers}, qr/a secret/, 'lets the message be shown';
	$bert->ok(POST => '/mappings', \%mapping);
	like $p->postroom_ok(qw(mapping list)), qr/boss/, 'and a mapping be made';
	$p->wait_for(sub { security() =~ /user=bert mechanism=message-security(?= ).*(?<!password)$/m }, 'that is in security.log, too', 5);
	is outcome(administrator(), GET => "/queue/$waiting->{id}"), '403 message-security', 'in this session alone';
};

subtest 'what has nothing to do with mail is free, and users have what is theirs' => sub {
	my $bert = administrator();
	is outcome($bert, GET => $_), 200, $_ for qw(/users /mappings /queue /settings /logs/security);
	is outcome($bert, PATCH => '/users/anna/attributes', { comment => 'x' }), 204, 'a comment';
	my $anna = administrator('anna', 'anna-secret');
	is outcome($anna, PATCH => '/me', { forward => 'bert@example.test' }), 204, 'a user forwards her own mail';
	is outcome($anna, POST => '/session/message-security', { password => 'the-guard' }), '403 denied', 'but has nothing to open';
};

subtest 'guesses are bounded, and a token of scripts opens nothing' => sub {
	my $token = $p->postroom_ok(qw(token add bert script --scope full)) =~ s/\s//gr;
	my ($status, $content) = HTTP::Tiny->new->get('http://' . $p->host . ':' . $p->port('web') . "/api/v1/queue/$waiting->{id}",
		{ headers => { Authorization => "Bearer $token" } })->@{qw(status content)};
	is $status, 403, 'a token that may do everything else';
	like $content, qr/"message-security"/, 'because of Message Security';
	my $bert = administrator();
	outcome($bert, POST => '/session/message-security', { password => "guess-$_" }) for 1 .. 2;
	$bert = administrator();
	outcome($bert, POST => '/session/message-security', { password => "guess-$_" }) for 3 .. 5;
	$bert = administrator();
	is outcome($bert, POST => '/session/message-security', { password => 'the-guard' }), '403 denied', 'the right one, after five wrong ones';
	$p->wait_for(sub { security() =~ /mechanism=message-security .*reason=locked$/m }, 'security.log says: because of the lock', 5);
	pass 'because of the lock, says security.log';
};

subtest 'root gives it another password, and turns it off' => sub {
	my $other = administrator('postmaster', $p->password);
	is outcome($other, POST => '/session/message-security', { password => 'the-guard' }), 204, 'another administrator opens it';
	$p->postroom_ok({ stdin => "another-guard\n" }, qw(message-security set --password-stdin));
	is outcome($other, GET => "/queue/$waiting->{id}"), '403 message-security', 'what was open is shut';
	is outcome($other, POST => '/session/message-security', { password => 'the-guard' }), '403 denied', 'the old one is good no more';
	is outcome($other, POST => '/session/message-security', { password => 'another-guard' }), 204, 'the new one is';
	$p->kill_daemon('authd');
	$p->wait_for(sub { eval { administrator(); 1 } }, 'authd is there again', 20);
	is outcome(administrator(), GET => "/queue/$waiting->{id}"), '403 message-security', 'it is on when authd comes again';
	$p->postroom_ok(qw(message-security off));
	is outcome(administrator(), GET => "/queue/$waiting->{id}"), 200, 'off: as before';
};

$p->stop;
done_testing;
