#!/usr/bin/perl
# Mail that is asked for by SMTP: ETRN (RFC 1985), and ODMR (ATRN, RFC 2645), where the roles are reversed.
use strict;
use warnings;
use lib 't/lib';
use IO::Socket::INET;
use IO::Socket::SSL;
use MIME::Base64;
use POSIX ();
use Postroom::Process qw(read_file write_file stop_process run_program);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { fred => 'freds-secret' }, relay => ['127.0.0.1']);
my $folder = File::Temp->newdir;
my $PASSWORD = 'Quetzal-17';

sub run_collector {
	my ($name) = @_;
	my ($status, $out, $err) = $p->postroom('collector', 'run', $name, '--wait');
	chomp($out, $err);
	return ($status, $out . $err);
}

sub subjects {
	$p->wait_for(sub { !@{ $p->queue } && !glob($p->dir . '/spool/*/new/*') }, 'the queue is empty');
	my $pop3 = $p->pop3;
	$pop3->login('fred', 'freds-secret');
	my @subjects = map { join('', $pop3->top($_, 0)) =~ /^Subject: (.*?)\r?$/m ? $1 : '' } 1 .. ($pop3->stat)[0];
	$pop3->quit;
	return @subjects;
}

# A provider for one connection: says the lines of its script that begin with "S:", waits for what matches "C:".
# What was heard is in a file then.
my $certificate;

sub provider {
	my (@script) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die "cannot listen: $@\n";
	my $heard = "$folder/heard-" . $listener->sockport;
	write_file($heard, '');
	my $pid = fork // die "cannot fork: $!\n";
	return { port => $listener->sockport, heard => $heard, pid => $pid } if $pid;
	open my $record, '>>', $heard or POSIX::_exit(1);
	$record->autoflush;
	while (my $socket = $listener->accept) {
		print {$record} "(connection)\n";
		my @lines = @script;
		while (@lines) {
			my $line = shift @lines;
			if ($line eq 'TLS') {
				IO::Socket::SSL->start_SSL($socket, SSL_server => 1, SSL_cert_file => "$folder/cert.pem",
					SSL_key_file => "$folder/key.pem") or last;
			} elsif ($line =~ /\AS: (.*)\z/s) {
				print {$socket} "$1\r\n" or last;
			} else {
				my $wanted = substr $line, 3;
				my $got;
				do {
					$got = <$socket> // last;
					$got =~ s/\r\n\z//;
					print {$record} "$got\n";
				} while ($got =~ /\A\d{3}-/);
				last if $got !~ /\A(?:$wanted)/;
			}
		}
		while (defined(my $rest = <$socket>)) {
			$rest =~ s/\r\n\z//;
			print {$record} "$rest\n";
			print {$socket} "221 bye\r\n" if $rest eq 'QUIT';
			last if $rest eq 'QUIT';
		}
		close $socket;
	}
	POSIX::_exit(0);
}

sub heard { return [split /\n/, read_file($_[0]{heard})] }
sub end { return stop_process($_[0]{pid}, 'TERM', 5) }

subtest '04-8.1 01-17.1 ETRN: what is said, and its success' => sub {
	my $server = Postroom::SmtpServer->start(extensions => ['ETRN'], replies => { ETRN => '250 OK queuing started' });
	$p->postroom_ok('collector', 'add', 'etrn', '--method', 'etrn', 'etrn.server' => $server->address,
		'etrn.parameters' => 'mydomain');
	is_deeply [run_collector('etrn')], [0, 'Connection successful: 250 OK queuing started'], 'success, in the words of the server';
	is_deeply [map { s/\AEHLO .*/EHLO/r } $server->commands], ['EHLO', 'ETRN mydomain', 'QUIT'], 'nothing else is said';
	$p->postroom_ok('collector', 'set', 'etrn', 'etrn.parameters' => 'a.test; b.test;');
	run_collector('etrn');
	is_deeply [grep { /\AETRN/ } $server->commands], ['ETRN mydomain', 'ETRN a.test', 'ETRN b.test'], 'one command for each parameter';
	for my $code (251, 252, 253) {
		$server->set_reply(ETRN => "$code fine");
		is((run_collector('etrn'))[0], 0, "$code is success");
	}
	$server->stop;
};

subtest '04-8.2 01-17.1 ETRN that is refused, or not offered' => sub {
	my $server = Postroom::SmtpServer->start(extensions => ['ETRN']);
	$p->postroom_ok('collector', 'set', 'etrn', 'etrn.server' => $server->address, 'etrn.parameters' => 'mydomain');
	for my $reply ('458 Unable to queue messages for node mydomain', '459 Node mydomain not allowed', '500 what?') {
		$server->set_reply(ETRN => $reply);
		my ($status, $text) = run_collector('etrn');
		is $status, 1, "$reply: the run fails";
		is $text, qq{Error from remote server on "ETRN" -> $reply}, 'with these words';
	}
	$server->stop;
	$server = Postroom::SmtpServer->start(extensions => ['SIZE']);
	$p->postroom_ok('collector', 'set', 'etrn', 'etrn.server' => $server->address);
	my ($status, $text) = run_collector('etrn');
	is $text, 'The server does not offer ETRN', 'a server without it is reported';
	is_deeply [grep { /\AETRN/ } $server->commands], [], 'and not asked';
	$server->stop;
};

my @HELLO = ('S: 220 odmr.test', 'C: EHLO ', 'S: 250-odmr.test', 'S: 250-AUTH PLAIN', 'S: 250 ATRN');
my $LOGIN = 'AUTH PLAIN ' . encode_base64("\0box\0$PASSWORD", '');
my @MAIL = ('C: 220 ', 'S: EHLO odmr.test', 'C: 250 ', 'S: MAIL FROM:<x@far.test>', 'C: 250 ');
my @DATA = ('S: DATA', 'C: 354 ', "S: Subject: by odmr\r\n\r\nbody\r\n.", 'C: 250 ');

sub odmr {
	my ($provider, %settings) = @_;
	my ($exists) = grep { $_->{name} eq 'odmr' } @{ $p->postroom_json('collector', 'list') };
	$p->postroom_ok({ stdin => "$PASSWORD\n" }, 'collector', ($exists ? 'set' : 'add'), 'odmr', ($exists ? () : ('--method', 'odmr')),
		'--password-stdin', 'odmr.server' => '127.0.0.1', 'odmr.port' => $provider->{port}, 'odmr.username' => 'box', %settings);
	return;
}

subtest '04-9.1 01-17.2 ODMR: one message, on one connection' => sub {
	my $provider = provider(@HELLO, 'C: AUTH', 'S: 235 ok', 'C: ATRN', 'S: 250 OK now reversing the connection', @MAIL,
		'S: RCPT TO:<fred@example.test>', 'C: 250 ', @DATA, 'S: QUIT', 'C: 221 ');
	odmr($provider, 'odmr.domains' => 'a.test, b.test');
	is_deeply [run_collector('odmr')], [0, 'Connection successful, 1 message'], 'its result';
	my @heard = @{ heard($provider) };
	is $heard[2], $LOGIN, 'it logs in';
	is $heard[3], 'ATRN a.test,b.test', 'asks for its domains';
	like $heard[4], qr/\A220 mail\.example\.test /, 'then our side greets';
	is scalar(grep { $_ eq '(connection)' } @heard), 1, 'all on one connection';
	is_deeply [subjects()], ['by odmr'], 'the message is delivered';
	unlike join("\n", @heard), qr/^250[- ](?:AUTH|STARTTLS)/m, 'neither a login nor TLS is offered there';
	end($provider);
};

subtest '04-9.3 foreign recipients are refused' => sub {
	my $provider = provider(@HELLO, 'C: AUTH', 'S: 235 ok', 'C: ATRN', 'S: 250 now reversing', @MAIL,
		'S: RCPT TO:<somebody@foreign.test>', 'C: 550 ', 'S: RCPT TO:<fred@example.test>', 'C: 250 ', 'S: RSET', 'C: 250 ', 'S: QUIT', 'C: 221 ');
	odmr($provider, 'odmr.domains' => '');
	is_deeply [run_collector('odmr')], [0, 'Connection successful, 0 messages'], 'the session goes on';
	my ($refused) = grep { /\A550/ } @{ heard($provider) };
	like $refused, qr/\A550 5\.\d\.\d /, 'though that address may relay as a client';
	ok +(grep { $_ eq 'ATRN' } @{ heard($provider) }), 'without domains ATRN stands alone';
	end($provider);
};

subtest '04-9.2 01-17.4 no mail' => sub {
	my $provider = provider(@HELLO, 'C: AUTH', 'S: 235 ok', 'C: ATRN', 'S: 453 You have no mail');
	odmr($provider);
	my ($status, $text) = run_collector('odmr');
	is $status, 0, 'is a success';
	is $text, 'Connection successful, no mail: 453 You have no mail', 'and said';
	end($provider);
};

subtest '04-9.4 01-17.3 wrong credentials, no login offered, refusals' => sub {
	my $provider = provider(@HELLO, 'C: AUTH', 'S: 535 5.7.8 authentication failed');
	odmr($provider);
	my ($status, $text) = run_collector('odmr');
	is $text, 'Error from remote server on "AUTH PLAIN *****" -> 535 5.7.8 authentication failed', 'the words of the server, no password';
	is_deeply [grep { /\AATRN/ } @{ heard($provider) }], [], 'no ATRN is sent';
	end($provider);
	$provider = provider('S: 220 odmr.test', 'C: EHLO ', 'S: 250 odmr.test');
	odmr($provider);
	($status, $text) = run_collector('odmr');
	like $text, qr/does not offer AUTH/, 'without AUTH it fails';
	is_deeply [grep { /\A(?:ATRN|AUTH)/ } @{ heard($provider) }], [], 'and nothing is sent';
	end($provider);
	for my $reply ('450 later', '451 not now', '502 what?', '530 no') {
		$provider = provider(@HELLO, 'C: AUTH', 'S: 235 ok', 'C: ATRN', "S: $reply");
		odmr($provider);
		($status, $text) = run_collector('odmr');
		is $text, qq{Error from remote server on "ATRN" -> $reply}, "$reply is an error";
		end($provider);
	}
	unlike $p->log, qr/\Q$PASSWORD\E/, 'the password is nowhere in the log';
};

subtest 'ODMR under TLS' => sub {
	run_program('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', 10,
		'-subj', '/CN=localhost', '-keyout', "$folder/key.pem", '-out', "$folder/cert.pem");
	my $provider = provider('S: 220 odmr.test', 'C: EHLO ', 'S: 250-odmr.test', 'S: 250 STARTTLS', 'C: STARTTLS', 'S: 220 go', 'TLS',
		@HELLO[1 .. $#HELLO], 'C: AUTH', 'S: 235 ok', 'C: ATRN', 'S: 250 now reversing', @MAIL,
		'S: RCPT TO:<fred@example.test>', 'C: 250 ', @DATA, 'S: QUIT', 'C: 221 ');
	odmr($provider, 'odmr.encryption' => 'starttls', 'odmr.verify' => 'off');
	is_deeply [run_collector('odmr')], [0, 'Connection successful, 1 message'], 'its result';
	is_deeply [subjects()], ['by odmr', 'by odmr'], 'the message is delivered';
	end($provider);
};

$p->stop;
done_testing;
